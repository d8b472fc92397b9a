//! Emission of events: each is recorded, and shown to the observer at once.

use crate::event::{Event, NodeId, Seq, What};
use crate::kernel::dispatch::Kernel;
use crate::kernel::due::Identity;
use crate::kernel::ending::Ending;
use crate::kernel::observation::Consult;
use crate::kernel::sched::thread::ThreadId;

impl Kernel {
    /// The process that a thread belongs to.
    #[inline]
    pub(crate) fn identity(&self, me: ThreadId) -> Identity {
        let thread = &self.sched[me];
        Identity { node: thread.node(), incarnation: thread.incarnation() }
    }

    /// Records an event of a thread. Its cause is the thread's previous event, or what woke the thread since.
    #[inline]
    pub(crate) fn emit(&mut self, me: ThreadId, what: What) -> Seq {
        self.emit_task(me, 0, what)
    }

    /// Records an event in a task of a thread. `task` is the task's number if tasks are not followed.
    #[inline]
    pub(crate) fn emit_task(&mut self, me: ThreadId, task: u64, what: What) -> Seq {
        if self.is_muted(me) {
            return Seq::NONE;
        }
        let seq = self.push_of_thread(me, task, what);
        if self.is_cause(me) {
            let thread = &mut self.sched[me];
            thread.set_cause(seq);
            thread.poll_mut().acted();
            self.sched.forget_clock_reading();
        }
        seq
    }

    /// Records an event of a thread by which nobody judges what the thread does: to whatever watches clock readings and polls,
    /// nothing has happened.
    #[inline]
    pub(crate) fn emit_aside(&mut self, me: ThreadId, what: What) -> Seq {
        if self.is_muted(me) {
            return Seq::NONE;
        }
        let seq = self.push_of_thread(me, 0, what);
        if self.is_cause(me) {
            self.sched[me].set_cause(seq);
        }
        seq
    }

    /// Returns whether a thread's event is the cause of its next one. If tasks are not followed, a runtime's thread acts for many
    /// of them, of which only the last wake is known.
    #[inline]
    fn is_cause(&self, me: ThreadId) -> bool {
        self.sched.task_wakes().are_followed() || !self.sched[me].poll().has_asked()
    }

    #[inline]
    fn push_of_thread(&mut self, me: ThreadId, task: u64, what: What) -> Seq {
        let thread = &self.sched[me];
        let task = if self.sched.task_wakes().are_followed() { u64::from(thread.poll().task()) } else { task };
        let event = Event {
            seq: Seq::NONE,
            time_ns: self.sched.now_ns(),
            node: thread.node(),
            incarnation: thread.incarnation(),
            thread: thread.number(),
            task,
            cause: thread.cause(),
            what,
        };
        self.push(event)
    }

    /// Records an event of a node outside its threads.
    #[inline]
    pub(crate) fn emit_at(&mut self, node: NodeId, cause: Seq, what: What) -> Seq {
        let incarnation = self.process.node(node).map_or(0, |node| node.incarnation());
        let time_ns = self.sched.now_ns();
        self.push(Event { seq: Seq::NONE, time_ns, node, incarnation, thread: 0, task: 0, cause, what })
    }

    /// Records a wait of a thread or task of a node's process, by number, in a snapshot.
    pub(crate) fn emit_wait(&mut self, node: NodeId, (thread, task): (u32, u32), cause: Seq, what: What) -> Seq {
        let incarnation = self.process.node(node).map_or(0, |node| node.incarnation());
        let time_ns = self.sched.now_ns();
        self.push(Event { seq: Seq::NONE, time_ns, node, incarnation, thread, task: task.into(), cause, what })
    }

    fn push(&mut self, mut event: Event) -> Seq {
        self.recorder.push(&mut event);
        if self.settings.record {
            self.sched.set_events(self.recorder.len());
        }
        if self.settings.stack_at == Some(event.seq.0) {
            self.recorder.capture_stack();
        }
        if event.seq.0 >= self.settings.events_max {
            self.finish(Ending::TooManyEvents);
        }
        if self.observation.concerns(&event) {
            self.consult(|observer, kernel| observer.event(&event, kernel));
        }
        event.seq
    }

    /// Calls the observer, then shows it the events that its actions caused.
    pub(super) fn consult(&mut self, call: impl FnOnce(&mut dyn Consult<Self>, &mut Self)) {
        let Some(mut observer) = self.observation.begin() else { return };
        call(&mut *observer, self);
        self.observation.end(observer);
        self.show_missed_events();
    }

    fn show_missed_events(&mut self) {
        if !self.observation.is_behind() {
            return;
        }
        let Some(mut observer) = self.observation.begin() else { return };
        while let Some(event) = self.observation.next() {
            if observer.wants(&event.what) {
                observer.event(&event, self);
            }
        }
        self.observation.end(observer);
    }
}
