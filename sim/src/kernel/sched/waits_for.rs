//! The waits and call sites of threads, for the report of a deadlock.
//! It wakes nobody.

use crate::event::NodeId;
use crate::kernel::dispatch::Kernel;
use crate::kernel::sched::call_site::CallSite;
use crate::kernel::sched::fiber::{Trace, own_stack};
use crate::kernel::sched::thread::{State, Thread, ThreadId, Wait};

impl Kernel {
    /// A thread and its wait: `thread 2 (worker) waits for a lock or a wake-up`.
    pub(crate) fn wait_of(&self, id: ThreadId) -> String {
        let waits = match self.sched[id].state() {
            State::Ended | State::Dead => "is over".to_owned(),
            State::Runnable | State::Running => "can go on".to_owned(),
            _ if self.sched[id].is_held() => "stands still".to_owned(),
            State::Frozen => unreachable!("only a thread that is held is frozen"),
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
            State::Waiting(Wait::Join(joined)) if self.waits_for_itself(id) => {
                format!("waits for the end of {}, which waits for it in turn", self.thread_name(joined))
            }
            State::Waiting(Wait::Join(joined)) => format!("waits for the end of {}", self.thread_name(joined)),
            State::Waiting(Wait::FileLock) => "waits for a file lock".to_owned(),
        };
        format!("{} {waits}", self.thread_name(id))
    }

    /// A thread's number and name: `thread 2 (worker)`.
    pub(crate) fn thread_name(&self, id: ThreadId) -> String {
        let thread = &self.sched[id];
        let name = match self.recorder.text(thread.name()) {
            "" if thread.number() == 0 => "main",
            "" => "unnamed",
            name => name,
        };
        format!("thread {} ({name})", thread.number())
    }

    /// Returns whether a chain of joins leads from a thread back to it.
    fn waits_for_itself(&self, id: ThreadId) -> bool {
        let joins = |id: ThreadId| match self.sched[id].state() {
            State::Waiting(Wait::Join(joined)) => Some(joined),
            _ => None,
        };
        let chain = std::iter::successors(joins(id), |at| joins(*at)).take(self.sched.threads().count());
        chain.into_iter().any(|at| at == id)
    }

    /// The names of other threads of the same process whose wait matches.
    fn others(&self, id: ThreadId, matches: impl Fn(Wait) -> bool) -> Vec<String> {
        let process = |thread: &Thread| (thread.node(), thread.incarnation());
        let own = process(&self.sched[id]);
        let alike = |(other, thread): &(ThreadId, &Thread)| {
            *other != id && process(thread) == own && matches!(thread.state(), State::Waiting(wait) if matches(wait))
        };
        self.sched.threads().filter(alike).map(|(_, thread)| format!("thread {}", thread.number())).collect()
    }

    /// Every live thread of a node's process, with its wait and its present call site.
    pub(crate) fn stacks(&mut self, node: NodeId) -> Vec<(String, CallSite)> {
        let live = |id: &ThreadId| self.sched[*id].is_live();
        let threads: Vec<_> = self.process[node].threads().iter().copied().filter(live).collect();
        threads.into_iter().map(|id| (self.wait_of(id), self.present_call_site(id))).collect()
    }

    /// The call site at which a thread is now.
    pub(crate) fn present_call_site(&mut self, id: ThreadId) -> CallSite {
        let trace = match self.sched[id].fiber() {
            _ if self.sched.working_on() == Some(id) => own_stack(),
            Some(fiber) => fiber.stack(),
            None => Trace::EMPTY,
        };
        self.process.call_site(&trace)
    }
}
