//! A scope: an owner, and the tasks that must be over before it is.
//! It spawns, cancels and joins nothing.

use crate::fact::Fact;
use crate::sink::tell;
use core::panic::Location;

/// An owner of tasks. *joined-before-teardown*: when it says that it has joined them, or goes, every task has ended; one that
/// was cancelled while it was still queued counts as ended.
#[derive(Debug)]
pub struct Scope {
    name: &'static str,
    number: u64,
    end: &'static Location<'static>,
}

impl Scope {
    /// Says that an owner of tasks is there: `Scope::new("downloads")`.
    #[track_caller]
    #[must_use = "dropping a Scope says that its owner is gone"]
    pub fn new(name: &'static str) -> Self {
        let made = Location::caller();
        Self { name, number: tell(&Fact::ScopeOpened { name }, made), end: made }
    }

    /// Says that a task was queued. Give the result to the task.
    #[track_caller]
    pub fn task(&self, name: &'static str) -> Task {
        let made = Location::caller();
        let task = tell(&Fact::TaskQueued { name, scope: self.number }, made);
        Task { name, scope: self.number, task, began: false, end: made }
    }

    /// Says that every task has ended, as far as the owner knows.
    #[track_caller]
    pub fn joined(&self) {
        tell(&Fact::Joined { name: self.name, scope: self.number }, Location::caller());
    }

    /// Says that the owner is gone, here; dropping the scope says so with the place where it was made.
    #[track_caller]
    pub fn close(mut self) {
        self.end = Location::caller();
    }
}

impl Drop for Scope {
    fn drop(&mut self) {
        tell(&Fact::ScopeClosed { name: self.name, scope: self.number }, self.end);
    }
}

/// A task of a [`Scope`]: queued until [`run`](Self::run), over when it is dropped.
#[derive(Debug)]
#[must_use = "dropping a Task says that it is over"]
pub struct Task {
    name: &'static str,
    scope: u64,
    task: u64,
    began: bool,
    end: &'static Location<'static>,
}

impl Task {
    /// Says that the task runs from here on.
    #[track_caller]
    pub fn run(&mut self) {
        self.began = true;
        tell(&Fact::TaskBegan { name: self.name, scope: self.scope, task: self.task }, Location::caller());
    }

    /// A handle for whoever may cancel the task.
    pub fn handle(&self) -> TaskHandle {
        TaskHandle { name: self.name, scope: self.scope, task: self.task }
    }

    /// Says that the task is over, here; dropping it says so with the place where it was queued.
    #[track_caller]
    pub fn end(mut self) {
        self.end = Location::caller();
    }

    /// Whether it has begun to run.
    pub fn began(&self) -> bool {
        self.began
    }
}

impl Drop for Task {
    fn drop(&mut self) {
        tell(&Fact::TaskEnded { name: self.name, scope: self.scope, task: self.task }, self.end);
    }
}

/// Names a [`Task`] to whoever may cancel it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TaskHandle {
    name: &'static str,
    scope: u64,
    task: u64,
}

impl TaskHandle {
    /// Says that the task was asked to stop. It still runs, if it had begun, until it is dropped.
    #[track_caller]
    pub fn cancel(&self) {
        tell(&Fact::TaskCancelled { name: self.name, scope: self.scope, task: self.task }, Location::caller());
    }
}
