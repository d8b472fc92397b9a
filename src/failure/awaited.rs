//! The thing that a stack waits for, from the functions of the runtime and the standard library on it: a channel, a lock, a task.
//! It knows files of their sources, and nothing of the run.

use super::symbols::{Frame, Owner, frames};

/// Files of the runtime and the standard library, with what a wait in them is for. A wait passes through several: the outermost counts,
/// as a channel counts and not the lock inside it.
const SUBJECTS: [(&str, &str); 36] = [
    ("/src/sync/oneshot.rs", "for a oneshot channel"),
    ("/src/sync/mpsc/", "for a channel"),
    ("/src/sync/watch.rs", "for a watch channel"),
    ("/src/sync/broadcast.rs", "for a broadcast channel"),
    ("/src/sync/notify.rs", "for a notification"),
    ("/src/sync/mutex.rs", "for a lock"),
    ("/src/sync/rwlock", "for a read-write lock"),
    ("/src/sync/semaphore.rs", "for a permit"),
    ("/src/sync/batch_semaphore.rs", "for a permit"),
    ("/src/sync/barrier.rs", "for a barrier"),
    ("/src/sync/once_cell.rs", "for a cell to be set"),
    ("/src/runtime/task/join.rs", "for a task"),
    ("/src/task/join_set.rs", "for the tasks of a set"),
    ("/src/task/task_tracker.rs", "for tracked tasks"),
    ("/src/sync/cancellation_token", "for a cancellation"),
    ("/src/time/", "for a timer"),
    ("/src/signal/", "for a signal"),
    ("/src/net/tcp/listener.rs", "for a connection"),
    ("/src/net/tcp/", "for a socket"),
    ("/src/net/udp.rs", "for a socket"),
    ("/src/net/unix/", "for a socket"),
    ("/src/io/util/read", "for bytes to read"),
    ("/src/io/util/write", "for room to write"),
    ("/src/io/util/copy", "for bytes to copy"),
    ("/src/io/async_fd.rs", "for a descriptor"),
    ("std/src/sync/mpsc/", "for a channel"),
    ("std/src/sync/mpmc/", "for a channel"),
    ("std/src/sync/mpsc.rs", "for a channel"),
    ("std/src/sync/poison/mutex.rs", "for a lock"),
    ("std/src/sync/poison/rwlock.rs", "for a read-write lock"),
    ("std/src/sync/poison/condvar.rs", "for a condition"),
    ("std/src/sync/barrier.rs", "for a barrier"),
    ("std/src/sync/once", "for a cell to be set"),
    ("std/src/thread/scoped.rs", "for the threads of a scope"),
    ("std/src/net/tcp.rs", "for a socket"),
    ("std/src/net/udp.rs", "for a socket"),
];

/// Files of the runtime in which its threads wait for work.
const IDLE: [&str; 4] =
    ["/src/runtime/scheduler/", "/src/runtime/park.rs", "/src/runtime/blocking/pool.rs", "/src/runtime/driver"];

/// A wait, as the stack shows it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Awaited {
    /// The subject: `for a oneshot channel`, or `in axum` if the program's own code calls a crate that waits. Empty if unknown.
    pub(crate) phrase: String,
    /// The innermost line of the program's own code, or of a crate that it depends on.
    pub(crate) site: Option<String>,
    /// The line is the program's own code.
    pub(crate) is_own: bool,
    /// A thread of the runtime waits for work.
    pub(crate) is_idle: bool,
}

impl Awaited {
    /// Returns whether the wait ends by itself.
    pub(crate) fn is_timer(&self) -> bool {
        self.phrase == "for a timer"
    }
}

/// The wait at this stack.
pub(crate) fn awaited(stack: &[u32]) -> Awaited {
    of(&frames(stack))
}

fn of(frames: &[Frame]) -> Awaited {
    let is = |owner: Owner| move |frame: &Frame| frame.owner() == owner;
    let own = frames.iter().position(is(Owner::Own));
    let library = frames.iter().position(is(Owner::Library));
    let outside = own.into_iter().chain(library).min().unwrap_or(frames.len());
    let machinery = &frames[..outside];
    let subject =
        |frame: &Frame| SUBJECTS.iter().find(|(file, _)| frame.file.contains(file)).map(|(_, phrase)| *phrase);
    let through = own.and_then(|own| frames[..own].iter().rev().find(|frame| frame.owner() == Owner::Library));
    let phrase = match through.and_then(|frame| package(&frame.file)) {
        Some(package) => format!("in {package}"),
        None => machinery.iter().rev().find_map(subject).unwrap_or_default().to_owned(),
    };
    Awaited {
        phrase,
        site: own.or(library).map(|at| frames[at].site()),
        is_own: own.is_some(),
        is_idle: outside == frames.len()
            || machinery.iter().any(|frame| IDLE.iter().any(|file| frame.file.contains(file))),
    }
}

/// The package of a dependency's file: `axum` of `axum-0.8.9/src/serve/mod.rs`.
fn package(file: &str) -> Option<&str> {
    let (folder, _) = file.split_once('/')?;
    let end =
        folder.match_indices('-').find(|(at, _)| folder[at + 1..].starts_with(|first: char| first.is_ascii_digit()));
    Some(end.map_or(folder, |(at, _)| &folder[..at]))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(owner: Owner, file: &str) -> Frame {
        Frame::of("f", file, 7, owner)
    }

    #[test]
    fn the_outermost_file_of_the_runtime_names_the_subject() {
        let tokio = |file: &str| frame(Owner::Machinery, &format!("tokio-1.54.1/src/{file}"));
        let own = frame(Owner::Own, "src/main.rs");
        let waits = of(&[tokio("sync/batch_semaphore.rs"), tokio("sync/mutex.rs"), own.clone()]);
        assert_eq!((&*waits.phrase, waits.site.as_deref(), waits.is_own), ("for a lock", Some("src/main.rs:7"), true));
        let waits = of(&[tokio("sync/notify.rs"), tokio("sync/watch.rs"), own.clone()]);
        assert_eq!(waits.phrase, "for a watch channel");
        let idle = of(&[tokio("runtime/park.rs"), tokio("runtime/scheduler/current_thread/mod.rs"), own]);
        assert!(idle.is_idle);
    }

    #[test]
    fn the_crate_that_the_program_calls_is_named_if_it_waits() {
        let tokio = frame(Owner::Machinery, "tokio-1.54.1/src/sync/watch.rs");
        let axum = frame(Owner::Library, "axum-0.8.9/src/serve/mod.rs");
        let own = frame(Owner::Own, "src/main.rs");
        let waits = of(&[tokio.clone(), axum.clone(), own]);
        assert_eq!((&*waits.phrase, waits.site.as_deref()), ("in axum", Some("src/main.rs:7")));
        let waits = of(&[tokio, axum]);
        assert_eq!(waits.phrase, "for a watch channel");
        assert_eq!((waits.site.as_deref(), waits.is_own), (Some("axum-0.8.9/src/serve/mod.rs:7"), false));
    }

    #[test]
    fn a_package_is_named_without_its_version() {
        assert_eq!(package("hyper-util-0.1.21/src/rt/tokio.rs"), Some("hyper-util"));
        assert_eq!(package("redb/src/db.rs"), Some("redb"));
    }
}
