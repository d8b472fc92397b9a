//! The snapshot of a process that does not come to its end: its main future, its tasks, its threads and its connections, as events.
//! It changes no state and wakes nobody.

use crate::event::{Name, NodeId, Seq, SocketStatus, Waiting, What, descriptor};
use crate::kernel::dispatch::Kernel;
use crate::kernel::process::fd::id::DescriptionId;
use crate::kernel::process::fd::kind::Kind;
use crate::kernel::sched::task_wakes::PendingTask;
use crate::kernel::sched::thread::{State, ThreadId, Wait};

/// The most tasks, threads and connections in one snapshot: of each those with the lowest numbers.
const EACH_MAX: usize = 64;

/// No object, or no deadline.
const NONE: u32 = u32::MAX;

const MS_NS: u64 = 1_000_000;

impl Kernel {
    /// Records the waits of a node's process, as they are now; or that its last process has ended, and when the next one starts.
    pub(crate) fn report_waits(&mut self, node: NodeId) {
        if !self.process.node(node).is_some_and(|node| node.is_up()) {
            return self.report_down(node);
        }
        for task in self.pending_tasks(node).into_iter().take(EACH_MAX) {
            let on = if task.number == 0 { Waiting::Main } else { Waiting::Task };
            let PendingTask { number, last, polled_ns: since_ns, awaits, spawned, .. } = task;
            let what = What::Waits { on, object: NONE, name: Name::NONE, call_site: awaits.last().0, since_ns };
            let wait = self.emit_wait(node, (0, number), last, what);
            let sites = self.process.call_sites_mut();
            sites.detail(wait, spawned, None);
            awaits.earlier().for_each(|(site, awaited_ns)| sites.detail(wait, site, Some(awaited_ns)));
        }
        let live = |id: &ThreadId| self.sched[*id].is_live();
        let threads: Vec<_> = self.process[node].threads().iter().copied().filter(live).take(EACH_MAX).collect();
        for id in threads {
            let call_site = self.present_call_site(id).0;
            let (on, object) = self.wait_kind(node, id);
            let thread = &self.sched[id];
            let (name, number) = (thread.name(), thread.number());
            if let (Waiting::Futex | Waiting::Readiness, Some((since_ns, site))) = (on, thread.poll().own_await()) {
                let what = What::Waits { on: Waiting::Main, object: NONE, name, call_site: site.0, since_ns };
                let cause = thread.cause();
                self.emit_wait(node, (number, 0), cause, what);
            }
            let thread = &self.sched[id];
            let since_ns = if on == Waiting::Nothing { self.sched.now_ns() } else { thread.wait_ns().0 };
            let what = What::Waits { on, object, name, call_site, since_ns };
            let (by, cause) = ((number, thread.poll().task()), thread.cause());
            let (made, wait) = (thread.made(), self.emit_wait(node, by, cause, what));
            self.process.call_sites_mut().detail(wait, made, None);
        }
        for (by, what) in self.open_connections(node).into_iter().take(EACH_MAX) {
            self.emit_wait(node, by, Seq::NONE, what);
        }
    }

    fn report_down(&mut self, node: NodeId) {
        let Some(lifecycle) =
            self.process.node(node).map(|node| node.lifecycle()).filter(|life| life.incarnation() > 0)
        else {
            return;
        };
        let left_ms =
            |due_ns: u64| u32::try_from(due_ns.saturating_sub(self.sched.now_ns()) / MS_NS).unwrap_or(NONE - 1);
        let (ended, since_ns) = (lifecycle.ended(), lifecycle.ended_ns());
        let object = lifecycle.next_start_ns().map_or(NONE, left_ms);
        let what = What::Waits { on: Waiting::Down, object, name: Name::NONE, call_site: 0, since_ns };
        self.emit_wait(node, (0, 0), ended, what);
    }

    /// The main future and the tasks of a node's process that nobody polls now, by number. There are none if nothing
    /// distinguishes them from those that have ended.
    fn pending_tasks(&self, node: NodeId) -> Vec<PendingTask> {
        let process = &self.process[node];
        let polled: Vec<usize> = process.threads().iter().map(|id| self.sched[*id].poll().polling()).collect();
        let tasks = self.sched.task_wakes();
        let pending = tasks.of_process((node, process.incarnation())).into_iter();
        let waits = |task: &PendingTask| {
            !polled.contains(&task.key) && (task.number == 0 || tasks.is_running(task.key) == Some(true))
        };
        pending.filter(waits).collect()
    }

    /// The kind of a thread's wait, and its object as [`What::Waits`] defines it.
    fn wait_kind(&self, node: NodeId, id: ThreadId) -> (Waiting, u32) {
        let thread = &self.sched[id];
        let left_ms = match thread.wait_ns().1 {
            u64::MAX => NONE,
            deadline_ns => {
                let left_ns = deadline_ns.saturating_sub(self.sched.now_ns());
                u32::try_from(left_ns / MS_NS).unwrap_or(NONE - 1)
            }
        };
        match thread.state() {
            _ if thread.is_held() => (Waiting::Held, NONE),
            State::Waiting(Wait::Futex(_)) => (Waiting::Futex, left_ms),
            State::Waiting(Wait::Ready) => self.awaited_descriptor(node, id).unwrap_or((Waiting::Readiness, left_ms)),
            State::Waiting(Wait::Sleep) => (Waiting::Sleep, left_ms),
            State::Waiting(Wait::Device | Wait::Stall) => (Waiting::Disk, left_ms),
            State::Waiting(Wait::Join(joined)) => (Waiting::Join, self.sched[joined].number()),
            State::Waiting(Wait::FileLock) => (Waiting::FileLock, NONE),
            State::Waiting(Wait::Preemption)
            | State::Runnable
            | State::Frozen
            | State::Running
            | State::Ended
            | State::Dead => (Waiting::Nothing, NONE),
        }
    }

    /// The one descriptor that a call of this thread waits for: a TCP socket with its connection, or another one. `None` if it waits
    /// for an epoll instance or for several.
    fn awaited_descriptor(&self, node: NodeId, id: ThreadId) -> Option<(Waiting, u32)> {
        let mut awaited: Option<DescriptionId> = None;
        for (_, description_id, _) in self.process[node].descriptors().iter() {
            let description = self.process.description(description_id)?;
            match description.kind() {
                Kind::Epoll(epoll) if epoll.has_sleeper(id) => return None,
                _ if description.is_awaited_by(id) && awaited.replace(description_id).is_some() => return None,
                _ => {}
            }
        }
        let only = awaited?;
        match self.process.description(only)?.kind() {
            Kind::Tcp(_) => Some((Waiting::Socket, self.listed(only)?.conn.unwrap_or(NONE))),
            Kind::Udp(_) => Some((Waiting::Descriptor, descriptor::DATAGRAM)),
            Kind::Unix(_) => Some((Waiting::Descriptor, descriptor::UNIX)),
            Kind::Pipe(_) => Some((Waiting::Descriptor, descriptor::PIPE)),
            Kind::Timer(_) => Some((Waiting::Descriptor, descriptor::TIMER)),
            Kind::Event(_) => Some((Waiting::Descriptor, descriptor::COUNTER)),
            Kind::Epoll(_) | Kind::File(_) | Kind::Inert(_) => Some((Waiting::Descriptor, NONE)),
        }
    }

    /// The open TCP connections of a node's process by descriptor, each with the thread and the task that used it last.
    fn open_connections(&self, node: NodeId) -> Vec<((u32, u32), What)> {
        let descriptors = self.process[node].descriptors().iter();
        let connection = |(_, id, _)| {
            let Kind::Tcp(tcp) = self.process.description(id)?.kind() else { return None };
            let socket = self.listed(id)?;
            let (conn, used) = (socket.conn.filter(|_| socket.status != SocketStatus::Broken)?, tcp.used);
            let bytes = |count: u64| u32::try_from(count).unwrap_or(u32::MAX);
            let what = What::StillOpen {
                conn,
                unread_bytes: bytes(socket.unread_bytes),
                unsent_bytes: bytes(socket.unsent_bytes),
                used_ns: used.at_ns,
            };
            Some(((used.thread, used.task), what))
        };
        descriptors.filter_map(connection).collect()
    }
}
