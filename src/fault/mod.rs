//! Faults: what can be done to the room, when, and how a seed draws it.

mod plan;

pub use plan::{Fault, Injection, Plan, Trigger};
