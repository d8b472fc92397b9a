//! Fibers, and the context switch between them in its two forms.
//! It does not know which fiber belongs to which thread.

use super::memory::{self, Memory};
use super::native::{self, Frame};
use super::registers::Registers;
use super::unwind::{self, Trace};
use crate::host::system;
use libc::{c_int, c_void, pthread_t};
use std::cell::{Cell, UnsafeCell};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

/// The kind of context switch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    /// In user space, by swapping the stack and thread pointers: 0.06 µs.
    UserSpace,
    /// By futex between kernel threads: 6 µs, wherever there are pthreads.
    Futex,
}

/// The kind of context switch of this process: in user space where that works, unless `AFTERLIFE_SWITCH=futex` asks
/// otherwise.
pub(crate) fn mode() -> Mode {
    static MODE: OnceLock<Mode> = OnceLock::new();
    *MODE.get_or_init(|| {
        let asked = std::env::var("AFTERLIFE_SWITCH").is_ok_and(|mode| mode == "futex");
        if native::available() && !asked { Mode::UserSpace } else { Mode::Futex }
    })
}

/// The body of a fiber. It returns the fiber that runs after its end.
pub(crate) type Body = Box<dyn FnOnce() -> *const Fiber>;

/// The stack and thread-locals of one thread, parked or running.
pub(crate) struct Fiber {
    frame: UnsafeCell<Frame>,
    /// Posted when the fiber may run, in futex mode.
    turn: AtomicU32,
    pthread: Cell<pthread_t>,
    /// Posted when the pthread behind the fiber may end.
    release: AtomicU32,
    /// Posted when the pthread behind the fiber has parked.
    parked: AtomicU32,
    /// 1 while a kernel thread runs on its memory.
    kernel_threads: AtomicU32,
    /// Its memory, unless it is a pthread.
    memory: Option<Memory>,
    /// Its body, until it starts.
    body: Cell<Option<Body>>,
}

impl Fiber {
    /// The fiber of the calling thread, which is the host.
    pub(crate) fn host() -> Box<Self> {
        Self::new(None, None)
    }

    fn new(memory: Option<Memory>, body: Option<Body>) -> Box<Self> {
        Box::new(Self {
            frame: UnsafeCell::new(Frame::empty()),
            turn: AtomicU32::new(0),
            pthread: Cell::new(memory.map_or(0, |memory| memory.control() as pthread_t)),
            release: AtomicU32::new(0),
            parked: AtomicU32::new(0),
            kernel_threads: AtomicU32::new(0),
            memory,
            body: Cell::new(body),
        })
    }

    /// The `pthread_t` that `pthread_self` returns on it.
    pub(crate) fn pthread(&self) -> pthread_t {
        self.pthread.get()
    }

    /// Prefetches the memory that this parked fiber uses first when it resumes.
    pub(crate) fn fetch(&self) {
        if mode() == Mode::UserSpace {
            // SAFETY: frames are accessed by the running thread alone, and this reference ends before the next context
            // switch.
            unsafe { &*self.frame.get() }.fetch();
        }
    }

    /// The stack of a fiber that is parked. That of the running one is [`own_stack`](super::own_stack).
    pub(crate) fn stack(&self) -> Trace {
        match self.parked_at() {
            // SAFETY: `switch` saved these registers, and the fiber stays parked meanwhile, since only the running
            // thread can resume it. Each word that is read lies between two stack pointers that were valid when the
            // fiber parked, on a stack that stays mapped.
            Some(registers) => unsafe { unwind::walk(registers) },
            None => Trace::EMPTY,
        }
    }

    /// The registers of a parked fiber. A fiber that waits for a futex parks in the kernel, where nobody can look.
    fn parked_at(&self) -> Option<Registers> {
        match mode() {
            // SAFETY: frames are accessed by the running thread alone, and `switch` writes to a frame only when it
            // parks its fiber.
            Mode::UserSpace => unsafe { (*self.frame.get()).parked_at() },
            Mode::Futex => None,
        }
    }

    /// Gives back the memory of a fiber that has run to its end: its number may be assigned again. Waits for the end of
    /// its kernel thread, if it has one.
    pub(crate) fn reap(&self) {
        if let Some(memory) = self.memory {
            system::wait_while(&self.kernel_threads, 1);
            memory::give_back(memory);
            return;
        }
        system::post(&self.release);
        // SAFETY: `spawn_pthread` created this pthread as joinable. It is joined once, since a thread's handle gives
        // its fiber away when it is reaped.
        unsafe { system::pthread_join(self.pthread.get(), std::ptr::null_mut()) };
    }

    /// Does work that queries the kernel about this fiber's thread.
    pub(crate) fn with_a_kernel_thread<R>(&self, work: impl FnOnce() -> R) -> R {
        match self.memory {
            Some(memory) => memory.with_a_kernel_thread(work),
            None => work(),
        }
    }
}

/// Prepares this process for runs. Best called before a fork: every child inherits the results.
pub(crate) fn prepare() {
    mode();
    memory::learn();
    unwind::prepare();
    system::look_up();
}

/// The number of times that a creator checks for its new thread before it sleeps: about a microsecond.
const SPINS: u32 = 50;

/// Creates a fiber. It is parked when this returns, and starts `body` at the first switch to it.
pub(crate) fn spawn(attributes: *const libc::pthread_attr_t, body: Body) -> Result<Box<Fiber>, c_int> {
    let memory = memory::make(attributes);
    let fiber = Fiber::new(memory, Some(body));
    let this = (&raw const *fiber).addr();
    match memory {
        None => spawn_pthread(&fiber, attributes)?,
        Some(memory) if mode() == Mode::UserSpace => {
            // SAFETY: `memory::make` returned this stack, which nothing uses yet. The argument is the boxed fiber,
            // which lives until it is reaped.
            unsafe { *fiber.frame.get() = Frame::starting(memory.top(), memory.control(), entry, this) };
        }
        Some(memory) => {
            fiber.kernel_threads.store(1, Ordering::Release);
            // SAFETY: `memory::make` returned this stack and control block, which nothing uses yet. `reap` gives the
            // memory back only after the kernel has cleared `gone`. The argument is the boxed fiber, which lives until
            // it is reaped.
            let number = unsafe {
                let gone = fiber.kernel_threads.as_ptr();
                native::start_kernel_thread(memory.top(), memory.control(), wait_and_run, this, gone)
            };
            if number < 0 {
                fiber.kernel_threads.store(0, Ordering::Release);
                return Err(-number as c_int);
            }
        }
    }
    Ok(fiber)
}

/// Runs on a kernel thread with a fiber's memory: waits for its first turn, runs the body, and hands over.
extern "C" fn wait_and_run(fiber: usize) -> ! {
    // SAFETY: `spawn` passed the address of a boxed fiber, which is not dropped before `reap` has seen this kernel
    // thread's end.
    let fiber = unsafe { &*(fiber as *const Fiber) };
    system::wait_for(&fiber.turn);
    memory::begin();
    if let Some(body) = fiber.body.take() {
        let next = body();
        // SAFETY: a body returns a fiber that the scheduler owns, the host's or that of a thread that has not ended.
        system::post(unsafe { &(*next).turn });
    }
    system::end_this_thread()
}

fn spawn_pthread(fiber: &Fiber, attributes: *const libc::pthread_attr_t) -> Result<(), c_int> {
    let mut pthread: pthread_t = 0;
    let this = std::ptr::from_ref(fiber) as *mut c_void;
    // SAFETY: the attributes are the program's, under the contract of `pthread_create`. The argument is the boxed
    // fiber, which is not dropped before `reap` has joined the pthread.
    let error = unsafe { system::pthread_create(&mut pthread, attributes, park_pthread, this) };
    if error != 0 {
        return Err(error);
    }
    // On another processor the thread starts within a moment; on this one, only once this thread waits.
    for _ in 0..SPINS {
        if fiber.parked.load(Ordering::Acquire) != 0 {
            break;
        }
        std::hint::spin_loop();
    }
    system::wait_for(&fiber.parked);
    fiber.pthread.set(pthread);
    Ok(())
}

/// Runs on the pthread behind a fiber: parks it, or waits for its turn.
extern "C" fn park_pthread(fiber: *mut c_void) -> *mut c_void {
    // SAFETY: `spawn_pthread` passed the address of a boxed fiber, which is not dropped before `reap` has joined this
    // pthread.
    let fiber = unsafe { &*fiber.cast::<Fiber>() };
    if mode() == Mode::UserSpace {
        // The parked kernel thread still uses two small frames right below the stack pointer.
        const SLACK: usize = 2 * 1024;
        let this = std::ptr::from_ref(fiber).addr();
        // SAFETY: this memory is part of the thread's own stack, below every frame in use, including those of the wait
        // that follows. The creator reads the frame only after `parked` was posted.
        unsafe {
            let below = native::stack_pointer() - SLACK;
            *fiber.frame.get() = Frame::starting(below, native::thread_pointer(), entry, this);
        }
        system::post(&fiber.parked);
        system::wait_for(&fiber.release);
    } else {
        system::post(&fiber.parked);
        system::wait_for(&fiber.turn);
        if let Some(body) = fiber.body.take() {
            let next = body();
            // SAFETY: a body returns a fiber that the scheduler owns, the host's or that of a thread that has not
            // ended.
            system::post(unsafe { &(*next).turn });
            system::wait_for(&fiber.release);
        }
    }
    std::ptr::null_mut()
}

extern "C" fn entry(fiber: usize) -> ! {
    // SAFETY: `Frame::starting` was given the address of a boxed fiber, which is not dropped before it has ended and is
    // reaped.
    let fiber = unsafe { &*(fiber as *const Fiber) };
    if fiber.memory.is_some() {
        memory::begin();
    }
    if let Some(body) = fiber.body.take() {
        let next = body();
        let mut ended = Frame::empty();
        // SAFETY: a body returns a parked fiber that the scheduler owns, and nothing resumes this one, whose thread has
        // ended.
        unsafe { native::switch(&mut ended, (*next).frame.get()) };
    }
    // An ended fiber is never resumed: this is a bug of the harness.
    system::write_stderr("afterlife: a fiber ran past its end\n");
    system::exit_now(101)
}

/// Does work on a fiber of its own, with fresh thread-locals, and waits for it.
///
/// # Errors
/// The payload of a panic of the work.
pub(crate) fn on_a_fiber<T: Send>(work: impl FnOnce() -> T + Send) -> std::thread::Result<T> {
    if !memory::learn() {
        return std::thread::scope(|scope| scope.spawn(work).join());
    }
    let caller = Fiber::host();
    let mut outcome = None;
    let back = &raw const *caller;
    let body: Box<dyn FnOnce() -> *const Fiber + '_> = Box::new(|| {
        outcome = Some(std::panic::catch_unwind(std::panic::AssertUnwindSafe(work)));
        back
    });
    // SAFETY: only the lifetime changes. The body ends before this function returns, so that everything that it borrows
    // outlives it.
    let body = unsafe { std::mem::transmute::<Box<dyn FnOnce() -> *const Fiber + '_>, Body>(body) };
    match spawn(std::ptr::null(), body) {
        Ok(fiber) => {
            // SAFETY: this thread is `caller`, `spawn` returned a parked fiber, both live until the end of this
            // function, and there is no kernel yet.
            unsafe { switch(back, &raw const *fiber) };
            fiber.reap();
        }
        Err(error) => panic!("no thread for a run: errno {error}"),
    }
    match outcome {
        Some(outcome) => outcome,
        None => unreachable!("the body ran to its end before it switched back"),
    }
}

/// Parks the caller on `from` and resumes `to`. Returns when `from` is resumed.
///
/// # Safety
/// The caller runs on `from`; `to` is parked; both live until `from` is resumed; the caller holds no reference into the
/// kernel.
pub(crate) unsafe fn switch(from: *const Fiber, to: *const Fiber) {
    if mode() == Mode::UserSpace {
        // SAFETY: the caller promises that it runs on `from` and that `to` is parked. Frames are accessed by the
        // running thread alone.
        unsafe { native::switch((*from).frame.get(), (*to).frame.get()) }
    } else {
        // SAFETY: the caller promises that both fibers live until `from` is resumed.
        unsafe {
            system::post(&(*to).turn);
            system::wait_for(&(*from).turn);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    thread_local! {
        static COUNT: Cell<u32> = const { Cell::new(7) };
    }

    fn own_number() -> pthread_t {
        // SAFETY: `pthread_self` takes no arguments and always succeeds.
        unsafe { libc::pthread_self() }
    }

    #[test]
    fn work_on_a_fiber_has_fresh_thread_locals_and_does_not_touch_the_callers() {
        COUNT.set(1);
        for _ in 0..3 {
            let seen = on_a_fiber(|| COUNT.replace(2)).expect("nothing panics there");
            assert_eq!(seen, 7);
        }
        assert_eq!(COUNT.get(), 1);
    }

    #[test]
    fn a_panic_on_a_fiber_reaches_the_caller_that_waits_for_it() {
        let outcome = on_a_fiber(|| std::panic::resume_unwind(Box::new("so it is")));
        let Err(panic): std::thread::Result<()> = outcome else { panic!("no panic arrived") };
        assert_eq!(panic.downcast_ref(), Some(&"so it is"));
    }

    #[test]
    #[cfg(all(target_arch = "x86_64", target_env = "gnu"))]
    fn the_layout_of_this_c_library_is_known() {
        assert!(memory::learn());
        let control = on_a_fiber(own_number).expect("nothing panics there");
        assert_ne!(control, own_number());
    }
}
