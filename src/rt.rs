//! The thin face that scenarios are written against, so that other engines can run the same code: tokio's own names,
//! re-exported. It adds nothing.

pub use tokio::{net, select, spawn, sync, task, time};
