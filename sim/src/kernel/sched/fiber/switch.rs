//! Strands: threads of a run, and the small primitive in two forms that passes between them.
//! It does not know which strand belongs to whom.

use super::memory::{self, Memory};
use super::native::{self, Frame};
use super::unwind::{self, Registers};
use crate::host::system;
use libc::{c_int, c_void, pthread_t};
use std::cell::{Cell, UnsafeCell};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

/// How the baton passes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Passing {
    /// By swapping stack and thread pointer in user space: 0.06 µs.
    Switch,
    /// By futex between kernel threads: 6 µs, wherever there are pthreads.
    Futex,
}

/// How the baton passes in this process: in user space where that works, unless `AFTERLIFE_BATON=futex` asks otherwise.
pub(crate) fn passing() -> Passing {
    static PASSING: OnceLock<Passing> = OnceLock::new();
    *PASSING.get_or_init(|| {
        let asked = std::env::var("AFTERLIFE_BATON").is_ok_and(|how| how == "futex");
        if native::available() && !asked { Passing::Switch } else { Passing::Futex }
    })
}

/// What a strand runs. It answers with the strand that goes on after its end.
pub(crate) type Body = Box<dyn FnOnce() -> *const Fiber>;

/// One thread of a run, parked or running.
pub(crate) struct Fiber {
    frame: UnsafeCell<Frame>,
    turn: AtomicU32,
    pthread: Cell<pthread_t>,
    release: AtomicU32,
    parked: AtomicU32,
    /// Not 0 while there is a kernel thread on its memory.
    guests: AtomicU32,
    /// All that there is of it, unless it is a pthread.
    memory: Option<Memory>,
    /// What it runs, until it begins.
    body: Cell<Option<Body>>,
}

impl Fiber {
    /// The strand of the thread that calls: the host's.
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
            guests: AtomicU32::new(0),
            memory,
            body: Cell::new(body),
        })
    }

    /// Its pthread, as `pthread_self` answers on it.
    pub(crate) fn pthread(&self) -> pthread_t {
        self.pthread.get()
    }

    /// Asks the processor for what this parked strand touches first when it goes on.
    pub(crate) fn fetch(&self) {
        if passing() == Passing::Switch {
            // SAFETY: only whoever has the baton touches frames.
            unsafe { &*self.frame.get() }.fetch();
        }
    }

    /// Where it goes on, if it is parked and that is known: by futex, a strand parks where nobody else can look.
    pub(crate) fn parked_at(&self) -> Option<Registers> {
        match passing() {
            // SAFETY: only whoever has the baton looks, and nobody writes to a parked strand's frame.
            Passing::Switch => unsafe { (*self.frame.get()).parked_at() },
            Passing::Futex => None,
        }
    }

    /// Lets go of a strand that has run to its end: its number may be given again. Waits for its kernel thread if it has one.
    pub(crate) fn reap(&self) {
        if let Some(memory) = self.memory {
            system::wait_while(&self.guests, 1);
            memory::give_back(memory);
            return;
        }
        system::post(&self.release);
        // SAFETY: the strand's pthread is joinable, has ended for the run, and is joined once.
        unsafe { system::pthread_join(self.pthread.get(), std::ptr::null_mut()) };
    }

    /// Has work done that asks the kernel about this strand's thread.
    pub(crate) fn with_a_kernel_thread<R>(&self, work: impl FnOnce() -> R) -> R {
        match self.memory {
            Some(memory) => memory.with_a_kernel_thread(work),
            None => work(),
        }
    }
}

/// Readies this process for runs. Best done before anything is forked: what is learnt here is then known in every child.
pub(crate) fn prepare() {
    passing();
    memory::learn();
    unwind::prepare();
    system::look_up();
}

/// How often a creator looks for its new thread before it sleeps: a microsecond or so.
const SPINS: u32 = 50;

/// Makes a strand. It is parked when this returns and begins `body` when the baton is first passed to it.
pub(crate) fn spawn(attributes: *const libc::pthread_attr_t, body: Body) -> Result<Box<Fiber>, c_int> {
    let memory = memory::make(attributes);
    let fiber = Fiber::new(memory, Some(body));
    let this = (&raw const *fiber).addr();
    match memory {
        None => spawn_pthread(&fiber, attributes)?,
        Some(memory) if passing() == Passing::Switch => {
            // SAFETY: a fresh stack and its own thread-locals; the strand is boxed and outlives them.
            unsafe { *fiber.frame.get() = Frame::starting(memory.top(), memory.control(), entry, this) };
        }
        Some(memory) => {
            fiber.guests.store(1, Ordering::Release);
            // SAFETY: as above; the memory is given back when the kernel thread has gone.
            let number = unsafe {
                let gone = fiber.guests.as_ptr();
                native::start_kernel_thread(memory.top(), memory.control(), guests, this, gone)
            };
            if number < 0 {
                fiber.guests.store(0, Ordering::Release);
                return Err(-number as c_int);
            }
        }
    }
    Ok(fiber)
}

/// What a kernel thread on a strand's memory does: it waits for its turn, once.
extern "C" fn guests(fiber: usize) -> ! {
    // SAFETY: the strand lives until this kernel thread has gone.
    let fiber = unsafe { &*(fiber as *const Fiber) };
    system::wait_for(&fiber.turn);
    memory::begin();
    if let Some(body) = fiber.body.take() {
        let next = body();
        // SAFETY: the world keeps the strand that it names.
        system::post(unsafe { &(*next).turn });
    }
    system::end_this_thread()
}

fn spawn_pthread(fiber: &Fiber, attributes: *const libc::pthread_attr_t) -> Result<(), c_int> {
    let mut pthread: pthread_t = 0;
    let this = std::ptr::from_ref(fiber) as *mut c_void;
    // SAFETY: the strand is boxed and outlives its thread.
    let error = unsafe { system::pthread_create(&mut pthread, attributes, born, this) };
    if error != 0 {
        return Err(error);
    }
    // On another processor it is there in a moment; on this one it needs us to wait.
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

extern "C" fn born(fiber: *mut c_void) -> *mut c_void {
    // SAFETY: the strand lives until this thread is reaped.
    let fiber = unsafe { &*fiber.cast::<Fiber>() };
    if passing() == Passing::Switch {
        // The parked kernel thread still uses the two small frames right below.
        const SLACK: usize = 2 * 1024;
        let this = std::ptr::from_ref(fiber).addr();
        // SAFETY: this thread's own stack, far below anything in use; nobody reads the frame before `parked` is set.
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
            // SAFETY: the world keeps the strand that it names.
            system::post(unsafe { &(*next).turn });
            system::wait_for(&fiber.release);
        }
    }
    std::ptr::null_mut()
}

extern "C" fn entry(fiber: usize) -> ! {
    // SAFETY: a strand lives until it is reaped, which is after its end.
    let fiber = unsafe { &*(fiber as *const Fiber) };
    if fiber.memory.is_some() {
        memory::begin();
    }
    if let Some(body) = fiber.body.take() {
        let next = body();
        let mut ended = Frame::empty();
        // SAFETY: the world keeps the strand that it names; nobody ever resumes this one.
        unsafe { native::switch(&mut ended, (*next).frame.get()) };
    }
    // An ended strand never gets the baton, so this is a bug of ours.
    system::write_stderr("afterlife: a strand ran past its end\n");
    system::exit_now(101)
}

/// Does work on a thread of its own, with thread-locals that nobody has used, and waits for it.
///
/// # Errors
/// What the work panicked with.
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
    // SAFETY: what the body borrows lives on, since this waits for its end.
    let body = unsafe { std::mem::transmute::<Box<dyn FnOnce() -> *const Fiber + '_>, Body>(body) };
    match spawn(std::ptr::null(), body) {
        Ok(fiber) => {
            // SAFETY: this runs on `caller`, the strand is parked, and both outlive the pass; there is no world yet.
            unsafe { pass(back, &raw const *fiber) };
            fiber.reap();
        }
        Err(error) => panic!("no thread for a run: errno {error}"),
    }
    match outcome {
        Some(outcome) => outcome,
        None => unreachable!("the baton comes back when the body is done"),
    }
}

/// Parks the caller, who is `from`, and lets `to` go on. Returns when the baton comes back.
///
/// # Safety
/// The caller runs on `from`; `to` is parked; both outlive the pass; no reference into the world is held across it.
pub(crate) unsafe fn pass(from: *const Fiber, to: *const Fiber) {
    if passing() == Passing::Switch {
        // SAFETY: the frames are only touched by whoever has the baton.
        unsafe { native::switch((*from).frame.get(), (*to).frame.get()) }
    } else {
        // SAFETY: both outlive the pass.
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
        // SAFETY: asks for a number.
        unsafe { libc::pthread_self() }
    }

    #[test]
    fn work_on_a_strand_has_fresh_thread_locals_and_leaves_the_callers_alone() {
        COUNT.set(1);
        for _ in 0..3 {
            let seen = on_a_fiber(|| COUNT.replace(2)).expect("nothing panics there");
            assert_eq!(seen, 7);
        }
        assert_eq!(COUNT.get(), 1);
    }

    #[test]
    fn a_panic_on_a_strand_comes_back_to_who_waits_for_it() {
        let outcome = on_a_fiber(|| std::panic::resume_unwind(Box::new("so it is")));
        let Err(panic): std::thread::Result<()> = outcome else { panic!("it went on") };
        assert_eq!(panic.downcast_ref(), Some(&"so it is"));
    }

    #[test]
    #[cfg(all(target_arch = "x86_64", target_env = "gnu"))]
    fn this_c_library_is_understood() {
        assert!(memory::learn());
        let control = on_a_fiber(own_number).expect("nothing panics there");
        assert_ne!(control, own_number());
    }
}
