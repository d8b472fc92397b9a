//! The story of a failure: the events, twelve at most, that show how it happened.
//!
//! ```text
//! choose      the steps of a story, and their order of preference
//! candidates  the causes of the violation, its nodes and objects
//! origins     what led to an event that is no cause of the violation: the request, the files that were written
//! edges       events by number, causes, kinds of events
//! ```

mod candidates;
mod choose;
mod edges;
mod origins;

pub(crate) use candidates::Candidates;
pub(crate) use choose::{Mark, Step, Story, end};
pub(crate) use edges::{is_fault, is_incarnation_edge, object_edge};
