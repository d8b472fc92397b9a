//! Signals: the actions of a process, the masks of its threads, sending and waiting.
//! Handlers are called in `signal_handlers`; nothing here reaches the real process.

use super::block::{blocking, call, handle_signals};
use super::current::{here, kernel};
use super::io::{int, result};
use super::user_memory::{UserSlice, UserSliceMut};
use crate::host::system;
use crate::kernel::Errno;
use crate::kernel::due::Blocking;
use crate::kernel::process::signal::{Action, bit};
use crate::kernel::sched::thread::{ThreadId, Wait};
use libc::{c_int, c_void, pid_t, pthread_t, sighandler_t, siginfo_t, sigset_t, stack_t, timespec};

const SIGNALS: std::ops::RangeInclusive<c_int> = 1..=64;

fn check(signal: c_int) -> Result<c_int, Errno> {
    if SIGNALS.contains(&signal) { Ok(signal) } else { Err(libc::EINVAL) }
}

/// The first word of a set, which has all 64 signals of Linux; `None` for a null pointer.
///
/// # Safety
/// `set` is null or valid for reading.
unsafe fn read_set(set: *const sigset_t) -> Option<u64> {
    // SAFETY: this function's own contract; a set is at least one word long.
    unsafe { UserSlice::one(set.cast::<u64>()) }.get(0)
}

/// The place for a set; null if none is wanted.
#[derive(Clone, Copy)]
struct SetPlace(UserSliceMut<[u64; WORDS]>);

const WORDS: usize = size_of::<sigset_t>() / size_of::<u64>();

impl SetPlace {
    /// # Safety
    /// `set` is null or valid for writing.
    unsafe fn new(set: *mut sigset_t) -> Self {
        // SAFETY: this function's own contract; a set consists of words.
        Self(unsafe { UserSliceMut::one(set.cast()) })
    }

    fn write(self, bits: u64) {
        let mut words = [0; WORDS];
        words[0] = bits;
        self.0.write_if_given(words);
    }
}

/// The C library's form of an action.
fn shown(action: &Action) -> libc::sigaction {
    // SAFETY: zeros are a valid action.
    let mut shown: libc::sigaction = unsafe { std::mem::zeroed() };
    shown.sa_sigaction = action.handler;
    shown.sa_flags = action.flags;
    // SAFETY: the set of a structure on the stack.
    unsafe { SetPlace::new(&raw mut shown.sa_mask) }.write(action.mask);
    shown
}

/// Installs an action. Returns the one before.
fn install(me: ThreadId, signal: c_int, new: Option<libc::sigaction>) -> Result<Action, Errno> {
    check(signal)?;
    let new = new.map(|new| Action {
        handler: new.sa_sigaction,
        flags: new.sa_flags,
        // SAFETY: the set of a structure on the stack.
        mask: unsafe { read_set(&raw const new.sa_mask) }.unwrap_or(0),
    });
    if new.is_some() && matches!(signal, libc::SIGKILL | libc::SIGSTOP) {
        return Err(libc::EINVAL);
    }
    Ok(call(me, |kernel| {
        let node = kernel.sched[me].node();
        let before = kernel.signal_action(node, signal);
        if let Some(new) = new {
            kernel.set_signal_action(node, signal, new);
        }
        before
    }))
}

/// Changes the thread's mask. Returns the one before through `old`.
fn change_mask(me: ThreadId, how: c_int, set: Option<u64>, old: SetPlace) -> Result<(), Errno> {
    let before = call(me, |kernel| {
        let before = kernel.process.signals().mask(me);
        if let Some(set) = set {
            let mask = match how {
                libc::SIG_BLOCK => before | set,
                libc::SIG_UNBLOCK => before & !set,
                libc::SIG_SETMASK => set,
                _ => return Err(libc::EINVAL),
            };
            kernel.process.signals_mut().set_mask(me, mask);
        }
        Ok(before)
    })?;
    old.write(before);
    handle_signals(me);
    Ok(())
}

/// Sends a signal to the caller's own process, or to this thread of it.
fn send(me: ThreadId, to: Option<ThreadId>, signal: c_int) -> Result<(), Errno> {
    if signal == 0 {
        return Ok(());
    }
    check(signal)?;
    if matches!(signal, libc::SIGSTOP | libc::SIGTSTP | libc::SIGTTIN | libc::SIGTTOU) {
        super::unsupported::missing("kill with a signal that stops", "a node is paused by a fault, not by itself");
    }
    call(me, |kernel| {
        let (node, cause) = (kernel.sched[me].node(), kernel.sched[me].cause());
        if !kernel.send_signal(node, to, signal, cause) {
            kernel.default_action(node, signal, cause);
        }
    });
    handle_signals(me);
    Ok(())
}

fn send_to(me: ThreadId, process: pid_t, signal: c_int) -> Result<(), Errno> {
    // Processes of other machines cannot be seen from here.
    if process == 0 || process == super::process::number(me) { send(me, None, signal) } else { Err(libc::ESRCH) }
}

/// Waits with this mask instead of the thread's own, if there is one.
///
/// # Safety
/// `set` is null or valid for reading.
pub(crate) unsafe fn with_mask(me: ThreadId, set: *const sigset_t, wait: impl FnOnce() -> c_int) -> c_int {
    // SAFETY: this function's own contract.
    let Some(mask) = (unsafe { read_set(set) }) else { return wait() };
    let before = kernel(me, |kernel| {
        let before = kernel.process.signals().mask(me);
        kernel.process.signals_mut().set_mask(me, mask);
        before
    });
    let answer = if handle_signals(me).is_some() { result(Err(libc::EINTR)) } else { wait() };
    kernel(me, |kernel| kernel.process.signals_mut().set_mask(me, before));
    answer
}

/// Waits until a handler has run.
fn pause_thread(me: ThreadId) -> c_int {
    result(super::block::interruptible(me, |_| Ok::<Blocking<c_int>, Errno>(Blocking::Wait(Wait::Sleep, u64::MAX))))
}

/// Takes a signal of this set, as soon as one is pending.
fn wait_for(me: ThreadId, set: Option<u64>, timeout_ns: Option<u64>) -> Result<c_int, Errno> {
    let set = set.ok_or(libc::EINVAL)?;
    let mut until = None;
    let outcome = blocking(me, |kernel| {
        if let Some(signal) = kernel.await_signal(me, set) {
            return Ok(Blocking::Done(signal));
        }
        let until = *until.get_or_insert(timeout_ns.map_or(u64::MAX, |ns| kernel.sched.now_ns().saturating_add(ns)));
        if until <= kernel.sched.now_ns() {
            return Err(libc::EAGAIN);
        }
        Ok(Blocking::Wait(Wait::Sleep, until))
    });
    kernel(me, |kernel| kernel.stop_awaiting(me));
    outcome
}

/// Writes the information about a signal that was taken, if it is wanted, and returns the signal.
fn give_info(info: UserSliceMut<siginfo_t>, signal: Result<c_int, Errno>) -> c_int {
    if let Ok(signal) = signal {
        // SAFETY: zeros are a valid structure.
        let mut shown: siginfo_t = unsafe { std::mem::zeroed() };
        shown.si_signo = signal;
        info.write_if_given(shown);
    }
    result(signal)
}

super::interposed! {
    fn sigaction(signal: c_int, new: *const libc::sigaction, old: *mut libc::sigaction) -> c_int = next;
    |me| {
        // SAFETY: `sigaction(2)`: the caller passes null or an action, and null or room for one.
        let (new, old) = unsafe { (UserSlice::one(new).get(0), UserSliceMut::one(old)) };
        int(install(me, signal, new).map(|before| old.write_if_given(shown(&before))))
    };
    fn signal(signal: c_int, handler: sighandler_t) -> sighandler_t = next;
    |me| {
        let new = shown(&Action { handler, flags: libc::SA_RESTART, mask: 0 });
        match install(me, signal, Some(new)) {
            Ok(before) => before.handler,
            Err(errno) => {
                system::set_errno(errno);
                libc::SIG_ERR
            }
        }
    };
    fn sigprocmask(how: c_int, set: *const sigset_t, old: *mut sigset_t) -> c_int = next;
    // SAFETY: `sigprocmask(2)`: the caller passes null or a set, and null or room for one.
    |me| int(unsafe { change_mask(me, how, read_set(set), SetPlace::new(old)) });
    fn pthread_sigmask(how: c_int, set: *const sigset_t, old: *mut sigset_t) -> c_int = next;
    // SAFETY: `pthread_sigmask(3)`: the caller passes null or a set, and null or room for one.
    |me| unsafe { change_mask(me, how, read_set(set), SetPlace::new(old)) }.err().unwrap_or(0);
    fn sigpending(set: *mut sigset_t) -> c_int = next;
    |me| {
        let pending = call(me, |kernel| kernel.process.signals().pending(kernel.sched[me].node()));
        // SAFETY: `sigpending(2)`: the caller passes room for a set.
        unsafe { SetPlace::new(set) }.write(pending);
        0
    };
    fn kill(process: pid_t, signal: c_int) -> c_int = libc::SYS_kill;
    |me| int(send_to(me, process, signal));
    fn raise(signal: c_int) -> c_int = next;
    |me| int(send(me, Some(me), signal));
    fn pause() -> c_int = next;
    |me| pause_thread(me);
    fn sigsuspend(set: *const sigset_t) -> c_int = next;
    // SAFETY: `sigsuspend(2)`: the caller passes a set.
    |me| unsafe { with_mask(me, set, || pause_thread(me)) };
    fn sigwait(set: *const sigset_t, signal: *mut c_int) -> c_int = next;
    |me| {
        // SAFETY: `sigwait(3)`: the caller passes a set and room for a number.
        let (set, signal) = unsafe { (read_set(set), UserSliceMut::one(signal)) };
        wait_for(me, set, None).and_then(|taken| signal.write(taken)).err().unwrap_or(0)
    };
    fn sigwaitinfo(set: *const sigset_t, info: *mut siginfo_t) -> c_int = next;
    |me| {
        // SAFETY: `sigwaitinfo(2)`: the caller passes a set, and null or room for the information.
        let (set, info) = unsafe { (read_set(set), UserSliceMut::one(info)) };
        give_info(info, wait_for(me, set, None))
    };
    fn sigtimedwait(set: *const sigset_t, info: *mut siginfo_t, timeout: *const timespec) -> c_int = next;
    |me| {
        // SAFETY: `sigtimedwait(2)`: the caller passes a set, null or room for the information, and null or a time.
        let (set, info, timeout) = unsafe { (read_set(set), UserSliceMut::one(info), UserSlice::one(timeout).get(0)) };
        give_info(info, wait_for(me, set, timeout.as_ref().map(super::time::duration_ns)))
    };
    // Handlers run on the stack of the thread that takes the signal; alternate stacks are the simulation's own.
    fn sigaltstack(_new: *const stack_t, old: *mut stack_t) -> c_int = libc::SYS_sigaltstack;
    |_me| {
        // A stack that is in use, so that the program installs no other.
        let used = stack_t { ss_sp: old.cast(), ss_flags: 0, ss_size: libc::SIGSTKSZ };
        // SAFETY: `sigaltstack(2)`: the caller passes null or room for the structure.
        unsafe { UserSliceMut::one(old) }.write_if_given(used);
        0
    };
}

/// The interposed function of this name. A thread can signal itself.
///
/// # Safety
/// As the C library's function.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pthread_kill(thread: pthread_t, signal: c_int) -> c_int {
    let Some(me) = here() else {
        static NEXT: system::Function = system::Function::named(c"pthread_kill");
        let next = system::next!(NEXT, fn(pthread_t, c_int) -> c_int);
        // SAFETY: `pthread_kill(3)`: the caller passes a thread that was not joined yet.
        return unsafe { next(thread, signal) };
    };
    let (target, is_me) = kernel(me, |kernel| {
        let target = kernel.sched.by_pthread(thread);
        (target, target == Some(me))
    });
    match (target, signal) {
        (None, _) => libc::ESRCH,
        (Some(_), 0) => 0,
        (Some(_), _)
            if is_me && kernel(me, |kernel| kernel.process.signals().mask(me)) & bit(signal.clamp(1, 64)) == 0 =>
        {
            send(me, Some(me), signal).err().unwrap_or(0)
        }
        _ => super::unsupported::missing("pthread_kill", "signals from one thread to another are not supported"),
    }
}

super::unsupported_calls! {
    fn sigqueue(process: pid_t, signal: c_int, value: *mut c_void) -> c_int: "use kill";
    fn siginterrupt(signal: c_int, interrupts: c_int) -> c_int: "use sigaction with or without SA_RESTART";
    fn alarm(seconds: libc::c_uint) -> libc::c_uint: "timers that signal are not supported";
    fn ualarm(us: libc::c_uint, again_us: libc::c_uint) -> libc::c_uint: "timers that signal are not supported";
    fn setitimer(which: c_int, new: *const c_void, old: *mut c_void) -> c_int: "timers that signal are not supported";
    fn timer_create(clock: c_int, event: *mut c_void, timer: *mut c_void) -> c_int: "timers that signal are not supported";
}
