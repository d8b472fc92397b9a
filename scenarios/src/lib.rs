//! Five production outages as scenarios, each modelled structure by structure on real components.
//! This crate uses the harness as any other crate would; it is no part of it.
//!
//! | module | content |
//! |---|---|
//! | `coordinator`, `tablet`, `proxy`, `replica_loader`, `raft_master` | the five systems, each with its scenario and its variants |
//! | `datacenter` | one network in which all five run and need each other |
//! | `canary` | a planted bug that a working harness must find |
//! | `catalogue` | the list of all scenarios |
//! | `line_protocol` | the text protocol of the query front ends |
//! | `block_on`, `listening`, `redb_file` | what plain threads, axum and redb need beside `afterlife::rt` |
//! | `release`, `variant` | the systems' builds and tables of variants, in the harness's terms |
//! | `loopback` | addresses, folders and processes for tests that run outside a simulation |

#[cfg(not(madsim))]
mod block_on;
pub mod canary;
mod catalogue;
pub mod coordinator;
// Its plain threads poll listeners of the operating system.
#[cfg(not(any(feature = "turmoil", madsim)))]
pub mod datacenter;
pub mod line_protocol;
// hyper and axum spawn tasks on tokio, where madsim's network does not work.
#[cfg(not(madsim))]
mod listening;
#[cfg(test)]
mod loopback;
#[cfg(not(any(feature = "turmoil", madsim)))]
pub mod proxy;
#[cfg(not(madsim))]
pub mod raft_master;
#[cfg(not(madsim))]
mod redb_file;
mod release;
#[cfg(not(madsim))]
pub mod replica_loader;
#[cfg(not(madsim))]
pub mod tablet;
mod variant;

pub use afterlife::rt;
pub use catalogue::all;
#[cfg(not(madsim))]
pub(crate) use variant::variant;
