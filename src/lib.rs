//! Afterlife finds what a distributed system does after it should be dead.
//!
//! A [scenario](Scenario) is a plain function that writes into a [`Sim`]: nodes that run stock tokio services, clients,
//! faults, claims. Each run of it is one seeded virtual machine room in a process of its own; what breaks is replayed in a
//! fresh process, told as a short story, and comes with a token that replays it.
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
//! Under `cargo test`, put [`#[afterlife::test]`](macro@test) on such a function. In a binary, hand scenarios to [`main`].
//!
//! A test that is written for another simulator keeps it: with the feature `turmoil`, `afterlife::turmoil::watch(&sim)` judges what
//! probes tell in a simulation of turmoil's, and in a build with `--cfg madsim`, `afterlife::madsim::watch()` in one of madsim's.

#![forbid(unsafe_code)]

mod across;
mod audit;
mod campaign;
mod check;
mod claim;
mod cli;
mod clock;
mod disk;
mod engine;
mod execute;
mod fault;
mod finding;
mod fnv;
mod followed;
mod found;
mod hunt;
mod interest;
mod invariant;
mod kept;
mod ledger;
mod link;
#[cfg(any(feature = "turmoil", madsim, test))]
#[cfg_attr(
    not(feature = "turmoil"),
    allow(dead_code, unreachable_pub, unused_imports, reason = "what turmoil alone needs, and tests without it")
)]
mod live;
mod logs;
#[cfg(madsim)]
pub mod madsim;
mod nearest;
mod node;
mod place;
mod reading;
mod record;
mod recording;
mod refusal;
mod replay;
mod report;
mod rng;
pub mod rt;
mod run;
mod runner;
mod scenario;
#[cfg(test)]
mod scratch;
mod seeds;
mod settings;
mod shrink;
mod spoken;
mod story;
#[cfg(feature = "proptest")]
mod strategy;
mod supervisor;
#[doc(hidden)]
pub mod testing;
mod timeline;
mod token;
pub mod trace;
#[cfg(feature = "turmoil")]
pub mod turmoil;
mod variants;
mod verdict;
mod watch;

pub use afterlife_macros::test;
pub use afterlife_probe as probe;
pub use afterlife_sim::Memory;
pub use claim::View;
pub use cli::main;
pub use clock::Clock;
pub use disk::Disk;
pub use engine::{Engine, Need};
pub use fault::{DiskTrouble, Fault, Faults, FileDamage, Injection, LinkTrouble, Plan, Trigger};
pub use finding::{Finding, Signature, Violation};
pub use invariant::{About, Bound, Bounded, Unit, invariants};
pub use ledger::{Entry, Ledger};
pub use link::Link;
#[cfg(any(feature = "turmoil", madsim))]
pub use live::{Breach, Held, Watching};
pub use node::{Group, Node, Stops};
pub use rng::Rng;
pub use run::Build;
pub use scenario::{Outcome, Scenario, Sim};
#[cfg(feature = "proptest")]
pub use strategy::{Broken, PlanTree, Planned, Plans};
pub use supervisor::Supervisor;
pub use token::{Token, TokenError};
pub use variants::Variant;
