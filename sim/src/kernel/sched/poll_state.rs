//! The polls of asynchronous tasks on one thread: the task that it polls, and its last query for readiness.

use crate::kernel::sched::call_site::CallSite;

/// No poll: the thread has never asked for readiness.
const NEVER_ASKED: usize = usize::MAX;

/// The polls of one thread.
pub(crate) struct PollState {
    /// The number in its process of the task that the thread polls; 0 for none, and for a process's main future.
    task: u32,
    /// The same by address, the main future included; 0 for none.
    polling: usize,
    /// The poll in which the thread last asked for readiness, as runtimes do; [`NEVER_ASKED`] if it never has.
    asked_in: usize,
    /// Nothing was ready then.
    found_nothing: bool,
    /// The polled task's waker was registered somewhere since the poll began.
    registered: bool,
    /// When a future that the thread polls itself last registered its waker, and where; 0 if none has.
    own_ns: u64,
    own_site: CallSite,
}

impl Default for PollState {
    fn default() -> Self {
        Self {
            task: 0,
            polling: 0,
            asked_in: NEVER_ASKED,
            found_nothing: false,
            registered: false,
            own_ns: 0,
            own_site: CallSite(0),
        }
    }
}

impl PollState {
    /// The number of the task that the thread polls; 0 for none.
    #[inline]
    pub(crate) fn task(&self) -> u32 {
        self.task
    }

    /// The address of the task or main future that the thread polls; 0 for none.
    #[inline]
    pub(crate) fn polling(&self) -> usize {
        self.polling
    }

    /// Begins or resumes the poll of a task. Returns the one before: address and number.
    #[inline]
    pub(super) fn switch_to(&mut self, polling: usize, task: u32) -> (usize, u32) {
        self.registered = false;
        (std::mem::replace(&mut self.polling, polling), std::mem::replace(&mut self.task, task))
    }

    /// The polled task's waker is registered somewhere. Returns whether it is the first time since the poll began.
    pub(super) fn registers(&mut self) -> bool {
        !std::mem::replace(&mut self.registered, true)
    }

    /// A future that the thread polls itself registers its waker. Returns whether it is the first time since the thread waited.
    pub(super) fn awaits_itself(&mut self, now_ns: u64, waited_ns: u64) -> bool {
        let is_first = self.own_ns == 0 || self.own_ns <= waited_ns;
        if is_first {
            (self.own_ns, self.own_site) = (now_ns, CallSite(0));
        }
        is_first
    }

    /// That happened at this call site.
    pub(super) fn set_await(&mut self, site: CallSite) {
        self.own_site = site;
    }

    /// When a future that the thread polls itself last registered its waker, and where. Recorded runs alone know the place.
    pub(crate) fn own_await(&self) -> Option<(u64, CallSite)> {
        (self.own_ns > 0).then_some((self.own_ns, self.own_site))
    }

    /// Returns whether the thread has ever asked for readiness, as the threads of runtimes do.
    #[inline]
    pub(crate) fn has_asked(&self) -> bool {
        self.asked_in != NEVER_ASKED
    }

    /// The thread asks for readiness, and finds something or nothing.
    #[inline]
    pub(crate) fn asked(&mut self, found_nothing: bool) {
        (self.asked_in, self.found_nothing) = (self.polling, found_nothing);
    }

    /// Something has happened on the thread since its last query.
    #[inline]
    pub(crate) fn acted(&mut self) {
        self.found_nothing = false;
    }

    /// Returns whether the thread is in the poll in which it last asked for readiness.
    #[inline]
    pub(super) fn is_where_it_asked(&self) -> bool {
        self.polling == self.asked_in
    }

    /// Returns whether nothing was ready at the last query, and nothing has happened on the thread since.
    #[inline]
    pub(super) fn found_nothing(&self) -> bool {
        self.found_nothing
    }
}
