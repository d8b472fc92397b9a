//! Where facts go: one process-wide sink, absent outside a run.
//! It does not know what a sink does with a fact.

use core::fmt;
use core::panic::Location;
use core::sync::atomic::{AtomicBool, Ordering};

extern crate std;
use std::sync::OnceLock;

/// One thing that the program says about one of its lifetimes.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum Fact<'a> {
    /// A resource of this name came to life; the sink answers with its object number.
    Opened {
        /// The resource's name, as the program gave it.
        name: &'a str,
    },
    /// A resource is being used.
    Used {
        /// The resource's name.
        name: &'a str,
        /// The number that the sink gave at `Opened`.
        object: u64,
        /// Who uses it, if the caller said so.
        by: Option<fmt::Arguments<'a>>,
    },
    /// A resource was torn down.
    Closed {
        /// The resource's name.
        name: &'a str,
        /// The number that the sink gave at `Opened`.
        object: u64,
    },
    /// The process entered a phase of its life: "ready", "draining".
    Phase {
        /// The phase's name.
        name: &'a str,
    },
    /// A claim that must hold each time it is passed.
    Always {
        /// The claim, as a sentence.
        claim: &'a str,
        /// Whether it held this time.
        held: bool,
    },
    /// A claim that must hold at least once in a campaign.
    Sometimes {
        /// The claim, as a sentence.
        claim: &'a str,
        /// Whether it held this time.
        held: bool,
    },
    /// A place in the code was reached.
    Reached {
        /// The place's name.
        site: &'a str,
    },
}

/// Takes one fact, with the place in the program that told it; the answer is the object's number for
/// [`Fact::Opened`] and ignored otherwise.
pub type Sink = fn(&Fact<'_>, &'static Location<'static>) -> u64;

static ATTACHED: AtomicBool = AtomicBool::new(false);
static SINK: OnceLock<Sink> = OnceLock::new();

/// Attaches the sink of this process. The first one stays; a run's harness calls this, a program never does.
///
/// Returns whether `sink` is the one in force.
pub fn attach(sink: Sink) -> bool {
    let mine = SINK.set(sink).is_ok();
    ATTACHED.store(true, Ordering::Release);
    mine
}

/// Whether a sink listens: the one check that a probe costs outside a run.
#[inline]
pub fn attached() -> bool {
    ATTACHED.load(Ordering::Relaxed)
}

#[inline]
pub(crate) fn tell(fact: &Fact<'_>, site: &'static Location<'static>) -> u64 {
    if attached() { told(fact, site) } else { 0 }
}

#[cold]
fn told(fact: &Fact<'_>, site: &'static Location<'static>) -> u64 {
    SINK.get().map_or(0, |sink| sink(fact, site))
}
