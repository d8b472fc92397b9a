//! The operator's handle of a simulation: its queries, and the actions of plans and scenarios.
//! It decides nothing itself; it calls the kernel's parts.

use super::dispatch::Kernel;
use super::due::Due;
use super::ending::Ending;
use super::fs::disk::DiskFault;
use super::net::link::LinkFault;
use super::observation::Consult;
use super::process::state::ProcessState;
use super::sched::choice::Choices;
use super::sched::fiber::own_stack;
use crate::event::{Death, Event, Leak, Name, NodeId, Seq, What};

/// Receives the events of a run and may act on them. No thread of the run goes on meanwhile.
pub trait Observer {
    /// Returns whether this event is of interest. The answer may depend on its kind ([`What::kind`]) alone; called for each event.
    fn wants(&self, what: &What) -> bool;
    /// Receives an event of interest.
    fn event(&mut self, event: &Event, control: &mut Control<'_>);
    /// Receives an alarm that [`Control::set_alarm`] set, when it is due.
    fn alarm(&mut self, token: u64, control: &mut Control<'_>);
    /// Called when nothing can run and no deadline is pending, before [`What::Quiescent`] says so.
    fn stuck(&mut self, _control: &mut Control<'_>) {}
    /// Called when the run's time is up, before it ends.
    fn time_is_up(&mut self, _control: &mut Control<'_>) {}
    /// Called when nothing can run and no deadline is pending. The run ends unless the observer starts something.
    fn quiescent(&mut self, control: &mut Control<'_>);
    /// Returns the observer's results, at the end of the run.
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

/// The kernel's view of an observer.
struct Attached(Box<dyn Observer>);

/// Wraps an observer for the kernel.
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

    fn stuck(&mut self, kernel: &mut Kernel) {
        self.0.stuck(&mut Control::new(kernel));
    }

    fn quiescent(&mut self, kernel: &mut Kernel) {
        self.0.quiescent(&mut Control::new(kernel));
    }

    fn time_is_up(&mut self, kernel: &mut Kernel) {
        self.0.time_is_up(&mut Control::new(kernel));
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
        self.kernel.sched.now_ns()
    }

    /// The keyed choices of this run.
    pub fn choices(&self) -> &Choices {
        self.kernel.sched.choices()
    }

    /// The number of nodes.
    pub fn nodes(&self) -> u16 {
        self.kernel.process.count() as u16
    }

    /// A node's name; `world` for [`NodeId::SIMULATION`].
    pub fn node_name(&self, node: NodeId) -> &str {
        self.kernel.process.node(node).map_or("world", |node| node.name())
    }

    /// The text of a name.
    pub fn text(&self, name: Name) -> &str {
        self.kernel.recorder.text(name)
    }

    /// The name of a text; interns a new one.
    pub fn name(&mut self, text: &str) -> Name {
        self.kernel.recorder.name(text)
    }

    /// The state of a node's process.
    pub fn status(&self, node: NodeId) -> Status {
        match self.kernel.process.node(node).map(|node| node.lifecycle().state()) {
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

    /// Records that a fault of this kind struck `on`. Returns the event, which is the cause of the fault's effects. `detail` is
    /// the target that the strike chose, such as a path; it may be empty.
    pub fn record_fault(&mut self, kind: &str, injection: u32, detail: &str, on: NodeId) -> Seq {
        let (kind, detail) = (self.name(kind), if detail.is_empty() { Name::NONE } else { self.name(detail) });
        self.kernel.emit_at(on, Seq::NONE, What::Fault { kind, injection, detail })
    }

    /// Records that a fault of this kind ended. Returns the event.
    pub fn record_heal(&mut self, kind: &str, injection: u32) -> Seq {
        let kind = self.name(kind);
        self.kernel.emit_at(NodeId::SIMULATION, Seq::NONE, What::Healed { kind, injection })
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

    /// Cuts the power of a node's machine, whether its process runs or has ended: unsynced data is lost, and the machine is silent
    /// until its process starts. It starts after `down_ns`, unless it had ended and a restart is due, which stays due at its time.
    pub fn lose_power(&mut self, node: NodeId, down_ns: u64, cause: Seq) {
        self.kernel.lose_power(node, down_ns, cause);
    }

    /// Pauses a node's process, as SIGSTOP would. Returns whether it was running.
    pub fn pause(&mut self, node: NodeId, cause: Seq) -> bool {
        self.kernel.pause(node, cause)
    }

    /// Returns whether a node's process is paused.
    pub fn is_paused(&self, node: NodeId) -> bool {
        self.kernel.process.node(node).is_some_and(|node| node.lifecycle().is_paused())
    }

    /// Resumes a node's process, as SIGCONT would. Returns whether it was paused.
    pub fn resume(&mut self, node: NodeId, cause: Seq) -> bool {
        self.kernel.resume(node, cause)
    }

    /// Holds one thread of a node's process until [`release_thread`](Self::release_thread) ends the hold of this number. The thread
    /// is the running one if it belongs to this process, or else the `nth` live one, from 1, modulo their number. Returns the
    /// thread's description; `None` if the process is not running.
    pub fn hold_thread(&mut self, node: NodeId, nth: u32, number: u32) -> Option<String> {
        let held = self.kernel.hold(node, nth, number)?;
        Some(self.kernel.thread_name(held))
    }

    /// The thread under the hold of this number, as its number in its process, if it is still alive.
    pub fn held_thread(&self, number: u32) -> Option<u32> {
        self.kernel.held(number).map(|id| self.kernel.sched[id].number())
    }

    /// Ends the hold of this number. Its thread goes on unless another hold or a pause stops it. Does nothing if there is no
    /// such hold.
    pub fn release_thread(&mut self, number: u32) {
        self.kernel.end_hold(number);
    }

    /// Starts a node's process after `delay_ns`, unless it is running by then. A start that is due before stays due.
    pub fn start(&mut self, node: NodeId, delay_ns: u64) {
        self.kernel.start_after(node, delay_ns);
    }

    /// Restarts a node's process `delay_ns` after its present incarnation has ended.
    pub fn restart_after_exit(&mut self, node: NodeId, delay_ns: u64) {
        if let Some(node) = self.kernel.process.node_mut(node) {
            node.lifecycle_mut().restart_after(delay_ns);
        }
    }

    /// Returns whether a start of a node's process is due.
    pub fn will_restart(&self, node: NodeId) -> bool {
        self.kernel.process.node(node).is_some_and(|node| node.lifecycle().will_restart())
    }

    /// Partitions one node from another, in this direction only.
    pub fn partition(&mut self, from: NodeId, to: NodeId) {
        self.kernel.partition(from, to);
    }

    /// Heals the partition in this direction.
    pub fn heal_partition(&mut self, from: NodeId, to: NodeId) {
        self.kernel.heal_partition(from, to);
    }

    /// Heals every partition and clears every link fault. Returns whether there was any.
    pub fn heal_links(&mut self) -> bool {
        self.kernel.heal_links()
    }

    /// Injects a fault into the link between two nodes, in both directions.
    pub fn inject_link_fault(&mut self, a: NodeId, b: NodeId, fault: LinkFault) {
        self.kernel.inject_link_fault(a, b, fault);
    }

    /// Clears a fault that [`inject_link_fault`](Self::inject_link_fault) injected; of two equal ones, one.
    pub fn clear_link_fault(&mut self, a: NodeId, b: NodeId, fault: LinkFault) {
        self.kernel.clear_link_fault(a, b, fault);
    }

    /// The number of open connections between two nodes, which a reset would end.
    pub fn connections(&self, a: NodeId, b: NodeId) -> usize {
        self.kernel.connections_between(a, b).len()
    }

    /// Resets every connection between two nodes, at both ends. Returns their number.
    pub fn reset_connections(&mut self, a: NodeId, b: NodeId, cause: Seq) -> usize {
        self.kernel.reset_connections(a, b, cause)
    }

    /// Steps a node's wall clock by this many nanoseconds; a negative step goes back in time.
    pub fn step_clock(&mut self, node: NodeId, by_ns: i64) {
        self.kernel.step_clock(node, by_ns);
    }

    /// Skews a node's clocks by this many millionths more from now on. The negative value undoes the skew; the time gained
    /// meanwhile stays.
    pub fn skew_clock(&mut self, node: NodeId, ppm: i32) {
        self.kernel.skew_clock(node, ppm);
    }

    /// Sets the extra latency of each sync of a node's disk, in nanoseconds; 0 for a healthy disk.
    pub fn slow_disk(&mut self, node: NodeId, extra_ns: u64) {
        if let Some(node) = self.kernel.process.node_mut(node) {
            node.storage_mut().slow_syncs(extra_ns);
        }
    }

    /// Injects a fault into a node's disk.
    pub fn inject_disk_fault(&mut self, node: NodeId, fault: DiskFault) {
        if let Some(node) = self.kernel.process.node_mut(node) {
            node.disk().inject_fault(fault);
        }
    }

    /// Clears a fault of a node's disk, or all of them. Threads that waited for the device go on because of `cause`.
    pub fn clear_disk_faults(&mut self, node: NodeId, fault: Option<DiskFault>, cause: Seq) {
        self.kernel.clear_disk_faults(node, fault, cause);
    }

    /// The path of the `nth` file of a node's disk, from 1, in the order of paths, modulo their number. With `filled`, only files
    /// with content count. `None` if there is none.
    pub fn nth_file(&mut self, node: NodeId, nth: u32, filled: bool) -> Option<String> {
        self.kernel.process.node(node)?.storage().nth_file(nth, filled)
    }

    /// Removes a file from the media and its name from the directory. Open descriptors of it stay valid.
    pub fn remove_file(&mut self, node: NodeId, path: &str, cause: Seq) {
        self.kernel.remove_file(node, path, cause);
    }

    /// Damages some bytes of a file; their offset and value are choices, keyed by the injection.
    pub fn corrupt_file(&mut self, node: NodeId, path: &str, injection: u32) {
        self.kernel.corrupt_file(node, path, injection);
    }

    /// Limits a node's process to this many bytes of memory; `None` for its machine's own budget.
    pub fn limit_memory(&mut self, node: NodeId, bytes: Option<u64>) {
        if let Some(node) = self.kernel.process.node(node) {
            node.memory().limit(bytes);
        }
    }

    /// Returns whether [`limit_memory`](Self::limit_memory) leaves a node's process less than its machine's budget.
    pub fn has_memory_limit(&self, node: NodeId) -> bool {
        self.kernel.process.node(node).is_some_and(|node| node.memory().has_memory_limit())
    }

    /// Returns whether a node's disk refuses operations at this moment: with errors, or because no space is free.
    pub fn disk_fails(&self, node: NodeId) -> bool {
        self.kernel.process.node(node).is_some_and(|node| node.storage().refuses())
    }

    /// A digest of the disk as a node's next process would find it; 0 if there is no disk yet. It reads the whole disk.
    pub fn disk_state(&self, node: NodeId) -> u128 {
        let disk = self.kernel.process.node(node).and_then(|node| node.storage().used());
        disk.map_or(0, |disk| disk.visible_digest())
    }

    /// Every socket of every process.
    pub fn sockets(&self) -> Vec<crate::event::Socket> {
        self.kernel.sockets()
    }

    /// Calls [`Observer::alarm`] with `token` after `delay_ns`.
    pub fn set_alarm(&mut self, delay_ns: u64, token: u64) {
        self.kernel.sched.set_deadline(self.kernel.sched.now_ns().saturating_add(delay_ns), Due::Alarm(token));
    }

    /// Ends the run.
    pub fn finish(&mut self) {
        self.kernel.finish(Ending::Asked);
    }

    /// One line for each live thread with its wait, for reports of deadlocks.
    pub fn threads(&self) -> Vec<String> {
        let live = self.kernel.sched.threads().filter(|(_, thread)| thread.is_live());
        live.map(|(id, thread)| format!("{} {}", self.node_name(thread.node()), self.kernel.wait_of(id))).collect()
    }

    /// The wait and the call site of each live thread of a node's process.
    pub fn stacks(&mut self, node: NodeId) -> Vec<(String, u32)> {
        self.kernel.stacks(node).into_iter().map(|(line, call_site)| (line, call_site.0)).collect()
    }

    /// Records the waits of a node's process as events: its main future, its tasks, its threads, its connections. If its last process
    /// has ended, it records that, and when the next one starts.
    pub fn report_waits(&mut self, node: NodeId) {
        self.kernel.report_waits(node);
    }

    /// The call site of the running thread, which caused the event that is being observed.
    pub fn call_site(&mut self) -> u32 {
        self.kernel.process.call_site(&own_stack()).0
    }

    /// The call sites at which a closed descriptor of a node was opened and closed; `None` if it is open or never was.
    pub fn closed_descriptor(&self, node: NodeId, fd: i32) -> Option<(u32, u32)> {
        let (opened, closed) = self.kernel.process.node(node)?.descriptors().closed(fd)?;
        Some((opened.0, closed.0))
    }

    /// The last lines that the present or last incarnation of a node's process printed, oldest first, each with its event: those of
    /// standard error, or of standard output if there are none.
    pub fn last_lines(&self, node: NodeId) -> impl Iterator<Item = (Seq, Name)> {
        self.kernel.process.node(node).into_iter().flat_map(|node| node.printed().last())
    }

    /// Records each leak of a process that ended in order as an event. Returns the event, kind, call site and name of each.
    pub fn report_leaks(&mut self, node: NodeId, cause: Seq) -> Vec<(Seq, Leak, u32, String)> {
        self.kernel.report_leaks(node, cause)
    }
}
