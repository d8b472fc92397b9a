//! The faults that a scenario allows, and their bounds.
//! Each kind adds its own builder methods, in its own file; `draw` draws plans.

use super::drawing::Drawing;
use super::edge::check_words;
use super::holds::Holds;
use super::kind::{Fault, Listed};
use super::ranges::ordered;
use super::trigger::Trigger;
use crate::model::duration::{nanoseconds, span};
use crate::model::engine::{Engine, Need};
use std::collections::BTreeMap;
use std::fmt;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

const SECOND_NS: u64 = 1_000_000_000;

/// The faults that may strike, when they may strike, and their bounds. Start from [`lifecycle`](Self::lifecycle) or
/// [`none`](Self::none), and add kinds. The order of the calls does not matter; of two calls that set the same bound, the last
/// counts.
///
/// A seed draws up to [`at_most`](Self::at_most) faults from the allowed kinds, each with a node, a time and figures within the
/// bounds. Some seeds leave out some of the kinds, and half of the seeds strike a single node.
///
/// ```
/// use afterlife::Faults;
/// use std::time::Duration;
///
/// let faults = Faults::lifecycle()
///     .partitions()
///     .slow_disks(Duration::from_millis(1), Duration::from_secs(1), Duration::from_secs(10))
///     .aimed_at("phase ready", 3)
///     .quiet_after(Duration::from_secs(60))
///     .at_most(2);
/// # drop(faults);
/// ```
#[derive(Clone, Debug)]
#[must_use = "faults do nothing before they are given to `Sim::faults`"]
pub struct Faults {
    /// By name, so that the order of the calls does not matter.
    kinds: BTreeMap<&'static str, Allowed>,
    window_ns: Range<u64>,
    count_max: u64,
    down_ns: (u64, u64),
    aims: BTreeMap<String, u32>,
    holds: Holds,
}

impl Faults {
    /// No faults: add the kinds that may strike. The defaults of every set of faults: at most 4 of them strike in a run, between
    /// 1 s and 30 s of virtual time, and a node stays down for 100 ms to 5 s.
    pub fn none() -> Self {
        Self {
            kinds: BTreeMap::new(),
            window_ns: SECOND_NS..30 * SECOND_NS,
            count_max: 4,
            down_ns: (SECOND_NS / 10, 5 * SECOND_NS),
            aims: BTreeMap::new(),
            holds: Holds::default(),
        }
    }

    /// Ends and starts of processes: graceful [`stops`](Self::stops) with a budget of 30 s, and [`kills`](Self::kills), each with a
    /// restart. The other defaults are those of [`none`](Self::none).
    pub fn lifecycle() -> Self {
        Self::none().stops(Duration::from_secs(30)).kills()
    }

    /// Lets half of the faults strike at an edge of a lifetime instead of a time: at once, or up to 1 ms after one of the first
    /// `nth_max` occurrences of `edge` on the node that they strike. Occurrences count from the start of the fault window. Each
    /// call adds an edge, and each such fault draws one of them. By default all faults strike at times.
    ///
    /// Edges are written as in stories: `use metadata-db`, `close metadata-db`, `begin to open metadata-db`, `call progress`,
    /// `deregister progress`, `advance ballot`, `run sst-3`, `phase ready`, `note acked`, `sync /var/lib/db`, `change /tmp/new`,
    /// `disk failure /var/lib/db`, `stop requested`.
    ///
    /// ```
    /// # use afterlife::Faults;
    /// // Half of the kills come within a millisecond of one of the first five uses of the database.
    /// let faults = Faults::none().kills().aimed_at("use metadata-db", 5);
    /// # drop(faults);
    /// ```
    ///
    /// # Panics
    /// If `nth_max` is 0.
    #[track_caller]
    pub fn aimed_at(mut self, edge: &str, nth_max: u32) -> Self {
        assert!(nth_max > 0, "`nth_max` must be at least 1: an edge has no occurrence before the first");
        self.aims.insert(edge.to_owned(), nth_max);
        self
    }

    /// Sets how long a node stays down after its process has ended, from `low` to `high` of virtual time. The default is 100 ms to
    /// 5 s.
    ///
    /// # Panics
    /// If `low` is longer than `high`.
    #[track_caller]
    pub fn downtime(mut self, low: Duration, high: Duration) -> Self {
        self.down_ns = ordered(low, high);
        self
    }

    /// Sets the greatest number of faults in one run. The default is 4.
    pub fn at_most(mut self, count: u64) -> Self {
        self.count_max = count;
        self
    }

    /// Sets the virtual time before which no fault strikes. The default is 1 s.
    pub fn starting_at(mut self, start: Duration) -> Self {
        self.window_ns.start = nanoseconds(start);
        self
    }

    /// Sets the virtual time after which no fault strikes: everything heals, and the system must converge. The default is 30 s.
    pub fn quiet_after(mut self, end: Duration) -> Self {
        self.window_ns.end = nanoseconds(end);
        self
    }

    /// The window in which faults may strike, in nanoseconds.
    pub(crate) fn window_ns(&self) -> Range<u64> {
        self.window_ns.clone()
    }

    /// Returns whether a kind is allowed that needs this capability.
    pub(crate) fn needs(&self, need: Need) -> bool {
        self.kinds.values().any(|kind| kind.need == need)
    }

    /// The names of the allowed kinds that an engine supports.
    pub(crate) fn kind_names(&self, engine: Engine) -> impl Iterator<Item = &'static str> {
        self.kinds().filter(move |kind| engine.has(kind.need)).map(|kind| kind.name)
    }

    /// The allowed kinds, by name.
    pub(super) fn kinds(&self) -> impl Iterator<Item = &Allowed> {
        self.kinds.values()
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

    /// The bounds of held threads.
    pub(super) fn holds(&mut self) -> &mut Holds {
        &mut self.holds
    }

    /// Checks that the faults can strike this many nodes, and that their edges may exist.
    ///
    /// # Errors
    /// If some of them can never strike.
    pub(crate) fn check(&self, nodes: usize) -> Result<(), String> {
        if nodes == 0 {
            return Err("these faults have no node to strike: the group is empty".to_owned());
        }
        if let (1, Some(kind)) = (nodes, self.kinds.values().find(|kind| kind.is_between_two)) {
            return Err(format!(
                "`{}` strikes between two nodes, and the group has one: join it with its peers by `Group::and`",
                kind.name
            ));
        }
        if self.window_ns.is_empty() {
            let (start, end) = (span(self.window_ns.start), span(self.window_ns.end));
            return Err(format!("these faults have no time to strike: they start at {start} and are over after {end}"));
        }
        self.aims.keys().chain(self.holds.at.keys()).chain(&self.holds.until).try_for_each(|edge| check_words(edge))
    }

    /// Allows a kind that strikes between two nodes; see [`allow`](Self::allow).
    pub(super) fn allow_between<D: Into<Drawn>>(
        self,
        name: &'static str,
        need: Need,
        draw: impl Fn(&Drawing<'_>) -> Option<D> + Send + Sync + 'static,
    ) -> Self {
        let mut faults = self.allow(name, need, draw);
        if let Some(kind) = faults.kinds.get_mut(name) {
            kind.is_between_two = true;
        }
        faults
    }

    /// Allows a kind. Its name keys its draws, so a new name changes them. The last call for a name counts.
    pub(super) fn allow<D: Into<Drawn>>(
        mut self,
        name: &'static str,
        need: Need,
        draw: impl Fn(&Drawing<'_>) -> Option<D> + Send + Sync + 'static,
    ) -> Self {
        let draw = Arc::new(move |drawing: &Drawing<'_>| draw(drawing).map(D::into));
        self.kinds.insert(name, Allowed { name, need, is_between_two: false, draw });
        self
    }
}

/// Draws a fault within the bounds, or `None` if it cannot strike there.
type Draw = dyn Fn(&Drawing<'_>) -> Option<Drawn> + Send + Sync;

/// A kind of fault that a scenario allows.
#[derive(Clone)]
pub(super) struct Allowed {
    /// The name that keys its draws.
    pub(super) name: &'static str,
    /// The capability that an engine needs for it.
    pub(super) need: Need,
    /// True if it strikes between two nodes.
    is_between_two: bool,
    draw: Arc<Draw>,
}

impl Allowed {
    /// Draws one within the bounds, or `None` if it cannot strike here.
    pub(super) fn draw(&self, drawing: &Drawing<'_>) -> Option<Drawn> {
        (self.draw)(drawing)
    }
}

impl fmt::Debug for Allowed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

/// A drawn fault.
pub(super) struct Drawn {
    /// The fault.
    pub(super) fault: Fault,
    /// Its trigger, if the kind has one of its own.
    pub(super) trigger: Option<Trigger>,
    /// The trigger of a second injection of the same fault, which precedes the first in the plan.
    pub(super) again: Option<Trigger>,
}

impl<K: Listed> From<K> for Drawn {
    fn from(kind: K) -> Self {
        Self { fault: Fault::new(kind), trigger: None, again: None }
    }
}
