//! Forks: each run in a child of a warm process with fixed addresses, so that every run starts from the same state.
//! It does not know what a child works on.

use super::child::work_and_exit;
use super::pages::{use_large_pages, widen_pages};
use crate::host::last_words::LastWords;
use crate::host::status::{self, Status};
use crate::host::system;
use crate::kernel::sched::fiber;
use std::io::{self, Read};
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::time::{Duration, Instant};

/// The end of a child.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum How {
    /// It exited with this code.
    Exited(i32),
    /// It died by this signal.
    Signalled(i32),
    /// It ran for too long without calling an interposed function, and was killed.
    Spun,
}

/// A child that has ended.
#[derive(Clone, Debug)]
pub struct ChildEnd {
    /// The end itself.
    pub how: How,
    /// The node whose thread ran last, if a simulation ran.
    pub node: Option<String>,
    /// Its last words.
    pub words: LastWords,
}

/// The parent's way to receive the output of a child.
pub struct Relay<'a> {
    /// The memory for one piece of output. It belongs to the caller, so that the parent's heap does not change.
    pub buffer: &'a mut [u8],
    /// Takes the next piece of output. If it fails, the child is killed.
    pub take: &'a mut dyn FnMut(&[u8]) -> io::Result<()>,
}

/// Forks. The child closes `private`, a descriptor that is the parent's alone, runs `work` on a thread of its own, so that
/// its thread-locals are fresh, sends the bytes through a pipe and exits. The parent relays the bytes, and waits until the
/// child has ended, or has called no interposed function for `bound` of real time. The output is complete only if the child
/// exited with 0. The parent's heap is the same as before, unless the child left last words.
///
/// # Errors
/// If the system has no process, pipe or memory left, or the relay fails.
pub fn in_child(
    bound: Duration,
    private: Option<BorrowedFd<'_>>,
    work: impl FnOnce() -> Vec<u8> + Send,
    relay: Relay<'_>,
) -> io::Result<ChildEnd> {
    prepare();
    let status = status::map()?;
    let mut ends = [0; 2];
    // SAFETY: pipe2(2) writes two descriptors, for which there is space.
    if unsafe { libc::pipe2(ends.as_mut_ptr(), libc::O_CLOEXEC) } != 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: pipe2(2) has just opened these descriptors, and nothing else owns them.
    let (reader, writer) = unsafe { (OwnedFd::from_raw_fd(ends[0]), OwnedFd::from_raw_fd(ends[1])) };
    // SAFETY: a runner has one thread, so that no lock is held by a thread that the child lacks.
    match unsafe { libc::fork() } {
        -1 => Err(io::Error::last_os_error()),
        0 => {
            drop(reader);
            if let Some(private) = private {
                // SAFETY: close(2) of the child's own copy. The child never returns to the code that borrowed the descriptor.
                unsafe { system::call(libc::SYS_close, private.as_raw_fd() as usize, 0, 0, 0, 0, 0) };
            }
            work_and_exit(writer, work)
        }
        child => {
            drop(writer);
            watch(child, reader, bound, status, relay)
        }
    }
}

/// Prepares this process for forking, once: work that each child would otherwise repeat.
fn prepare() {
    static ONCE: std::sync::Once = std::sync::Once::new();
    ONCE.call_once(|| {
        fiber::prepare();
        widen_pages();
        use_large_pages(false);
    });
}

/// The parent's side: reads the child's result, watches for signs of life, and waits for the child's end.
fn watch(
    child: libc::pid_t,
    reader: OwnedFd,
    bound: Duration,
    status: &Status,
    relay: Relay<'_>,
) -> io::Result<ChildEnd> {
    const LOOK: Duration = Duration::from_millis(250);
    const LOOK_AFTER_SIGNAL: Duration = Duration::from_millis(20);
    let mut spun = false;
    let mut asked: Option<Instant> = None;
    let mut beats = 0;
    let mut moved = Instant::now();
    let mut reader = std::fs::File::from(reader);
    loop {
        let mut entry = libc::pollfd { fd: reader.as_raw_fd(), events: libc::POLLIN, revents: 0 };
        let look = if asked.is_some() { LOOK_AFTER_SIGNAL } else { LOOK };
        // SAFETY: poll(2) reads and writes one entry, which is there.
        let ready = unsafe { libc::poll(&mut entry, 1, look.as_millis() as i32) };
        if ready > 0 {
            let relayed = match reader.read(relay.buffer) {
                Ok(0) => break,
                Ok(count) => (relay.take)(&relay.buffer[..count]),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => Ok(()),
                Err(error) => Err(error),
            };
            if let Err(error) = relayed {
                kill(child);
                wait_for(child)?;
                return Err(error);
            }
            moved = Instant::now();
            continue;
        }
        let now = status.beats();
        if now != beats {
            beats = now;
            moved = Instant::now();
            continue;
        }
        if moved.elapsed() < bound {
            continue;
        }
        match status.guest_thread().filter(|_| asked.is_none_or(|asked| asked.elapsed() < bound)) {
            Some(thread) => {
                asked.get_or_insert_with(Instant::now);
                signal_watchdog(child, thread);
            }
            None => {
                spun = true;
                kill(child);
                break;
            }
        }
    }
    let exit = wait_for(child)?;
    // The child may have killed itself after it had answered the watchdog.
    let spun = spun || asked.is_some() && libc::WIFSIGNALED(exit);
    let how = match (spun, libc::WIFSIGNALED(exit)) {
        (true, _) => How::Spun,
        (false, true) => How::Signalled(libc::WTERMSIG(exit)),
        (false, false) => How::Exited(libc::WEXITSTATUS(exit)),
    };
    let node = if how == How::Exited(0) { None } else { status.node() };
    Ok(ChildEnd { how, node, words: status.last_words() })
}

/// Kills a child that was not waited for yet.
fn kill(child: libc::pid_t) {
    // SAFETY: kill(2) takes numbers. The child was not waited for yet, so that its number is its own.
    unsafe { libc::kill(child, libc::SIGKILL) };
}

/// Asks the kernel thread that runs the simulation for its call stack; it then ends the run.
fn signal_watchdog(child: libc::pid_t, thread: u32) {
    // SAFETY: tgkill(2) takes numbers. The child was not waited for yet, so that its number is its own; if the thread
    // has gone, the call fails and does nothing.
    unsafe {
        system::call(libc::SYS_tgkill, child as usize, thread as usize, crate::libc::WATCHDOG as usize, 0, 0, 0);
    }
}

fn wait_for(child: libc::pid_t) -> io::Result<libc::c_int> {
    let mut status = 0;
    // SAFETY: waitpid(2) writes one status, for which there is space.
    while unsafe { libc::waitpid(child, &mut status, 0) } < 0 {
        if io::Error::last_os_error().kind() != io::ErrorKind::Interrupted {
            return Err(io::Error::last_os_error());
        }
    }
    Ok(status)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::status::{beat, last_words, name_node};

    #[test]
    fn a_child_that_dies_on_node_300_leaves_that_nodes_whole_name() {
        let long = format!("replica-{}", "x".repeat(100));
        for (last, name) in [(300, "node-300"), (2, long.as_str())] {
            let relay = Relay { buffer: &mut [0; 64], take: &mut |_: &[u8]| Ok(()) };
            let work = || -> Vec<u8> {
                (0..last).for_each(|node| name_node(&format!("node-{node}")));
                name_node(name);
                beat(last);
                last_words("it fell");
                system::exit_now(3)
            };
            let end = in_child(Duration::from_secs(60), None, work, relay).expect("there is a process left");
            assert_eq!((end.how, end.node.as_deref()), (How::Exited(3), Some(name)));
            assert_eq!(end.words, LastWords::Text("it fell".to_owned()));
        }
    }
}
