//! The virtual kernel of one simulation: its parts, and the loop that advances time.
//! It routes each due event to the part that it belongs to, and decides nothing else.

use super::due::{Due, Start};
use super::ending::{Crash, Ending};
use super::fs::files::Files;
use super::net::network::Net;
use super::observation::{Consult, Observation};
use super::process::memory::Account;
use super::process::node::{Main, Node};
use super::process::output::Lines;
use super::process::table::Processes;
use super::sched::choice::Choices;
use super::sched::fiber::{Body, Fiber};
use super::sched::scheduler::Scheduler;
use super::sched::thread::ThreadId;
use super::settings::Settings;
use crate::event::recorder::Recorder;
use crate::event::{NodeId, Seq, What};
use std::ops::{Index, IndexMut};

/// The virtual kernel of one simulation.
pub(crate) struct Kernel {
    pub(crate) sched: Scheduler,
    pub(crate) process: Processes,
    pub(crate) fs: Files,
    pub(crate) net: Net,
    pub(crate) recorder: Recorder,
    pub(crate) settings: Settings,
    ending: Option<Ending>,
    crash: Option<Crash>,
    /// The engine that runs the nodes' programs, unless they run natively.
    pub(crate) guest: Option<Box<dyn super::guest::Guest>>,
    pub(super) observation: Observation<Self>,
}

impl Kernel {
    pub(crate) fn new(settings: Settings, begin: fn(ThreadId, Start) -> Body) -> Self {
        let choices = Choices::of_run(settings.seed, settings.record);
        Self {
            sched: Scheduler::new(choices, settings.schedule, begin),
            process: Processes::new(Lines::new(settings.lines || settings.record)),
            fs: Files::default(),
            net: Net::new(settings.latency),
            recorder: Recorder::new(settings.record),
            settings,
            ending: None,
            crash: None,
            guest: None,
            observation: Observation::default(),
        }
    }

    /// Adds a node that starts at `start_ns`, with a memory budget if it has one.
    pub(crate) fn add_node(&mut self, name: &str, main: Main, start_ns: u64, memory_bytes: Option<u64>) -> NodeId {
        let memory = Account::new(memory_bytes, self.settings.largest_allocation_bytes);
        let node = self.process.add(Node::new(name, main, memory));
        if start_ns < u64::MAX {
            self.start_after(node, start_ns);
        }
        node
    }

    /// Sets the observer.
    pub(crate) fn observe(&mut self, observer: Box<dyn Consult<Self>>) {
        self.observation.set(observer);
    }

    pub(crate) fn take_observer(&mut self) -> Option<Box<dyn Consult<Self>>> {
        self.observation.take()
    }

    /// The thread that runs next; advances time while no thread can run. `None` is the host: the run is over.
    pub(crate) fn next(&mut self) -> Option<ThreadId> {
        self.sched.stop_running();
        loop {
            if self.ending.is_some() {
                self.sched.require_switch();
                return None;
            }
            while self.sched.has_due() {
                self.fire_next();
            }
            if self.ending.is_some() {
                continue;
            }
            if let Some(id) = self.sched.run_next() {
                crate::host::status::beat(self.sched[id].node().0);
                self.sched.prefetch_next();
                return Some(id);
            }
            if self.sched.next_deadline_ns().is_none() {
                self.quiescent();
            } else {
                self.fire_next();
            }
        }
    }

    fn quiescent(&mut self) {
        self.consult(|observer, kernel| observer.stuck(kernel));
        self.emit_at(NodeId::SIMULATION, Seq::NONE, What::Quiescent);
        self.consult(|observer, kernel| observer.quiescent(kernel));
        if self.sched.is_quiescent() {
            self.finish(Ending::Quiet);
        }
    }

    /// Handles the next due event.
    pub(crate) fn fire_next(&mut self) {
        let Some((due_ns, due)) = self.sched.take_due() else { return };
        if due_ns > self.settings.end_ns {
            self.sched.set_now(self.settings.end_ns);
            self.consult(|observer, kernel| observer.time_is_up(kernel));
            self.finish(Ending::TimeUp);
            return;
        }
        self.sched.advance_to(due_ns);
        match due {
            Due::Thread(id) => self.thread_due(id),
            Due::Arrival(arrival) => self.arrive(arrival),
            Due::Retransmit(from) => self.retransmit(from),
            Due::Start(node, ticket) => self.start_due(node, ticket),
            Due::Overrun(node, incarnation) => self.stop_overrun(node, incarnation),
            Due::Probe(end, unanswered) => self.probe(end, unanswered),
            Due::Timer(id, winding) => self.timer_due(id, winding),
            Due::Alarm(token) => self.consult(|observer, kernel| observer.alarm(token, kernel)),
        }
    }

    /// A thread's deadline fell due.
    #[inline]
    pub(crate) fn thread_due(&mut self, id: ThreadId) {
        if self.sched.thread_due(id) {
            self.sched.leave_futex(id);
            let seq = self.emit(id, What::TimerFired);
            self.sched.time_out(id, seq);
        }
    }

    /// The end of the run, once it is decided.
    pub(crate) fn ending(&self) -> Option<Ending> {
        self.ending
    }

    /// Records the crash that ends the run.
    pub(crate) fn record_crash(&mut self, crash: Crash) {
        self.crash = Some(crash);
    }

    /// Takes the crash that ended the run, if one did.
    pub(crate) fn take_crash(&mut self) -> Option<Crash> {
        self.crash.take()
    }

    /// Ends the run, unless it is ending already.
    pub(crate) fn finish(&mut self, ending: Ending) {
        self.ending.get_or_insert(ending);
        self.sched.require_switch();
    }

    /// The fiber that runs next: the host's if no thread does.
    pub(crate) fn next_fiber(&mut self) -> *const Fiber {
        let next = self.next();
        self.sched.fiber_of(next)
    }
}

impl Index<NodeId> for Kernel {
    type Output = Node;

    #[inline]
    fn index(&self, node: NodeId) -> &Node {
        &self.process[node]
    }
}

impl IndexMut<NodeId> for Kernel {
    #[inline]
    fn index_mut(&mut self, node: NodeId) -> &mut Node {
        &mut self.process[node]
    }
}
