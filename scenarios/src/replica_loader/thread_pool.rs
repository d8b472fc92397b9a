//! The default pool, as rDSN has it: threads, a queue, and tasks that are ready, running, finished or cancelled.
//! A cancel without a wait takes a ready task out; a running one answers that it runs, and goes on.

use crate::rt::{process, sync::watch};
use afterlife_probe::{Scope, Task as Told, TaskHandle, sometimes};
use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};

type Work = Box<dyn FnOnce() + Send>;

/// What a task is at.
enum State {
    Ready(Work, Told),
    Running,
    Over,
}

/// A task that was handed to the pool.
pub(super) struct Task {
    state: Mutex<State>,
    told: TaskHandle,
    over: watch::Sender<bool>,
    /// Outlives the work, which may hold the last other reference to what owns the scope.
    _scope: Arc<Scope>,
}

impl Task {
    /// `task::cancel(wait_until_finished = false)`: whether it will not run. One that runs already is not touched.
    pub(super) fn cancel(&self) -> bool {
        let mut state = self.state();
        if matches!(*state, State::Over) {
            return true;
        }
        self.told.cancel();
        if matches!(*state, State::Running) {
            return false;
        }
        let before = std::mem::replace(&mut *state, State::Over);
        drop(state);
        drop(before);
        sometimes!(true, "a task is cancelled that was still queued");
        self.over.send_replace(true);
        true
    }

    /// Waits until it has finished or was cancelled.
    pub(super) async fn ended(&self) {
        // The sender is this task's own: it is there.
        let _ = self.over.subscribe().wait_for(|over| *over).await;
    }

    fn run(&self) {
        let taken = {
            let mut state = self.state();
            match std::mem::replace(&mut *state, State::Running) {
                State::Ready(work, told) => (work, told),
                before => {
                    *state = before;
                    return;
                }
            }
        };
        let (work, mut told) = taken;
        told.run();
        if catch_unwind(AssertUnwindSafe(work)).is_err() {
            // Nobody catches what a task throws: `std::terminate`.
            process::abort();
        }
        drop(told);
        *self.state() = State::Over;
        self.over.send_replace(true);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[derive(Default)]
struct Queue {
    tasks: VecDeque<Arc<Task>>,
    closed: bool,
}

#[derive(Default)]
struct Shared {
    queue: Mutex<Queue>,
    changed: Condvar,
}

impl Shared {
    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn work(&self) {
        loop {
            let mut queue = self.queue();
            let task = loop {
                if let Some(task) = queue.tasks.pop_front() {
                    break task;
                }
                if queue.closed {
                    return;
                }
                queue = self.changed.wait(queue).unwrap_or_else(PoisonError::into_inner);
            };
            drop(queue);
            task.run();
        }
    }
}

/// Threads that run tasks.
pub(super) struct ThreadPool {
    shared: Arc<Shared>,
    workers: Mutex<Vec<JoinHandle<()>>>,
}

impl ThreadPool {
    pub(super) fn new(name: &str, workers: usize) -> Self {
        let shared = Arc::<Shared>::default();
        let worker = |number: usize| {
            let shared = Arc::clone(&shared);
            let named = thread::Builder::new().name(format!("{name}-{number}"));
            named.spawn(move || shared.work()).expect("the system starts a thread")
        };
        let workers = (0..workers).map(worker).collect();
        Self { shared, workers: Mutex::new(workers) }
    }

    /// Queues a task that belongs to `scope`. `keep` gets it before any thread does, so that what may cancel it knows it.
    pub(super) fn enqueue(&self, scope: &Arc<Scope>, name: &'static str, work: Work, keep: impl FnOnce(Arc<Task>)) {
        let told = scope.task(name);
        let handle = told.handle();
        let state = Mutex::new(State::Ready(work, told));
        let task = Task { state, told: handle, over: watch::Sender::new(false), _scope: Arc::clone(scope) };
        let task = Arc::new(task);
        keep(Arc::clone(&task));
        let mut queue = self.shared.queue();
        if queue.closed {
            drop(queue);
            task.cancel();
            return;
        }
        queue.tasks.push_back(task);
        drop(queue);
        self.shared.changed.notify_one();
    }

    /// Cancels what is queued, and returns when every thread has ended: each finishes the task that it runs.
    pub(super) async fn close(&self) {
        let left = {
            let mut queue = self.shared.queue();
            queue.closed = true;
            std::mem::take(&mut queue.tasks)
        };
        self.shared.changed.notify_all();
        for task in left {
            task.cancel();
        }
        let workers = std::mem::take(&mut *self.workers.lock().unwrap_or_else(PoisonError::into_inner));
        for worker in workers {
            let joined = crate::rt::task::spawn_blocking(move || worker.join()).await;
            joined.expect("the runtime is there").expect("a worker never panics: a panic in a task ends the process");
        }
    }
}
