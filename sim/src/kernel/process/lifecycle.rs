//! Starts and ends of threads and processes, and the effects of a process's end on its resources.
//! It does not decide when: the program, a plan or a supervisor does.

use crate::event::{Death, NodeId, Seq, What};
use crate::kernel::Errno;
use crate::kernel::dispatch::Kernel;
use crate::kernel::due::{Due, Start};
use crate::kernel::fs::disk::Loss;
use crate::kernel::process::fd::description::Parting;
use crate::kernel::process::fd::number::base;
use crate::kernel::process::node::ExitCode;
use crate::kernel::process::state::{ProcessState, StartTicket};
use crate::kernel::sched::clock::Clock;
use crate::kernel::sched::fiber::{own_stack, spawn};
use crate::kernel::sched::thread::{State, ThreadId, Wait};

impl Kernel {
    /// Creates a thread in a process. It runs when its first turn comes.
    pub(crate) fn start_thread(
        &mut self,
        node: NodeId,
        attributes: *const libc::pthread_attr_t,
        start: Start,
        cause: Seq,
    ) -> Result<ThreadId, Errno> {
        let process = &self.process[node];
        let number = process.threads().len() as u32;
        let held = process.lifecycle().is_paused();
        let id = self.sched.add_thread(node, process.incarnation(), number, process.key(), cause, held);
        let mut late_ns = 0;
        if matches!(start, Start::Routine(..)) {
            self.sched[id].set_made(self.process.call_site(&own_stack()));
            late_ns = self.sched.lateness_ns(id);
        }
        let fiber = spawn(attributes, self.sched.body(id, start))?;
        self.process[node].add_thread(id);
        self.sched.start_thread(id, fiber, late_ns);
        Ok(id)
    }

    /// Starts a node's process after `delay_ns`, unless it runs by then. A start that is due before stays due.
    pub(crate) fn start_after(&mut self, node: NodeId, delay_ns: u64) {
        let due_ns = self.sched.now_ns().saturating_add(delay_ns);
        if let Some(ticket) = self.process[node].lifecycle_mut().schedule_start(due_ns) {
            self.sched.set_deadline(due_ns, Due::Start(node, ticket));
        }
    }

    /// A start fell due.
    pub(crate) fn start_due(&mut self, node: NodeId, ticket: StartTicket) {
        if self.process[node].lifecycle_mut().start_due(ticket) {
            self.start_process(node);
        }
    }

    fn start_process(&mut self, node: NodeId) {
        let started_ns = self.node_time_ns(node, Clock::Monotonic);
        let process = &mut self.process[node];
        process.lifecycle_mut().set_started_ns(started_ns);
        let incarnation = process.begin(|incarnation| base(node, incarnation));
        if incarnation > 1 {
            self.net.record_deliveries();
        }
        let start = Start::Main(process.main(), incarnation);
        self.guests_changed();
        // The end of its last incarnation is the cause of this one.
        let ended = self.process[node].lifecycle().ended();
        let seq = self.emit_at(node, ended, What::Started);
        if !self.process[node].is_up() {
            return; // a fault that is aimed at its start has ended it
        }
        if self.is_guest(node) {
            return; // the guest engine starts its main function
        }
        if let Err(errno) = self.start_thread(node, std::ptr::null(), start, seq) {
            panic!("no thread for {}: errno {errno}", self.process[node].name());
        }
    }

    /// A thread ran to its end.
    pub(crate) fn thread_ended(&mut self, me: ThreadId, result: usize) {
        if self.sched[me].state() != State::Running {
            return;
        }
        self.emit(me, What::ThreadEnded);
        self.sched.end_thread(me, result);
        let cause = self.sched[me].cause();
        let siblings = self.process[self.sched[me].node()].threads().to_vec();
        for sibling in siblings {
            if self.sched[sibling].state() == State::Waiting(Wait::Join(me)) {
                self.sched.wake(sibling, cause);
            }
        }
    }

    /// A process's main function ended.
    pub(crate) fn main_ended(&mut self, me: ThreadId, code: ExitCode) {
        let how = match code {
            ExitCode::Code(code) => Death::Exit { code },
            ExitCode::Panicked => Death::Panic,
        };
        let (node, cause) = (self.sched[me].node(), self.sched[me].cause());
        if how == (Death::Exit { code: 0 }) && self.process[node].is_up() {
            // A process that calls `exit` instead leaves its resources to the system on purpose.
            let leaks = self.leaks_of(node);
            self.process[node].leaks_mut().set(leaks);
        }
        self.end_process(node, how, cause);
    }

    /// Ends a process at once: this incarnation never acts again. Returns whether a process ran, or its end was
    /// postponed.
    pub(crate) fn end_process(&mut self, node: NodeId, how: Death, cause: Seq) -> bool {
        if !self.process[node].is_up() {
            return false;
        }
        if self.postpones_end(node, how, cause) {
            return true;
        }
        self.guests_changed();
        self.sched.tasks_mut().forget(node);
        let process = &mut self.process[node];
        let restart = process.lifecycle_mut().end(how == Death::PowerLoss);
        let descriptions = process.descriptors_mut().take_all();
        process.stops_mut().clear();
        // Whoever observes the end finds the restart due already.
        if let Some(after_ns) = restart {
            self.start_after(node, after_ns);
        }
        self.forget_holds(node);
        self.process.signals_mut().forget(node);
        let takes_threads = self.leaves_threads(node);
        for id in self.process[node].threads().to_vec() {
            if !takes_threads {
                self.sched.kill_thread(id);
            }
        }
        for (errors, line) in self.process[node].printed_mut().end() {
            let text = self.recorder.name(&line);
            let line = self.emit_at(node, cause, What::Line { text });
            self.process[node].printed_mut().remember(errors, line, text);
        }
        if let Some((live, peak)) = self.process[node].memory().used() {
            self.emit_at(node, cause, What::MemoryUsed { live, peak });
        }
        let ended = self.emit_at(node, cause, What::Exited { how });
        let now_ns = self.sched.now_ns();
        self.process[node].lifecycle_mut().set_ended(ended, now_ns);
        let parting = match how {
            Death::Exit { .. } | Death::Panic => Parting::Finish,
            // Linux closes the sockets of a killed process in order as well, unless bytes are left unread. Here peers
            // always get a reset, so that they can tell the deaths apart; see
            // docs/decisions/0008-deaths-on-the-wire.md.
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
        let losses = self.process[node].disk_died(lost.then_some(self.sched.choices()));
        self.report_losses(node, losses, ended);
        true
    }

    /// Emits the events of what a power loss took from a node's disk.
    fn report_losses(&mut self, node: NodeId, losses: Vec<Loss>, cause: Seq) {
        for Loss { path, bytes } in losses {
            let path = self.recorder.name(&String::from_utf8_lossy(&path));
            let what = bytes.map_or(What::FileLost { path }, |bytes| What::DataLost { path, bytes });
            self.emit_at(node, cause, what);
        }
    }

    /// Cuts the power of a node's machine: its process ends, its page cache is lost, and it is silent. If its process had ended
    /// already, a restart that is due stays due at its time; else power returns, and the process starts, after `down_ns`.
    pub(crate) fn lose_power(&mut self, node: NodeId, down_ns: u64, cause: Seq) {
        let lifecycle = self.process[node].lifecycle_mut();
        if lifecycle.is_up() {
            lifecycle.restart_after(down_ns);
            self.end_process(node, Death::PowerLoss, cause);
        } else if lifecycle.state() == ProcessState::Down {
            lifecycle.lose_power();
            self.guests_changed();
            self.lose_connections(node);
            self.arm_probes(node, None);
            let losses = self.process[node].disk_died(Some(self.sched.choices()));
            self.report_losses(node, losses, cause);
            if !self.process[node].lifecycle().will_restart() {
                self.start_after(node, down_ns);
            }
        }
    }
}
