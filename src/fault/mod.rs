//! Faults: the things that can be done to a simulation, their triggers, and how a seed draws them.
//!
//! | file | content |
//! |---|---|
//! | `plan` | `Plan`, `Injection`, `Trigger`, `Fault`: the data |
//! | `faults` | `Faults`: the builder of a scenario |
//! | `draw` | the plan that a seed draws |
//! | `strike` | strikes, ends, and healing |
//! | `kind` | the interface that each kind of fault implements |
//! | `kinds/` | one file for each kind of fault, and their list |
//! | `edge` | edges of lifetimes, in the words of triggers |
//! | `number`, `wire`, `words` | for shrinking, tokens and text |

mod draw;
mod edge;
mod faults;
mod kind;
mod kinds;
mod needs;
mod nodes;
mod number;
mod plan;
#[cfg(test)]
pub(crate) mod strategies;
mod strike;
mod wire;
mod words;

pub(crate) use draw::{Targets, draw};
pub(crate) use edge::{Edge, edge_of};
pub use faults::Faults;
pub(crate) use kind::Active;
#[cfg(test)]
pub(crate) use kinds::Kill;
pub(crate) use needs::lacking;
pub(crate) use nodes::last_node_named;
pub(crate) use number::Number;
pub use plan::{Fault, Injection, Plan, Trigger};
pub(crate) use strike::{heal, incarnation_of, lift, strike};
pub(crate) use words::ordinal;
