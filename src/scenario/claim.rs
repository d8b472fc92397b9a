//! A scenario's own claims: always, eventually, sometimes, and the entries that were acknowledged. They are texts with closures;
//! `run/claim_check` evaluates them.

use std::time::Duration;

/// The state of a run, for the closure of a claim.
#[derive(Clone, Debug, Default)]
pub struct View {
    now_ns: u64,
    restarts: u64,
    exits: u64,
    faults: u64,
}

impl View {
    /// The virtual time since the run began.
    pub fn now(&self) -> Duration {
        Duration::from_nanos(self.now_ns)
    }

    /// The number of process starts after the first, over all nodes.
    pub fn restarts(&self) -> u64 {
        self.restarts
    }

    /// The number of processes that ended, over all nodes and incarnations.
    pub fn exits(&self) -> u64 {
        self.exits
    }

    /// The number of faults that struck.
    pub fn faults(&self) -> u64 {
        self.faults
    }

    pub(crate) fn set_now_ns(&mut self, now_ns: u64) {
        self.now_ns = now_ns;
    }

    pub(crate) fn count_restart(&mut self) {
        self.restarts += 1;
    }

    pub(crate) fn count_exit(&mut self) {
        self.exits += 1;
    }

    pub(crate) fn count_fault(&mut self) {
        self.faults += 1;
    }
}

/// The closure of a claim.
type Holds = Box<dyn Fn(&View) -> bool + Send>;

/// One claim.
pub(crate) struct Claim {
    text: String,
    within_ns: u64,
    holds: Holds,
    held: bool,
}

impl Claim {
    pub(crate) fn new(text: &str, within_ns: u64, holds: impl Fn(&View) -> bool + Send + 'static) -> Self {
        Self { text: text.to_owned(), within_ns, holds: Box::new(holds), held: false }
    }

    /// The claim, in the words of its author.
    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// The bound of an `eventually` claim, in nanoseconds after the last fault.
    pub(crate) fn within_ns(&self) -> u64 {
        self.within_ns
    }

    /// Returns whether the claim holds in this state.
    pub(crate) fn holds(&self, view: &View) -> bool {
        (self.holds)(view)
    }

    /// Evaluates the claim, and records whether it holds now.
    pub(crate) fn check(&mut self, view: &View) -> bool {
        self.held = self.holds(view);
        self.held
    }

    /// Evaluates the claim unless it held once before.
    pub(crate) fn check_until_held(&mut self, view: &View) {
        self.held = self.held || self.holds(view);
    }

    /// Returns whether the claim held when it was last evaluated.
    pub(crate) fn held(&self) -> bool {
        self.held
    }
}

/// A comparison of two ledgers: every entry of the first is in the second.
pub(crate) struct Acked {
    acked: String,
    found: String,
    missing: Box<dyn Fn() -> Vec<String> + Send>,
}

impl Acked {
    /// A comparison of the ledgers with these names. `missing` returns the entries that are missing, in order, once the second is
    /// complete.
    pub(super) fn new(acked: String, found: String, missing: impl Fn() -> Vec<String> + Send + 'static) -> Self {
        Self { acked, found, missing: Box::new(missing) }
    }

    /// The name of the ledger whose entries must be found.
    pub(crate) fn acked(&self) -> &str {
        &self.acked
    }

    /// The name of the ledger in which they must be.
    pub(crate) fn found(&self) -> &str {
        &self.found
    }

    /// The entries that are missing, in order.
    pub(crate) fn missing(&self) -> Vec<String> {
        (self.missing)()
    }
}

/// All claims of a scenario.
#[derive(Default)]
pub(crate) struct Claims {
    always: Vec<Claim>,
    eventually: Vec<Claim>,
    sometimes: Vec<Claim>,
    acked: Vec<Acked>,
}

impl Claims {
    pub(super) fn add_always(&mut self, claim: Claim) {
        self.always.push(claim);
    }

    pub(super) fn add_eventually(&mut self, claim: Claim) {
        self.eventually.push(claim);
    }

    pub(super) fn add_sometimes(&mut self, claim: Claim) {
        self.sometimes.push(claim);
    }

    pub(super) fn add_acked(&mut self, acked: Acked) {
        self.acked.push(acked);
    }

    /// Returns whether there is no claim.
    pub(crate) fn is_empty(&self) -> bool {
        self.always.is_empty() && self.eventually.is_empty() && self.sometimes.is_empty() && self.acked.is_empty()
    }

    /// The claims that hold at every moment.
    pub(crate) fn always(&self) -> &[Claim] {
        &self.always
    }

    /// The claims that come true within their bounds.
    pub(crate) fn eventually(&self) -> &[Claim] {
        &self.eventually
    }

    /// The same, to be evaluated.
    pub(crate) fn eventually_mut(&mut self) -> &mut [Claim] {
        &mut self.eventually
    }

    /// The claims that hold at least once in a campaign.
    pub(crate) fn sometimes(&self) -> &[Claim] {
        &self.sometimes
    }

    /// The same, to be evaluated.
    pub(crate) fn sometimes_mut(&mut self) -> &mut [Claim] {
        &mut self.sometimes
    }

    /// The ledgers whose entries must be in others.
    pub(crate) fn acked(&self) -> &[Acked] {
        &self.acked
    }
}
