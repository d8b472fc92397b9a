//! The default pool as in rDSN: threads, a queue, and tasks that are ready, running, finished or cancelled. A cancel
//! without a wait removes a ready task. A running one answers that it is running, and goes on.

use crate::rt::{process, sync::watch};
use afterlife_probe::{Scope, Task as TaskProbe, TaskHandle, sometimes};
use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};

type Work = Box<dyn FnOnce() + Send>;

/// The state of a task.
enum State {
    Ready(Work, TaskProbe),
    Running,
    Over,
}

/// A task that was handed to the pool.
pub(super) struct Task {
    state: Mutex<State>,
    probe: TaskHandle,
    over: watch::Sender<bool>,
    /// Outlives the work, which may hold the last other reference to the scope's owner.
    _scope: Arc<Scope>,
}

impl Task {
    /// `task::cancel(wait_until_finished = false)`: returns whether the task will not run. A running task is left
    /// alone.
    pub(super) fn cancel(&self) -> bool {
        let mut state = self.state();
        if matches!(*state, State::Over) {
            return true;
        }
        self.probe.cancel();
        if matches!(*state, State::Running) {
            return false;
        }
        let before = std::mem::replace(&mut *state, State::Over);
        drop(state);
        drop(before);
        sometimes!(true, "a task is cancelled while it is still queued");
        self.over.send_replace(true);
        true
    }

    /// Waits until the task has finished or was cancelled.
    pub(super) async fn ended(&self) {
        // The task owns the sender, so the channel is open.
        let _ = self.over.subscribe().wait_for(|over| *over).await;
    }

    fn run(&self) {
        let taken = {
            let mut state = self.state();
            match std::mem::replace(&mut *state, State::Running) {
                State::Ready(work, probe) => (work, probe),
                before => {
                    *state = before;
                    return;
                }
            }
        };
        let (work, mut probe) = taken;
        probe.run();
        if catch_unwind(AssertUnwindSafe(work)).is_err() {
            // A task's exception is never caught: `std::terminate`.
            process::abort();
        }
        drop(probe);
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

    /// Queues a task that belongs to `scope`. `keep` receives the task before any thread does, so that it can be
    /// cancelled from the start.
    pub(super) fn enqueue(&self, scope: &Arc<Scope>, name: &'static str, work: Work, keep: impl FnOnce(Arc<Task>)) {
        let probe = scope.task(name);
        let handle = probe.handle();
        let state = Mutex::new(State::Ready(work, probe));
        let task = Task { state, probe: handle, over: watch::Sender::new(false), _scope: Arc::clone(scope) };
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

    /// Cancels the queued tasks, and returns once every thread has ended. Each thread finishes its current task.
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
