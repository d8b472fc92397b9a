//! Starts and ends of threads and processes, and the effects of a process's end on what it had.
//! The time of each is decided elsewhere: by the program, a plan, a supervisor.

use crate::event::{Death, NodeId, Seq, What};
use crate::kernel::Errno;
use crate::kernel::dispatch::Kernel;
use crate::kernel::due::{Due, Start};
use crate::kernel::process::fd::description::Parting;
use crate::kernel::process::fd::number::base;
use crate::kernel::process::node::ExitCode;
use crate::kernel::sched::fiber::{own_stack, spawn};
use crate::kernel::sched::thread::{State, ThreadId, Wait};

impl Kernel {
    /// Makes a thread in a process. It runs when its first turn comes.
    pub(crate) fn start_thread(
        &mut self,
        node: NodeId,
        attributes: *const libc::pthread_attr_t,
        start: Start,
        cause: Seq,
    ) -> Result<ThreadId, Errno> {
        let on = self.sched.running.or(self.sched.before);
        self.sched.threads.reap(on);
        let process = &self.process[node];
        let number = process.threads.len() as u32;
        let held = process.lifecycle.is_paused();
        let id = self.sched.threads.add(node, process.incarnation(), number, process.key, cause);
        self.sched.threads[id].held = held;
        let mut late_ns = 0;
        if matches!(start, Start::Routine(..)) {
            self.sched.threads[id].made = self.process.call_sites.of(&own_stack());
            late_ns = self.sched.threads.lateness_ns(id, &self.sched.choices);
        }
        let fiber = spawn(attributes, (self.sched.begin)(id, start))?;
        self.process[node].threads.push(id);
        if let Some(due) = self.sched.threads.start(id, fiber, (self.sched.now_ns, late_ns), &self.sched.choices) {
            self.sched.deadlines.at(due, Due::Thread(id));
        }
        Ok(id)
    }

    /// Starts a node's process after `delay_ns`, unless it runs by then.
    pub(crate) fn start_after(&mut self, node: NodeId, delay_ns: u64) {
        self.process[node].lifecycle.start_scheduled();
        self.sched.deadlines.at(self.sched.now_ns.saturating_add(delay_ns), Due::Start(node));
    }

    /// Starts a node's process, unless it runs.
    pub(crate) fn start_process(&mut self, node: NodeId) {
        let process = &mut self.process[node];
        process.lifecycle.start_due();
        if process.is_up() {
            return;
        }
        let incarnation = process.begin(|incarnation| base(node, incarnation));
        if incarnation > 1 {
            self.net.record_deliveries();
        }
        let start = Start::Main(process.main.clone(), incarnation);
        self.guests_changed();
        // The end of its last incarnation is the cause of this one.
        let ended = self.process[node].lifecycle.ended();
        let seq = self.emit_at(node, ended, What::Started);
        if !self.process[node].is_up() {
            return; // a fault that is aimed at its start was quicker
        }
        if self.is_guest(node) {
            return; // its engine has it begin
        }
        if let Err(errno) = self.start_thread(node, std::ptr::null(), start, seq) {
            panic!("no thread for {}: errno {errno}", self.process[node].name);
        }
    }

    /// A thread ran to its end.
    pub(crate) fn thread_ended(&mut self, me: ThreadId, result: usize) {
        if self.sched.threads[me].state != State::Running {
            return;
        }
        self.emit(me, What::ThreadEnded);
        self.sched.threads.end(me, result);
        let cause = self.sched.threads[me].cause;
        let siblings = self.process[self.sched.threads[me].node].threads.clone();
        for sibling in siblings {
            if self.sched.threads[sibling].state == State::Waiting(Wait::Join(me)) {
                self.sched.threads.wake(sibling, cause, &self.sched.choices);
            }
        }
    }

    /// A process's main function ended.
    pub(crate) fn main_ended(&mut self, me: ThreadId, code: ExitCode) {
        let how = match code {
            ExitCode::Code(code) => Death::Exit { code },
            ExitCode::Panicked => Death::Panic,
        };
        let (node, cause) = (self.sched.threads[me].node, self.sched.threads[me].cause);
        if how == (Death::Exit { code: 0 }) && self.process[node].is_up() {
            // Who calls `exit` leaves on the spot, and means to leave everything to the system.
            let leaks = self.leaks_of(node);
            self.process[node].leaks.set(leaks);
        }
        self.end_process(node, how, cause);
    }

    /// Ends a thread whose process is dead.
    pub(crate) fn end_thread(&mut self, id: ThreadId) {
        let state = self.sched.threads[id].state;
        if let State::Waiting(Wait::Futex(address)) = state {
            self.sched.futexes.forget(address, id);
        }
        if state != State::Ended {
            self.sched.threads[id].state = State::Dead;
        }
        if self.sched.running == Some(id) {
            self.sched.must_switch = true;
        }
    }

    /// Ends a process, here and now: nothing of this incarnation acts again.
    pub(crate) fn end_process(&mut self, node: NodeId, how: Death, cause: Seq) -> bool {
        if !self.process[node].is_up() {
            return false;
        }
        if self.postpones_end(node, how, cause) {
            return true;
        }
        self.guests_changed();
        self.sched.tasks.forget(node);
        let process = &mut self.process[node];
        let restart = process.lifecycle.end(how == Death::PowerLoss);
        let descriptions = process.descriptors.take_all();
        process.stops.clear();
        self.forget_holds(node);
        self.process.signals.forget(node);
        let left = self.leaves_threads(node);
        for id in self.process[node].threads.clone() {
            if !left {
                self.end_thread(id);
            }
        }
        if let Some((live, peak)) = self.process[node].memory.used() {
            self.emit_at(node, cause, What::MemoryUsed { live, peak });
        }
        let ended = self.emit_at(node, cause, What::Exited { how });
        self.process[node].lifecycle.set_ended(ended);
        let parting = match how {
            Death::Exit { .. } | Death::Panic => Parting::Finish,
            // On Linux an end by a signal, too, closes sockets in order unless unread bytes are left; peers of a killed
            // process are cut off here, as DESIGN's table of deaths says.
            Death::Abort | Death::Kill | Death::Overrun | Death::OutOfMemory | Death::Signal { .. } => Parting::Reset,
            Death::PowerLoss => Parting::PowerLoss,
        };
        for id in descriptions {
            self.release(id, parting);
        }
        self.forget_mappings(node);
        let lost = how == Death::PowerLoss;
        if lost {
            self.arm_probes(node, None);
        }
        self.process[node].disk_died(lost.then_some(&self.sched.choices));
        if let Some(after_ns) = restart {
            self.start_after(node, after_ns);
        }
        true
    }
}
