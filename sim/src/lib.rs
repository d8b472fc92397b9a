//! Skeleton.
pub mod event;
