//! Skeleton.
pub mod fault;
pub mod finding;
pub mod run;
