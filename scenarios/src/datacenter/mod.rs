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
//! The job of the clients goes once through all of it: load, query through the proxy, verify. Beside it bookkeepers make volumes,
//! each with all its partitions at once, and analysts ask queries of what is loaded, of which many end early. Meanwhile the room is
//! rolled: nodes of every system are stopped, killed, paused and cut off, ballots change, tablets run out of memory; in a quarter
//! of the runs a restart rolls through all of the room, one node after the other. What must hold is each system's own claims, that
//! the job ends and no row is missing or made up, and that the fault of one node ends processes on that node only.
//!
//! # What is in flight
//!
//! An outage needs something that outlives something else, so that each system has work when it is struck: masters whose disks are
//! not equally fast, so that one has still to apply what another has done; a way to the block service that is so narrow that a
//! file takes seconds, while partitions are balanced and loads paused; queries of several priorities at once, whose last
//! progress waits while a limit, a kill or a client without patience ends them.
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
//! | `job` | the clients: the job, the queries beside it, the books that are kept |
//! | `scenario` | the room, its faults and its claims |

mod ballots;
mod job;
mod plan;
mod rows;
mod scenario;

pub use scenario::{one_at_a_time, scenario};
