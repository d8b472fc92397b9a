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
}

impl Scope {
    /// Says that an owner of tasks is there: `Scope::new("downloads")`.
    #[track_caller]
    #[must_use = "dropping a Scope says that its owner is gone"]
    pub fn new(name: &'static str) -> Self {
        Self { name, number: tell(&Fact::ScopeOpened { name }, Location::caller()) }
    }

    /// Says that a task was queued. Give the result to the task.
    #[track_caller]
    pub fn task(&self, name: &'static str) -> Task {
        let task = tell(&Fact::TaskQueued { name, scope: self.number }, Location::caller());
        Task { name, scope: self.number, task, began: false }
    }

    /// Says that every task has ended, as far as the owner knows.
    #[track_caller]
    pub fn joined(&self) {
        tell(&Fact::Joined { name: self.name, scope: self.number }, Location::caller());
    }
}

impl Drop for Scope {
    #[track_caller]
    fn drop(&mut self) {
        tell(&Fact::ScopeClosed { name: self.name, scope: self.number }, Location::caller());
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

    /// Whether it has begun to run.
    pub fn began(&self) -> bool {
        self.began
    }
}

impl Drop for Task {
    #[track_caller]
    fn drop(&mut self) {
        tell(&Fact::TaskEnded { name: self.name, scope: self.scope, task: self.task }, Location::caller());
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
