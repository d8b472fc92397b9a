//! The control of a simulation: everything that a scenario, a plan or an invariant may ask of it and do to it.
//! It decides nothing itself; it calls the kernel's parts.

use super::dispatch::Kernel;
use super::due::Due;
use super::ending::Ending;
use super::fs::disk::Trouble;
use super::net::link::LinkTrouble;
use super::observation::Consult;
use super::process::state::ProcessState;
use super::sched::choice::Choices;
use super::sched::fiber::own_stack;
use crate::event::{Death, Event, Leak, Name, NodeId, Seq, What};

/// Sees each event and may act on it. No thread of the run goes on meanwhile.
pub trait Observer {
    /// Whether events of this kind ([`What::kind`]) are of interest; called for each event.
    fn wants(&self, what: &What) -> bool;
    /// An event happened.
    fn event(&mut self, event: &Event, control: &mut Control<'_>);
    /// An alarm is due that [`Control::alarm`] set.
    fn alarm(&mut self, token: u64, control: &mut Control<'_>);
    /// Nothing can run and no deadline is left: the run ends unless the observer starts something.
    fn quiescent(&mut self, control: &mut Control<'_>);
    /// The run is over: the observer's results.
    fn into_any(self: Box<Self>) -> Box<dyn std::any::Any>;
}

/// The state of a node's process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// Not started yet.
    New,
    /// Running.
    Up,
    /// Asked to stop, and not ended.
    Stopping,
    /// Ended.
    Down,
    /// The machine has no power.
    Off,
}

/// The handle by which an observer controls a simulation.
pub struct Control<'a> {
    kernel: &'a mut Kernel,
}

/// An observer as the kernel consults it.
struct Attached(Box<dyn Observer>);

/// Makes an observer one that a kernel can hold.
pub(crate) fn attach(observer: Box<dyn Observer>) -> Box<dyn Consult<Kernel>> {
    Box::new(Attached(observer))
}

impl Consult<Kernel> for Attached {
    #[inline]
    fn wants(&self, what: &What) -> bool {
        self.0.wants(what)
    }

    fn event(&mut self, event: &Event, kernel: &mut Kernel) {
        self.0.event(event, &mut Control::new(kernel));
    }

    fn alarm(&mut self, token: u64, kernel: &mut Kernel) {
        self.0.alarm(token, &mut Control::new(kernel));
    }

    fn quiescent(&mut self, kernel: &mut Kernel) {
        self.0.quiescent(&mut Control::new(kernel));
    }

    fn into_any(self: Box<Self>) -> Box<dyn std::any::Any> {
        self.0.into_any()
    }
}

impl<'a> Control<'a> {
    pub(crate) fn new(kernel: &'a mut Kernel) -> Self {
        Self { kernel }
    }

    /// Virtual nanoseconds since the run began.
    pub fn now_ns(&self) -> u64 {
        self.kernel.sched.now_ns
    }

    /// The keyed choices of this run.
    pub fn choices(&self) -> &Choices {
        &self.kernel.sched.choices
    }

    /// The number of nodes.
    pub fn nodes(&self) -> u16 {
        self.kernel.process.nodes.count() as u16
    }

    /// A node's name; `world` for the simulation itself.
    pub fn node_name(&self, node: NodeId) -> &str {
        self.kernel.process.node(node).map_or("world", |node| &node.name)
    }

    /// The text behind a name.
    pub fn text(&self, name: Name) -> &str {
        self.kernel.recorder.text(name)
    }

    /// The name of a text, new or known.
    pub fn name(&mut self, text: &str) -> Name {
        self.kernel.recorder.name(text)
    }

    /// The state of a node's process.
    pub fn status(&self, node: NodeId) -> Status {
        match self.kernel.process.node(node).map(|node| node.lifecycle.state()) {
            None | Some(ProcessState::New) => Status::New,
            Some(ProcessState::Up) => Status::Up,
            Some(ProcessState::Stopping) => Status::Stopping,
            Some(ProcessState::Down) => Status::Down,
            Some(ProcessState::Off) => Status::Off,
        }
    }

    /// A node's incarnation, from 1; 0 before the first.
    pub fn incarnation(&self, node: NodeId) -> u16 {
        self.kernel.process.node(node).map_or(0, |node| node.incarnation())
    }

    /// Records that a fault of this kind struck `on`. What follows has this event as its cause. `detail` is what the strike chose, such
    /// as a path; it may be empty.
    pub fn fault(&mut self, kind: &str, injection: u32, detail: &str, on: NodeId) -> Seq {
        let (kind, detail) = (self.name(kind), if detail.is_empty() { Name::NONE } else { self.name(detail) });
        self.kernel.emit_at(on, Seq::NONE, What::Fault { kind, injection, detail })
    }

    /// Records that a fault of this kind ended.
    pub fn healed(&mut self, kind: &str, injection: u32) -> Seq {
        let kind = self.name(kind);
        self.kernel.emit_at(NodeId::WORLD, Seq::NONE, What::Healed { kind, injection })
    }

    /// Asks a node's process to stop within `budget_ns`, then kills it. Returns whether this was the first request to a running
    /// process; a further one leaves the budget as it is.
    pub fn stop(&mut self, node: NodeId, budget_ns: u64, cause: Seq) -> bool {
        self.kernel.request_stop(node, budget_ns, cause)
    }

    /// Ends a node's process at once. Returns whether it was running.
    pub fn end(&mut self, node: NodeId, how: Death, cause: Seq) -> bool {
        self.kernel.end_process(node, how, cause)
    }

    /// Pauses a node's process, as SIGSTOP would. Returns whether it ran until now.
    pub fn pause(&mut self, node: NodeId, cause: Seq) -> bool {
        self.kernel.pause(node, cause)
    }

    /// Whether a node's process is paused.
    pub fn is_paused(&self, node: NodeId) -> bool {
        self.kernel.process.node(node).is_some_and(|node| node.lifecycle.is_paused())
    }

    /// Resumes a node's process, as SIGCONT would. Returns whether it was paused.
    pub fn resume(&mut self, node: NodeId, cause: Seq) -> bool {
        self.kernel.resume(node, cause)
    }

    /// Holds one thread of a node's process until [`end_hold`](Self::end_hold) ends the hold of this number: the running thread,
    /// if it is of this process, or else the `nth` live one, from 1, modulo their number. Returns the thread in words; `None` if
    /// the process does not run.
    pub fn hold_thread(&mut self, node: NodeId, nth: u32, number: u32) -> Option<String> {
        let held = self.kernel.hold(node, nth, number)?;
        Some(self.kernel.thread_name(held))
    }

    /// The thread that the hold of this number holds, by its number in its process, if it is still alive.
    pub fn held_thread(&self, number: u32) -> Option<u32> {
        self.kernel.held(number).map(|id| self.kernel.sched.threads[id].number)
    }

    /// Ends the hold of this number: its thread goes on, unless another hold or a pause keeps it. Does nothing if there is no
    /// such hold.
    pub fn end_hold(&mut self, number: u32) {
        self.kernel.end_hold(number);
    }

    /// Starts a node's process after `delay_ns`, unless it runs by then.
    pub fn start(&mut self, node: NodeId, delay_ns: u64) {
        self.kernel.start_after(node, delay_ns);
    }

    /// Starts a node's process again `delay_ns` after its present incarnation has ended.
    pub fn restart_when_ended(&mut self, node: NodeId, delay_ns: u64) {
        if let Some(node) = self.kernel.process.node_mut(node) {
            node.lifecycle.restart_after(delay_ns);
        }
    }

    /// Whether a node that is down is due to start again.
    pub fn starts_again(&self, node: NodeId) -> bool {
        self.kernel.process.node(node).is_some_and(|node| node.lifecycle.starts_again())
    }

    /// Blocks or opens the link from one node to another, in this direction only.
    pub fn cut(&mut self, from: NodeId, to: NodeId, cut: bool) {
        if cut {
            self.kernel.net.links.partition(from, to);
            self.kernel.arm_probes(from, Some(to));
        } else {
            self.kernel.net.links.heal(from, to);
        }
    }

    /// Opens every link and ends every link trouble. Returns whether there was any.
    pub fn heal_links(&mut self) -> bool {
        self.kernel.net.links.heal_all() | self.kernel.mend_links()
    }

    /// Starts a trouble of the links between two nodes.
    pub fn trouble_link(&mut self, a: NodeId, b: NodeId, trouble: LinkTrouble) {
        self.kernel.net.links.begin_trouble(a, b, trouble);
    }

    /// Ends a trouble that [`trouble_link`](Self::trouble_link) started.
    pub fn mend_link(&mut self, a: NodeId, b: NodeId, trouble: LinkTrouble) {
        self.kernel.mend_link(a, b, trouble);
    }

    /// Resets every connection between two nodes, at both ends. Returns their number.
    pub fn reset_connections(&mut self, a: NodeId, b: NodeId, cause: Seq) -> usize {
        self.kernel.reset_connections(a, b, cause)
    }

    /// Steps a node's wall clock, in nanoseconds; negative is back in time.
    pub fn step_clock(&mut self, node: NodeId, by_ns: i64) {
        self.kernel.step_clock(node, by_ns);
    }

    /// Makes a node's clocks gain this much more in each second from now on, in millionths. To undo it, pass the negative: the
    /// time gained meanwhile stays.
    pub fn speed_clock(&mut self, node: NodeId, ppm: i32) {
        self.kernel.speed_clock(node, ppm);
    }

    /// Sets the extra latency of each sync of a node's disk, in nanoseconds; 0 for a sound disk.
    pub fn slow_disk(&mut self, node: NodeId, extra_ns: u64) {
        if let Some(node) = self.kernel.process.node_mut(node) {
            node.storage.slow_syncs(extra_ns);
        }
    }

    /// Starts a trouble of a node's disk.
    pub fn trouble_disk(&mut self, node: NodeId, trouble: Trouble) {
        if let Some(node) = self.kernel.process.node_mut(node) {
            node.disk().begin_trouble(trouble);
        }
    }

    /// Ends a trouble of a node's disk, or all of them; threads that waited for the device go on because of `cause`.
    pub fn mend_disk(&mut self, node: NodeId, trouble: Option<Trouble>, cause: Seq) {
        self.kernel.mend_disk(node, trouble, cause);
    }

    /// The path of the `nth` file of a node's disk, from 1, in the order of paths, modulo their number; with `filled`, only files
    /// that have content count. `None` if there is none.
    pub fn file_of(&mut self, node: NodeId, nth: u32, filled: bool) -> Option<String> {
        self.kernel.process.node(node)?.storage.nth_file(nth, filled)
    }

    /// Removes a file from the media and its name from the directory; processes that have it open keep it.
    pub fn remove_file(&mut self, node: NodeId, path: &str, cause: Seq) {
        self.kernel.remove_file(node, path, cause);
    }

    /// Damages some bytes of a file; their place and value are choices, keyed by the injection.
    pub fn corrupt_file(&mut self, node: NodeId, path: &str, injection: u32) {
        self.kernel.corrupt_file(node, path, injection);
    }

    /// Limits a node's process to this much memory; `None` for its machine's own budget.
    pub fn squeeze_memory(&mut self, node: NodeId, bytes: Option<u64>) {
        if let Some(node) = self.kernel.process.node(node) {
            node.memory.squeeze(bytes);
        }
    }

    /// Whether a node's process has less memory than its machine, by [`squeeze_memory`](Self::squeeze_memory).
    pub fn is_squeezed(&self, node: NodeId) -> bool {
        self.kernel.process.node(node).is_some_and(|node| node.memory.is_squeezed())
    }

    /// Whether a node's disk refuses operations at this moment: with errors, or because nothing is free.
    pub fn disk_fails(&self, node: NodeId) -> bool {
        self.kernel.process.node(node).is_some_and(|node| node.storage.refuses())
    }

    /// A digest of what the next process of a node would find on its disk; 0 if it has none yet. It reads the whole disk.
    pub fn disk_state(&self, node: NodeId) -> u128 {
        let disk = self.kernel.process.node(node).and_then(|node| node.storage.used());
        disk.map_or(0, |disk| disk.visible_digest())
    }

    /// Every socket of every process at this moment.
    pub fn sockets(&self) -> Vec<crate::event::Socket> {
        self.kernel.sockets()
    }

    /// Calls [`Observer::alarm`] with `token` after `delay_ns`.
    pub fn alarm(&mut self, delay_ns: u64, token: u64) {
        self.kernel.sched.deadlines.at(self.kernel.sched.now_ns.saturating_add(delay_ns), Due::Alarm(token));
    }

    /// Ends the run.
    pub fn finish(&mut self) {
        self.kernel.finish(Ending::Asked);
    }

    /// Every live thread and what it waits for, one line each: for reports of deadlocks.
    pub fn threads(&self) -> Vec<String> {
        let live = self.kernel.sched.threads.iter().filter(|(_, thread)| thread.is_live());
        live.map(|(id, thread)| format!("{} {}", self.node_name(thread.node), self.kernel.wait_of(id))).collect()
    }

    /// Every live thread of a node's process: what it waits for, and its call site.
    pub fn stacks(&mut self, node: NodeId) -> Vec<(String, u32)> {
        self.kernel.stacks(node).into_iter().map(|(line, place)| (line, place.0)).collect()
    }

    /// The call site of the running thread, which led to the event that is being observed.
    pub fn here(&mut self) -> u32 {
        self.kernel.process.call_sites.of(&own_stack()).0
    }

    /// The call sites at which a closed descriptor of a node was opened and closed; `None` if it was never open there, or is.
    pub fn closed_descriptor(&self, node: NodeId, fd: i32) -> Option<(u32, u32)> {
        let (opened, closed) = self.kernel.process.node(node)?.descriptors.closed(fd)?;
        Some((opened.0, closed.0))
    }

    /// Records the leaks of a process that ended in order, an event for each. Returns them: event, kind, call site, name.
    pub fn tell_left(&mut self, node: NodeId, cause: Seq) -> Vec<(Seq, Leak, u32, String)> {
        self.kernel.report_leaks(node, cause)
    }
}
