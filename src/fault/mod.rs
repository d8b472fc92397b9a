//! Faults: what can be done to the room, when, and how a seed draws it.

mod draw;
mod edge;
mod inject;
mod plan;

pub use draw::Faults;
pub(crate) use draw::{Targets, draw};
pub(crate) use edge::{edge_of, span, text_of};
pub(crate) use inject::{heal, lift, strike};
pub use plan::{Fault, Injection, Plan, Trigger};
