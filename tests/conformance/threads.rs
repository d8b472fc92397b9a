//! Threads and their locks, as POSIX has them.

use crate::calls::{code, in_order};
use std::mem::MaybeUninit;
use std::time::Duration;

/// A mutex of this kind. It is leaked: no thread may outlive it.
fn mutex(kind: i32) -> &'static mut libc::pthread_mutex_t {
    // SAFETY: zeros are valid attributes and a valid mutex, which the calls then fill.
    unsafe {
        let mut attributes: libc::pthread_mutexattr_t = std::mem::zeroed();
        libc::pthread_mutexattr_init(&mut attributes);
        libc::pthread_mutexattr_settype(&mut attributes, kind);
        let mutex = Box::leak(Box::new(std::mem::zeroed()));
        libc::pthread_mutex_init(mutex, &attributes);
        mutex
    }
}

/// A time in the near future on the wall clock.
fn soon() -> libc::timespec {
    let mut now = MaybeUninit::uninit();
    // SAFETY: the call fills the time.
    let mut time = unsafe {
        libc::clock_gettime(libc::CLOCK_REALTIME, now.as_mut_ptr());
        now.assume_init()
    };
    time.tv_nsec += 20_000_000;
    if time.tv_nsec >= 1_000_000_000 {
        (time.tv_sec, time.tv_nsec) = (time.tv_sec + 1, time.tv_nsec - 1_000_000_000);
    }
    time
}

crate::question::questions! {
    fn mutex_of_the_plain_kind() -> String {
        let mutex = mutex(libc::PTHREAD_MUTEX_NORMAL);
        // SAFETY: an initialized mutex, which this thread alone uses.
        unsafe {
            let first = code(libc::pthread_mutex_lock(mutex));
            in_order(&[first, code(libc::pthread_mutex_trylock(mutex)), code(libc::pthread_mutex_unlock(mutex))])
        }
    }
    fn mutex_that_is_recursive() -> String {
        let mutex = mutex(libc::PTHREAD_MUTEX_RECURSIVE);
        // SAFETY: an initialized mutex, which this thread alone uses.
        unsafe {
            let locks = [code(libc::pthread_mutex_lock(mutex)), code(libc::pthread_mutex_trylock(mutex))].concat();
            let unlocks = [code(libc::pthread_mutex_unlock(mutex)), code(libc::pthread_mutex_unlock(mutex))].concat();
            in_order(&[locks, unlocks, code(libc::pthread_mutex_unlock(mutex))])
        }
    }
    fn mutex_that_checks_errors() -> String {
        let mutex = mutex(libc::PTHREAD_MUTEX_ERRORCHECK);
        // SAFETY: an initialized mutex, which this thread alone uses.
        unsafe {
            let locks = in_order(&[code(libc::pthread_mutex_lock(mutex)), code(libc::pthread_mutex_lock(mutex))]);
            let unlocks = in_order(&[code(libc::pthread_mutex_unlock(mutex)), code(libc::pthread_mutex_unlock(mutex))]);
            in_order(&[locks, unlocks])
        }
    }
    fn mutex_with_a_deadline() -> String {
        let mutex = mutex(libc::PTHREAD_MUTEX_NORMAL);
        // SAFETY: an initialized mutex, which this thread alone uses.
        unsafe {
            libc::pthread_mutex_lock(mutex);
            code(libc::pthread_mutex_timedlock(mutex, &soon()))
        }
    }
    fn condition_with_a_deadline() -> String {
        let mutex = mutex(libc::PTHREAD_MUTEX_NORMAL);
        // SAFETY: zeros are a valid condition; the mutex is held while it is waited for.
        unsafe {
            let mut condition: libc::pthread_cond_t = std::mem::zeroed();
            libc::pthread_cond_init(&mut condition, std::ptr::null());
            libc::pthread_mutex_lock(mutex);
            let waited = code(libc::pthread_cond_timedwait(&mut condition, mutex, &soon()));
            in_order(&[waited, code(libc::pthread_mutex_unlock(mutex)), code(libc::pthread_cond_destroy(&mut condition))])
        }
    }
    fn read_write_lock_shares_reads() -> String {
        // SAFETY: zeros are a valid lock, which this thread alone uses.
        unsafe {
            let mut lock: libc::pthread_rwlock_t = std::mem::zeroed();
            libc::pthread_rwlock_init(&mut lock, std::ptr::null());
            let reads = [code(libc::pthread_rwlock_rdlock(&mut lock)), code(libc::pthread_rwlock_tryrdlock(&mut lock))].concat();
            let write = code(libc::pthread_rwlock_trywrlock(&mut lock));
            libc::pthread_rwlock_unlock(&mut lock);
            libc::pthread_rwlock_unlock(&mut lock);
            in_order(&[reads, write, code(libc::pthread_rwlock_trywrlock(&mut lock)), code(libc::pthread_rwlock_tryrdlock(&mut lock))])
        }
    }
    fn semaphore_counts() -> String {
        // SAFETY: zeros are a valid semaphore, which this thread alone uses.
        unsafe {
            let mut semaphore: libc::sem_t = std::mem::zeroed();
            libc::sem_init(&mut semaphore, 0, 1);
            let call = |number| crate::calls::result(number);
            let mut value = -1;
            let taken = [call(libc::sem_wait(&mut semaphore)), call(libc::sem_trywait(&mut semaphore))];
            let given = call(libc::sem_post(&mut semaphore));
            libc::sem_getvalue(&mut semaphore, &mut value);
            in_order(&[taken[0].clone(), taken[1].clone(), given, value.to_string()])
        }
    }
    fn barrier_names_one_serial_thread() -> String {
        let barrier: &'static std::sync::Barrier = Box::leak(Box::new(std::sync::Barrier::new(3)));
        let threads: Vec<_> = (0..2).map(|_| std::thread::spawn(|| barrier.wait().is_leader())).collect();
        let own = barrier.wait().is_leader();
        let leaders = threads.into_iter().filter(|_| true).map(|thread| thread.join().expect("no panic")).chain([own]);
        leaders.filter(|leads| *leads).count().to_string()
    }
    fn thread_joined_twice_is_joined_once() -> String {
        let thread = std::thread::spawn(|| 7);
        thread.join().map_or_else(|_| "panic".to_owned(), |value| value.to_string())
    }
    fn thread_that_panics() -> String {
        std::panic::set_hook(Box::new(|_| {}));
        std::thread::spawn(|| panic!("as it must")).join().is_err().to_string()
    }
    fn thread_locals_end_with_their_thread() -> String {
        struct Ends(std::sync::mpsc::Sender<&'static str>);
        impl Drop for Ends {
            fn drop(&mut self) {
                let _ = self.0.send("dropped");
            }
        }
        thread_local!(static END: std::cell::RefCell<Option<Ends>> = const { std::cell::RefCell::new(None) });
        let (say, said) = std::sync::mpsc::channel();
        let thread = std::thread::spawn(move || END.with(|end| *end.borrow_mut() = Some(Ends(say))));
        let _ = thread.join();
        said.recv().unwrap_or("never").to_owned()
    }
    fn thread_name_is_cut_to_fifteen_letters() -> String {
        let thread = std::thread::Builder::new().name("a name of twenty one letters".to_owned()).spawn(|| {
            let mut name = [0; 32];
            // SAFETY: room for a name.
            let code = unsafe { libc::pthread_getname_np(libc::pthread_self(), name.as_mut_ptr(), name.len()) };
            // SAFETY: the call wrote a zero at its end.
            format!("{code} {}", unsafe { std::ffi::CStr::from_ptr(name.as_ptr()) }.to_string_lossy())
        });
        thread.expect("it starts").join().unwrap_or_default()
    }
    fn once_runs_once() -> String {
        let once = std::sync::Once::new();
        let mut times = 0;
        once.call_once(|| times += 1);
        once.call_once(|| times += 1);
        times.to_string()
    }
    fn channel_times_out_and_hangs_up() -> String {
        let (send, receive) = std::sync::mpsc::channel::<u8>();
        let early = format!("{:?}", receive.recv_timeout(Duration::from_millis(10)));
        drop(send);
        in_order(&[early, format!("{:?}", receive.recv())])
    }
    fn park_is_remembered() -> String {
        std::thread::current().unpark();
        std::thread::park();
        "woken".to_owned()
    }
}
