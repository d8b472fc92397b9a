//! Hand-written event lists for the tests of invariants.

use super::contract::{Facts, Monitor};
use crate::model::violation::Violation;
use afterlife_sim::event::{Death, Event, Name, NodeId, ProbeEvent, Seq, What};

/// Events of one node, in order, a microsecond apart.
#[derive(Clone)]
pub(super) struct Script {
    names: Vec<String>,
    events: Vec<Event>,
    now_ns: u64,
    node: NodeId,
    task: u64,
    squeezed: bool,
    disk_fails: bool,
    restarts: bool,
    state: u128,
    /// The state at each event, and the number of the event that is being passed.
    states: Vec<u128>,
    shown: std::cell::Cell<usize>,
    closed: Vec<i32>,
}

impl Script {
    pub(super) fn new() -> Self {
        Self {
            names: vec![String::new()],
            events: Vec::new(),
            now_ns: 0,
            closed: Vec::new(),
            node: NodeId(0),
            task: 0,
            squeezed: false,
            disk_fails: false,
            restarts: false,
            state: 0,
            states: Vec::new(),
            shown: std::cell::Cell::new(0),
        }
    }

    fn name(&mut self, text: &str) -> Name {
        if text.is_empty() {
            return Name::NONE;
        }
        let index = self.names.iter().position(|name| name == text).unwrap_or_else(|| {
            self.names.push(text.to_owned());
            self.names.len() - 1
        });
        Name(index as u32)
    }

    pub(super) fn happens(&mut self, what: What) -> &mut Self {
        self.push(what)
    }

    fn push(&mut self, what: What) -> &mut Self {
        let event = Event {
            seq: Seq(self.events.len() as u64),
            time_ns: self.now_ns,
            node: self.node,
            incarnation: 1,
            thread: 0,
            task: self.task,
            cause: Seq::NONE,
            what,
        };
        self.events.push(event);
        self.states.push(self.state);
        self
    }

    /// The next events happen on this node: 0 to 3.
    pub(super) fn on(&mut self, node: u16) -> &mut Self {
        self.node = NodeId(node);
        self
    }

    /// The next events come from this task; 0 for none.
    pub(super) fn by_task(&mut self, task: u64) -> &mut Self {
        self.task = task;
        self
    }

    /// The disk has this state at the next events.
    pub(super) fn with_state(&mut self, state: u128) -> &mut Self {
        self.state = state;
        self
    }

    /// The disk refuses operations all the time.
    pub(super) fn with_failing_disk(&mut self) -> &mut Self {
        self.disk_fails = true;
        self
    }

    /// Memory is scarce all the time.
    pub(super) fn with_scarce_memory(&mut self) -> &mut Self {
        self.squeezed = true;
        self
    }

    /// Every process that ends is started again.
    pub(super) fn with_restarts(&mut self) -> &mut Self {
        self.restarts = true;
        self
    }

    pub(super) fn after_ns(&mut self, ns: u64) -> &mut Self {
        self.now_ns += ns;
        self
    }

    pub(super) fn open(&mut self, name: &str, object: u32) -> &mut Self {
        let (name, site) = (self.name(name), self.name("src/open.rs:1"));
        self.push(What::ResourceOpened { name, object, generation: object, site })
    }

    pub(super) fn used(&mut self, name: &str, object: u32, by: &str) -> &mut Self {
        let (name, by, site) = (self.name(name), self.name(by), self.name("src/use.rs:2"));
        self.push(What::ResourceUsed { name, object, by, site })
    }

    pub(super) fn closed(&mut self, name: &str, object: u32) -> &mut Self {
        let (name, site) = (self.name(name), self.name("src/close.rs:3"));
        self.push(What::ResourceClosed { name, object, site })
    }

    pub(super) fn bad_descriptor(&mut self, fd: i32, function: &str, was_closed: bool) -> &mut Self {
        if was_closed {
            self.closed.push(fd);
        }
        let function = self.name(function);
        self.push(What::BadDescriptor { fd, function })
    }

    /// A probe event with a number; see [`keyed`](Self::keyed) for one with a text.
    pub(super) fn probe(&mut self, step: ProbeEvent, name: &str, object: u32, number: u64) -> &mut Self {
        let site = self.name(&format!("src/{step:?}.rs:5").to_lowercase());
        let name = self.name(name);
        self.push(What::Probe { step, name, object, number, site })
    }

    /// A probe event whose number is that of a text.
    pub(super) fn keyed(&mut self, step: ProbeEvent, name: &str, object: u32, text: &str) -> &mut Self {
        let number = self.name(text).0.into();
        self.probe(step, name, object, number)
    }

    pub(super) fn panicked(&mut self, message: &str, site: &str) -> &mut Self {
        let (message, site) = (self.name(message), self.name(site));
        self.push(What::Panicked { message, site })
    }

    pub(super) fn printed(&mut self, line: &str) -> &mut Self {
        let text = self.name(line);
        self.push(What::Line { text })
    }

    pub(super) fn stop_requested(&mut self, budget_ns: u64) -> &mut Self {
        self.push(What::StopRequested { budget_ns })
    }

    pub(super) fn exited(&mut self, how: Death) -> &mut Self {
        self.push(What::Exited { how })
    }

    pub(super) fn started(&mut self, incarnation: u16) -> &mut Self {
        self.push_in(incarnation, 0, What::Started)
    }

    pub(super) fn note(&mut self, incarnation: u16, thread: u32) -> &mut Self {
        let (ledger, entry) = (self.name("acked"), self.name("1"));
        self.push_in(incarnation, thread, What::Noted { ledger, entry, site: Name::NONE })
    }

    pub(super) fn stale(&mut self, of: NodeId, incarnation: u16, conn: u32) -> &mut Self {
        self.push(What::Stale { of, incarnation, conn })
    }

    fn push_in(&mut self, incarnation: u16, thread: u32, what: What) -> &mut Self {
        self.push(what);
        if let Some(event) = self.events.last_mut() {
            (event.incarnation, event.thread) = (incarnation, thread);
        }
        self
    }

    pub(super) fn spun(&mut self, calls: u64) -> &mut Self {
        self.push(What::Spun { calls })
    }

    pub(super) fn quiescent(&mut self) -> &mut Self {
        self.push(What::Quiescent)
    }

    pub(super) fn claim(&mut self, claim: &str, held: bool) -> &mut Self {
        let (claim, site) = (self.name(claim), self.name("src/claim.rs:4"));
        self.push(What::Claim { claim, always: true, held, site })
    }
}

impl Facts for Script {
    fn text(&self, name: Name) -> &str {
        &self.names[name.0 as usize]
    }

    fn node(&self, node: NodeId) -> &str {
        ["node-0", "node-1", "node-2", "node-3"][usize::from(node.0)]
    }

    fn state(&self, _node: NodeId) -> u128 {
        self.states[self.shown.get()]
    }

    fn has_memory_limit(&self, _node: NodeId) -> bool {
        self.squeezed
    }

    fn disk_fails(&self, _node: NodeId) -> bool {
        self.disk_fails
    }

    fn will_restart(&self, _node: NodeId) -> bool {
        self.restarts
    }

    fn last_lines(&self, node: NodeId) -> Vec<(Seq, String)> {
        // Outside of a run, all events have happened.
        let happened = if self.shown.get() == 0 { self.events.len() } else { self.shown.get() };
        let before = self.events.iter().take(happened).filter(|event| event.node == node);
        let mut lines = Vec::new();
        for event in before {
            match event.what {
                What::Started => lines.clear(),
                What::Line { text } => lines.push((event.seq, Facts::text(self, text).to_owned())),
                _ => {}
            }
        }
        lines
    }

    fn threads(&self) -> Vec<String> {
        vec!["node-0 thread 0 (main) waits for a lock or a wake-up".to_owned()]
    }

    fn was_closed(&self, _node: NodeId, fd: i32) -> bool {
        self.closed.contains(&fd)
    }
}

/// Passes the events to an invariant, as a run does.
pub(super) fn run(mut invariant: impl Monitor, script: Script) -> Vec<Violation> {
    let events = script.events.clone();
    events
        .iter()
        .filter(|event| invariant.wants(&event.what))
        .collect::<Vec<_>>()
        .into_iter()
        .filter_map(|event| {
            script.shown.set(event.seq.0 as usize);
            invariant.event(event, &script)
        })
        .collect()
}

/// Like [`run`], for every invariant at once.
pub(super) fn run_all(script: Script) -> Vec<Violation> {
    let mut invariants = super::set::all(&super::terms::Terms::default(), super::setup::Setup::default());
    let mut broken = Vec::new();
    for event in &script.events {
        for invariant in invariants.iter_mut().filter(|invariant| invariant.wants(&event.what)) {
            broken.extend(invariant.event(event, &script));
        }
    }
    broken
}
