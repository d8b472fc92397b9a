//! The room as its operator sees it: what a scenario, a plan or an invariant may ask of the world and do to it.
//! It decides nothing itself.

use super::dispatch::Kernel;
use super::due::Due;
use super::ending::Ending;
use super::fs::disk::{ROOT, Trouble};
use super::net::link::LinkTrouble;
use super::process::leaked::LeakedItem;
use super::process::state::ProcessState;
use super::sched::choice::{Choices, Question, join};
use super::sched::fiber::own_stack;
use crate::event::{Death, Event, Leak, Name, NodeId, Seq, What};

/// Sees what happens and may act on it. Called with the world at rest: no thread of the run goes on meanwhile.
pub trait Observer {
    /// Whether events of this kind ([`What::kind`]) are of interest; asked for each.
    fn wants(&self, what: &What) -> bool;
    /// Something happened.
    fn event(&mut self, event: &Event, room: &mut Control<'_>);
    /// A time came that was asked for with [`Control::alarm`].
    fn alarm(&mut self, token: u64, room: &mut Control<'_>);
    /// Nothing can run and no deadline is left: the run ends unless something is done about it here.
    fn quiescent(&mut self, room: &mut Control<'_>);
    /// The run is over; for what the observer has to give, see the engine.
    fn into_any(self: Box<Self>) -> Box<dyn std::any::Any>;
}

/// Whether a process runs on a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// It has not been started yet.
    New,
    /// It runs.
    Up,
    /// It was asked to stop and has not ended.
    Stopping,
    /// It ended.
    Down,
    /// Its machine has no power.
    Off,
}

/// The world, as far as an operator may touch it.
pub struct Control<'a> {
    kernel: &'a mut Kernel,
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

    /// How many nodes there are.
    pub fn nodes(&self) -> u16 {
        self.kernel.process.nodes.count() as u16
    }

    /// A node's name; `world` for the room itself.
    pub fn node_name(&self, node: NodeId) -> &str {
        self.kernel.process.node(node).map_or("world", |node| &node.name)
    }

    /// What a name stands for.
    pub fn text(&self, name: Name) -> &str {
        self.kernel.recorder.text(name)
    }

    /// The number of a text.
    pub fn name(&mut self, text: &str) -> Name {
        self.kernel.recorder.name(text)
    }

    /// Where a node's process is in its life.
    pub fn status(&self, node: NodeId) -> Status {
        match self.kernel.process.node(node).map(|node| node.lifecycle.state()) {
            None | Some(ProcessState::New) => Status::New,
            Some(ProcessState::Up) => Status::Up,
            Some(ProcessState::Stopping) => Status::Stopping,
            Some(ProcessState::Down) => Status::Down,
            Some(ProcessState::Off) => Status::Off,
        }
    }

    /// Which life a node is in, from 1; 0 before the first.
    pub fn incarnation(&self, node: NodeId) -> u16 {
        self.kernel.process.node(node).map_or(0, |node| node.incarnation())
    }

    /// Says that a fault was injected; what follows has this event as its cause.
    pub fn fault(&mut self, what: &str, injection: u32, on: NodeId) -> Seq {
        let what = self.kernel.recorder.name(what);
        self.kernel.emit_at(on, Seq::NONE, What::Fault { what, injection })
    }

    /// Says that a fault ended.
    pub fn healed(&mut self, what: &str) -> Seq {
        let what = self.kernel.recorder.name(what);
        self.kernel.emit_at(NodeId::WORLD, Seq::NONE, What::Healed { what })
    }

    /// Asks a node's process to stop within `budget_ns`, then kills it. Returns whether it was running
    /// and had not been asked before; one that had is asked again, within the budget that it has.
    pub fn stop(&mut self, node: NodeId, budget_ns: u64, cause: Seq) -> bool {
        self.kernel.request_stop(node, budget_ns, cause)
    }

    /// Ends a node's process in this way, at once. Returns whether it was running.
    pub fn end(&mut self, node: NodeId, how: Death, cause: Seq) -> bool {
        self.kernel.end_process(node, how, cause)
    }

    /// Lets every thread of a node's process stand still, as SIGSTOP would. Returns whether they went until now.
    pub fn pause(&mut self, node: NodeId, cause: Seq) -> bool {
        self.kernel.pause(node, cause)
    }

    /// Whether a node's process is paused.
    pub fn is_paused(&self, node: NodeId) -> bool {
        self.kernel.process.node(node).is_some_and(|node| node.lifecycle.is_paused())
    }

    /// Lets the threads of a paused process go on, as SIGCONT would. Returns whether it was paused.
    pub fn resume(&mut self, node: NodeId, cause: Seq) -> bool {
        self.kernel.resume(node, cause)
    }

    /// Lets one thread of a node's process stand still, until the hold of this number is [over](Self::end_hold): the thread that
    /// runs, if it is of this process, else the `nth` of those that are alive, from 1, counted round. Returns which one, in words;
    /// `None` if the process does not run.
    pub fn hold_thread(&mut self, node: NodeId, nth: u32, number: u32) -> Option<String> {
        let held = self.kernel.hold(node, nth, number)?;
        Some(self.kernel.thread_name(held))
    }

    /// The number, in its process, of the thread that is held by the hold of this number, if it is still alive.
    pub fn held_thread(&self, number: u32) -> Option<u32> {
        self.kernel.held(number).map(|id| self.kernel.sched.threads[id].number)
    }

    /// The thread that is held by the hold of this number goes on, unless another hold or a pause keeps it. Does nothing if
    /// there is no such hold.
    pub fn end_hold(&mut self, number: u32) {
        self.kernel.end_hold(number);
    }

    /// Starts a node's process after `delay_ns`, unless it runs by then.
    pub fn start(&mut self, node: NodeId, delay_ns: u64) {
        self.kernel.start_after(node, delay_ns);
    }

    /// Starts a node's process again `delay_ns` after its present life has ended.
    pub fn restart_when_ended(&mut self, node: NodeId, delay_ns: u64) {
        if let Some(node) = self.kernel.process.node_mut(node) {
            node.lifecycle.restart_after(delay_ns);
        }
    }

    /// Whether a node that is down is due to start again.
    pub fn starts_again(&self, node: NodeId) -> bool {
        self.kernel.process.node(node).is_some_and(|node| node.lifecycle.starts_again())
    }

    /// Cuts (or opens) the way from one node to another; the way back is another matter.
    pub fn cut(&mut self, from: NodeId, to: NodeId, cut: bool) {
        if cut {
            self.kernel.net.links.partition(from, to);
            self.kernel.arm_probes(from, Some(to));
        } else {
            self.kernel.net.links.heal(from, to);
        }
    }

    /// Opens every way and ends every trouble of one. Returns whether there was any.
    pub fn heal_links(&mut self) -> bool {
        self.kernel.net.links.heal_all() | self.kernel.mend_links()
    }

    /// Lets something go wrong with the ways between two nodes.
    pub fn trouble_link(&mut self, a: NodeId, b: NodeId, trouble: LinkTrouble) {
        self.kernel.net.links.begin_trouble(a, b, trouble);
    }

    /// Ends what [`trouble_link`](Self::trouble_link) began.
    pub fn mend_link(&mut self, a: NodeId, b: NodeId, trouble: LinkTrouble) {
        self.kernel.mend_link(a, b, trouble);
    }

    /// Resets every connection between two nodes, at both ends. Returns how many there were.
    pub fn reset_connections(&mut self, a: NodeId, b: NodeId, cause: Seq) -> usize {
        self.kernel.reset_connections(a, b, cause)
    }

    /// A node's wall clock jumps by this much, in nanoseconds; negative is back in time.
    pub fn step_clock(&mut self, node: NodeId, by_ns: i64) {
        self.kernel.step_clock(node, by_ns);
    }

    /// A node's clocks gain this much more in each second from here on, in millionths. To undo it, take it back: what was
    /// gained meanwhile stays.
    pub fn speed_clock(&mut self, node: NodeId, ppm: i32) {
        self.kernel.speed_clock(node, ppm);
    }

    /// Makes each sync of a node's disk take this much longer, in nanoseconds; 0 for a sound disk.
    pub fn slow_disk(&mut self, node: NodeId, extra_ns: u64) {
        if let Some(node) = self.kernel.process.node_mut(node) {
            node.storage.slow_syncs(extra_ns);
        }
    }

    /// Lets a trouble of a node's disk begin.
    pub fn trouble_disk(&mut self, node: NodeId, trouble: Trouble) {
        if let Some(node) = self.kernel.process.node_mut(node) {
            node.disk().begin_trouble(trouble);
        }
    }

    /// Ends a trouble of a node's disk, or all of them; what waited for the device goes on because of `cause`.
    pub fn mend_disk(&mut self, node: NodeId, trouble: Option<Trouble>, cause: Seq) {
        let Some(disk) = self.kernel.process.node_mut(node).and_then(|node| node.storage.used_mut()) else {
            return;
        };
        match trouble {
            Some(trouble) => disk.end_trouble(trouble),
            None => disk.end_all_troubles(),
        }
        if !disk.has_trouble(Trouble::Stalled) {
            self.kernel.device_answers(node, cause);
        }
    }

    /// The path of the `nth` file of a node's disk, from 1, in the order of their paths, counted round; only files that have
    /// content, if `filled`. `None` if there is none.
    pub fn file_of(&mut self, node: NodeId, nth: u32, filled: bool) -> Option<String> {
        let disk = self.kernel.process.node_mut(node)?.storage.used()?;
        let mut files = disk.files();
        files.retain(|path| !filled || disk.stat(ROOT, path, false).is_ok_and(|stat| stat.size > 0));
        let index = (nth.max(1) as usize - 1).checked_rem(files.len())?;
        Some(String::from_utf8_lossy(&files[index]).into_owned())
    }

    /// Lets a file vanish, on the media and for whoever looks for its name; who has it open keeps it.
    pub fn remove_file(&mut self, node: NodeId, path: &str, cause: Seq) {
        let Some(it) = self.kernel.process.node_mut(node) else { return };
        if it.disk().remove_for_fault(path.as_bytes()).is_ok() {
            let path = self.kernel.recorder.name(path);
            self.kernel.emit_at(node, cause, What::EntryChanged { path });
        }
    }

    /// Damages some bytes of a file; where and how is a choice, keyed by the injection.
    pub fn corrupt_file(&mut self, node: NodeId, path: &str, injection: u32) {
        let choices = &self.kernel.sched.choices;
        let Some(it) = self.kernel.process.node_mut(node) else { return };
        let who = join(it.key, u64::from(injection));
        let _nothing_there = it
            .disk()
            .corrupt(path.as_bytes(), &mut |ask| choices.below(Question::Damage, who, ask.what as u64, ask.bound));
    }

    /// Leaves a node's process this much memory and no more; `None` for what its machine has.
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
        const REFUSING: [Trouble; 4] =
            [Trouble::FailingReads, Trouble::FailingWrites, Trouble::FailingSyncs, Trouble::Full];
        let disk = self.kernel.process.node(node).and_then(|node| node.storage.used());
        disk.is_some_and(|disk| REFUSING.iter().any(|trouble| disk.has_trouble(*trouble)))
    }

    /// What the next process of a node would find on its disk, as one number; 0 if it has none yet. It reads the whole disk.
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

    /// Every thread of a running process with what it waits for, one line each: for reports of deadlocks.
    pub fn threads(&self) -> Vec<String> {
        let live = self.kernel.sched.threads.iter().filter(|(_, thread)| thread.is_live());
        live.map(|(id, thread)| format!("{} {}", self.node_name(thread.node), self.kernel.wait_of(id))).collect()
    }

    /// Every thread of a node's process with what it waits for, and the place where it stands.
    pub fn stacks(&mut self, node: NodeId) -> Vec<(String, u32)> {
        self.kernel.stacks(node).into_iter().map(|(line, place)| (line, place.0)).collect()
    }

    /// The place where the thread stands that is running: what led to the event that is being observed.
    pub fn here(&mut self) -> u32 {
        self.kernel.process.call_sites.of(&own_stack()).0
    }

    /// Where a number that a node's process has closed was opened and closed; `None` if it was never open there, or is.
    pub fn closed_descriptor(&self, node: NodeId, fd: i32) -> Option<(u32, u32)> {
        let (opened, closed) = self.kernel.process.node(node)?.descriptors.closed(fd)?;
        Some((opened.0, closed.0))
    }

    /// Tells of what a process that ended in order has left behind, an event for each: what, where it was made, its name.
    pub fn tell_left(&mut self, node: NodeId, cause: Seq) -> Vec<(Seq, Leak, u32, String)> {
        let left = self.kernel.process.node_mut(node).map(|node| node.leaks.take());
        let tell = |LeakedItem { kind, made, what }| {
            (self.kernel.emit_at(node, cause, What::Leaked { kind, place: made.0 }), kind, made.0, what)
        };
        left.unwrap_or_default().into_iter().map(tell).collect()
    }
}
