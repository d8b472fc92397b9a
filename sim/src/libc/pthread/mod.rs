//! The objects that C code waits with: mutexes, condition variables, read-write locks, semaphores, barriers, spin locks, once.
//! Rust's own locks are futexes and arrive in `syscall`; threads themselves are in `threads`.
//!
//! | file | content |
//! |---|---|
//! | `object`, `waiting` | the view of an object's state; deadlines, wake-ups, results |
//! | `mutex`, `condition`, `rwlock`, `semaphore`, `barrier`, `once` | a kind of object each |
//! | `key` | destructors of a thread's own values |
//! | `unsupported` | relatives that end the run |
//!
//! In a run, a thread that must wait lets another one run; the C library's own functions would block the one kernel thread that
//! runs them all. The objects keep the C library's layout, so static initialisers, `*_init` and `*_destroy` (which wait for
//! nobody) are the C library's own, and an object that was made outside a run works inside. One thread runs at a time, so an
//! object's state is read and changed without a race, and an uncontended lock asks no kernel.

mod barrier;
mod condition;
mod key;
mod mutex;
mod object;
mod once;
mod rwlock;
mod semaphore;
mod unsupported;
mod waiting;

pub(in crate::libc) use key::run_destructors;
