//! Faults: what can be done to the room, when, and how a seed draws it.

mod clocks;
mod draw;
mod edge;
mod inject;
mod links;
mod needs;
mod nodes;
mod plan;
mod processes;
#[cfg(test)]
pub(crate) mod strategies;

pub use draw::Faults;
pub(crate) use draw::{Targets, draw};
pub(crate) use edge::{Edge, disk_trouble, edge_of, link_trouble, signed, text_of};
pub(crate) use inject::{Lasting, heal, life_of, lift, strike};
pub(crate) use needs::lacking;
pub(crate) use nodes::last_node_named;
pub use plan::{DiskTrouble, Fault, FileDamage, Injection, LinkTrouble, Plan, Trigger};
