//! Faults: their kinds, their triggers, their strikes, and the plans that seeds draw from them.
//!
//! Each file uses only files above it in this list:
//!
//! | file | content |
//! |---|---|
//! | `number`, `wire`, `words`, `ranges` | numbers that shrink, the bytes of tokens, text, checked bounds |
//! | `field` | the fields of a fault, for tokens and the shrinker |
//! | `edge`, `trigger` | edges of lifetimes, and the moment at which an injection strikes |
//! | `outcome` | the effect of a strike, and the outcome of an injection |
//! | `kind` | `Fault`, and the interface that each kind of fault implements |
//! | `drawing` | the draw of one injection: keyed numbers, nodes and durations |
//! | `holds`, `faults` | `Faults`: the builder of a scenario, and the bounds of held threads |
//! | `shapes/` | the common part of faults of links, disks and files, and of sudden ends |
//! | `kinds/` | one file for each kind of fault, and their list |
//! | `plan` | `Plan`, `Injection`: the data |
//! | `draw` | the plan that a seed draws |
//! | `strike` | strikes, ends, and healing |

mod draw;
mod drawing;
mod edge;
mod faults;
mod field;
mod holds;
mod kind;
mod kinds;
mod number;
mod outcome;
mod plan;
mod ranges;
mod shapes;
#[cfg(test)]
pub(crate) mod strategies;
mod strike;
mod trigger;
mod wire;
mod words;

pub(crate) use draw::{Targets, draw};
pub(crate) use drawing::after_start_ns;
pub(crate) use edge::{Edge, edge_of};
pub use faults::Faults;
pub(crate) use kind::Active;
pub use kind::Fault;
#[cfg(test)]
pub(crate) use kinds::Kill;
pub(crate) use number::Number;
pub(crate) use outcome::{Effect, InjectionOutcome, InjectionResult, Miss};
pub use plan::{Injection, Plan};
pub(crate) use strike::{heal, incarnation_of, lacks_process, lift, strike};
pub use trigger::Trigger;
pub(crate) use trigger::When;
pub(crate) use words::ordinal;
