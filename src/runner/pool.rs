//! Several runners side by side, with results in the order of the requests.
//! It does not judge replies; its caller ends the search.

use super::error::RunnerError;
use super::executor::Executor;
use super::handle::{Asked, Runner, check_memory};
use super::launch::Launch;
use super::share::{Share, processors};
use crate::run::request::{Reply, Request};
use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

/// The number of requests per runner that may be ahead of the oldest unfinished one. It bounds the work that is lost when the
/// search ends, and the replies that wait in memory behind one long run.
const AHEAD_PER_RUNNER: u64 = 8;

/// A runner that dies gets a second chance: the machine may have been out of memory for a moment.
const ATTEMPTS: usize = 2;

/// The time after which a thread without a runner looks whether its pool may have more runners by now.
const SHARE_CHECK: Duration = Duration::from_millis(20);

/// Runner processes of one executable.
pub(crate) struct Pool {
    launch: Launch,
    jobs: u64,
    /// The part of `jobs` that it may use while other pools need the rest.
    share: Option<Share>,
    idle: Mutex<Vec<Runner>>,
}

impl Pool {
    /// A pool of at most `jobs` runners. Each is started when it is first needed.
    pub(crate) fn new(launch: Launch, jobs: u64) -> Self {
        Self { launch, jobs: jobs.max(1), share: None, idle: Mutex::default() }
    }

    /// A pool that shares the processors with all other such pools of this process.
    pub(crate) fn sharing(launch: Launch) -> Self {
        Self { launch, jobs: processors(), share: Some(Share::begin()), idle: Mutex::default() }
    }

    /// The number of runners that it may have now.
    fn allowed(&self) -> u64 {
        self.share.as_ref().map_or(self.jobs, Share::runners)
    }

    fn ask(&self, runner: &mut Option<Runner>, request: &Request) -> Result<Reply, RunnerError> {
        let mut died = (String::new(), String::new());
        for _ in 0..ATTEMPTS {
            if let Some(signal) = afterlife_sim::isolate::interrupt() {
                return Err(RunnerError::Interrupted(signal));
            }
            let mut asked = match runner.take() {
                Some(runner) => runner,
                None => Runner::start(&self.launch)?,
            };
            match asked.ask(request)? {
                Asked::Replied(reply) => {
                    *runner = Some(asked);
                    return Ok(reply);
                }
                Asked::Crashed(reply) => return Ok(reply),
                Asked::Gone(why) => died = (why, asked.last_words()),
            }
        }
        let (why, words) = died;
        Err(RunnerError::Died { scenario: request.scenario.clone(), seed: request.seed, why, words })
    }

    /// Carries out requests on one runner, the one of this number.
    fn work(&self, number: u64, queue: &Mutex<Queue<'_>>, changed: &Condvar) {
        let _closing = Closing { queue, changed, only_in_panic: true };
        let mut runner = unpoisoned(self.idle.lock()).pop();
        loop {
            if number >= self.allowed() {
                // Another pool needs the processor, and the memory as well.
                drop(runner.take());
            }
            let mut state = unpoisoned(queue.lock());
            while !state.closed && number >= self.allowed() {
                (state, _) = changed.wait_timeout(state, SHARE_CHECK).unwrap_or_else(PoisonError::into_inner);
            }
            while !state.closed && state.dealt >= state.delivered + self.jobs * AHEAD_PER_RUNNER {
                state = unpoisoned(changed.wait(state));
            }
            let Some((index, request)) = state.deal() else { break };
            drop(state);
            let result = self.ask(&mut runner, &request);
            unpoisoned(queue.lock()).done.insert(index, (request, result));
            changed.notify_all();
        }
        changed.notify_all();
        unpoisoned(self.idle.lock()).extend(runner);
    }
}

impl Executor for Pool {
    fn in_order(
        &self,
        requests: &mut (dyn Iterator<Item = Request> + Send),
        each: &mut dyn FnMut(Request, Reply) -> ControlFlow<()>,
    ) -> Result<(), RunnerError> {
        // Before a thread needs memory for its stack.
        check_memory()?;
        let queue = Mutex::new(Queue::over(requests));
        let changed = Condvar::new();
        thread::scope(|scope| {
            let _closing = Closing { queue: &queue, changed: &changed, only_in_panic: false };
            for number in 0..self.jobs {
                let (queue, changed) = (&queue, &changed);
                scope.spawn(move || self.work(number, queue, changed));
            }
            loop {
                let mut state = unpoisoned(queue.lock());
                let (request, result) = loop {
                    let next = state.delivered;
                    if let Some(done) = state.done.remove(&next) {
                        state.delivered += 1;
                        break done;
                    }
                    if state.panicked || state.closed && state.dealt == state.delivered {
                        return Ok(());
                    }
                    state = unpoisoned(changed.wait(state));
                };
                drop(state);
                changed.notify_all();
                if each(request, result?).is_break() {
                    return Ok(());
                }
            }
        })
    }

    fn fresh(&self, request: &Request) -> Result<Reply, RunnerError> {
        self.ask(&mut None, request)
    }
}

/// The requests, in order, and the results that are not delivered yet.
struct Queue<'a> {
    requests: &'a mut (dyn Iterator<Item = Request> + Send),
    dealt: u64,
    delivered: u64,
    done: BTreeMap<u64, (Request, Result<Reply, RunnerError>)>,
    closed: bool,
    panicked: bool,
}

impl<'a> Queue<'a> {
    fn over(requests: &'a mut (dyn Iterator<Item = Request> + Send)) -> Self {
        Self { requests, dealt: 0, delivered: 0, done: BTreeMap::new(), closed: false, panicked: false }
    }

    fn deal(&mut self) -> Option<(u64, Request)> {
        if self.closed {
            return None;
        }
        let Some(request) = self.requests.next() else {
            self.closed = true;
            return None;
        };
        self.dealt += 1;
        Some((self.dealt - 1, request))
    }
}

/// Closes the queue when it is dropped, so that no thread waits for one that is gone.
struct Closing<'a, 'b> {
    queue: &'a Mutex<Queue<'b>>,
    changed: &'a Condvar,
    only_in_panic: bool,
}

impl Drop for Closing<'_, '_> {
    fn drop(&mut self) {
        let panicking = thread::panicking();
        if panicking || !self.only_in_panic {
            let mut state = unpoisoned(self.queue.lock());
            state.closed = true;
            state.panicked |= panicking;
            drop(state);
            self.changed.notify_all();
        }
    }
}

/// Ignores poison: a panic is reported where it happened, and the state is consistent between two locks.
fn unpoisoned<'a, T: ?Sized>(locked: Result<MutexGuard<'a, T>, PoisonError<MutexGuard<'a, T>>>) -> MutexGuard<'a, T> {
    locked.unwrap_or_else(PoisonError::into_inner)
}
