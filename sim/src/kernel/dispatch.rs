//! The world: everything of a run behind the doors, and the loop that moves it on.
//! It blocks nobody: it says that a caller must wait, and the doors pass the baton.

use super::control::{Control, Observer};
use super::due::{Due, Identity, Start};
use super::ending::{Crash, Ending};
use super::fs::files::Files;
use super::net::network::Net;
use super::process::memory::Account;
use super::process::node::{Main, Node};
use super::process::output::Lines;
use super::process::state::ProcessState;
use super::process::table::Processes;
use super::sched::choice::Choices;
use super::sched::fiber::{Body, Fiber};
use super::sched::preemption::{Preemption, Schedule};
use super::sched::scheduler::Scheduler;
use super::sched::thread::{self, State, ThreadId, Wait};
use super::sched::threads::Timeout;
use crate::event::recorder::Recorder;
use crate::event::{Death, Event, NodeId, Seq, What};
use std::collections::VecDeque;
use std::ops::{Index, IndexMut};

/// What a run is given.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// The seed of every choice.
    pub seed: u64,
    /// When the run ends at the latest, in virtual nanoseconds.
    pub end_ns: u64,
    /// After how many events it ends at the latest.
    pub events_max: u64,
    /// Whether every event is kept.
    pub record: bool,
    /// Whether the lines that programs trace are kept.
    pub lines: bool,
    /// How often threads are cut off.
    pub schedule: Schedule,
    /// How long messages take where nothing else is said.
    pub latency: super::net::link::Latency,
    /// More bytes in a single allocation than this are an event; `None` for a node's whole budget, or 1 GiB if that is less.
    pub largest_allocation_bytes: Option<u64>,
    /// The event at which a stack is taken.
    pub stack_at: Option<u64>,
    /// How much a process may go round in a virtual second when nothing reaches it, in readings of a clock: a door that comes
    /// to nothing counts as twenty.
    pub spin_max: u64,
}

impl Default for Settings {
    /// An hour, a hundred million events, nothing kept.
    fn default() -> Self {
        Self {
            seed: 0,
            end_ns: 3_600_000_000_000,
            events_max: 100_000_000,
            record: false,
            lines: false,
            schedule: Schedule::default(),
            latency: super::net::link::Latency::default(),
            largest_allocation_bytes: None,
            stack_at: None,
            spin_max: super::sched::spin::SPIN_MAX,
        }
    }
}

/// What passing a door costs, in virtual nanoseconds: a system call's worth. Without it a loop that polls a clock or a
/// flag would freeze time.
const CALL_NS: u64 = 50;

/// The virtual kernel of one simulation.
pub(crate) struct Kernel {
    pub(crate) sched: Scheduler,
    pub(crate) process: Processes,
    pub(crate) fs: Files,
    pub(crate) net: Net,
    pub(crate) recorder: Recorder,
    pub(crate) settings: Settings,
    pub(crate) ending: Option<Ending>,
    pub(crate) crash: Option<Crash>,
    /// The engine that runs the nodes' programs, unless they run natively.
    pub(crate) guest: Option<Box<dyn super::guest::Guest>>,
    observation: Observation,
}

/// The observer, and the events that happened while it was being called.
#[derive(Default)]
struct Observation {
    observer: Option<Box<dyn Observer>>,
    unobserved: VecDeque<Event>,
    observing: bool,
}

/// Where a run stood when its running thread turned to something that is no part of it.
pub(crate) struct Aside {
    now_ns: u64,
    calls_left: u32,
    clock_read_by: ThreadId,
    switches: u64,
    events: u64,
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

    /// Makes a node, with this much memory if it is not to have all that it asks for; it starts at `start_ns`.
    pub(crate) fn add_node(&mut self, name: &str, main: Main, start_ns: u64, memory_bytes: Option<u64>) -> NodeId {
        let memory = Account::new(memory_bytes, self.settings.largest_allocation_bytes);
        let node = self.process.nodes.add(Node::new(name, main, memory));
        if start_ns < u64::MAX {
            self.start_after(node, start_ns);
        }
        node
    }

    pub(crate) fn observe(&mut self, observer: Box<dyn Observer>) {
        self.observation.observer = Some(observer);
    }

    pub(crate) fn take_observer(&mut self) -> Option<Box<dyn Observer>> {
        self.observation.observer.take()
    }

    // -- events

    #[inline]
    pub(crate) fn identity(&self, me: ThreadId) -> Identity {
        let thread = &self.sched.threads[me];
        Identity { node: thread.node, incarnation: thread.incarnation }
    }

    /// Something happened on a thread, because of what it did last, or of what woke it since.
    #[inline]
    pub(crate) fn emit(&mut self, me: ThreadId, what: What) -> Seq {
        self.emit_task(me, 0, what)
    }

    /// Something happened in a task of a thread, which has this number if nobody follows tasks.
    #[inline]
    pub(crate) fn emit_task(&mut self, me: ThreadId, task: u64, what: What) -> Seq {
        if self.is_muted(me) {
            return Seq::NONE;
        }
        let thread = &self.sched.threads[me];
        let task = if self.sched.task_wakes.followed { u64::from(thread.poll.task) } else { task };
        let event = Event {
            seq: Seq::NONE,
            time_ns: self.sched.now_ns,
            node: thread.node,
            incarnation: thread.incarnation,
            thread: thread.number,
            task,
            cause: thread.cause,
            what,
        };
        let seq = self.push(event);
        let thread = &mut self.sched.threads[me];
        // Where tasks are not followed, a runtime's thread does things for many, of which only its last activation is known.
        if self.sched.task_wakes.followed || thread.poll.asked_in == thread::NEVER_ASKED {
            thread.cause = seq;
            thread.poll.found_nothing = false;
            self.sched.clock_read_by = thread::NOBODY;
        }
        seq
    }

    /// Something happened to a node, outside any of its threads.
    #[inline]
    pub(crate) fn emit_at(&mut self, node: NodeId, cause: Seq, what: What) -> Seq {
        let incarnation = self.process.node(node).map_or(0, |node| node.incarnation());
        let event =
            Event { seq: Seq::NONE, time_ns: self.sched.now_ns, node, incarnation, thread: 0, task: 0, cause, what };
        self.push(event)
    }

    fn push(&mut self, mut event: Event) -> Seq {
        self.recorder.push(&mut event);
        if self.settings.record {
            self.sched.choices.came_to(self.recorder.len());
        }
        if self.settings.stack_at == Some(event.seq.0) {
            self.recorder.stack = Some(std::backtrace::Backtrace::force_capture().to_string());
        }
        if event.seq.0 >= self.settings.events_max {
            self.finish(Ending::TooManyEvents);
        }
        if self.observation.observing {
            self.observation.unobserved.push_back(event);
        } else if self.observation.observer.as_ref().is_some_and(|observer| observer.wants(&event.what)) {
            self.consult(|observer, room| observer.event(&event, room));
        }
        event.seq
    }

    /// Shows the observer what happened while it was looking.
    fn drain_events(&mut self) {
        if self.observation.unobserved.is_empty() {
            return;
        }
        let Some(mut observer) = self.observation.observer.take() else { return };
        self.observation.observing = true;
        while let Some(event) = self.observation.unobserved.pop_front() {
            if observer.wants(&event.what) {
                observer.event(&event, &mut Control::new(self));
            }
        }
        self.observation.observing = false;
        self.observation.observer = Some(observer);
    }

    fn consult(&mut self, call: impl FnOnce(&mut dyn Observer, &mut Control<'_>)) {
        let Some(mut observer) = self.observation.observer.take() else { return };
        self.observation.observing = true;
        call(&mut *observer, &mut Control::new(self));
        self.observation.observing = false;
        self.observation.observer = Some(observer);
        self.drain_events();
    }

    // -- doors

    /// The running thread passes a door: a moment goes by. `false` if it is to be cut off here: then [`cut`](Self::cut) says
    /// how, and nothing has happened yet.
    #[inline]
    pub(crate) fn enter_call(&mut self) -> bool {
        let goes_on = self.sched.threads.enter_call();
        self.sched.now_ns += if goes_on { CALL_NS } else { 0 };
        goes_on
    }

    /// What the running thread does from here on, until [`back`](Self::back), is no part of the run: no door is counted.
    pub(crate) fn aside(&mut self) -> Aside {
        Aside {
            now_ns: self.sched.now_ns,
            calls_left: self.sched.threads.set_calls_left(u32::MAX),
            clock_read_by: self.sched.clock_read_by,
            switches: self.sched.threads.switches,
            events: self.recorder.len(),
        }
    }

    /// Makes the doors since then undone. Where others ran meanwhile, or something happened, the run is another one and time stands.
    pub(crate) fn back(&mut self, aside: Aside) {
        self.sched.threads.set_calls_left(aside.calls_left);
        if (self.sched.threads.switches, self.recorder.len()) == (aside.switches, aside.events) {
            (self.sched.now_ns, self.sched.clock_read_by) = (aside.now_ns, aside.clock_read_by);
        }
    }

    /// The running thread is cut off at a door.
    #[cold]
    pub(crate) fn cut(&mut self, me: ThreadId, at_clock: bool) -> Preemption {
        self.sched.now_ns += CALL_NS;
        self.look_for_spin(me, at_clock);
        self.sched.threads.cut(me, self.sched.now_ns, &self.sched.choices)
    }

    /// Parks the running thread; the caller passes the baton next.
    #[inline]
    pub(crate) fn park(&mut self, me: ThreadId, wait: Wait, until_ns: u64) {
        if self.sched.threads[me].state != State::Running {
            return; // it was killed meanwhile
        }
        if let Some(due) = self.sched.threads.wait(me, wait, until_ns) {
            self.sched.deadlines.at(due, Due::Thread(me));
        }
    }

    /// The running thread lets others go first; the caller passes the baton next.
    pub(crate) fn give_way(&mut self, me: ThreadId) {
        if self.sched.threads[me].state == State::Running {
            self.sched.threads.give_way(me, &self.sched.choices);
        }
    }

    /// Who goes on: moves time when nobody can. `None` is the host: the run is over.
    pub(crate) fn next(&mut self) -> Option<ThreadId> {
        self.sched.must_switch = false;
        self.sched.before = self.sched.running.take();
        if let Some(stopped) = self.sched.before {
            self.sched.threads.stop(stopped);
        }
        loop {
            if self.ending.is_some() {
                self.sched.must_switch = true;
                return None;
            }
            while self.sched.deadlines.next_ns().is_some_and(|due_ns| due_ns <= self.sched.now_ns) {
                self.fire_next();
            }
            if self.ending.is_some() {
                continue;
            }
            if let Some(id) = self.sched.threads.next() {
                self.sched.running = Some(id);
                crate::isolate::beat(self.sched.threads[id].node.0);
                self.look_ahead();
                return Some(id);
            }
            if self.sched.deadlines.is_empty() {
                self.quiescent();
            } else {
                self.fire_next();
            }
        }
    }

    /// Among many threads the one whose deadline comes next has most likely left the cache: it is fetched while another runs.
    #[inline]
    fn look_ahead(&self) {
        const MANY: usize = 64;
        if self.sched.threads.ever() > MANY
            && let Some(Due::Thread(next)) = self.sched.deadlines.peek()
            && let Some(fiber) = &self.sched.threads[*next].handle.fiber
        {
            fiber.fetch();
        }
    }

    fn quiescent(&mut self) {
        self.emit_at(NodeId::WORLD, Seq::NONE, What::Quiescent);
        self.consult(|observer, room| observer.quiescent(room));
        if self.sched.deadlines.is_empty() && !self.sched.threads.any_runnable() {
            self.finish(Ending::Quiet);
        }
    }

    /// Handles the next due event.
    pub(crate) fn fire_next(&mut self) {
        let Some((due_ns, due)) = self.sched.deadlines.take() else { return };
        if due_ns > self.settings.end_ns {
            self.sched.now_ns = self.settings.end_ns;
            self.finish(Ending::TimeUp);
            return;
        }
        self.sched.now_ns = self.sched.now_ns.max(due_ns);
        match due {
            Due::Thread(id) => self.thread_due(id),
            Due::Arrival(arrival) => self.arrive(arrival),
            Due::Retransmit(from) => self.retransmit(from),
            Due::Start(node) => self.start_process(node),
            Due::Overrun(node, incarnation) => {
                let lifecycle = &self.process[node].lifecycle;
                if lifecycle.incarnation() == incarnation && lifecycle.state() == ProcessState::Stopping {
                    let asked = lifecycle.stop_asked();
                    self.end_process(node, Death::Overrun, asked);
                }
            }
            Due::Probe(end, unanswered) => self.probe(end, unanswered),
            Due::Timer(id, winding) => self.timer_due(id, winding),
            Due::Alarm(token) => self.consult(|observer, room| observer.alarm(token, room)),
        }
    }

    #[inline]
    pub(crate) fn thread_due(&mut self, id: ThreadId) {
        match self.sched.threads.due(id, self.sched.now_ns) {
            Timeout::Nothing => {}
            Timeout::Later(due_ns) => self.sched.deadlines.at(due_ns, Due::Thread(id)),
            Timeout::Now => {
                if let State::Waiting(Wait::Futex(address)) = self.sched.threads[id].state {
                    self.sched.futexes.forget(address, id);
                }
                let seq = self.emit(id, What::TimerFired);
                self.sched.threads.time_out(id, seq, &self.sched.choices);
            }
        }
    }

    pub(crate) fn finish(&mut self, ending: Ending) {
        self.ending.get_or_insert(ending);
        self.sched.must_switch = true;
    }

    /// The strand that goes next, and the host's if nobody does.
    pub(crate) fn next_fiber(&mut self) -> *const Fiber {
        match self.next() {
            Some(id) => match &self.sched.threads[id].handle.fiber {
                Some(fiber) => &raw const **fiber,
                None => unreachable!("a runnable thread has a strand"),
            },
            None => &raw const *self.sched.host,
        }
    }

    pub(crate) fn fiber_of(&self, me: Option<ThreadId>) -> *const Fiber {
        match me.and_then(|me| self.sched.threads[me].handle.fiber.as_ref()) {
            Some(fiber) => &raw const **fiber,
            None => &raw const *self.sched.host,
        }
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
