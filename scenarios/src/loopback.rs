//! Support for tests of the systems outside a simulation: addresses on the real loopback, folders, and a cluster's processes, each
//! a test's own.
//! It knows no system.

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

/// Below the ephemeral ports of Linux (from 32768) and others (from 49152), so that no outgoing connection ever uses one.
const PORTS: std::ops::Range<u16> = 10_000..32_000;

/// The number of ports of one test. The first is its lock.
const PORTS_OF_A_TEST: u16 = 32;

/// The time after which a test hangs for certain. This is no bound on any duration: all tests take seconds.
const LIMIT: Duration = Duration::from_secs(300);

/// Addresses that no other test has, in this or another process, as long as this lives. They stay reserved while a cluster's
/// process restarts, which ports chosen by the operating system would not.
pub(crate) struct Addresses {
    _lock: TcpListener,
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
        let lock = TcpListener::bind(("127.0.0.1", first)).ok()?;
        let end = first + PORTS_OF_A_TEST;
        // Another program may listen on one of them.
        let all_free = (first + 1..end).all(|port| TcpListener::bind(("127.0.0.1", port)).is_ok());
        all_free.then_some(Self { _lock: lock, next: Cell::new(first + 1), end })
    }

    /// Returns an address that has not been returned before.
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

/// A test's own path, under a name that no other test uses. Its content is removed now and when this is dropped.
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

/// A cluster's process: a thread with its own multi-thread runtime.
pub(crate) struct Process<E> {
    stop: oneshot::Sender<()>,
    ended: thread::JoinHandle<Result<(), E>>,
}

/// Completes when its process is asked to stop.
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
            // A test that waits for this process would wait in vain; say why.
            if let Err(why) = &ended {
                eprintln!("a process of the cluster ended: {why}");
            }
            ended
        });
        Self { stop, ended }
    }

    pub(crate) fn stop(self) -> Result<(), E> {
        let _ = self.stop.send(());
        self.ended.join().expect("a process does not panic")
    }
}

/// Runs the test itself, on its own runtime.
pub(crate) fn run<T>(test: impl Future<Output = T>) -> T {
    runtime().block_on(within_the_limit(test))
}

/// Fails a test that waits for something that never happens.
pub(crate) async fn within_the_limit<T>(test: impl Future<Output = T>) -> T {
    time::timeout(LIMIT, test).await.expect("a test finishes within the limit")
}

pub(crate) fn runtime() -> Runtime {
    Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap()
}

#[test]
fn addresses_are_free_and_never_repeat() {
    let (one, other) = (Addresses::take(), Addresses::take());
    let (ones, others): ([String; 31], [String; 31]) = (one.several(), other.several());
    let free: Vec<TcpListener> =
        ones.iter().chain(&others).map(|address| TcpListener::bind(address).unwrap()).collect();
    assert_eq!(free.len(), 62);
}

#[test]
#[should_panic(expected = "a test has 31 addresses")]
fn a_test_that_needs_more_addresses_panics() {
    let _: [String; 32] = Addresses::take().several();
}
