//! Signals: what a process does about them, what its threads block, and the calls of its handlers.
//! A handler runs on a thread of its own node, where that thread next comes by; nothing here reaches the real process.

use super::block::{blocking, call};
use super::current::{at_rest, here, kernel};
use super::io::{int, result};
use crate::event::NodeId;
use crate::host::system;
use crate::kernel::Errno;
use crate::kernel::dispatch::Kernel;
use crate::kernel::due::Blocking;
use crate::kernel::process::signal::{Action, Taken, bit};
use crate::kernel::sched::thread::{ThreadId, Wait};
use libc::{c_int, c_void, pid_t, pthread_t, sighandler_t, siginfo_t, sigset_t, stack_t, timespec};

const SIGNALS: std::ops::RangeInclusive<c_int> = 1..=64;

type Handler = unsafe extern "C" fn(c_int);
type LongHandler = unsafe extern "C" fn(c_int, *mut siginfo_t, *mut c_void);

/// Whether a signal may wait for the calling thread.
#[inline]
pub(crate) fn due() -> bool {
    at_rest(|kernel| kernel.process.signals().are_due())
}

/// Handles what waits for this thread. Says whether calls that were interrupted are to go on, if anything was handled.
#[cold]
pub(crate) fn deliver(me: ThreadId) -> Option<bool> {
    let mut go_on = None;
    while let Some(Taken { signal, action, mask }) = kernel(me, |kernel| kernel.take_signal(me)) {
        // SAFETY: the handler was installed for this signal by the node's own code.
        unsafe { run_handler(signal, &action) };
        kernel(me, |kernel| kernel.process.signals_mut().set_mask(me, mask));
        go_on = Some(go_on.unwrap_or(true) && action.flags & libc::SA_RESTART != 0);
    }
    if kernel(me, |kernel| kernel.sched.must_switch()) {
        super::block::give_way(me); // it had no handler, and ended the process
    }
    go_on
}

/// # Safety
/// The action's handler is one.
unsafe fn run_handler(signal: c_int, action: &Action) {
    // SAFETY: the C library's errno of this thread is always there.
    let errno = unsafe { *libc::__errno_location() };
    if action.flags & libc::SA_SIGINFO == 0 {
        // SAFETY: as said.
        unsafe { std::mem::transmute::<usize, Handler>(action.handler)(signal) };
    } else {
        // SAFETY: zeroes are valid values of both structures; the sender's number lies behind three numbers and a gap.
        unsafe {
            let mut info: siginfo_t = std::mem::zeroed();
            let mut context: libc::ucontext_t = std::mem::zeroed();
            info.si_signo = signal;
            (&raw mut info).cast::<c_int>().add(4).write(1); // whoever started the process asks it to stop
            let handler = std::mem::transmute::<usize, LongHandler>(action.handler);
            handler(signal, &mut info, (&raw mut context).cast());
        }
    }
    system::set_errno(errno);
}

/// Ends the run: a runtime that told its tasks of a signal woke another node's as well.
#[cold]
pub(crate) fn told_another(kernel: &Kernel, me: ThreadId, other: NodeId) -> ! {
    let name = |node: NodeId| kernel.process.node(node).map_or("?", |node| node.name());
    let (mine, theirs) = (name(kernel.sched[me].node()), name(other));
    let signal = crate::event::signal_name(kernel.process.signals().relayed().unwrap_or(0));
    super::refuse_about(
        "node.stopping()",
        &format!(
            "{signal} of {mine} also woke {theirs}: tokio::signal keeps one table for the whole process, so one node of a room \
         may await signals; in the others await `node.stopping()`"
        ),
    )
}

fn check(signal: c_int) -> Result<c_int, Errno> {
    if SIGNALS.contains(&signal) { Ok(signal) } else { Err(libc::EINVAL) }
}

/// The first word of a set: Linux has 64 signals.
///
/// # Safety
/// `set` is null or valid.
unsafe fn read_set(set: *const sigset_t) -> Option<u64> {
    // SAFETY: as said; the structure is at least a word.
    unsafe { set.cast::<u64>().as_ref().copied() }
}

/// # Safety
/// `set` is null or valid for writing.
unsafe fn write_set(set: *mut sigset_t, bits: u64) {
    if !set.is_null() {
        // SAFETY: as said; the structure holds words alone.
        unsafe {
            set.write_bytes(0, 1);
            set.cast::<u64>().write(bits);
        }
    }
}

/// # Safety
/// As `sigaction`.
unsafe fn install(
    me: ThreadId,
    signal: c_int,
    new: *const libc::sigaction,
    old: *mut libc::sigaction,
) -> Result<(), Errno> {
    check(signal)?;
    // SAFETY: the caller's structures.
    let new = unsafe { new.as_ref() }.map(|new| Action {
        handler: new.sa_sigaction,
        flags: new.sa_flags,
        // SAFETY: a set within the structure.
        mask: unsafe { read_set(&new.sa_mask) }.unwrap_or(0),
    });
    if new.is_some() && matches!(signal, libc::SIGKILL | libc::SIGSTOP) {
        return Err(libc::EINVAL);
    }
    let before = call(me, |kernel| {
        let node = kernel.sched[me].node();
        let before = kernel.signal_action(node, signal);
        if let Some(new) = new {
            kernel.set_signal_action(node, signal, new);
        }
        before
    });
    if !old.is_null() {
        // SAFETY: the caller's structure; zeroes are a valid one.
        unsafe {
            *old = std::mem::zeroed();
            (*old).sa_sigaction = before.handler;
            (*old).sa_flags = before.flags;
            write_set(&raw mut (*old).sa_mask, before.mask);
        }
    }
    Ok(())
}

/// # Safety
/// As `sigprocmask`.
unsafe fn change_mask(me: ThreadId, how: c_int, set: *const sigset_t, old: *mut sigset_t) -> Result<(), Errno> {
    // SAFETY: the caller's set.
    let set = unsafe { read_set(set) };
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
    // SAFETY: the caller's set.
    unsafe { write_set(old, before) };
    if due() {
        deliver(me);
    }
    Ok(())
}

/// A signal to the caller's own process, or to this thread of it.
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
    if due() {
        deliver(me);
    }
    Ok(())
}

fn send_to(me: ThreadId, process: pid_t, signal: c_int) -> Result<(), Errno> {
    // Other machines' processes are not to be seen from here.
    if process == 0 || process == super::process::number(me) { send(me, None, signal) } else { Err(libc::ESRCH) }
}

/// Waits as if this were the thread's mask, if there is one.
///
/// # Safety
/// `set` is null or valid.
pub(crate) unsafe fn with_mask(me: ThreadId, set: *const sigset_t, wait: impl FnOnce() -> c_int) -> c_int {
    // SAFETY: as said.
    let Some(mask) = (unsafe { read_set(set) }) else { return wait() };
    let before = kernel(me, |kernel| {
        let before = kernel.process.signals().mask(me);
        kernel.process.signals_mut().set_mask(me, mask);
        before
    });
    let answer = if due() && deliver(me).is_some() { result(Err(libc::EINTR)) } else { wait() };
    kernel(me, |kernel| kernel.process.signals_mut().set_mask(me, before));
    answer
}

/// Waits until a handler has run.
fn pause_thread(me: ThreadId) -> c_int {
    result(super::block::interruptible(me, |_| Ok::<Blocking<c_int>, Errno>(Blocking::Wait(Wait::Sleep, u64::MAX))))
}

/// # Safety
/// `set` is valid.
unsafe fn wait_for(me: ThreadId, set: *const sigset_t, until_ns: Option<u64>) -> Result<c_int, Errno> {
    // SAFETY: as said.
    let set = unsafe { read_set(set) }.ok_or(libc::EINVAL)?;
    let mut until = None;
    let outcome = blocking(me, |kernel| {
        if let Some(signal) = kernel.await_signal(me, set) {
            return Ok(Blocking::Done(signal));
        }
        let until = *until.get_or_insert(until_ns.map_or(u64::MAX, |ns| kernel.sched.now_ns().saturating_add(ns)));
        if until <= kernel.sched.now_ns() {
            return Err(libc::EAGAIN);
        }
        Ok(Blocking::Wait(Wait::Sleep, until))
    });
    kernel(me, |kernel| kernel.stop_awaiting(me));
    outcome
}

/// # Safety
/// `info` is null or valid for writing.
unsafe fn tell(info: *mut siginfo_t, signal: Result<c_int, Errno>) -> c_int {
    if let (Ok(signal), false) = (signal, info.is_null()) {
        // SAFETY: as said; zeroes are a valid structure.
        unsafe {
            *info = std::mem::zeroed();
            (*info).si_signo = signal;
        }
    }
    result(signal)
}

super::interposed! {
    fn sigaction(signal: c_int, new: *const libc::sigaction, old: *mut libc::sigaction) -> c_int = next;
    // SAFETY: the caller's structures.
    |me| int(unsafe { install(me, signal, new, old) });
    fn signal(signal: c_int, handler: sighandler_t) -> sighandler_t = next;
    |me| {
        // SAFETY: zeroes are a valid structure; both live through the call.
        unsafe {
            let (mut new, mut old): (libc::sigaction, libc::sigaction) = std::mem::zeroed();
            (new.sa_sigaction, new.sa_flags) = (handler, libc::SA_RESTART);
            match int(install(me, signal, &new, &mut old)) {
                0 => old.sa_sigaction,
                _ => libc::SIG_ERR,
            }
        }
    };
    fn sigprocmask(how: c_int, set: *const sigset_t, old: *mut sigset_t) -> c_int = next;
    // SAFETY: the caller's sets.
    |me| int(unsafe { change_mask(me, how, set, old) });
    fn pthread_sigmask(how: c_int, set: *const sigset_t, old: *mut sigset_t) -> c_int = next;
    // SAFETY: the caller's sets.
    |me| unsafe { change_mask(me, how, set, old) }.err().unwrap_or(0);
    fn sigpending(set: *mut sigset_t) -> c_int = next;
    |me| {
        let pending = call(me, |kernel| kernel.process.signals().pending(kernel.sched[me].node()));
        // SAFETY: the caller's set.
        unsafe { write_set(set, pending) };
        0
    };
    fn kill(process: pid_t, signal: c_int) -> c_int = libc::SYS_kill;
    |me| int(send_to(me, process, signal));
    fn raise(signal: c_int) -> c_int = next;
    |me| int(send(me, Some(me), signal));
    fn pause() -> c_int = next;
    |me| pause_thread(me);
    fn sigsuspend(set: *const sigset_t) -> c_int = next;
    // SAFETY: the caller's set.
    |me| unsafe { with_mask(me, set, || pause_thread(me)) };
    fn sigwait(set: *const sigset_t, signal: *mut c_int) -> c_int = next;
    // SAFETY: the caller's set and number.
    |me| match unsafe { wait_for(me, set, None) } {
        Ok(taken) => {
            // SAFETY: as above.
            unsafe { *signal = taken };
            0
        }
        Err(errno) => errno,
    };
    fn sigwaitinfo(set: *const sigset_t, info: *mut siginfo_t) -> c_int = next;
    // SAFETY: the caller's set and structure.
    |me| unsafe { tell(info, wait_for(me, set, None)) };
    fn sigtimedwait(set: *const sigset_t, info: *mut siginfo_t, timeout: *const timespec) -> c_int = next;
    // SAFETY: the caller's set, structure and time.
    |me| unsafe { tell(info, wait_for(me, set, timeout.as_ref().map(super::time::duration_ns))) };
    // Handlers run on the stack of the thread that takes the signal; the room has alternate stacks for itself alone.
    fn sigaltstack(_new: *const stack_t, old: *mut stack_t) -> c_int = libc::SYS_sigaltstack;
    |_me| {
        if !old.is_null() {
            // SAFETY: the caller's structure; zeroes are a valid one. One that is in use asks for no other.
            unsafe {
                *old = std::mem::zeroed();
                (*old).ss_sp = old.cast();
                (*old).ss_size = libc::SIGSTKSZ;
            }
        }
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
        // SAFETY: `pthread_kill(3)`: the caller's own arguments, under the contract that it keeps.
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
        _ => super::unsupported::missing("pthread_kill", "signals from one thread to another are not built"),
    }
}

super::unsupported_calls! {
    fn sigqueue(process: pid_t, signal: c_int, value: *mut c_void) -> c_int: "use kill";
    fn siginterrupt(signal: c_int, interrupts: c_int) -> c_int: "use sigaction with or without SA_RESTART";
    fn alarm(seconds: libc::c_uint) -> libc::c_uint: "timers that signal are not built";
    fn ualarm(us: libc::c_uint, again_us: libc::c_uint) -> libc::c_uint: "timers that signal are not built";
    fn setitimer(which: c_int, new: *const c_void, old: *mut c_void) -> c_int: "timers that signal are not built";
    fn timer_create(clock: c_int, event: *mut c_void, timer: *mut c_void) -> c_int: "timers that signal are not built";
}
