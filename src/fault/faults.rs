//! The faults that a scenario allows, and their bounds.
//! Each kind adds its own builder methods, in its own file; `draw` draws plans.

use super::kind::{AnyDraw, Draw};
use crate::model::duration::nanoseconds;
use crate::model::engine::Need;
use std::collections::BTreeMap;
use std::ops::Range;
use std::time::Duration;

const SECOND_NS: u64 = 1_000_000_000;

/// The faults that may strike, the time in which they may, and their bounds. Start from [`lifecycle`](Self::lifecycle) or
/// [`none`](Self::none), and add kinds. The order of the calls does not matter.
#[derive(Clone, Debug)]
#[must_use = "faults do nothing before they are given to `Sim::faults`"]
pub struct Faults {
    /// By name, so that the order of the calls does not matter.
    kinds: BTreeMap<&'static str, Box<dyn AnyDraw>>,
    window_ns: Range<u64>,
    count_max: u64,
    down_ns: (u64, u64),
    aims: BTreeMap<String, u32>,
}

impl Faults {
    /// No faults: add the kinds that may strike. By default at most 4 of them strike in a run, between 1 s and 30 s, and nodes
    /// stay down for 100 ms to 5 s.
    pub fn none() -> Self {
        Self {
            kinds: BTreeMap::new(),
            window_ns: SECOND_NS..30 * SECOND_NS,
            count_max: 4,
            down_ns: (SECOND_NS / 10, 5 * SECOND_NS),
            aims: BTreeMap::new(),
        }
    }

    /// Ends and starts of processes: graceful stops with a budget of 30 s, and kills, each with a restart.
    pub fn lifecycle() -> Self {
        Self::none().stops(Duration::from_secs(30)).kills()
    }

    /// Lets half of the faults strike at an edge of a lifetime instead of a time: just after, or up to 1 ms after, one of the first
    /// `nth_max` occurrences of `edge` on the node that they strike, counted from when faults may strike. Edges are written as in
    /// stories: `use metadata-db`, `close metadata-db`, `begin to open metadata-db`, `call progress`, `deregister progress`,
    /// `advance ballot`, `run sst-3`, `phase ready`, `note acked`, `sync /var/lib/db`, `change /tmp/new`,
    /// `disk failure /var/lib/db`, `stop requested`. Of several edges, each such fault draws one.
    ///
    /// # Panics
    /// If `nth_max` is 0.
    pub fn aimed_at(mut self, edge: &str, nth_max: u32) -> Self {
        assert!(nth_max > 0, "`nth_max` is 1 or more: an edge has no occurrence before the first");
        self.aims.insert(edge.to_owned(), nth_max);
        self
    }

    /// Sets how long a node stays down after its process has ended. The default is 100 ms to 5 s.
    ///
    /// # Panics
    /// If `low` is longer than `high`.
    pub fn down(mut self, low: Duration, high: Duration) -> Self {
        self.down_ns = super::draw::ordered(low, high);
        self
    }

    /// Sets the greatest number of faults in one run. The default is 4.
    pub fn at_most(mut self, count: u64) -> Self {
        self.count_max = count;
        self
    }

    /// Sets the virtual time before which no fault strikes. The default is 1 s.
    pub fn from(mut self, from: Duration) -> Self {
        self.window_ns.start = nanoseconds(from);
        self
    }

    /// Sets the virtual time after which no fault strikes: everything heals, and the system must converge. The default is 30 s.
    pub fn quiet_after(mut self, after: Duration) -> Self {
        self.window_ns.end = nanoseconds(after);
        self
    }

    /// The time in which faults may strike, in nanoseconds.
    pub(crate) fn window_ns(&self) -> Range<u64> {
        self.window_ns.clone()
    }

    /// Whether a kind is allowed that needs this of an engine.
    pub(crate) fn needs(&self, need: Need) -> bool {
        self.kinds().any(|kind| kind.need() == need)
    }

    /// The allowed kinds, by name.
    pub(super) fn kinds(&self) -> impl Iterator<Item = &dyn AnyDraw> {
        self.kinds.values().map(|kind| &**kind).filter(|kind| kind.is_allowed())
    }

    /// The greatest number of faults in one run.
    pub(super) fn count_max(&self) -> u64 {
        self.count_max
    }

    /// The downtime of nodes, in nanoseconds.
    pub(super) fn down_ns(&self) -> (u64, u64) {
        self.down_ns
    }

    /// The edges that half of the faults are aimed at.
    pub(super) fn aims(&self) -> &BTreeMap<String, u32> {
        &self.aims
    }

    /// Allows a kind with these bounds; the last call counts.
    pub(super) fn allow(mut self, kind: impl Draw) -> Self {
        self.kinds.insert(kind.name(), Box::new(kind));
        self
    }

    /// Changes the bounds of a kind that has several builder methods.
    pub(super) fn change<D: Draw + Default>(mut self, change: impl FnOnce(&mut D)) -> Self {
        let kind = self.kinds.entry(D::default().name()).or_insert_with(|| Box::new(D::default()));
        change(kind.as_any().downcast_mut().expect("a name belongs to one kind"));
        self
    }
}
