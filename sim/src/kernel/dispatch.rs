//! The world: everything of a run behind the doors, and the loop that moves it on.
//! It blocks nobody: it says that a caller must wait, and the doors pass the baton.

use super::control::{Control, Observer};
use super::ending::{Crash, Ending};
use super::net::pipe::Pipes;
use super::net::ports::Net;
use super::net::tcp::Ref;
use super::net::udp::Datagram;
use super::process::fd::description::{DescriptionId, Descriptions};
use super::process::memory::Account;
use super::process::node::{Main, Node, ProcessState};
use super::process::output::Lines;
use super::process::signal::Signals;
use super::sched::call_site::CallSites;
use super::sched::choice::Choices;
use super::sched::deadlines::Queue;
use super::sched::fiber::{Body, Fiber};
use super::sched::futex::Futexes;
use super::sched::task::Tasks;
use super::sched::thread::{self, Preemption, Schedule, State, ThreadId, Threads, Wait};
use crate::event::recorder::Log;
use crate::event::{Death, Event, NodeId, Seq, What};
use crate::host::system::Routine;
use std::collections::VecDeque;

/// What falls due.
pub(crate) enum Due {
    /// A thread's deadline.
    Thread(ThreadId),
    /// A SYN arrives; which attempt it is.
    Syn(Ref, u32),
    /// The head of a connection's flight arrives.
    Segment(Ref),
    /// A flight that a cut link held up tries again.
    Retry(Ref),
    /// A datagram arrives.
    Datagram(Box<Datagram>),
    /// A node starts, unless it did already.
    Start(NodeId),
    /// A stop's budget has run out.
    Overrun(NodeId, u16),
    /// The observer wanted to be called.
    Alarm(u64),
    /// A keepalive probe is due, after so many without an answer.
    Probe(Ref, u32),
    /// A timer descriptor fires, if it is still wound up so.
    Timer(DescriptionId, u32),
}

/// What a step of a door comes to.
pub(crate) enum Turn<T> {
    /// It is done.
    Done(T),
    /// The caller waits for this, until then at most, and tries again.
    Wait(Wait, u64),
}

/// What a new thread runs.
pub(crate) enum Start {
    /// A process's main function.
    Main(Main, u16),
    /// A start routine, with its argument's address.
    Routine(Routine, usize),
}

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

/// Everything of a run.
pub(crate) struct Kernel {
    pub(crate) now_ns: u64,
    pub(crate) choices: Choices,
    pub(crate) queue: Queue<Due>,
    pub(crate) threads: Threads,
    /// The threads that stand still alone, each under the number of its hold.
    pub(crate) held: Vec<(u32, ThreadId)>,
    pub(crate) nodes: Vec<Node>,
    pub(crate) descriptions: Descriptions,
    pub(crate) net: Net,
    pub(crate) pipes: Pipes,
    pub(crate) unix: super::net::unix::Unix,
    /// Files that are mapped into memory.
    pub(crate) images: Vec<super::fs::mapping::Image>,
    pub(crate) futexes: Futexes,
    pub(crate) signals: Signals,
    pub(crate) log: Log,
    pub(crate) lines: Lines,
    pub(crate) settings: Settings,
    pub(crate) ending: Option<Ending>,
    /// The running thread must give the baton away before it goes on: it was killed, or the run is over.
    pub(crate) must_pass: bool,
    /// Set while the thread that runs is to be blamed for events.
    pub(crate) running: Option<ThreadId>,
    pub(crate) stack: Option<String>,
    pub(crate) crash: Option<Crash>,
    pub(crate) places: CallSites,
    pub(crate) tasks: Tasks,
    pub(crate) wakes: super::sched::task_wakes::Wakes,
    /// Which thread was the last to read a clock, unless something happened on it since.
    pub(crate) clock_read_by: ThreadId,
    /// Who had the baton when the kernel began to look for who goes next: the kernel works on its stack.
    pub(crate) before: Option<ThreadId>,
    pub(crate) objects: u32,
    pub(crate) heard: super::net::stale::Heard,
    /// Some node's clocks are not the room's.
    pub(crate) clocks_differ: bool,
    /// How often timers were wound up.
    pub(crate) windings: u32,
    pub(crate) generations: std::collections::BTreeMap<(NodeId, crate::event::Name), u32>,
    /// How often each place that may misbehave was passed on each node.
    pub(crate) buggify_passes: std::collections::BTreeMap<(NodeId, u64), u64>,
    /// Nodes whose programs another engine runs.
    #[cfg(any(feature = "turmoil", madsim))]
    pub(crate) guests: Option<Box<crate::guest::nodes::Guests>>,
    host: Box<Fiber>,
    /// What a new thread's strand is to run.
    pub(crate) begin: fn(ThreadId, Start) -> Body,
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

/// Which process a thread belongs to.
#[derive(Clone, Copy)]
pub(crate) struct Identity {
    pub(crate) node: NodeId,
    pub(crate) incarnation: u16,
}

impl Kernel {
    pub(crate) fn new(settings: Settings, begin: fn(ThreadId, Start) -> Body) -> Self {
        let mut threads = Threads::default();
        threads.schedule = settings.schedule;
        let mut net = Net::default();
        net.latency = settings.latency;
        Self {
            now_ns: 0,
            choices: Choices::of_run(settings.seed, settings.record),
            queue: Queue::default(),
            threads,
            held: Vec::new(),
            nodes: Vec::new(),
            descriptions: Descriptions::default(),
            net,
            pipes: Pipes::default(),
            unix: Default::default(),
            images: Vec::new(),
            futexes: Futexes::default(),
            signals: Signals::default(),
            log: Log::new(settings.record),
            lines: Lines::new(settings.lines || settings.record),
            settings,
            ending: None,
            must_pass: false,
            running: None,
            stack: None,
            crash: None,
            places: CallSites::default(),
            tasks: Tasks::default(),
            wakes: Default::default(),
            clock_read_by: thread::NOBODY,
            before: None,
            objects: 0,
            heard: Default::default(),
            clocks_differ: false,
            windings: 0,
            generations: std::collections::BTreeMap::new(),
            buggify_passes: std::collections::BTreeMap::new(),
            #[cfg(any(feature = "turmoil", madsim))]
            guests: None,
            host: Fiber::host(),
            begin,
            observer: None,
            unobserved: VecDeque::new(),
            observing: false,
        }
    }

    /// Makes a node, with this much memory if it is not to have all that it asks for; it starts at `start_ns`.
    pub(crate) fn add_node(&mut self, name: &str, main: Main, start_ns: u64, memory_bytes: Option<u64>) -> NodeId {
        assert!(
            self.nodes.len() < super::process::node::NODES_MAX,
            "a room holds {} nodes",
            super::process::node::NODES_MAX
        );
        let node = NodeId(self.nodes.len() as u16);
        let memory = Account::new(memory_bytes, self.settings.largest_allocation_bytes);
        self.nodes.push(Node::new(name, main, memory));
        if start_ns < u64::MAX {
            self.start_after(node, start_ns);
        }
        node
    }

    pub(crate) fn observe(&mut self, observer: Box<dyn Observer>) {
        self.observer = Some(observer);
    }

    pub(crate) fn take_observer(&mut self) -> Option<Box<dyn Observer>> {
        self.observer.take()
    }

    // -- events

    #[inline]
    pub(crate) fn identity(&self, me: ThreadId) -> Identity {
        let thread = &self.threads[me];
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
        #[cfg(any(feature = "turmoil", madsim))]
        if self.is_muted(me) {
            return Seq::NONE;
        }
        let thread = &self.threads[me];
        let task = if self.wakes.followed { u64::from(thread.task) } else { task };
        let event = Event {
            seq: Seq::NONE,
            time_ns: self.now_ns,
            node: thread.node,
            incarnation: thread.incarnation,
            thread: thread.number,
            task,
            cause: thread.cause,
            what,
        };
        let seq = self.push(event);
        let thread = &mut self.threads[me];
        // Where tasks are not followed, a runtime's thread does things for many, of which only its last activation is known.
        if self.wakes.followed || thread.asked_in == thread::NEVER_ASKED {
            thread.cause = seq;
            thread.found_nothing = false;
            self.clock_read_by = thread::NOBODY;
        }
        seq
    }

    /// Something happened to a node, outside any of its threads.
    #[inline]
    pub(crate) fn emit_at(&mut self, node: NodeId, cause: Seq, what: What) -> Seq {
        let incarnation = self.nodes.get(usize::from(node.0)).map_or(0, |node| node.incarnation);
        let event = Event { seq: Seq::NONE, time_ns: self.now_ns, node, incarnation, thread: 0, task: 0, cause, what };
        self.push(event)
    }

    fn push(&mut self, mut event: Event) -> Seq {
        self.log.push(&mut event);
        if self.settings.record {
            self.choices.came_to(self.log.len());
        }
        if self.settings.stack_at == Some(event.seq.0) {
            self.stack = Some(std::backtrace::Backtrace::force_capture().to_string());
        }
        if event.seq.0 >= self.settings.events_max {
            self.finish(Ending::TooManyEvents);
        }
        if self.observing {
            self.unobserved.push_back(event);
        } else if self.observer.as_ref().is_some_and(|observer| observer.wants(&event.what)) {
            self.consult(|observer, room| observer.event(&event, room));
        }
        event.seq
    }

    /// Shows the observer what happened while it was looking.
    fn drain_events(&mut self) {
        if self.unobserved.is_empty() {
            return;
        }
        let Some(mut observer) = self.observer.take() else { return };
        self.observing = true;
        while let Some(event) = self.unobserved.pop_front() {
            if observer.wants(&event.what) {
                observer.event(&event, &mut Control::new(self));
            }
        }
        self.observing = false;
        self.observer = Some(observer);
    }

    fn consult(&mut self, call: impl FnOnce(&mut dyn Observer, &mut Control<'_>)) {
        let Some(mut observer) = self.observer.take() else { return };
        self.observing = true;
        call(&mut *observer, &mut Control::new(self));
        self.observing = false;
        self.observer = Some(observer);
        self.drain_events();
    }

    // -- doors

    /// The running thread passes a door: a moment goes by. `false` if it is to be cut off here: then [`cut`](Self::cut) says
    /// how, and nothing has happened yet.
    #[inline]
    pub(crate) fn enter_call(&mut self) -> bool {
        let goes_on = self.threads.enter_call();
        self.now_ns += if goes_on { CALL_NS } else { 0 };
        goes_on
    }

    /// What the running thread does from here on, until [`back`](Self::back), is no part of the run: no door is counted.
    pub(crate) fn aside(&mut self) -> Aside {
        Aside {
            now_ns: self.now_ns,
            calls_left: self.threads.set_calls_left(u32::MAX),
            clock_read_by: self.clock_read_by,
            switches: self.threads.switches,
            events: self.log.len(),
        }
    }

    /// Makes the doors since then undone. Where others ran meanwhile, or something happened, the run is another one and time stands.
    pub(crate) fn back(&mut self, aside: Aside) {
        self.threads.set_calls_left(aside.calls_left);
        if (self.threads.switches, self.log.len()) == (aside.switches, aside.events) {
            (self.now_ns, self.clock_read_by) = (aside.now_ns, aside.clock_read_by);
        }
    }

    /// The running thread is cut off at a door.
    #[cold]
    pub(crate) fn cut(&mut self, me: ThreadId, at_clock: bool) -> Preemption {
        self.now_ns += CALL_NS;
        self.look_for_spin(me, at_clock);
        self.threads.cut(me, self.now_ns, &self.choices)
    }

    /// Parks the running thread; the caller passes the baton next.
    #[inline]
    pub(crate) fn park(&mut self, me: ThreadId, wait: Wait, until_ns: u64) {
        if self.threads[me].state != State::Running {
            return; // it was killed meanwhile
        }
        if let Some(due) = self.threads.wait(me, wait, until_ns) {
            self.queue.at(due, Due::Thread(me));
        }
    }

    /// The running thread lets others go first; the caller passes the baton next.
    pub(crate) fn give_way(&mut self, me: ThreadId) {
        if self.threads[me].state == State::Running {
            self.threads.give_way(me, &self.choices);
        }
    }

    /// The thread waits for a change of this description.
    pub(crate) fn wait_for_change(&mut self, id: DescriptionId, me: ThreadId) {
        if let Some(description) = self.descriptions.get_mut(id)
            && !description.waiters.contains(&me)
        {
            description.waiters.push(me);
        }
    }

    /// Who goes on: moves time when nobody can. `None` is the host: the run is over.
    pub(crate) fn next(&mut self) -> Option<ThreadId> {
        self.must_pass = false;
        self.before = self.running.take();
        if let Some(stopped) = self.before {
            self.threads.stop(stopped);
        }
        loop {
            if self.ending.is_some() {
                self.must_pass = true;
                return None;
            }
            while self.queue.next_ns().is_some_and(|due_ns| due_ns <= self.now_ns) {
                self.fire_next();
            }
            if self.ending.is_some() {
                continue;
            }
            if let Some(id) = self.threads.next() {
                self.running = Some(id);
                crate::isolate::beat(self.threads[id].node.0);
                self.look_ahead();
                return Some(id);
            }
            if self.queue.is_empty() {
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
        if self.threads.ever() > MANY
            && let Some(Due::Thread(next)) = self.queue.peek()
            && let Some(fiber) = &self.threads[*next].fiber
        {
            fiber.fetch();
        }
    }

    /// Lets everything happen that is due, while the running thread keeps the baton.
    #[cfg(any(feature = "turmoil", madsim))]
    pub(crate) fn fire_due(&mut self) {
        if self.now_ns > self.settings.end_ns {
            self.now_ns = self.settings.end_ns;
            self.finish(Ending::TimeUp);
        }
        while self.ending.is_none() && self.queue.next_ns().is_some_and(|due_ns| due_ns <= self.now_ns) {
            self.fire_next();
        }
    }

    fn quiescent(&mut self) {
        self.emit_at(NodeId::WORLD, Seq::NONE, What::Quiescent);
        self.consult(|observer, room| observer.quiescent(room));
        if self.queue.is_empty() && !self.threads.any_runnable() {
            self.finish(Ending::Quiet);
        }
    }

    fn fire_next(&mut self) {
        let Some((due_ns, due)) = self.queue.take() else { return };
        if due_ns > self.settings.end_ns {
            self.now_ns = self.settings.end_ns;
            self.finish(Ending::TimeUp);
            return;
        }
        self.now_ns = self.now_ns.max(due_ns);
        match due {
            Due::Thread(id) => self.thread_due(id),
            Due::Segment(from) => self.segment(from),
            Due::Syn(end, attempt) => self.syn(end, attempt),
            Due::Retry(from) => self.retry(from),
            Due::Datagram(datagram) => self.datagram(*datagram),
            Due::Start(node) => self.start_process(node),
            Due::Overrun(node, incarnation) => {
                let it = &self.nodes[usize::from(node.0)];
                if it.incarnation == incarnation && it.life == ProcessState::Stopping {
                    let asked = it.stop_asked;
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
        match self.threads.due(id, self.now_ns) {
            thread::Due::Nothing => {}
            thread::Due::Later(due_ns) => self.queue.at(due_ns, Due::Thread(id)),
            thread::Due::Now => {
                if let State::Waiting(Wait::Futex(address)) = self.threads[id].state {
                    self.futexes.forget(address, id);
                }
                let seq = self.emit(id, What::TimerFired);
                self.threads.time_out(id, seq, &self.choices);
            }
        }
    }

    pub(crate) fn finish(&mut self, ending: Ending) {
        self.ending.get_or_insert(ending);
        self.must_pass = true;
    }

    /// The strand that goes next, and the host's if nobody does.
    pub(crate) fn next_fiber(&mut self) -> *const Fiber {
        match self.next() {
            Some(id) => match &self.threads[id].fiber {
                Some(fiber) => &raw const **fiber,
                None => unreachable!("a runnable thread has a strand"),
            },
            None => &raw const *self.host,
        }
    }

    pub(crate) fn fiber_of(&self, me: Option<ThreadId>) -> *const Fiber {
        match me.and_then(|me| self.threads[me].fiber.as_ref()) {
            Some(fiber) => &raw const **fiber,
            None => &raw const *self.host,
        }
    }
}
