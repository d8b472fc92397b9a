//! The vitals of a child: its processor time and the state of its thread. Reading them allocates nothing, because a runner's
//! heap must not change.

use crate::host::system;
use std::time::Duration;

/// The state of a process, as far as the watchdog distinguishes states.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    /// It runs, or would if a processor were free.
    Runs,
    /// It sleeps until something happens: state S.
    Sleeps,
    /// A signal or a debugger has stopped it: states T and t.
    Stopped,
    /// It waits for a disk or for memory, has ended, or is in another state: D, Z and others.
    Waits,
}

/// The vitals at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Vitals {
    /// The processor time of all of its threads; `None` if the system does not say.
    pub(super) cpu: Option<Duration>,
    /// The state of its thread.
    pub(super) state: State,
}

impl Vitals {
    /// Reads the vitals of a child. `thread` is the kernel thread that runs its simulation, if it is known.
    pub(super) fn of(child: libc::pid_t, thread: Option<u32>) -> Self {
        // A thread that is gone says nothing: then the process's first thread does.
        let state = thread.and_then(|thread| state(child, thread)).or_else(|| state(child, child as u32));
        Self { cpu: cpu(child), state: state.unwrap_or(State::Waits) }
    }
}

fn cpu(child: libc::pid_t) -> Option<Duration> {
    // clock_getcpuclockid(3) computes this number: the clock of a process that counts its scheduled time.
    const SCHEDULED: libc::clockid_t = 2;
    let clock: libc::clockid_t = (!child << 3) | SCHEDULED;
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: clock_gettime(2) writes one `timespec`, which is there.
    let result = unsafe { system::call(libc::SYS_clock_gettime, clock as usize, (&raw mut time).addr(), 0, 0, 0, 0) };
    (result == 0).then(|| Duration::new(time.tv_sec as u64, time.tv_nsec as u32))
}

fn state(child: libc::pid_t, thread: u32) -> Option<State> {
    let mut path = Text::new();
    path.push("/proc/").push_number(child as u32).push("/task/");
    path.push_number(thread).push("/stat\0");
    let mut line = [0; 256];
    // SAFETY: openat(2) reads a path that ends in NUL, read(2) writes at most as many bytes as `line` has, and close(2) gets the
    // descriptor that was just opened.
    let length = unsafe {
        let directory = libc::AT_FDCWD as usize;
        let flags = (libc::O_RDONLY | libc::O_CLOEXEC) as usize;
        let file = system::call(libc::SYS_openat, directory, path.bytes.as_ptr().addr(), flags, 0, 0, 0);
        if file < 0 {
            return None;
        }
        let length = system::call(libc::SYS_read, file as usize, line.as_mut_ptr().addr(), line.len(), 0, 0, 0);
        system::call(libc::SYS_close, file as usize, 0, 0, 0, 0, 0);
        length
    };
    line.get(..usize::try_from(length).ok()?).map(parse)
}

/// The state in a line of `/proc/PID/stat`: the letter after the last parenthesis, which ends the command's name.
fn parse(line: &[u8]) -> State {
    let letter = line.iter().rposition(|byte| *byte == b')').and_then(|at| line.get(at + 2));
    match letter {
        Some(b'R') => State::Runs,
        Some(b'S') => State::Sleeps,
        Some(b'T' | b't') => State::Stopped,
        _ => State::Waits,
    }
}

/// A short text without an allocation.
struct Text {
    bytes: [u8; 64],
    length: usize,
}

impl Text {
    fn new() -> Self {
        Self { bytes: [0; 64], length: 0 }
    }

    fn push(&mut self, text: &str) -> &mut Self {
        self.bytes[self.length..self.length + text.len()].copy_from_slice(text.as_bytes());
        self.length += text.len();
        self
    }

    fn push_number(&mut self, number: u32) -> &mut Self {
        if number >= 10 {
            self.push_number(number / 10);
        }
        self.bytes[self.length] = b'0' + (number % 10) as u8;
        self.length += 1;
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_state_follows_the_last_parenthesis() {
        assert_eq!(parse(b"7 (sh) S 1 2"), State::Sleeps);
        assert_eq!(parse(b"7 (a) R (b) T 1 2"), State::Stopped);
        assert_eq!(parse(b"7 (sh) t 1"), State::Stopped);
        assert_eq!(parse(b"7 (sh) D 1"), State::Waits);
        assert_eq!(parse(b""), State::Waits);
    }

    #[test]
    fn this_process_runs_and_uses_the_processor() {
        let me = std::process::id();
        let first = Vitals::of(me as libc::pid_t, None);
        let thread = this_thread();
        assert_eq!(Vitals::of(me as libc::pid_t, Some(thread)).state, State::Runs);
        assert!(Vitals::of(me as libc::pid_t, None).cpu >= first.cpu);
    }

    fn this_thread() -> u32 {
        // SAFETY: gettid(2) takes no arguments.
        unsafe { system::call(libc::SYS_gettid, 0, 0, 0, 0, 0, 0) as u32 }
    }
}
