//! What production code may link to tell afterlife about its lifetimes.
//! It is not a tracing library: outside a run every call is one relaxed load and a branch, and nothing is kept.
//!
//! ```
//! use afterlife_probe as probe;
//!
//! let db = probe::Resource::open("metadata-db");
//! db.used();
//! db.close(); // dropping it closes it, too
//! probe::phase("ready");
//! probe::always!(1 + 1 == 2, "arithmetic holds");
//! probe::sometimes!(true, "the branch is taken");
//! probe::reached!("after the branch");
//! ```
#![no_std]
#![forbid(unsafe_code)]

mod claims;
mod resource;
mod sink;

pub use claims::{check_always, check_sometimes, phase, reached};
pub use resource::Resource;
pub use sink::{Fact, Sink, attach, attached};
