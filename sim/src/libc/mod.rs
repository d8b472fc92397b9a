//! The interposed functions: the C library's own symbols, each a thin call into the virtual kernel, one file per family.
//! They decide nothing. Outside a run they pass through; an unsupported call ends the run and names itself.
//!
//! | files | functions |
//! |---|---|
//! | `current`, `block`, `guest` | no function: a call enters the kernel, waits, gives way to a guest engine |
//! | `user_memory`, `user_vectors` | no function: memory that the program passes to a call |
//! | `io`, `files`, `transfers`, `mappings` | descriptors of every kind, contents of files |
//! | `paths`, `stat`, `attributes`, `directories`, `working_directory`, `temporary_files`, `users` | names and attributes of files |
//! | `sockets`, `socket_address`, `socket_options`, `messages`, `control_messages`, `unix`, `resolver` | the network |
//! | `poll`, `timers` | readiness: `epoll`, `poll`, `eventfd`, `timerfd` |
//! | `time`, `entropy`, `system_info`, `memory` | the machine |
//! | `thread_main`, `threads`, `pthread/`, `process` | threads and processes |
//! | `signals`, `signal_handlers` | signals, and the calls of their handlers |
//! | `syscall`, `syscall_numbers`, `seccomp` | raw system calls |
//! | `probes`, `tasks`, `task_wakes`, `main_waker`, `trace_lines`, `symbols` | what the program reports, and its runtime's tables |
//! | `harness` | no function: the harness's calls on a node's thread |
//! | `unsupported`, `libc_internals`, `foreign_descriptors`, `crash` | calls that end the run, and crashes |
//!
//! # Safety
//! Each function has the contract of the manual page of its name, and its caller keeps that contract. A `SAFETY` reason of the
//! form "`read(2)`: …" names the clause of that page which makes its block sound.

#![allow(unreachable_pub, reason = "interposed functions are found by their names, from C")]

mod attributes;
pub(crate) mod block;
mod control_messages;
mod crash;
pub(crate) mod current;
mod directories;
pub(crate) mod entropy;
mod files;
mod foreign_descriptors;
mod guest;
pub(crate) mod harness;
mod io;
mod libc_internals;
mod main_waker;
mod mappings;
mod memory;
mod messages;
mod paths;
mod poll;
mod probes;
mod process;
mod pthread;
pub(crate) mod resolver;
mod seccomp;
mod signal_handlers;
mod signals;
mod socket_address;
mod socket_options;
mod sockets;
mod stat;
mod symbols;
mod syscall;
mod syscall_numbers;
mod system_info;
mod task_wakes;
mod tasks;
mod temporary_files;
mod thread_main;
pub(crate) mod threads;
pub(crate) mod time;
mod timers;
mod trace_lines;
mod transfers;
mod unix;
mod unsupported;
mod user_memory;
mod user_vectors;
mod users;
mod working_directory;

pub(crate) use crate::guest::shared_names::shared_name;
pub(crate) use block::enter_kernel;
pub(crate) use crash::{WATCHDOG, watch};
pub(crate) use current::{begin_host, end_host, here};
pub use memory::Memory;
pub(crate) use probes::attach;
pub(crate) use seccomp::watch_escapes;
pub(crate) use task_wakes::{follows_tasks, task_look};
pub(crate) use thread_main::begin;
pub(crate) use unsupported::{refuse, refuse_about};

/// Declares a function under its C name.
macro_rules! exported_name {
    ($($function:tt)*) => {
        #[unsafe(no_mangle)]
        $($function)*
    };
}
use exported_name;

/// Declares interposed functions. `= NUMBER` passes a call outside a run on to that system call; `= next` to the C library's own function.
/// `shared` are those whose names a guest engine may take.
macro_rules! interposed {
    () => {};
    (shared fn $($call:tt)*) => {
        $crate::libc::interposed! { @ [shared_name] fn $($call)* }
    };
    (fn $($call:tt)*) => {
        $crate::libc::interposed! { @ [exported_name] fn $($call)* }
    };
    (@ [$named:ident] fn $name:ident($($argument:ident: $type:ty),*) -> $result:ty = next; |$me:ident| $body:expr; $($rest:tt)*) => {
        $crate::libc::$named! {
        /// The interposed function of this name.
        ///
        /// # Safety
        /// As the C library's function.
        #[allow(unreachable_code, clippy::diverging_sub_expression, reason = "some calls end the run or the process")]
        pub unsafe extern "C" fn $name($($argument: $type),*) -> $result {
            #[cold]
            #[inline(never)]
            unsafe extern "C" fn outside($($argument: $type),*) -> $result {
                static NEXT: $crate::host::system::Function = $crate::host::system::Function::named(
                    // SAFETY: the bytes are a function's name and one nul byte at the end.
                    unsafe { std::ffi::CStr::from_bytes_with_nul_unchecked(concat!(stringify!($name), "\0").as_bytes()) }
                );
                let next = $crate::host::system::next!(NEXT, fn($($type),*) -> $result);
                // SAFETY: this function's own contract is that of the C library's function of the same name.
                unsafe { next($($argument),*) }
            }
            if let Some($me) = $crate::libc::here() {
                return $body;
            }
            // SAFETY: `outside` has the contract of this function, which the caller keeps.
            unsafe { outside($($argument),*) }
        }
        }
        $crate::libc::interposed! { $($rest)* }
    };
    (@ [$named:ident] fn $name:ident($($argument:ident: $type:ty),*) -> $result:ty = $number:expr; |$me:ident| $body:expr; $($rest:tt)*) => {
        $crate::libc::$named! {
        /// The interposed function of this name.
        ///
        /// # Safety
        /// As the C library's function.
        #[allow(unreachable_code, clippy::diverging_sub_expression, reason = "some calls end the run or the process")]
        pub unsafe extern "C" fn $name($($argument: $type),*) -> $result {
            #[cold]
            #[inline(never)]
            unsafe extern "C" fn outside($($argument: $type),*) -> $result {
                let given: &[usize] = &[$($argument as usize),*];
                let mut all = [0; 6];
                all[..given.len()].copy_from_slice(given);
                let [a, b, c, d, e, f] = all;
                // SAFETY: this function's own contract is that of the system call of the same meaning.
                $crate::host::system::result(unsafe { $crate::host::system::call($number, a, b, c, d, e, f) }) as $result
            }
            if let Some($me) = $crate::libc::here() {
                return $body;
            }
            // SAFETY: `outside` has the contract of this function, which the caller keeps.
            unsafe { outside($($argument),*) }
        }
        }
        $crate::libc::interposed! { $($rest)* }
    };
}
use interposed;

/// Declares unsupported calls: outside a run they pass on to the C library, inside they end the run.
macro_rules! unsupported_calls {
    ($(fn $name:ident($($argument:ident: $type:ty),*) -> $result:ty: $why:expr;)*) => {
        $($crate::libc::interposed! {
            fn $name($($argument: $type),*) -> $result = next;
            |_me| $crate::libc::unsupported::missing(stringify!($name), $why);
        })*
    };
}
use unsupported_calls;
