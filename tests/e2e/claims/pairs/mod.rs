//! The pairs of scenarios for the catalogue, by the system that each is modelled on.

pub(crate) mod coordinator;
pub(crate) mod errors;
pub(crate) mod loader;
pub(crate) mod small;
pub(crate) mod store;
pub(crate) mod tablet;
