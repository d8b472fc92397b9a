//! The waits and call sites of threads: the material for a report of a deadlock.
//! It wakes nobody.

use crate::event::NodeId;
use crate::kernel::dispatch::Kernel;
use crate::kernel::sched::call_site::CallSite;
use crate::kernel::sched::fiber::{Trace, own_stack, stack_of};
use crate::kernel::sched::thread::{State, ThreadId, Wait};

impl Kernel {
    /// A thread, and what it waits for: `thread 2 (worker) waits for a lock or a wake-up`.
    pub(crate) fn wait_of(&self, id: ThreadId) -> String {
        let waits = match self.sched.threads[id].state {
            State::Ended | State::Dead => "is over".to_owned(),
            State::Runnable | State::Running => "can go on".to_owned(),
            _ if self.sched.threads[id].held => "stands still".to_owned(),
            State::Frozen => unreachable!("only what is held is frozen"),
            State::Waiting(Wait::Preemption) => "can go on".to_owned(),
            State::Waiting(Wait::Futex(address)) => {
                let with = self.others(id, |wait| wait == Wait::Futex(address));
                if with.is_empty() {
                    "waits for a lock or a wake-up".to_owned()
                } else {
                    format!("waits for the same lock or wake-up as {}", with.join(", "))
                }
            }
            State::Waiting(Wait::Ready) => "waits for readiness".to_owned(),
            State::Waiting(Wait::Sleep) => "sleeps".to_owned(),
            State::Waiting(Wait::Device) => "waits for its disk".to_owned(),
            State::Waiting(Wait::Stall) => "waits for its disk, which does not answer".to_owned(),
            State::Waiting(Wait::Join(whom)) if self.waits_for_itself(id) => {
                format!("waits for the end of {}, which waits for it in turn", self.thread_name(whom))
            }
            State::Waiting(Wait::Join(whom)) => format!("waits for the end of {}", self.thread_name(whom)),
            State::Waiting(Wait::FileLock) => "waits for a file lock".to_owned(),
        };
        format!("{} {waits}", self.thread_name(id))
    }

    pub(crate) fn thread_name(&self, id: ThreadId) -> String {
        let thread = &self.sched.threads[id];
        let name = match self.recorder.text(thread.name) {
            "" if thread.number == 0 => "main",
            "" => "unnamed",
            name => name,
        };
        format!("thread {} ({name})", thread.number)
    }

    /// Whether a chain of joins leads from a thread back to it.
    fn waits_for_itself(&self, id: ThreadId) -> bool {
        let joins = |id: ThreadId| match self.sched.threads[id].state {
            State::Waiting(Wait::Join(whom)) => Some(whom),
            _ => None,
        };
        let chain = std::iter::successors(joins(id), |at| joins(*at)).take(self.sched.threads.iter().count());
        chain.into_iter().any(|at| at == id)
    }

    /// Other threads of the same process that wait so, by name.
    fn others(&self, id: ThreadId, so: impl Fn(Wait) -> bool) -> Vec<String> {
        let of = |id: ThreadId| (self.sched.threads[id].node, self.sched.threads[id].incarnation);
        let alike = |(other, thread): &(ThreadId, &crate::kernel::sched::thread::Thread)| {
            *other != id && of(*other) == of(id) && matches!(thread.state, State::Waiting(wait) if so(wait))
        };
        self.sched
            .threads
            .iter()
            .filter(alike)
            .map(|(other, _)| format!("thread {}", self.sched.threads[other].number))
            .collect()
    }

    /// Every live thread of a node's process, with what it waits for and where it stands.
    pub(crate) fn stacks(&mut self, node: NodeId) -> Vec<(String, CallSite)> {
        let live = |id: &ThreadId| self.sched.threads[*id].is_live();
        let threads: Vec<_> = self.process[node].threads.iter().copied().filter(live).collect();
        threads.into_iter().map(|id| (self.wait_of(id), self.stands_at(id))).collect()
    }

    fn stands_at(&mut self, id: ThreadId) -> CallSite {
        let working = self.sched.running.or(self.sched.before);
        let trace = match &self.sched.threads[id].handle.fiber {
            // The kernel is at work on this very stack.
            _ if working == Some(id) => own_stack(),
            Some(fiber) => stack_of(fiber),
            None => Trace::EMPTY,
        };
        self.process.call_sites.of(&trace)
    }
}
