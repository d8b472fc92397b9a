//! Crashes: a fault in a node's code, or the watchdog's signal, becomes a report with the node, the thread and its stack.
//! Nothing is repaired: the thread never runs again.
//!
//! A fault in the node's own code leaves the kernel's state intact, so the run ends as other runs end, with its events and its
//! plan. A fault in the kernel or in the C library does not: then last words are left for the parent, and the process dies by
//! the signal.

use super::current::{at_rest, forget_here, here, is_kernel};
use crate::host::{status, system};
use crate::kernel::dispatch::Kernel;
use crate::kernel::ending::{Crash, CrashKind, Ending};
use crate::kernel::sched::fiber::switch;
use crate::kernel::sched::thread::ThreadId;
use libc::{c_int, c_void, siginfo_t, ucontext_t};
use std::cell::UnsafeCell;
use std::ffi::CStr;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

/// The signal that a parent sends to a thread that spins. A program cannot send it, because its signals are virtual.
pub(crate) const WATCHDOG: c_int = libc::SIGXCPU;

const FAULTS: [c_int; 4] = [libc::SIGSEGV, libc::SIGBUS, libc::SIGILL, libc::SIGFPE];

/// Enough for a backtrace with its symbols in a debug build, because an overflowed stack has no space left.
const STACK_BYTES: usize = 512 << 10;

#[repr(align(16))]
struct Stack(UnsafeCell<[u8; STACK_BYTES]>);

// SAFETY: the stack is used by the host's kernel alone, for one handler at a time.
unsafe impl Sync for Stack {}

static STACK: Stack = Stack(UnsafeCell::new([0; STACK_BYTES]));

static CRASHED: AtomicBool = AtomicBool::new(false);

/// The number of watchdog signals that were ignored, because the thread was in the C library and may have held its locks.
static IGNORED: AtomicU32 = AtomicU32::new(0);
const IGNORED_MAX: u32 = 50;

/// Reports faults on the calling kernel thread, which is about to run a simulation, from now on.
pub(crate) fn watch() {
    static SIGACTION: system::Function = system::Function::named(c"sigaction");
    let install = system::next!(SIGACTION, fn(c_int, *const libc::sigaction, *mut libc::sigaction) -> c_int);
    // SAFETY: `sigaltstack(2)`: the stack is static. `sigaction(2)`: the handler has the type that the flags name. Zeros are a valid
    // action.
    unsafe {
        let stack = libc::stack_t { ss_sp: STACK.0.get().cast(), ss_flags: 0, ss_size: STACK_BYTES };
        system::call(libc::SYS_sigaltstack, (&raw const stack).addr(), 0, 0, 0, 0, 0);
        let mut action: libc::sigaction = std::mem::zeroed();
        action.sa_sigaction = crashed as unsafe extern "C" fn(c_int, *mut siginfo_t, *mut c_void) as usize;
        action.sa_flags = libc::SA_SIGINFO | libc::SA_ONSTACK;
        for signal in FAULTS.into_iter().chain([WATCHDOG]) {
            install(signal, &action, std::ptr::null_mut());
        }
    }
    status::guest_here();
}

unsafe extern "C" fn crashed(signal: c_int, info: *mut siginfo_t, context: *mut c_void) {
    // SAFETY: `sigaction(2)`: with `SA_SIGINFO` the arguments are the signal's information and the interrupted thread's context.
    let (address, at) = unsafe { ((*info).si_addr().addr(), program_counter(&*context.cast::<ucontext_t>())) };
    let kind = match signal {
        WATCHDOG if status::is_asleep() => CrashKind::Slept,
        WATCHDOG => CrashKind::Spun,
        signal => CrashKind::Fault(signal),
    };
    let in_libc = is_in_libc(at);
    // A thread that sleeps stays where it is.
    if kind == CrashKind::Spun && in_libc && IGNORED.fetch_add(1, Ordering::Relaxed) < IGNORED_MAX {
        return;
    }
    if CRASHED.swap(true, Ordering::Relaxed) {
        return die(signal);
    }
    let me = here();
    // The code below reads real files.
    forget_here();
    cut_stack(signal == WATCHDOG);
    // The first frame is the return from the handler.
    let stack: String = super::unsupported::caller()
        .lines()
        .skip_while(|line| line.contains("<unknown>"))
        .fold(String::new(), |stack, line| stack + line + "\n");
    let fault = Fault { kind, address: matches!(kind, CrashKind::Fault(_)).then_some(address), stack };
    match me {
        _ if !is_kernel() => {
            status::last_words(&format!("before the run\n{}", fault.stack));
            die(signal);
        }
        Some(me) if !in_libc => end_run(me, fault),
        _ => {
            at_rest(|kernel| leave_words(kernel, fault));
            die(signal);
        }
    }
}

struct Fault {
    kind: CrashKind,
    address: Option<usize>,
    stack: String,
}

/// Ends the run, and switches to its host.
fn end_run(me: ThreadId, fault: Fault) {
    let (from, to) = at_rest(|kernel| {
        let crash = describe(kernel, me, fault);
        kernel.record_crash(crash);
        kernel.finish(Ending::Crashed);
        (kernel.sched.fiber_of(Some(me)), kernel.sched.fiber_of(None))
    });
    // SAFETY: `fiber::switch`: `from` is the running thread's fiber, the kernel keeps both fibers, and no reference into it is alive: the
    // thread crashed in the program's own code.
    unsafe { switch(from, to) };
    system::exit_now(101)
}

fn describe(kernel: &Kernel, me: ThreadId, Fault { kind, address, stack }: Fault) -> Crash {
    let thread = &kernel.sched[me];
    let name = kernel.recorder.text(thread.name());
    let name = if name.is_empty() { String::new() } else { format!(" ({name})") };
    let node = kernel.process.node(thread.node()).map_or("?", |node| node.name());
    let incarnation = thread.incarnation();
    let at = address.map_or(String::new(), |address| format!(", at address {address:#x}"));
    let (seconds, ns) = (kernel.sched.now_ns() / 1_000_000_000, kernel.sched.now_ns() % 1_000_000_000);
    Crash {
        kind,
        node: node.to_owned(),
        stack: format!(
            "{node}, incarnation {incarnation}, thread {}{name}, at {seconds}.{ns:09} s{at}\n{stack}",
            thread.number()
        ),
    }
}

fn leave_words(kernel: &Kernel, fault: Fault) {
    let text = match kernel.sched.running() {
        Some(me) => describe(kernel, me, fault).stack,
        None => format!("outside of every node\n{}", fault.stack),
    };
    status::last_words(&text);
}

/// Restores the signal's default action. The fault happens again when the handler returns; the watchdog's signal does not, so the
/// process kills itself.
fn die(signal: c_int) {
    // SAFETY: `rt_sigaction(2)`: an action of zeros has the kernel's size and means the default. `kill(2)` takes numbers.
    unsafe {
        let default = [0u64; 4];
        system::call(libc::SYS_rt_sigaction, signal as usize, default.as_ptr().addr(), 0, 8, 0, 0);
        if signal == WATCHDOG {
            system::call(libc::SYS_kill, system::call(libc::SYS_getpid, 0, 0, 0, 0, 0, 0) as usize, 9, 0, 0, 0, 0);
        }
    }
}

#[cfg(target_arch = "x86_64")]
fn program_counter(context: &ucontext_t) -> usize {
    context.uc_mcontext.gregs[libc::REG_RIP as usize] as usize
}

#[cfg(target_arch = "aarch64")]
fn program_counter(context: &ucontext_t) -> usize {
    context.uc_mcontext.pc as usize
}

/// Returns whether this is the address of C library code, which may hold a lock of its allocator.
fn is_in_libc(at: usize) -> bool {
    // SAFETY: `dladdr(3)` takes any address and, if it returns non-zero, fills the structure with C strings or null.
    unsafe {
        let mut found: libc::Dl_info = std::mem::zeroed();
        libc::dladdr(std::ptr::without_provenance(at), &mut found) != 0
            && !found.dli_fname.is_null()
            && CStr::from_ptr(found.dli_fname).to_bytes().windows(6).any(|part| part == b"libc.s" || part == b"/ld-li")
    }
}

/// The most frames that are reported. An overflowed stack has a hundred thousand.
const FRAMES_MAX: u32 = 60;

struct Walk {
    frames: u32,
    below: usize,
    recorded: bool,
}

// SAFETY: libgcc's own declarations. Every Rust program on Linux is linked to it.
unsafe extern "C" {
    fn _Unwind_Backtrace(each: extern "C" fn(*mut c_void, *mut c_void) -> c_int, walk: *mut c_void) -> c_int;
    fn _Unwind_GetCFA(frame: *mut c_void) -> usize;
    fn _Unwind_GetIP(frame: *mut c_void) -> usize;
}

/// Cuts a deep stack at its last reported frame, with a return address of 0. The thread never returns there. `recorded` leaves the
/// addresses for the parent: the thread may hold the allocator's lock, and then never gets to a stack as text.
fn cut_stack(recorded: bool) {
    let mut walk = Walk { frames: 0, below: 0, recorded };
    // SAFETY: `_Unwind_Backtrace`: `frame` has the type that it calls, and the walk outlives the call.
    unsafe { _Unwind_Backtrace(frame, (&raw mut walk).cast()) };
}

extern "C" fn frame(frame: *mut c_void, walk: *mut c_void) -> c_int {
    const GO_ON: c_int = 0;
    const STOP: c_int = 5;
    // SAFETY: `_Unwind_Backtrace` passes a frame of the calling stack, and the walk that `cut_stack` lends. The word below the end of
    // a frame, on the same stack, holds its return address.
    unsafe {
        let walk = &mut *walk.cast::<Walk>();
        let (end, at) = (_Unwind_GetCFA(frame), _Unwind_GetIP(frame));
        walk.frames += 1;
        if walk.recorded {
            status::record_frame(at);
        }
        if walk.frames >= FRAMES_MAX {
            for end in [walk.below, end] {
                let word = std::ptr::with_exposed_provenance_mut::<usize>(end.wrapping_sub(size_of::<usize>()));
                if end != 0 && *word == at {
                    *word = 0;
                    return STOP;
                }
            }
        }
        walk.below = end;
        GO_ON
    }
}
