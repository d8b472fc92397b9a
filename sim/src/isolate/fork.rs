//! Forks: each run in a child of a warm process with fixed addresses, so that every run starts from the same state.
//! It does not know what a child works on.

use super::child::work_and_exit;
use super::pages::{use_large_pages, widen_pages};
use super::vitals::Vitals;
use super::watchdog::{Bounds, LOOK, Lifeless, Watchdog};
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
    /// It slept for too long in a wait that the simulation does not control, and was killed.
    Slept,
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
    /// The addresses of its calls when the watchdog asked for them, innermost first; empty if the watchdog did not ask, or got no
    /// answer.
    pub frames: Vec<usize>,
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
/// child has ended, or has shown no sign of life within the bounds. The output is complete only if the child exited with 0. The parent's heap is the same as before, unless the child left last words.
///
/// # Errors
/// If the system has no process, pipe or memory left, or the relay fails.
pub fn in_child(
    bounds: Bounds,
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
            watch(child, reader, bounds, status, relay)
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

/// The time that a child has for its answer to the watchdog, from the first signal. Reading the symbols of a large program takes
/// seconds.
const ANSWER: Duration = Duration::from_secs(20);

/// The parent's side: reads the child's result, watches for signs of life, and waits for the child's end.
fn watch(
    child: libc::pid_t,
    reader: OwnedFd,
    bounds: Bounds,
    status: &Status,
    relay: Relay<'_>,
) -> io::Result<ChildEnd> {
    const LOOK_AFTER_SIGNAL: Duration = Duration::from_millis(20);
    let mut watchdog = Watchdog::new(bounds);
    let mut asked: Option<(Instant, Lifeless)> = None;
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
            watchdog.alive();
            continue;
        }
        if let Some((since, _)) = asked {
            if since.elapsed() > ANSWER {
                kill(child);
                break;
            }
        } else {
            let vitals = || Vitals::of(child, status.guest_thread());
            let Some(lifeless) = watchdog.look(status.beats(), vitals) else { continue };
            asked = Some((Instant::now(), lifeless));
            status.set_asleep(lifeless == Lifeless::Sleeps);
        }
        match status.guest_thread() {
            Some(thread) => signal_watchdog(child, thread),
            None => {
                kill(child);
                break;
            }
        }
    }
    let exit = wait_for(child)?;
    // The child may have killed itself after it had answered the watchdog.
    let how = match asked {
        Some((_, Lifeless::Spins)) if libc::WIFSIGNALED(exit) => How::Spun,
        Some((_, Lifeless::Sleeps)) if libc::WIFSIGNALED(exit) => How::Slept,
        _ if libc::WIFSIGNALED(exit) => How::Signalled(libc::WTERMSIG(exit)),
        _ => How::Exited(libc::WEXITSTATUS(exit)),
    };
    let node = if how == How::Exited(0) { None } else { status.node() };
    Ok(ChildEnd { how, node, words: status.last_words(), frames: status.frames() })
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

    const BOUNDS: Bounds = Bounds { cpu: Duration::from_secs(60), asleep: Duration::from_secs(60) };
    const SHORT: Bounds = Bounds { cpu: Duration::from_millis(500), asleep: Duration::from_millis(500) };

    /// Children report through memory that this process has once.
    static ONE_AT_A_TIME: std::sync::Mutex<()> = std::sync::Mutex::new(());

    fn end_of(bounds: Bounds, work: impl FnOnce() -> Vec<u8> + Send) -> ChildEnd {
        let _turn = ONE_AT_A_TIME.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let relay = Relay { buffer: &mut [0; 64], take: &mut |_: &[u8]| Ok(()) };
        in_child(bounds, None, work, relay).expect("there is a process left")
    }

    #[inline(never)]
    fn spins_here() -> Vec<u8> {
        loop {
            std::hint::spin_loop();
        }
    }

    #[inline(never)]
    fn sleeps_here() -> Vec<u8> {
        let lock = std::sync::Mutex::new(());
        let _first = lock.lock();
        std::mem::forget(lock.lock());
        Vec::new()
    }

    fn text(end: &ChildEnd) -> &str {
        match &end.words {
            LastWords::Text(text) => text,
            LastWords::Unsupported { .. } => "another kind of last words",
        }
    }

    #[test]
    fn a_child_that_spins_is_ended_with_its_stack() {
        let end = end_of(SHORT, spins_here);
        assert_eq!(end.how, How::Spun);
        assert!(text(&end).contains("spins_here"), "{}", text(&end));
        assert!(!end.frames.is_empty());
    }

    #[test]
    fn a_child_that_waits_for_a_real_lock_is_ended_as_asleep_with_its_stack() {
        let end = end_of(SHORT, sleeps_here);
        assert_eq!(end.how, How::Slept);
        assert!(text(&end).contains("sleeps_here"), "{}", text(&end));
    }

    #[test]
    fn a_child_that_was_stopped_ends_as_if_it_had_not_been() {
        let work = || -> Vec<u8> {
            // SAFETY: getpid(2) and kill(2) take numbers; the helper sends the signal that continues this process.
            unsafe {
                let me = system::call(libc::SYS_getpid, 0, 0, 0, 0, 0, 0);
                system::call(libc::SYS_kill, me as usize, libc::SIGSTOP as usize, 0, 0, 0, 0);
            }
            vec![7]
        };
        let _turn = ONE_AT_A_TIME.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let mut output = Vec::new();
        let relay = Relay {
            buffer: &mut [0; 64],
            take: &mut |piece: &[u8]| {
                output.extend_from_slice(piece);
                Ok(())
            },
        };
        let continued = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));
        let end = std::thread::scope(|scope| {
            scope.spawn(|| {
                std::thread::sleep(Duration::from_secs(2));
                while !continued.load(std::sync::atomic::Ordering::Relaxed) {
                    continue_children();
                    std::thread::sleep(Duration::from_millis(100));
                }
            });
            let end = in_child(SHORT, None, work, relay);
            continued.store(true, std::sync::atomic::Ordering::Relaxed);
            end.expect("there is a process left")
        });
        assert_eq!((end.how, output), (How::Exited(0), vec![7]));
    }

    /// Continues every stopped child of this process.
    fn continue_children() {
        let me = std::process::id().to_string();
        for entry in std::fs::read_dir("/proc").expect("the host has one").flatten() {
            let Ok(stat) = std::fs::read_to_string(entry.path().join("stat")) else { continue };
            let Some((_, rest)) = stat.rsplit_once(") ") else { continue };
            let mut words = rest.split(' ');
            if let (Some("T"), Some(parent)) = (words.next(), words.next())
                && parent == me
                && let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse().ok())
            {
                // SAFETY: kill(2) takes numbers. The process is a stopped child of this one, so the number is its own.
                unsafe { libc::kill(pid, libc::SIGCONT) };
            }
        }
    }

    #[test]
    fn a_child_that_dies_on_node_300_leaves_that_nodes_whole_name() {
        let long = format!("replica-{}", "x".repeat(100));
        for (last, name) in [(300, "node-300"), (2, long.as_str())] {
            let work = || -> Vec<u8> {
                (0..last).for_each(|node| name_node(&format!("node-{node}")));
                name_node(name);
                beat(last);
                last_words("it fell");
                system::exit_now(3)
            };
            let end = end_of(BOUNDS, work);
            assert_eq!((end.how, end.node.as_deref()), (How::Exited(3), Some(name)));
            assert_eq!(end.words, LastWords::Text("it fell".to_owned()));
        }
    }
}
