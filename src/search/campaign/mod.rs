//! A campaign: many runs of one scenario in one build, until something breaks often enough.
//! This folder starts no process and prints nothing: it asks an executor and tells a face.

mod comparison;
mod face;
mod kept;
mod order;
mod outcome;
mod run;
mod smaller;
#[cfg(test)]
mod tests;

pub(crate) use comparison::found;
pub(crate) use face::Face;
pub(crate) use kept::CameTo;
pub(crate) use order::Order;
pub(crate) use outcome::{Counted, Outcome, TwoWays};
pub(crate) use run::run;
pub(crate) use smaller::shrink;
