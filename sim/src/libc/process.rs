//! The process: its number, its end, and the processes that it may not start.
//! `exit` ends a node's process, never the run.

use super::block::{call, switch_for_good};
use super::current::here;
use super::io::result;
use crate::event::Death;
use crate::host::system;
use crate::kernel::sched::thread::ThreadId;
use libc::{c_char, c_int, c_void, pid_t};
use std::sync::atomic::{AtomicUsize, Ordering};

/// The address of std's record of the thread that called `std::process::exit`; 0 if it is not known.
static EXITING: AtomicUsize = AtomicUsize::new(0);

/// Finds std's record of exits. Call it before any run, and before processes of runs are forked off.
pub(crate) fn find_exits() {
    super::symbols::prepare();
    let exiting = super::symbols::variable(b"unique_thread_exit17EXITING_THREAD_ID", size_of::<usize>());
    EXITING.store(exiting.unwrap_or(0), Ordering::Relaxed);
}

/// Clears std's record of exits. One thread of a process may call `std::process::exit`, and others that do wait forever. All
/// nodes share the real process's static, so a process that ends leaves it as it found it.
fn forget_exit() {
    let exiting = EXITING.load(Ordering::Relaxed);
    if exiting != 0 {
        // SAFETY: `find_exits` found std's static of this name and size, which is an atomic pointer.
        unsafe { (*(exiting as *const AtomicUsize)).store(0, Ordering::Relaxed) };
    }
}

/// `exit`: runs destructors first, unlike `_exit`.
fn exit_orderly(me: ThreadId, code: c_int) -> ! {
    forget_exit();
    super::threads::run_thread_exits(me);
    end(me, Death::Exit { code })
}

fn end(me: ThreadId, how: Death) -> ! {
    super::guest::refuse_exit(me);
    super::current::kernel(me, |kernel| {
        let (node, cause) = (kernel.sched[me].node(), kernel.sched[me].cause());
        kernel.end_process(node, how, cause);
    });
    switch_for_good(me)
}

/// A descriptor that becomes readable when a stop of the calling thread's process is requested; `None` outside a run.
pub(crate) fn stop_descriptor() -> Option<std::os::fd::OwnedFd> {
    let me = here()?;
    let fd = call(me, |kernel| kernel.open_stop_descriptor(me)).unwrap_or_else(|_| {
        super::refuse_about(
            "node.stopping()",
            "no descriptor is left for `node.stopping()`: this process has too many open",
        )
    });
    // SAFETY: `from_raw_fd` takes an open descriptor that nobody else owns: the kernel has just opened this one.
    Some(unsafe { std::os::fd::FromRawFd::from_raw_fd(fd) })
}

macro_rules! ends {
    ($name:ident($($argument:ident: $type:ty)?), |$me:ident| $end:expr) => {
        /// The interposed function of this name: in a run it ends the node's process.
        ///
        /// # Safety
        /// As the C library's function.
        #[unsafe(no_mangle)]
        pub unsafe extern "C" fn $name($($argument: $type)?) -> ! {
            if let Some($me) = here() {
                $end
            }
            static NEXT: system::Function = system::Function::named(
                // SAFETY: the bytes are a function's name and one nul byte at the end.
                unsafe { std::ffi::CStr::from_bytes_with_nul_unchecked(concat!(stringify!($name), "\0").as_bytes()) }
            );
            let next = system::next!(NEXT, fn($($type)?) -> !);
            // SAFETY: `exit(3)`, `_exit(2)`, `abort(3)` take any number, or nothing.
            unsafe { next($($argument)?) }
        }
    };
}

ends!(exit(code: c_int), |me| exit_orderly(me, code));
ends!(_exit(code: c_int), |me| end(me, Death::Exit { code }));
ends!(_Exit(code: c_int), |me| end(me, Death::Exit { code }));
ends!(abort(), |me| end(me, Death::Abort));

/// The process number that `getpid` returns.
pub(crate) fn number(me: ThreadId) -> pid_t {
    super::current::kernel(me, |kernel| kernel.process_number(kernel.sched[me].node()))
}

super::interposed! {
    fn getpid() -> pid_t = libc::SYS_getpid;
    |me| number(me);
    fn getppid() -> pid_t = libc::SYS_getppid;
    |_me| 1;
    fn fork() -> pid_t = next;
    |_me| super::refuse("fork is refused inside a run: a node is one process");
    fn vfork() -> pid_t = next;
    |_me| super::refuse("vfork is refused inside a run: a node is one process");
    fn execve(_path: *const c_char, _arguments: *const *const c_char, _environment: *const *const c_char) -> c_int =
        libc::SYS_execve;
    |_me| super::refuse("execve is refused inside a run: a node is one process");
    fn execvp(_file: *const c_char, _arguments: *const *const c_char) -> c_int = next;
    |_me| super::refuse("execvp is refused inside a run: a node is one process");
    fn posix_spawnp(
        _process: *mut pid_t,
        _file: *const c_char,
        _actions: *const c_void,
        _attributes: *const c_void,
        _arguments: *const *const c_char,
        _environment: *const *const c_char
    ) -> c_int = next;
    |_me| super::refuse("posix_spawnp is refused inside a run: a node is one process");
    fn posix_spawn(
        _process: *mut pid_t,
        _path: *const c_char,
        _actions: *const c_void,
        _attributes: *const c_void,
        _arguments: *const *const c_char,
        _environment: *const *const c_char
    ) -> c_int = next;
    |_me| super::refuse("posix_spawn is refused inside a run: a node is one process");
    fn waitpid(_process: pid_t, _status: *mut c_int, _options: c_int) -> pid_t = next;
    |_me| result(Err(libc::ECHILD));
}
