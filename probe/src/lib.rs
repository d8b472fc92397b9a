//! Probes: calls with which production code reports its lifetimes to the afterlife test harness.
//! This is not a tracing library: outside a run nothing is recorded.
//!
//! A *run* is one execution of a program under the harness, which receives each reported fact and checks its invariants. In
//! production there is no run, and a probe costs one relaxed load and a branch. A probe never panics, blocks or returns an
//! error, in a run or outside one. Arguments that are formatted are formatted in a run only, unless the feature `tracing` is on.
//!
//! A probe is placed beside the code that it describes:
//!
//! ```
//! use afterlife_probe as probe;
//!
//! let db = probe::Resource::open("metadata-db"); // used, borrowed, closed; dropping it closes it, too
//! db.used();
//! db.borrow().end();
//! db.close();
//!
//! let callback = probe::Registration::new("progress", 7); // fired, deregistered
//! callback.fire().end();
//! callback.deregister();
//!
//! let ballot = probe::Epoch::new("ballot"); // advanced; an effect carries the epoch under which its work began
//! let token = ballot.advance(4);
//! token.effect("download progress");
//!
//! let downloads = probe::Scope::new("downloads"); // tasks that belong to an owner
//! let mut task = downloads.task("sst-3");
//! task.run();
//! task.end();
//! downloads.joined();
//!
//! probe::phase("ready");
//! probe::always!(1 + 1 == 2, "arithmetic holds");
//! probe::sometimes!(true, "the branch is taken");
//! probe::reached!("after the branch");
//! if probe::buggify!("small batches") { /* legal misbehaviour; never outside a run */ }
//! ```
//!
//! | probe | invariants |
//! |---|---|
//! | [`Resource`], [`Borrow`] | no-use-after-teardown, no-use-before-init, joined-before-teardown, close-once, closed-or-open |
//! | [`Registration`] | no-callback-after-deregistration |
//! | [`Epoch`], [`Token`] | no-stale-epoch-effect |
//! | [`Scope`], [`Task`] | joined-before-teardown |
//! | [`Slots`] | slots-conserved |
//! | [`Progress`] | honest-progress |
//! | [`Channel`] | notify-before-close, close-once |
//! | [`Entry`] | own-entry-only |
//!
//! # Source lines
//!
//! Every fact has the source line of the call that reported it. A guard that is dropped, normally or by unwinding, has no such
//! call and reports the line that created it. `close`, `end` and `release` report the line of their own call.
//!
//! # For harnesses
//!
//! [`attach`] installs the [`Sink`] that receives every [`Fact`]. [`Parts`] are the fields of a fact in a log.
//!
//! # Features
//!
//! | feature | default | effect |
//! |---|---|---|
//! | `std` | on | The sink. Without it the crate needs `core` alone and reports nothing. |
//! | `off` | off | Every probe is empty, whatever other features are on. |
//! | `tracing` | off | Facts are also `tracing` events, with target `afterlife` and level TRACE. `cargo afterlife audit` checks a log of them. |
#![no_std]
#![forbid(unsafe_code)]

mod channel;
mod claims;
mod epoch;
mod fact;
mod parts;
mod progress;
mod registration;
mod registry;
mod resource;
mod scope;
mod sink;
mod slots;
#[cfg(all(feature = "tracing", not(feature = "off")))]
mod trace;

pub use channel::Channel;
pub use claims::phase;
#[doc(hidden)]
pub use claims::{check_always, check_sometimes, misbehaves, reached};
pub use epoch::{Epoch, Token};
pub use fact::{Begins, Fact};
pub use parts::Parts;
pub use progress::Progress;
pub use registration::{Call, Deregistering, Registration};
pub use registry::Entry;
pub use resource::{Borrow, Resource};
pub use scope::{Scope, Task, TaskHandle};
pub use sink::{Sink, attach, attached};
pub use slots::{Slot, Slots};

/// Returns `true` if a fact would be observed: by a run's harness, or by a subscriber that takes `afterlife` events.
#[doc(hidden)]
#[inline]
pub fn listening() -> bool {
    #[cfg(all(feature = "tracing", not(feature = "off")))]
    if trace::enabled() {
        return true;
    }
    attached()
}
