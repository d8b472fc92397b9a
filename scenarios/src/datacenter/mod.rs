//! One network in which all five systems run and need each other.
//!
//! | system | what it does here | what it needs |
//! |---|---|---|
//! | raft master | holds the cluster's metadata, and gives out ballots | – |
//! | replica loader | loads files into replicas | ballots from the raft master |
//! | coordinator | answers queries; its workers read the replicas | rows from whoever serves a partition |
//! | proxy | stands before the coordinator and the tablets | both |
//! | tablet | verifies what was loaded: its source has the files' rows, its target what a query through the proxy returned | the proxy |
//!
//! The job of the clients goes once through all of it: load, query through the proxy, verify. Meanwhile the room is rolled: nodes of
//! every system are stopped, killed, paused and cut off, ballots change, tablets run out of memory. What must hold is each
//! system's own claims, that the job ends and no row is missing or made up, and that the fault of one node ends processes on
//! that node only.
//!
//! # The builds
//!
//! `Shipped`, `Patched` and `Sound` are all five systems as they were shipped, as upstream patched them, and sound. In the
//! scenarios `datacenter-NAME` one system is as shipped and the others are sound: the outage of one, in a room that is otherwise well.
//!
//! # The modules
//!
//! | module | what it is |
//! |---|---|
//! | `plan` | who lives where, under which name and port, and in which build |
//! | `ballots` | ballots that the raft master gives out |
//! | `rows` | what is loaded, and how workers and tablets get at it |
//! | `job` | the clients: the job, the queries beside it, the audit |
//! | `scenario` | the room, its faults and its claims |

mod ballots;
mod job;
mod plan;
mod rows;
mod scenario;

pub use scenario::{one_at_a_time, scenario};
