//! A held thread: one thread of a process does not run while the others do.
//! It is the thread that has just passed the edge on which the fault strikes, if there is one.

use crate::fault::faults::Drawn;
use crate::fault::field::Field;
use crate::fault::holds::Holds;
use crate::fault::kind::{FaultKind, Lift, Moment, NodeNames, Strike};
use crate::fault::outcome::Miss;
use crate::fault::{Fault, Faults, When};
use crate::model::duration::{nanoseconds, span};
use crate::model::engine::Need;
use afterlife_sim::event::NodeId;
use serde::{Deserialize, Serialize};
use std::time::Duration;

const ID: &str = "hold-thread";

/// More edges than a scenario names, and more threads than a process has: the index of one wraps around.
const MANY: u64 = 1 << 16;

/// One thread of a process does not run.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct HoldThread {
    pub(crate) node: NodeId,
    pub(crate) nth: u32,
    pub(crate) until: Option<String>,
    pub(crate) for_ns: u64,
}

impl FaultKind for HoldThread {
    fn id(&self) -> &'static str {
        ID
    }

    fn need(&self) -> Need {
        Need::HeldThreads
    }

    fn fields(&mut self) -> Vec<Field<'_>> {
        vec![
            Field::Node(&mut self.node),
            Field::Fixed(&mut self.nth),
            Field::lasting(&mut self.for_ns),
            Field::Fixed(&mut self.until),
        ]
    }

    fn title(&self, name: NodeNames<'_>) -> String {
        format!("hold a thread of {}", name(self.node))
    }

    fn details(&self) -> String {
        match &self.until {
            None => format!("for {}", span(self.for_ns)),
            Some(edge) => format!("until `{edge}`, at most {}", span(self.for_ns)),
        }
    }

    fn needs_process(&self) -> bool {
        true
    }

    /// Holds the thread, since the answer names it.
    fn prepare(&self, moment: Moment<'_, '_>) -> Result<Option<String>, Miss> {
        moment.control.hold_thread(self.node, self.nth, moment.injection).map(Some).ok_or(Miss::NoThread)
    }

    fn strike(&self, _strike: Strike<'_, '_>) -> Option<u64> {
        Some(self.for_ns)
    }

    fn lift(&self, mut lift: Lift<'_, '_>) {
        if lift.control.held_thread(lift.injection).is_some() {
            lift.healed();
        }
        lift.control.release_thread(lift.injection);
    }

    fn lifted_at(&self) -> Option<(NodeId, &str)> {
        self.until.as_deref().map(|edge| (self.node, edge))
    }

    /// A hold that ends after a fixed time depends on no other thread.
    fn simpler(&self) -> Vec<Fault> {
        if self.until.is_some() { vec![Fault::new(Self { until: None, ..self.clone() })] } else { Vec::new() }
    }
}

impl Fault {
    /// Holds one thread of `node` for this long: the thread that has just passed the edge of the trigger, else the `nth` live
    /// thread, from 1, in order of creation. A larger number wraps around.
    pub fn hold_thread(node: NodeId, nth: u32, lasting: Duration) -> Self {
        Self::new(HoldThread { node, nth, until: None, for_ns: nanoseconds(lasting) })
    }

    /// Holds a thread as [`hold_thread`](Self::hold_thread) does, but only until another thread of the node passes `edge`: see
    /// [`Faults::aimed_at`] for the words.
    pub fn hold_thread_until(node: NodeId, nth: u32, edge: &str, at_most: Duration) -> Self {
        Self::new(HoldThread { node, nth, until: Some(edge.to_owned()), for_ns: nanoseconds(at_most) })
    }
}

impl Faults {
    /// Allows single threads to be held for at most this long, while the rest of their process runs, as on a busy machine. Each
    /// power of ten of the duration is as likely as the others. [`held_at`](Self::held_at) and [`held_until`](Self::held_until) set
    /// the edges at which holds begin and end. Without them any thread is held, at any time.
    ///
    /// ```
    /// # use afterlife::Faults;
    /// # use std::time::Duration;
    /// // Holds a thread that has just used the database; half of the holds end when another thread closes it.
    /// let faults = Faults::none()
    ///     .held_threads(Duration::from_secs(2))
    ///     .held_at("use metadata-db", 5)
    ///     .held_until("close metadata-db");
    /// # drop(faults);
    /// ```
    pub fn held_threads(self, for_at_most: Duration) -> Self {
        self.holding(|holds| holds.longest_ns = Some(nanoseconds(for_at_most)))
    }

    /// Begins holds at an edge: a hold strikes a thread that has just passed one of the first `nth_max` occurrences of `edge` on
    /// its node. See [`aimed_at`](Self::aimed_at) for the words. Each call adds an edge, and each hold draws one of them. It allows
    /// no holds by itself: see [`held_threads`](Self::held_threads).
    ///
    /// # Panics
    /// If `nth_max` is 0.
    #[track_caller]
    pub fn held_at(self, edge: &str, nth_max: u32) -> Self {
        assert!(nth_max > 0, "`nth_max` must be at least 1: an edge has no occurrence before the first");
        self.holding(|holds| _ = holds.at.insert(edge.to_owned(), nth_max))
    }

    /// Ends half of the holds when another thread of the process passes `edge`, and at the latest after the longest hold: the next
    /// action of the held thread then follows those of the others. Each call adds an edge, and each such hold draws one of them. It
    /// allows no holds by itself: see [`held_threads`](Self::held_threads).
    pub fn held_until(self, edge: &str) -> Self {
        self.holding(|holds| _ = holds.until.insert(edge.to_owned()))
    }

    /// Changes the bounds of holds, and allows holds once their duration is known.
    fn holding(mut self, change: impl FnOnce(&mut Holds)) -> Self {
        change(self.holds());
        let holds = self.holds().clone();
        let Some(longest_ns) = holds.longest_ns else { return self };
        self.allow(ID, Need::HeldThreads, move |drawing| {
            let index = |question: &str, count: usize| (drawing.below(question, MANY) as usize).checked_rem(count);
            let at = index("at", holds.at.len()).and_then(|index| holds.at.iter().nth(index));
            let trigger = at.map(|(edge, nth_max)| When::On {
                edge: edge.clone(),
                node: drawing.node,
                nth: drawing.between("nth", (1, u64::from(*nth_max))) as u32,
                after_ns: 0,
            });
            let trigger = trigger.map(Into::into);
            let until = index("until", holds.until.len()).and_then(|index| holds.until.iter().nth(index));
            let until = until.filter(|_| drawing.below("waits", 2) == 1).cloned();
            let for_ns = if until.is_some() { longest_ns } else { drawing.decades("for", longest_ns) };
            let nth = drawing.between("thread", (1, MANY)) as u32;
            Some(Drawn { trigger, ..HoldThread { node: drawing.node, nth, until, for_ns }.into() })
        })
    }
}
