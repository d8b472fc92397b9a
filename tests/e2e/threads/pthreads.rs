//! pthreads, called as C code calls them: with preemption, with deadlines, in a deadlock, after a kill.
//! Rust's own locks are futexes; they are in `std_and_tokio`.

use crate::harness::{Module, at, breaks, cli, holds, scenarios, trials};
use afterlife::{Fault, Injection, NodeId, Sim};
use std::cell::UnsafeCell;
use std::mem::zeroed;
use std::ptr::null_mut;
use std::sync::Arc;
use std::thread::{self, sleep};
use std::time::{Duration, Instant};

const MS: Duration = Duration::from_millis(1);

pub(crate) fn module() -> Module {
    let scenarios = scenarios![
        mutexes_of_every_kind,
        a_queue_with_conditions,
        readers_and_writers,
        semaphores_and_barriers,
        once_spin_and_keys,
        joins_with_a_deadline,
        two_pthread_locks_in_two_orders,
        a_static_lock_of_a_dead_process,
    ];
    let trials = trials![
        a_mutex_excludes_as_its_kind_requires,
        conditions_wake_waiters_and_time_out_on_their_clock,
        read_write_locks_share_reads_and_exclude_writes,
        semaphores_count_and_barriers_synchronize,
        once_runs_once_and_keys_are_destroyed_at_thread_exit,
        timed_joins_time_out,
        a_deadlock_of_pthread_mutexes_is_reported,
        a_static_lock_is_free_in_the_next_incarnation,
        a_seed_is_one_run,
    ];
    Module::new(scenarios, trials)
}

/// A C object that threads share.
struct Shared<T>(UnsafeCell<T>);

// SAFETY: it is used only through functions that several threads may call.
unsafe impl<T> Sync for Shared<T> {}
// SAFETY: as above; nothing in it belongs to a thread.
unsafe impl<T> Send for Shared<T> {}

impl<T> Shared<T> {
    const fn new(value: T) -> Self {
        Self(UnsafeCell::new(value))
    }

    fn of(value: T) -> Arc<Self> {
        Arc::new(Self::new(value))
    }

    fn at(&self) -> *mut T {
        self.0.get()
    }
}

/// Calls a C function whose arguments are valid.
macro_rules! c {
    ($function:ident($($argument:expr),*)) => {
        // SAFETY: the arguments are live objects of the right kind, initialised as the function wants them.
        unsafe { libc::$function($($argument),*) }
    };
}

/// The time on this clock after this delay.
fn later(clock: libc::clockid_t, by: Duration) -> libc::timespec {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    assert_eq!(c!(clock_gettime(clock, &mut time)), 0);
    let ns = time.tv_nsec as u64 + by.subsec_nanos() as u64;
    time.tv_sec += by.as_secs() as i64 + (ns / 1_000_000_000) as i64;
    time.tv_nsec = (ns % 1_000_000_000) as i64;
    time
}

fn took(begun: Instant, at_least: Duration) {
    let took = begun.elapsed();
    assert!(at_least <= took && took < at_least + 20 * MS, "{took:?} and not {at_least:?}");
}

// SAFETY: the C library's own declarations.
unsafe extern "C" {
    fn pthread_once(control: *mut libc::pthread_once_t, routine: extern "C" fn()) -> libc::c_int;
    fn pthread_rwlock_timedwrlock(lock: *mut libc::pthread_rwlock_t, until: *const libc::timespec) -> libc::c_int;
}

// -- mutexes

fn mutexes_of_every_kind(sim: &mut Sim) {
    sim.client_main("client", |_| {
        for mutex in [libc::PTHREAD_MUTEX_INITIALIZER, libc::PTHREAD_RECURSIVE_MUTEX_INITIALIZER_NP] {
            let (mutex, sum) = (Shared::of(mutex), Shared::of(0));
            let add = |number: u64| {
                let (mutex, sum) = (mutex.clone(), sum.clone());
                thread::spawn(move || {
                    for round in 0..50 {
                        assert_eq!(c!(pthread_mutex_lock(mutex.at())), 0);
                        // SAFETY: under the lock.
                        let before = unsafe { *sum.at() };
                        if round % 7 == number {
                            sleep(MS);
                        } else {
                            thread::yield_now();
                        }
                        // SAFETY: as above.
                        unsafe { *sum.at() = before + 1 };
                        assert_eq!(c!(pthread_mutex_unlock(mutex.at())), 0);
                    }
                })
            };
            let threads: Vec<_> = (0..4).map(add).collect();
            threads.into_iter().for_each(|thread| thread.join().expect("it holds its lock alone"));
            // SAFETY: all others have ended.
            assert_eq!(unsafe { *sum.at() }, 200);
        }
        let recursive = Shared::of(libc::PTHREAD_RECURSIVE_MUTEX_INITIALIZER_NP);
        let checking = Shared::of(libc::PTHREAD_ERRORCHECK_MUTEX_INITIALIZER_NP);
        for _ in 0..3 {
            assert_eq!(c!(pthread_mutex_lock(recursive.at())), 0);
        }
        assert_eq!(c!(pthread_mutex_trylock(recursive.at())), 0);
        assert_eq!(c!(pthread_mutex_lock(checking.at())), 0);
        assert_eq!(c!(pthread_mutex_lock(checking.at())), libc::EDEADLK);
        assert_eq!(c!(pthread_mutex_trylock(checking.at())), libc::EBUSY);
        let (theirs, checks) = (recursive.clone(), checking.clone());
        let other = thread::spawn(move || {
            assert_eq!(c!(pthread_mutex_trylock(theirs.at())), libc::EBUSY);
            assert_eq!(c!(pthread_mutex_unlock(theirs.at())), libc::EPERM);
            assert_eq!(c!(pthread_mutex_unlock(checks.at())), libc::EPERM);
            let begun = Instant::now();
            let until = later(libc::CLOCK_REALTIME, 30 * MS);
            assert_eq!(c!(pthread_mutex_timedlock(theirs.at(), &until)), libc::ETIMEDOUT);
            took(begun, 30 * MS);
            let until = later(libc::CLOCK_REALTIME, Duration::from_secs(60));
            assert_eq!(c!(pthread_mutex_timedlock(theirs.at(), &until)), 0);
            took(begun, 100 * MS);
        });
        sleep(100 * MS);
        for _ in 0..4 {
            assert_eq!(c!(pthread_mutex_unlock(recursive.at())), 0);
        }
        assert_eq!(c!(pthread_mutex_unlock(recursive.at())), libc::EPERM);
        other.join().map_or(1, |()| 0)
    });
}

fn a_mutex_excludes_as_its_kind_requires() {
    holds("mutexes_of_every_kind", &[]);
}

// -- conditions

/// A condition variable that uses this clock.
fn condition(clock: libc::clockid_t) -> Arc<Shared<libc::pthread_cond_t>> {
    // SAFETY: zeroed attributes and condition variables are filled by their functions.
    let (condition, mut attributes) = unsafe { (Shared::of(zeroed()), zeroed::<libc::pthread_condattr_t>()) };
    assert_eq!(c!(pthread_condattr_init(&mut attributes)), 0);
    assert_eq!(c!(pthread_condattr_setclock(&mut attributes, clock)), 0);
    assert_eq!(c!(pthread_cond_init(condition.at(), &attributes)), 0);
    condition
}

fn a_queue_with_conditions(sim: &mut Sim) {
    sim.client_main("client", |_| {
        let mutex = Shared::of(libc::PTHREAD_MUTEX_INITIALIZER);
        let (filled, queue) = (Shared::of(libc::PTHREAD_COND_INITIALIZER), Shared::of(Vec::<u32>::new()));
        let taker = |_| {
            let (mutex, filled, queue) = (mutex.clone(), filled.clone(), queue.clone());
            thread::spawn(move || {
                let mut taken = Vec::new();
                loop {
                    assert_eq!(c!(pthread_mutex_lock(mutex.at())), 0);
                    // SAFETY: under the lock.
                    while unsafe { &*queue.at() }.is_empty() {
                        assert_eq!(c!(pthread_cond_wait(filled.at(), mutex.at())), 0);
                    }
                    // SAFETY: as above.
                    let next = unsafe { &mut *queue.at() }.pop();
                    assert_eq!(c!(pthread_mutex_unlock(mutex.at())), 0);
                    match next {
                        Some(0) | None => return taken,
                        Some(number) => taken.push(number),
                    }
                    thread::yield_now();
                }
            })
        };
        let takers: Vec<_> = (0..3).map(taker).collect();
        let put = |number, wake: &dyn Fn()| {
            assert_eq!(c!(pthread_mutex_lock(mutex.at())), 0);
            // SAFETY: under the lock.
            unsafe { &mut *queue.at() }.insert(0, number);
            wake();
            assert_eq!(c!(pthread_mutex_unlock(mutex.at())), 0);
        };
        for number in 1..=100 {
            put(number, &|| assert_eq!(c!(pthread_cond_signal(filled.at())), 0));
            if number % 9 == 0 {
                sleep(MS);
            }
        }
        for _ in 0..3 {
            put(0, &|| assert_eq!(c!(pthread_cond_broadcast(filled.at())), 0));
        }
        let mut taken: Vec<_> =
            takers.into_iter().flat_map(|thread| thread.join().expect("it takes numbers")).collect();
        taken.sort();
        assert_eq!(taken, (1..=100).collect::<Vec<_>>());

        for clock in [libc::CLOCK_REALTIME, libc::CLOCK_MONOTONIC] {
            let nobody_signals = condition(clock);
            let begun = Instant::now();
            assert_eq!(c!(pthread_mutex_lock(mutex.at())), 0);
            let until = later(clock, 250 * MS);
            let timed_out = c!(pthread_cond_timedwait(nobody_signals.at(), mutex.at(), &until));
            assert_eq!(timed_out, libc::ETIMEDOUT);
            took(begun, 250 * MS);
            assert_eq!(c!(pthread_mutex_unlock(mutex.at())), 0);
            assert_eq!(c!(pthread_cond_destroy(nobody_signals.at())), 0);
        }
        0
    });
}

fn conditions_wake_waiters_and_time_out_on_their_clock() {
    holds("a_queue_with_conditions", &[]);
}

// -- read-write locks

fn readers_and_writers(sim: &mut Sim) {
    sim.client_main("client", |_| {
        let (lock, pair) = (Shared::of(libc::PTHREAD_RWLOCK_INITIALIZER), Shared::of((0u32, 0u32)));
        let begun = Instant::now();
        let readers: Vec<_> = (0..3)
            .map(|_| {
                let lock = lock.clone();
                thread::spawn(move || {
                    assert_eq!(c!(pthread_rwlock_rdlock(lock.at())), 0);
                    sleep(50 * MS);
                    assert_eq!(c!(pthread_rwlock_unlock(lock.at())), 0);
                })
            })
            .collect();
        sleep(10 * MS);
        assert_eq!(c!(pthread_rwlock_tryrdlock(lock.at())), 0);
        assert_eq!(c!(pthread_rwlock_unlock(lock.at())), 0);
        assert_eq!(c!(pthread_rwlock_trywrlock(lock.at())), libc::EBUSY);
        let until = later(libc::CLOCK_REALTIME, 10 * MS);
        // SAFETY: a live lock and a time.
        assert_eq!(unsafe { pthread_rwlock_timedwrlock(lock.at(), &until) }, libc::ETIMEDOUT);
        assert_eq!(c!(pthread_rwlock_wrlock(lock.at())), 0);
        took(begun, 50 * MS);
        assert_eq!(c!(pthread_rwlock_tryrdlock(lock.at())), libc::EBUSY);
        assert_eq!(c!(pthread_rwlock_wrlock(lock.at())), libc::EDEADLK);
        assert_eq!(c!(pthread_rwlock_unlock(lock.at())), 0);
        readers.into_iter().for_each(|thread| thread.join().expect("it reads"));

        let mix = |number: u32| {
            let (lock, pair) = (lock.clone(), pair.clone());
            thread::spawn(move || {
                for round in 0..40 {
                    if (round + number).is_multiple_of(4) {
                        assert_eq!(c!(pthread_rwlock_wrlock(lock.at())), 0);
                        // SAFETY: nobody else holds the lock.
                        unsafe { (*pair.at()).0 += 1 };
                        thread::yield_now();
                        // SAFETY: as above.
                        unsafe { (*pair.at()).1 += 1 };
                    } else {
                        assert_eq!(c!(pthread_rwlock_rdlock(lock.at())), 0);
                        thread::yield_now();
                        // SAFETY: nobody writes.
                        let (one, other) = unsafe { *pair.at() };
                        assert_eq!(one, other);
                    }
                    assert_eq!(c!(pthread_rwlock_unlock(lock.at())), 0);
                }
            })
        };
        let threads: Vec<_> = (0..4).map(mix).collect();
        threads.into_iter().for_each(|thread| thread.join().expect("it sees whole pairs"));
        // SAFETY: all others have ended.
        i32::from(unsafe { *pair.at() } != (40, 40))
    });
}

fn read_write_locks_share_reads_and_exclude_writes() {
    holds("readers_and_writers", &[]);
}

// -- semaphores, barriers

fn semaphores_and_barriers(sim: &mut Sim) {
    sim.client_main("client", |_| {
        // SAFETY: zeroed memory is filled by the functions that initialise it.
        let (semaphore, barrier) = unsafe { (Shared::of(zeroed()), Shared::of(zeroed())) };
        assert_eq!(c!(sem_init(semaphore.at(), 0, 2)), 0);
        assert_eq!(c!(pthread_barrier_init(barrier.at(), std::ptr::null(), 4)), 0);
        let begun = Instant::now();
        let work = |_| {
            let (semaphore, barrier) = (semaphore.clone(), barrier.clone());
            thread::spawn(move || {
                assert_eq!(c!(sem_wait(semaphore.at())), 0);
                sleep(10 * MS);
                assert_eq!(c!(sem_post(semaphore.at())), 0);
                let mut last = 0;
                for _ in 0..5 {
                    match c!(pthread_barrier_wait(barrier.at())) {
                        0 => {}
                        answer => {
                            assert_eq!(answer, libc::PTHREAD_BARRIER_SERIAL_THREAD);
                            last += 1;
                        }
                    }
                }
                last
            })
        };
        let threads: Vec<_> = (0..4).map(work).collect();
        let last: u32 = threads.into_iter().map(|thread| thread.join().expect("it works")).sum();
        assert_eq!(last, 5, "one of them in each round");
        took(begun, 20 * MS);
        let mut value = 0;
        assert_eq!((c!(sem_getvalue(semaphore.at(), &mut value)), value), (0, 2));
        assert_eq!((c!(sem_trywait(semaphore.at())), c!(sem_trywait(semaphore.at()))), (0, 0));
        assert_eq!(c!(sem_trywait(semaphore.at())), -1);
        let until = later(libc::CLOCK_REALTIME, 30 * MS);
        let begun = Instant::now();
        assert_eq!(c!(sem_timedwait(semaphore.at(), &until)), -1);
        assert_eq!(std::io::Error::last_os_error().raw_os_error(), Some(libc::ETIMEDOUT));
        took(begun, 30 * MS);
        c!(pthread_barrier_destroy(barrier.at()))
    });
}

fn semaphores_count_and_barriers_synchronize() {
    holds("semaphores_and_barriers", &[]);
}

// -- once, spin locks, keys

static ONCE: Shared<libc::pthread_once_t> = Shared::new(libc::PTHREAD_ONCE_INIT);
static MADE: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(0);
static DESTROYED: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(0);

extern "C" fn make() {
    sleep(10 * MS);
    MADE.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
}

unsafe extern "C" fn destroy(value: *mut libc::c_void) {
    // A destructor may block like any other code.
    sleep(MS);
    DESTROYED.fetch_add(value.addr() as u32, std::sync::atomic::Ordering::Relaxed);
}

fn once_spin_and_keys(sim: &mut Sim) {
    sim.client_main("client", |_| {
        // SAFETY: zeroed memory is filled by the function that initialises it.
        let spin = unsafe { Shared::of(zeroed::<libc::pthread_spinlock_t>()) };
        assert_eq!(c!(pthread_spin_init(spin.at(), 0)), 0);
        let mut key = 0;
        assert_eq!(c!(pthread_key_create(&mut key, Some(destroy))), 0);
        let work = |number: usize| {
            let spin = spin.clone();
            thread::spawn(move || {
                // SAFETY: a static word and a function.
                assert_eq!(unsafe { pthread_once(ONCE.at(), make) }, 0);
                assert_eq!(MADE.load(std::sync::atomic::Ordering::Relaxed), 1);
                assert_eq!(c!(pthread_spin_lock(spin.at())), 0);
                sleep(MS);
                assert_eq!(c!(pthread_spin_unlock(spin.at())), 0);
                assert_eq!(c!(pthread_setspecific(key, std::ptr::without_provenance(number))), 0);
                assert_eq!(c!(pthread_getspecific(key)).addr(), number);
                if number == 3 {
                    // SAFETY: nothing of this thread needs unwinding.
                    unsafe { libc::pthread_exit(null_mut()) };
                }
            })
        };
        let mut threads: Vec<_> = (1..=3).map(work).collect();
        let exits = threads.pop().expect("three");
        threads.into_iter().for_each(|thread| thread.join().expect("it works"));
        // Rust's join would look for a result, which `pthread_exit` does not leave.
        use std::os::unix::thread::JoinHandleExt;
        assert_eq!(c!(pthread_join(exits.into_pthread_t(), null_mut())), 0);
        assert_eq!(DESTROYED.load(std::sync::atomic::Ordering::Relaxed), 6);
        c!(pthread_key_delete(key))
    });
}

fn once_runs_once_and_keys_are_destroyed_at_thread_exit() {
    holds("once_spin_and_keys", &[]);
}

// -- joins

fn joins_with_a_deadline(sim: &mut Sim) {
    sim.client_main("client", |_| {
        use std::os::unix::thread::JoinHandleExt;
        let begun = Instant::now();
        let thread = thread::spawn(|| sleep(100 * MS)).into_pthread_t();
        assert_eq!(c!(pthread_tryjoin_np(thread, null_mut())), libc::EBUSY);
        let until = later(libc::CLOCK_REALTIME, 30 * MS);
        assert_eq!(c!(pthread_timedjoin_np(thread, null_mut(), &until)), libc::ETIMEDOUT);
        took(begun, 30 * MS);
        let until = later(libc::CLOCK_REALTIME, Duration::from_secs(30));
        assert_eq!(c!(pthread_timedjoin_np(thread, null_mut(), &until)), 0);
        took(begun, 100 * MS);
        0
    });
}

fn timed_joins_time_out() {
    holds("joins_with_a_deadline", &[]);
}

// -- a deadlock

fn two_pthread_locks_in_two_orders(sim: &mut Sim) {
    sim.client_main("client", |_| {
        let locks = [0, 1].map(|_| Shared::of(libc::PTHREAD_MUTEX_INITIALIZER));
        let both = |first: usize| {
            let locks = locks.clone();
            thread::spawn(move || {
                for lock in [first, 1 - first] {
                    c!(pthread_mutex_lock(locks[lock].at()));
                    sleep(MS);
                }
            })
        };
        [both(0), both(1)].into_iter().for_each(|thread| thread.join().expect("it never comes back"));
        0
    });
}

fn a_deadlock_of_pthread_mutexes_is_reported() {
    let output = breaks("two_pthread_locks_in_two_orders", &[], "no-deadlock");
    assert!(output.out.contains("client"), "{}", output.out);
}

// -- statics outlive processes

static HELD: Shared<libc::pthread_mutex_t> = Shared::new(libc::PTHREAD_MUTEX_INITIALIZER);

fn a_static_lock_of_a_dead_process(sim: &mut Sim) {
    let took = sim.ledger::<u16>("incarnations that had the lock");
    sim.node_main("server", move |node| {
        assert_eq!(c!(pthread_mutex_lock(HELD.at())), 0);
        took.note(node.incarnation());
        sleep(Duration::from_secs(1_000));
        0
    });
    sim.eventually("the second incarnation has it", Duration::from_secs(20), move |_| took.len() == 2);
}

fn a_static_lock_is_free_in_the_next_incarnation() {
    let kill = Fault::kill(NodeId(0), Duration::from_secs(1));
    holds("a_static_lock_of_a_dead_process", &[Injection { trigger: at(Duration::from_secs(3)), fault: kill }]);
}

fn a_seed_is_one_run() {
    for scenario in ["mutexes_of_every_kind", "a_queue_with_conditions", "readers_and_writers", "once_spin_and_keys"] {
        let output = cli(&["check", scenario, "--pairs", "5"]);
        assert_eq!(output.code, 0, "{output:?}");
    }
}
