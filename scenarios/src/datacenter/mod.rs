//! One network in which all five systems run and need each other.
//!
//! | system | role | needs |
//! |---|---|---|
//! | raft master | holds the cluster's metadata and assigns ballots | – |
//! | replica loader | loads files into replicas | ballots from the raft master |
//! | coordinator | answers queries; its workers read the replicas | rows from the replica that serves a partition |
//! | proxy | stands before the coordinator and the tablets | both |
//! | tablet | verifies the load: its source has the files' rows, its target the result of a query through the proxy | the proxy |
//!
//! The job runs once through all of it: load, query through the proxy, verify. Beside it bookkeepers create volumes, each with all its
//! partitions at once, and analysts query the loaded rows, with many queries that end early. Meanwhile the nodes of every system
//! are stopped, killed, paused and partitioned, ballots change, and tablets run out of memory; in a quarter of the runs a restart
//! rolls through all nodes, one after the other. The claims: each system's own, that the job ends, that no row is missing or made up,
//! and that a fault on one node ends processes on that node only.
//!
//! # Work in flight
//!
//! An outage needs one thing to outlive another, so each system has work when it is struck. The masters' disks differ in speed, so one
//! still has to apply entries that another has applied. The link to the block service is so narrow that a file takes seconds,
//! while partitions are balanced and loads paused. Queries run at several priorities, so the last progress of one is delayed
//! while a limit, a kill or an impatient client ends it.
//!
//! # The builds
//!
//! In `Shipped`, `Patched` and `Sound` all five systems run that build. In the scenarios `datacenter-NAME` one system is as shipped and
//! the others are sound: one system's outage in an otherwise healthy network.
//!
//! # The modules, from the ground up
//!
//! | module | content |
//! |---|---|
//! | `plan` | names, ports, and the configuration of each process |
//! | `ballots` | ballots that the raft master assigns |
//! | `rows` | the loaded rows, and the ways in which workers and tablets read them |
//! | `job` | the clients: job, analysts, bookkeepers |
//! | `scenario` | nodes, faults and claims |

mod ballots;
mod job;
mod plan;
mod rows;
mod scenario;

pub use scenario::{one_at_a_time, scenario};
