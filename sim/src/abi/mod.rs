//! The doors: the C library's own symbols, each a thin way into the virtual kernel, one file per family.
//! They decide nothing. Outside a run they pass through; one that is not built yet says so and ends the run.

#![allow(unreachable_pub, reason = "doors are found by their names, from C")]

mod attributes;
mod baton;
#[cfg(madsim)]
mod borrowed;
mod crash;
mod directories;
mod entropy;
mod escape;
mod files;
mod here;
mod inside;
mod io;
mod lines;
mod machine;
mod mappings;
mod memory;
mod messages;
mod missing;
#[cfg(any(feature = "turmoil", madsim))]
pub(crate) mod moment;
mod names;
mod numbers;
mod paths;
mod poll;
mod probes;
mod process;
mod pthread;
mod signals;
mod sockets;
mod strangers;
mod symbols;
mod syscall;
mod tasks;
mod threads;
mod time;
mod timers;
mod transfers;
mod unix;
mod users;
mod wakes;

#[cfg(any(feature = "turmoil", madsim))]
pub(crate) use baton::give_way;
pub(crate) use baton::{begin, enter_world};
pub(crate) use crash::{WATCHDOG, watch};
pub(crate) use escape::watch_escapes;
pub(crate) use here::{begin_host, end_host, here, kernel, outside};
pub(crate) use lines::keep as keep_line;
pub use memory::Memory;
pub(crate) use memory::is_installed as books_memory;
pub(crate) use missing::refuse;
pub(crate) use probes::{attach, emit, set_task_source, tell};
pub(crate) use process::{find_exits, stop_descriptor};
pub(crate) use tasks::main_is_over;
pub(crate) use wakes::{Polling, follow_tasks, follows_tasks, woken};

/// Declares doors. `= NUMBER` passes a call outside a run on to that system call; `= next` to the C library's own function.
/// `shared` are those that madsim defines as well: in a build with it they have no name of their own, and are found by
/// `borrowed.rs`.
macro_rules! doors {
    () => {};
    (shared fn $($door:tt)*) => {
        $crate::abi::doors! { @ [cfg_attr(not(madsim), unsafe(no_mangle))] fn $($door)* }
    };
    (fn $($door:tt)*) => {
        $crate::abi::doors! { @ [unsafe(no_mangle)] fn $($door)* }
    };
    (@ [$($named:tt)*] fn $name:ident($($argument:ident: $type:ty),*) -> $result:ty = next; |$me:ident| $body:expr; $($rest:tt)*) => {
        /// The door of this name.
        ///
        /// # Safety
        /// As the C library's function.
        #[$($named)*]
        #[allow(unreachable_code, clippy::diverging_sub_expression, reason = "some doors end the run or the process")]
        pub unsafe extern "C" fn $name($($argument: $type),*) -> $result {
            #[cold]
            #[inline(never)]
            unsafe extern "C" fn outside($($argument: $type),*) -> $result {
                static NEXT: $crate::real::Function = $crate::real::Function::named(
                    // SAFETY: a name and a nul byte.
                    unsafe { std::ffi::CStr::from_bytes_with_nul_unchecked(concat!(stringify!($name), "\0").as_bytes()) }
                );
                let next = $crate::real::next!(NEXT, fn($($type),*) -> $result);
                // SAFETY: handed on.
                unsafe { next($($argument),*) }
            }
            if let Some($me) = $crate::abi::here() {
                return $body;
            }
            // SAFETY: handed on.
            unsafe { outside($($argument),*) }
        }
        $crate::abi::doors! { $($rest)* }
    };
    (@ [$($named:tt)*] fn $name:ident($($argument:ident: $type:ty),*) -> $result:ty = $number:expr; |$me:ident| $body:expr; $($rest:tt)*) => {
        /// The door of this name.
        ///
        /// # Safety
        /// As the C library's function.
        #[$($named)*]
        #[allow(unreachable_code, clippy::diverging_sub_expression, reason = "some doors end the run or the process")]
        pub unsafe extern "C" fn $name($($argument: $type),*) -> $result {
            #[cold]
            #[inline(never)]
            unsafe extern "C" fn outside($($argument: $type),*) -> $result {
                let given: &[usize] = &[$($argument as usize),*];
                let mut all = [0; 6];
                all[..given.len()].copy_from_slice(given);
                let [a, b, c, d, e, f] = all;
                // SAFETY: handed on.
                $crate::real::result(unsafe { $crate::real::call($number, a, b, c, d, e, f) }) as $result
            }
            if let Some($me) = $crate::abi::here() {
                return $body;
            }
            // SAFETY: handed on.
            unsafe { outside($($argument),*) }
        }
        $crate::abi::doors! { $($rest)* }
    };
}
use doors;

/// Declares doors that are not built: outside a run they pass on to the C library, inside they say so, loudly.
macro_rules! missing_doors {
    ($(fn $name:ident($($argument:ident: $type:ty),*) -> $result:ty: $why:expr;)*) => {
        $($crate::abi::doors! {
            fn $name($($argument: $type),*) -> $result = next;
            |_me| $crate::abi::missing::missing(stringify!($name), $why);
        })*
    };
}
use missing_doors;
