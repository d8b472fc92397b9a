//! Afterlife finds what a distributed system does after it should be dead.
//!
//! A [scenario](Scenario) is a plain function that describes a cluster in a [`Sim`]: nodes that run stock tokio services, clients,
//! faults, claims. Each run of it is one seeded simulation in a process of its own. A failure is replayed in a fresh process, shrunk
//! to a short story, and comes with a token that replays it.
//!
//! ```
//! use afterlife::{Faults, Sim};
//! use std::time::Duration;
//! use tokio::io::{AsyncReadExt, AsyncWriteExt};
//! use tokio::net::{TcpListener, TcpStream};
//!
//! fn an_echo_comes_back(sim: &mut Sim) {
//!     let servers = sim.node("server", |node| async move {
//!         let listener = TcpListener::bind("0.0.0.0:7000").await?; // stock tokio
//!         let serve = async {
//!             loop {
//!                 let (mut stream, _) = listener.accept().await?;
//!                 tokio::spawn(async move {
//!                     let (mut from, mut to) = stream.split();
//!                     tokio::io::copy(&mut from, &mut to).await
//!                 });
//!             }
//!         };
//!         tokio::select! {
//!             ended = serve => ended,
//!             () = node.stopping() => Ok(()),
//!         }
//!     });
//!     let echoed = sim.ledger::<u32>("echoed");
//!     sim.client("client", move |_| async move {
//!         for number in 0..10 {
//!             let Ok(mut stream) = TcpStream::connect("server:7000").await else { continue };
//!             if stream.write_u32(number).await.is_ok() && stream.read_u32().await.is_ok_and(|back| back == number) {
//!                 echoed.note(number);
//!             }
//!             tokio::time::sleep(Duration::from_secs(1)).await;
//!         }
//!         Ok(())
//!     });
//!     sim.faults(servers, Faults::lifecycle().quiet_after(Duration::from_secs(8)));
//!     sim.always("nothing comes back twice", move |_| echoed.has_no_duplicate());
//!     sim.sometimes("the server restarts", |view| view.restarts() > 0);
//! }
//! ```
//!
//! Under `cargo test`, put [`#[afterlife::test]`](macro@test) on such a function. In a binary, hand scenarios to [`main`], which needs the
//! feature `cli`.
//!
//! Beside a scenario's own claims, [`invariants`] are checked in every run; [`Invariant`] is for those of your own, and [`Reporter`] for
//! reports of your own.
//!
//! A test that is written for another simulator keeps it: with the feature `turmoil`, `afterlife::turmoil::watch(&sim)` checks the
//! invariants on the events of probes in a turmoil simulation, and in a build with `--cfg madsim`, `afterlife::madsim::watch()` in a
//! madsim one.

#![forbid(unsafe_code)]
#![cfg_attr(not(feature = "cli"), allow(dead_code, unused_imports, reason = "only the command line uses them"))]

#[cfg(feature = "cli")]
mod cli;
mod failure;
mod fault;
mod invariant;
mod model;
mod report;
pub mod rt;
mod run;
mod runner;
mod scenario;
mod search;
#[doc(hidden)]
pub mod testing;
mod watch;

pub use afterlife_macros::test;
pub use afterlife_probe as probe;
pub use afterlife_sim::Memory;
pub use afterlife_sim::event::{Digest, NodeId, ProbeEvent, Seq};
#[cfg(feature = "cli")]
#[doc(hidden)]
pub use cli::workspace;
#[cfg(feature = "cli")]
pub use cli::{main, main_with_reporter};
pub use failure::failing_run::FailingRun;
pub use failure::finding::Finding;
pub use failure::record::SavedRecord;
pub use failure::token::{Token, TokenError};
pub use fault::{Fault, Faults, Injection, Plan, Trigger};
pub use invariant::{
    Bound, BoundInfo, BoundUnit, Break, EventKind, Invariant, InvariantInfo, Moment, ObservedEvent, invariants,
};
pub use model::build::Build;
pub use model::engine::{Engine, Need};
pub use model::group::Group;
pub use model::violation::{Origin, Signature, Violation};
pub use run::trace;
pub use scenario::claim::View;
pub use scenario::clock::Clock;
pub use scenario::definition::Scenario;
pub use scenario::disk::Disk;
pub use scenario::ledger::{Entry, Ledger};
pub use scenario::link::Link;
pub use scenario::node::{Node, NodeResult, StopRequests};
pub use scenario::rng::Rng;
pub use scenario::sim::Sim;
pub use scenario::supervisor::Supervisor;
pub use scenario::variant::Variant;
pub use search::campaign::{CampaignOptions, CampaignOutcome, Reporter};
#[cfg(feature = "proptest")]
pub use search::proptest::{Broken, PlanTree, Planned, Plans};
#[allow(unused_imports, unreachable_pub, reason = "empty in a program without a guest engine")]
pub use watch::guests::*;
