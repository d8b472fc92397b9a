//! The real system beneath the simulation.

pub(crate) mod system;
