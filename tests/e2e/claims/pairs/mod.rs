//! The scenarios of the catalogue, by the system that each is taken from.

pub(crate) mod coordinator;
pub(crate) mod loader;
pub(crate) mod small;
pub(crate) mod store;
pub(crate) mod tablet;
