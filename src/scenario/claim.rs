//! A scenario's own claims: always, eventually, sometimes, and what was acknowledged.
//! They are sentences with a closure; when they are checked is the watch's business.

use std::time::Duration;

/// What a claim may look at beside ledgers.
#[derive(Clone, Debug, Default)]
pub struct View {
    pub(crate) now_ns: u64,
    pub(crate) restarts: u64,
    pub(crate) exits: u64,
    pub(crate) faults: u64,
}

impl View {
    /// Virtual time since the run began.
    pub fn now(&self) -> Duration {
        Duration::from_nanos(self.now_ns)
    }

    /// How many times a node was started again.
    pub fn restarts(&self) -> u64 {
        self.restarts
    }

    /// How many processes ended.
    pub fn exits(&self) -> u64 {
        self.exits
    }

    /// How many faults were injected.
    pub fn faults(&self) -> u64 {
        self.faults
    }
}

/// What a claim's closure looks like, boxed.
type Holds = Box<dyn Fn(&View) -> bool + Send>;

/// One claim.
pub(crate) struct Claim {
    pub(crate) text: String,
    pub(crate) within_ns: u64,
    pub(crate) holds: Holds,
    /// Whether it held once: enough for `sometimes`, and for `eventually` after the last fault.
    pub(crate) held: bool,
}

impl Claim {
    pub(crate) fn new(text: &str, within_ns: u64, holds: impl Fn(&View) -> bool + Send + 'static) -> Self {
        Self { text: text.to_owned(), within_ns, holds: Box::new(holds), held: false }
    }
}

/// A ledger's name and what is missing of it.
type Lost = Box<dyn Fn() -> Option<(String, Vec<String>)> + Send>;

/// All claims of a scenario.
#[derive(Default)]
pub(crate) struct Claims {
    pub(crate) always: Vec<Claim>,
    pub(crate) eventually: Vec<Claim>,
    pub(crate) sometimes: Vec<Claim>,
    pub(crate) acked: Vec<Lost>,
}
