//! A scope: an owner of tasks, all of which must end before the owner does.
//! It spawns, cancels and joins nothing.

use crate::fact::Fact;
use crate::sink::report;
use core::panic::Location;

/// An owner of tasks.
///
/// *joined-before-teardown*: when the owner has joined its tasks, or is gone, every task has ended. A task that was
/// cancelled while it was queued counts as ended.
///
/// Dropping a `Scope` reports that its owner is gone, with the source line that created it.
///
/// ```
/// let downloads = afterlife_probe::Scope::new("downloads");
/// let mut task = downloads.task("sst-3");
/// task.run();
/// task.end();
/// downloads.joined();
/// downloads.close();
/// ```
#[derive(Debug)]
pub struct Scope {
    name: &'static str,
    number: u64,
    end: &'static Location<'static>,
}

impl Scope {
    /// Reports a new owner of tasks: `Scope::new("downloads")`.
    #[track_caller]
    #[must_use = "dropping a Scope reports that its owner is gone"]
    pub fn new(name: &'static str) -> Self {
        let site = Location::caller();
        Self { name, number: report(&Fact::ScopeOpened { name }, site), end: site }
    }

    /// Reports that a task was queued. Move the result into the task.
    #[track_caller]
    pub fn task(&self, name: &'static str) -> Task {
        let site = Location::caller();
        let task = report(&Fact::TaskQueued { name, scope: self.number }, site);
        Task { name, scope: self.number, task, began: false, end: site }
    }

    /// Reports that every task has ended, as far as the owner knows.
    #[track_caller]
    pub fn joined(&self) {
        report(&Fact::Joined { name: self.name, scope: self.number }, Location::caller());
    }

    /// Reports that the owner is gone, with the caller's source line.
    #[track_caller]
    pub fn close(mut self) {
        self.end = Location::caller();
    }
}

impl Drop for Scope {
    fn drop(&mut self) {
        report(&Fact::ScopeClosed { name: self.name, scope: self.number }, self.end);
    }
}

/// A task of a [`Scope`], queued until [`run`](Self::run).
///
/// Dropping it reports that the task ended, with the source line that queued it.
#[derive(Debug)]
#[must_use = "dropping a Task reports that it ended"]
pub struct Task {
    name: &'static str,
    scope: u64,
    task: u64,
    began: bool,
    end: &'static Location<'static>,
}

impl Task {
    /// Reports that the task begins to run.
    #[track_caller]
    pub fn run(&mut self) {
        self.began = true;
        report(&Fact::TaskBegan { name: self.name, scope: self.scope, task: self.task }, Location::caller());
    }

    /// Returns a handle for the code that may cancel the task.
    pub fn handle(&self) -> TaskHandle {
        TaskHandle { name: self.name, scope: self.scope, task: self.task }
    }

    /// Returns `true` once the task has begun to run.
    pub fn began(&self) -> bool {
        self.began
    }

    /// Reports that the task ended, with the caller's source line.
    #[track_caller]
    pub fn end(mut self) {
        self.end = Location::caller();
    }
}

impl Drop for Task {
    fn drop(&mut self) {
        report(&Fact::TaskEnded { name: self.name, scope: self.scope, task: self.task }, self.end);
    }
}

/// Names a [`Task`] to the code that may cancel it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TaskHandle {
    name: &'static str,
    scope: u64,
    task: u64,
}

impl TaskHandle {
    /// Reports that the task was asked to stop. A task that is running goes on until it is dropped.
    #[track_caller]
    pub fn cancel(&self) {
        report(&Fact::TaskCancelled { name: self.name, scope: self.scope, task: self.task }, Location::caller());
    }
}
