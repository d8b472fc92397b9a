//! What tests of the systems outside the room share: addresses of the real loopback and a folder that are one test's own,
//! and the processes of a cluster there. It knows no system.

use crate::rt::{sync::oneshot, time};
use std::cell::Cell;
use std::fmt::Display;
use std::future::Future;
use std::net::TcpListener;
use std::ops::Deref;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;
use tokio::runtime::{Builder, Runtime};

/// Below what Linux (32768) and others (49152) give out by themselves, so that no outgoing connection is ever on one of these.
const PORTS: std::ops::Range<u16> = 10_000..32_000;

/// How many ports one test has, of which the first is its mark.
const PORTS_OF_A_TEST: u16 = 32;

/// A test that is not done by then never will be. It is no bound for how long something takes: all of them take seconds.
const LIMIT: Duration = Duration::from_secs(300);

/// Addresses that no other test has, in this process or another, for as long as this lives. That they are free between two
/// lives of a process is why the system is not asked for them: it would give them to the next who asks.
pub(crate) struct Addresses {
    _mark: TcpListener,
    next: Cell<u16>,
    end: u16,
}

impl Addresses {
    pub(crate) fn take() -> Self {
        let blocks = usize::from((PORTS.end - PORTS.start) / PORTS_OF_A_TEST);
        let begin = std::process::id() as usize % blocks;
        (0..blocks).find_map(|at| Self::of_block((begin + at) % blocks)).expect("a test's ports are free somewhere")
    }

    fn of_block(block: usize) -> Option<Self> {
        let first = PORTS.start + u16::try_from(block).ok()? * PORTS_OF_A_TEST;
        let mark = TcpListener::bind(("127.0.0.1", first)).ok()?;
        let end = first + PORTS_OF_A_TEST;
        // Somebody who is no test may listen among them.
        let all_free = (first + 1..end).all(|port| TcpListener::bind(("127.0.0.1", port)).is_ok());
        all_free.then_some(Self { _mark: mark, next: Cell::new(first + 1), end })
    }

    /// One that was not given before.
    pub(crate) fn next(&self) -> String {
        let port = self.next.get();
        assert!(port < self.end, "a test has {} addresses", PORTS_OF_A_TEST - 1);
        self.next.set(port + 1);
        format!("127.0.0.1:{port}")
    }

    pub(crate) fn several<const N: usize>(&self) -> [String; N] {
        std::array::from_fn(|_| self.next())
    }
}

/// A path that is one test's own, by a name that no other test has. What is there is removed, now and when this is dropped.
pub(crate) struct Folder(PathBuf);

impl Folder {
    pub(crate) fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("afterlife-{name}-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&path);
        Self(path)
    }
}

impl Deref for Folder {
    type Target = Path;

    fn deref(&self) -> &Path {
        &self.0
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// A process: a thread with a multi-thread runtime of its own.
pub(crate) struct Process<E> {
    stop: oneshot::Sender<()>,
    ended: thread::JoinHandle<Result<(), E>>,
}

/// Ends when its process is to stop.
pub(crate) type Stopped = std::pin::Pin<Box<dyn Future<Output = ()> + Send>>;

impl<E: Display + Send + 'static> Process<E> {
    pub(crate) fn start<F, Fut>(process: F) -> Self
    where
        F: FnOnce(Stopped) -> Fut + Send + 'static,
        Fut: Future<Output = Result<(), E>>,
    {
        let (stop, stopped) = oneshot::channel::<()>();
        let stopped = Box::pin(async move { stopped.await.unwrap_or(()) });
        let ended = thread::spawn(move || {
            let ended = runtime().block_on(process(stopped));
            // Who waits for it would wait in vain, and is to read why.
            if let Err(why) = &ended {
                eprintln!("a process of the cluster ended: {why}");
            }
            ended
        });
        Self { stop, ended }
    }

    pub(crate) fn stop(self) -> Result<(), E> {
        let _ = self.stop.send(());
        self.ended.join().expect("it did not panic")
    }
}

/// The part of the test itself, on a runtime of its own.
pub(crate) fn run<T>(test: impl Future<Output = T>) -> T {
    runtime().block_on(within_the_limit(test))
}

/// What waits for something that never comes fails, and nobody waits for it for ever.
pub(crate) async fn within_the_limit<T>(test: impl Future<Output = T>) -> T {
    time::timeout(LIMIT, test).await.expect("what a test waits for comes some time")
}

pub(crate) fn runtime() -> Runtime {
    Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap()
}

#[test]
fn no_address_is_given_twice_and_each_is_free() {
    let (one, other) = (Addresses::take(), Addresses::take());
    let (ones, others): ([String; 31], [String; 31]) = (one.several(), other.several());
    let free: Vec<TcpListener> = ones.iter().chain(&others).map(|it| TcpListener::bind(it).unwrap()).collect();
    assert_eq!(free.len(), 62);
}

#[test]
#[should_panic(expected = "a test has 31 addresses")]
fn a_test_that_needs_more_is_told() {
    let _: [String; 32] = Addresses::take().several();
}
