//! What a fault of the node's code, or the watchdog, says of itself: who, where, by which calls; then the host goes on.
//! It mends nothing: the thread that it met never runs again.
//!
//! A fault in the node's own code leaves the kernel's state whole, so that the run ends as other runs end, with its events
//! and its plan. A fault in the kernel or in the C library does not: then words are left for the parent, and the process
//! dies by the signal.

use super::current::{at_rest, forget_here, here, is_kernel};
use crate::host::system;
use crate::kernel::dispatch::Kernel;
use crate::kernel::ending::{Crash, Ending};
use crate::kernel::sched::fiber::switch;
use crate::kernel::sched::thread::ThreadId;
use libc::{c_int, c_void, siginfo_t, ucontext_t};
use std::cell::UnsafeCell;
use std::ffi::CStr;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

/// What a parent sends to a thread that spins. Nothing of the run can be sent it: the doors keep signals virtual.
pub(crate) const WATCHDOG: c_int = libc::SIGXCPU;

const FAULTS: [c_int; 4] = [libc::SIGSEGV, libc::SIGBUS, libc::SIGILL, libc::SIGFPE];

/// Room for a backtrace with its symbols, in a debug build: a stack that has overflowed has none left.
const STACK_BYTES: usize = 512 << 10;

#[repr(align(16))]
struct Stack(UnsafeCell<[u8; STACK_BYTES]>);

// SAFETY: only the kernel hands it out, to one handler at a time.
unsafe impl Sync for Stack {}

static STACK: Stack = Stack(UnsafeCell::new([0; STACK_BYTES]));

static MET: AtomicBool = AtomicBool::new(false);

/// A thread that spins may be in the C library for a moment, and hold its locks: it is met again a little later.
static PASSED_BY: AtomicU32 = AtomicU32::new(0);
const PASSED_BY_MAX: u32 = 50;

/// From here on faults on the calling kernel thread, which is to carry a run, are told.
pub(crate) fn watch() {
    static SIGACTION: system::Function = system::Function::named(c"sigaction");
    let install = system::next!(SIGACTION, fn(c_int, *const libc::sigaction, *mut libc::sigaction) -> c_int);
    // SAFETY: the stack is static, the handler has the type that its flags say, zeroes are a valid structure.
    unsafe {
        let stack = libc::stack_t { ss_sp: STACK.0.get().cast(), ss_flags: 0, ss_size: STACK_BYTES };
        system::call(libc::SYS_sigaltstack, (&raw const stack).addr(), 0, 0, 0, 0, 0);
        let mut action: libc::sigaction = std::mem::zeroed();
        action.sa_sigaction = met as unsafe extern "C" fn(c_int, *mut siginfo_t, *mut c_void) as usize;
        action.sa_flags = libc::SA_SIGINFO | libc::SA_ONSTACK;
        for signal in FAULTS.into_iter().chain([WATCHDOG]) {
            install(signal, &action, std::ptr::null_mut());
        }
    }
    crate::host::status::guest_here();
}

unsafe extern "C" fn met(signal: c_int, info: *mut siginfo_t, context: *mut c_void) {
    // SAFETY: the kernel's structures.
    let (address, at) = unsafe { ((*info).si_addr().addr(), program_counter(&*context.cast::<ucontext_t>())) };
    let spins = signal == WATCHDOG;
    let in_libc = is_in_libc(at);
    if spins && in_libc && PASSED_BY.fetch_add(1, Ordering::Relaxed) < PASSED_BY_MAX {
        return;
    }
    if MET.swap(true, Ordering::Relaxed) || !is_kernel() {
        return die(signal);
    }
    let me = here();
    // What follows reads real files.
    forget_here();
    cut_stack();
    // The first frame is the kernel's way back from the handler.
    let stack: String = super::unsupported::caller()
        .lines()
        .skip_while(|line| line.contains("<unknown>"))
        .fold(String::new(), |stack, line| stack + line + "\n");
    let met = Met { signal, address: (!spins).then_some(address), stack };
    match me {
        Some(me) if !in_libc => end_run(me, met),
        _ => {
            at_rest(|kernel| leave_words(kernel, met));
            die(signal);
        }
    }
}

struct Met {
    signal: c_int,
    address: Option<usize>,
    stack: String,
}

/// The run is over: its host has the baton from here on.
fn end_run(me: ThreadId, met: Met) {
    let (from, to) = at_rest(|kernel| {
        let crash = describe(kernel, me, met);
        kernel.record_crash(crash);
        kernel.finish(Ending::Crashed);
        (kernel.sched.fiber_of(Some(me)), kernel.sched.fiber_of(None))
    });
    // SAFETY: this is the thread that had the baton; the world keeps both strands; no reference into it is alive.
    unsafe { switch(from, to) };
    system::exit_now(101)
}

fn describe(kernel: &Kernel, me: ThreadId, Met { signal, address, stack }: Met) -> Crash {
    let thread = &kernel.sched[me];
    let name = kernel.recorder.text(thread.name());
    let name = if name.is_empty() { String::new() } else { format!(" ({name})") };
    let node = kernel.process.node(thread.node()).map_or("?", |node| node.name());
    let incarnation = thread.incarnation();
    let at = address.map_or(String::new(), |address| format!(", at address {address:#x}"));
    let (seconds, ns) = (kernel.sched.now_ns() / 1_000_000_000, kernel.sched.now_ns() % 1_000_000_000);
    Crash {
        signal: (signal != WATCHDOG).then_some(signal),
        node: node.to_owned(),
        stack: format!(
            "{node}, incarnation {incarnation}, thread {}{name}, at {seconds}.{ns:09} s{at}\n{stack}",
            thread.number()
        ),
    }
}

fn leave_words(kernel: &Kernel, met: Met) {
    let text = match kernel.sched.running() {
        Some(me) => describe(kernel, me, met).stack,
        None => format!("outside of every node\n{}", met.stack),
    };
    crate::host::status::last_words(&text);
}

/// Lets the signal do what it does to a process without a handler. The fault comes back when the handler returns; the
/// watchdog's does not.
fn die(signal: c_int) {
    // SAFETY: the kernel's structure is zeroes: the default, no flags, no mask; the other call takes numbers.
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

/// Whether this is the C library's code, which may hold a lock of its allocator.
fn is_in_libc(at: usize) -> bool {
    // SAFETY: the structure is filled if the call says so, with a name that is a C string.
    unsafe {
        let mut found: libc::Dl_info = std::mem::zeroed();
        libc::dladdr(std::ptr::without_provenance(at), &mut found) != 0
            && !found.dli_fname.is_null()
            && CStr::from_ptr(found.dli_fname).to_bytes().windows(6).any(|part| part == b"libc.s" || part == b"/ld-li")
    }
}

/// How many frames are told at most. An overflowed stack has a hundred thousand.
const FRAMES_MAX: u32 = 60;

struct Walk {
    frames: u32,
    below: usize,
}

// SAFETY: libgcc's own declarations; every Rust program on Linux is linked to it.
unsafe extern "C" {
    fn _Unwind_Backtrace(each: extern "C" fn(*mut c_void, *mut c_void) -> c_int, walk: *mut c_void) -> c_int;
    fn _Unwind_GetCFA(frame: *mut c_void) -> usize;
    fn _Unwind_GetIP(frame: *mut c_void) -> usize;
}

/// Ends a deep stack at its 60th frame, by a return address of 0: nobody returns there any more.
fn cut_stack() {
    let mut walk = Walk { frames: 0, below: 0 };
    // SAFETY: the walk outlives the call.
    unsafe { _Unwind_Backtrace(frame, (&raw mut walk).cast()) };
}

extern "C" fn frame(frame: *mut c_void, walk: *mut c_void) -> c_int {
    const GO_ON: c_int = 0;
    const STOP: c_int = 5;
    // SAFETY: what `cut_stack` handed over, and the frame that the unwinder shows; the words below a frame's end are its own.
    unsafe {
        let walk = &mut *walk.cast::<Walk>();
        let (end, at) = (_Unwind_GetCFA(frame), _Unwind_GetIP(frame));
        walk.frames += 1;
        if walk.frames >= FRAMES_MAX {
            for end in [walk.below, end] {
                let place = std::ptr::with_exposed_provenance_mut::<usize>(end.wrapping_sub(size_of::<usize>()));
                if end != 0 && *place == at {
                    *place = 0;
                    return STOP;
                }
            }
        }
        walk.below = end;
        GO_ON
    }
}
