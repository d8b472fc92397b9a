//! The body of a thread's fiber: its routine, the destructors at its end, and the switch to the next thread.

use super::current::{kernel, set_here};
use super::{memory, threads};
use crate::kernel::dispatch::Kernel;
use crate::kernel::due::Start;
use crate::kernel::process::node::ExitCode;
use crate::kernel::sched::fiber::Body;
use crate::kernel::sched::thread::ThreadId;

/// The body of a new thread's fiber.
pub(crate) fn begin(me: ThreadId, start: Start) -> Body {
    Box::new(move || {
        set_here(me);
        memory::open_account(me);
        match start {
            Start::Routine(routine, argument) => {
                let result = routine(argument as *mut libc::c_void).addr();
                threads::run_thread_exits(me);
                kernel(me, |kernel| kernel.thread_ended(me, result));
            }
            Start::Main(main, incarnation) => {
                let code = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| main(incarnation)));
                drop(main);
                threads::run_thread_exits(me);
                let code = code.unwrap_or(ExitCode::Panicked);
                kernel(me, |kernel| kernel.main_ended(me, code));
            }
        }
        kernel(me, Kernel::next_fiber)
    })
}
