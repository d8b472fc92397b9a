//! A held thread: one thread of a process stands still while the others run.
//! It is the thread that has just passed the edge on which the fault strikes, if there is one.

use crate::fault::draw::{Drawing, decades};
use crate::fault::kind::{Decode, Draw, Drawn, FaultKind, Lift, NodeNames, Strike};
use crate::fault::number::Number;
use crate::fault::wire::{PlanReader, PlanWriter, WireError};
use crate::fault::{Fault, Faults, Trigger};
use crate::model::duration::nanoseconds;
use crate::model::duration::span;
use crate::model::engine::Need;
use afterlife_sim::Control;
use afterlife_sim::event::NodeId;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// One thread of a process stands still.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct HoldThread {
    pub(crate) node: NodeId,
    pub(crate) nth: u32,
    pub(crate) until: Option<String>,
    pub(crate) for_ns: u64,
}

impl Fault {
    /// Holds one thread of `node` for this long: the thread that has just passed the edge of the trigger, else the `nth` live
    /// thread, from 1, in order of creation. A larger number wraps around.
    pub fn hold_thread(node: NodeId, nth: u32, lasting: Duration) -> Self {
        HoldThread { node, nth, until: None, for_ns: nanoseconds(lasting) }.into()
    }

    /// As [`hold_thread`](Self::hold_thread), but only until another thread of the node passes `edge`: see
    /// [`Faults::aimed_at`] for the words.
    pub fn hold_thread_until(node: NodeId, nth: u32, edge: &str, at_most: Duration) -> Self {
        HoldThread { node, nth, until: Some(edge.to_owned()), for_ns: nanoseconds(at_most) }.into()
    }
}

impl FaultKind for HoldThread {
    fn id(&self) -> &'static str {
        "hold-thread"
    }

    fn need(&self) -> Need {
        Need::HeldThreads
    }

    fn targets(&self) -> Vec<NodeId> {
        vec![self.node]
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

    fn write(&self, to: &mut PlanWriter) {
        to.node(self.node).number(self.nth.into()).number(self.for_ns).flag(self.until.is_some());
        if let Some(edge) = &self.until {
            to.text(edge);
        }
    }

    fn prepare(&self, injection: u32, control: &mut Control<'_>) -> Option<String> {
        control.hold_thread(self.node, self.nth, injection)
    }

    fn strike(&self, strike: Strike<'_, '_>) -> Option<u64> {
        strike.prepared.is_some().then_some(self.for_ns)
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

    /// A hold that ends by the clock waits for nobody.
    fn simpler(&self) -> Vec<Fault> {
        if self.until.is_some() { vec![Self { until: None, ..self.clone() }.into()] } else { Vec::new() }
    }

    fn numbers(&mut self) -> Vec<Number<'_>> {
        vec![Number::lasting(&mut self.for_ns)]
    }
}

impl Decode for HoldThread {
    fn read(from: &mut PlanReader<'_>) -> Result<Self, WireError> {
        let (node, nth, for_ns) = (from.node()?, from.small()?, from.number()?);
        let until = if from.flag()? { Some(from.text()?) } else { None };
        Ok(Self { node, nth, until, for_ns })
    }
}

/// More edges than a scenario names, and more threads than a process has: the index of one wraps around.
const MANY: u64 = 1 << 16;

/// Held threads as a scenario allows them.
#[derive(Clone, Debug, Default)]
struct Allowed {
    /// The longest hold, in nanoseconds, once the kind is allowed.
    for_ns: Option<u64>,
    at: BTreeMap<String, u32>,
    until: BTreeSet<String>,
}

impl Draw for Allowed {
    fn name(&self) -> &'static str {
        "hold-thread"
    }

    fn need(&self) -> Need {
        Need::HeldThreads
    }

    fn is_allowed(&self) -> bool {
        self.for_ns.is_some()
    }

    fn draw(&self, drawing: &Drawing<'_>) -> Option<Drawn> {
        let longest_ns = self.for_ns?;
        let index = |question: &str, count: usize| (drawing.below(question, MANY) as usize).checked_rem(count);
        let at = index("at", self.at.len()).and_then(|index| self.at.iter().nth(index));
        let trigger = at.map(|(edge, nth_max)| Trigger::On {
            edge: edge.clone(),
            node: drawing.node,
            nth: drawing.between("nth", (1, u64::from(*nth_max))) as u32,
            after_ns: 0,
        });
        let until = index("until", self.until.len()).and_then(|index| self.until.iter().nth(index));
        let until = until.filter(|_| drawing.below("waits", 2) == 1).cloned();
        let for_ns = if until.is_some() { longest_ns } else { decades(drawing, "for", longest_ns) };
        let nth = drawing.between("thread", (1, MANY)) as u32;
        Some(Drawn { trigger, ..HoldThread { node: drawing.node, nth, until, for_ns }.into() })
    }
}

impl Faults {
    /// Allows single threads to be held for at most this long, each power of ten as likely as the others, while the rest of their
    /// process runs: a busy machine gives them no processor. [`held_at`](Self::held_at) and [`held_until`](Self::held_until)
    /// say where and until when. Without them any thread is held, at any time.
    pub fn held_threads(self, for_at_most: Duration) -> Self {
        self.change(|allowed: &mut Allowed| allowed.for_ns = Some(nanoseconds(for_at_most)))
    }

    /// Holds threads that have just passed one of the first `nth_max` occurrences of `edge` on their node: see
    /// [`aimed_at`](Self::aimed_at) for the words. Of several edges, each hold draws one.
    ///
    /// # Panics
    /// If `nth_max` is 0.
    pub fn held_at(self, edge: &str, nth_max: u32) -> Self {
        assert!(nth_max > 0, "`nth_max` is 1 or more: an edge has no occurrence before the first");
        self.change(|allowed: &mut Allowed| _ = allowed.at.insert(edge.to_owned(), nth_max))
    }

    /// Lets every other hold last until another thread of the process passes `edge`, at most for the longest hold: the next action
    /// of the held thread then comes after those of the others. Of several edges, each hold draws one.
    pub fn held_until(self, edge: &str) -> Self {
        self.change(|allowed: &mut Allowed| _ = allowed.until.insert(edge.to_owned()))
    }
}
