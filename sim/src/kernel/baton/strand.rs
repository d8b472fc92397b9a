//! Strands: threads of a run, and the small primitive in two forms that passes between them.
//! It does not know which strand belongs to whom.

use super::memory::{self, Memory};
use super::switch::{self, Frame};
use super::walk::{self, Registers};
use crate::real;
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
        if switch::available() && !asked { Passing::Switch } else { Passing::Futex }
    })
}

/// What a strand runs. It answers with the strand that goes on after its end.
pub(crate) type Body = Box<dyn FnOnce() -> *const Strand>;

/// One thread of a run, parked or running.
pub(crate) struct Strand {
    frame: UnsafeCell<Frame>,
    turn: AtomicU32,
    pthread: Cell<pthread_t>,
    release: AtomicU32,
    parked: AtomicU32,
    /// Not 0 while there is a kernel thread on its memory.
    carried: AtomicU32,
    /// All that there is of it, unless it is a pthread.
    memory: Option<Memory>,
    /// What it runs, until it begins.
    body: Cell<Option<Body>>,
}

impl Strand {
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
            carried: AtomicU32::new(0),
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
    pub(super) fn parked_at(&self) -> Option<Registers> {
        match passing() {
            // SAFETY: only whoever has the baton looks, and nobody writes to a parked strand's frame.
            Passing::Switch => unsafe { (*self.frame.get()).parked_at() },
            Passing::Futex => None,
        }
    }

    /// Lets go of a strand that has run to its end: its number may be given again. Waits for its kernel thread if it has one.
    pub(crate) fn reap(&self) {
        if let Some(memory) = self.memory {
            real::wait_while(&self.carried, 1);
            memory::give_back(memory);
            return;
        }
        real::post(&self.release);
        // SAFETY: the strand's pthread is joinable, has ended for the run, and is joined once.
        unsafe { real::pthread_join(self.pthread.get(), std::ptr::null_mut()) };
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
    walk::prepare();
    real::look_up();
}

/// How often a creator looks for its new thread before it sleeps: a microsecond or so.
const SPINS: u32 = 50;

/// Makes a strand. It is parked when this returns and begins `body` when the baton is first passed to it.
pub(crate) fn spawn(attributes: *const libc::pthread_attr_t, body: Body) -> Result<Box<Strand>, c_int> {
    let memory = memory::make(attributes);
    let strand = Strand::new(memory, Some(body));
    let this = (&raw const *strand).addr();
    match memory {
        None => spawn_pthread(&strand, attributes)?,
        Some(memory) if passing() == Passing::Switch => {
            // SAFETY: a fresh stack and its own thread-locals; the strand is boxed and outlives them.
            unsafe { *strand.frame.get() = Frame::starting(memory.top(), memory.control(), entry, this) };
        }
        Some(memory) => {
            strand.carried.store(1, Ordering::Release);
            // SAFETY: as above; the memory is given back when the kernel thread has gone.
            let number = unsafe {
                let gone = strand.carried.as_ptr();
                switch::start_kernel_thread(memory.top(), memory.control(), carried, this, gone)
            };
            if number < 0 {
                strand.carried.store(0, Ordering::Release);
                return Err(-number as c_int);
            }
        }
    }
    Ok(strand)
}

/// What a kernel thread on a strand's memory does: it waits for its turn, once.
extern "C" fn carried(strand: usize) -> ! {
    // SAFETY: the strand lives until this kernel thread has gone.
    let strand = unsafe { &*(strand as *const Strand) };
    real::wait_for(&strand.turn);
    memory::begin();
    if let Some(body) = strand.body.take() {
        let next = body();
        // SAFETY: the world keeps the strand that it names.
        real::post(unsafe { &(*next).turn });
    }
    real::end_this_thread()
}

fn spawn_pthread(strand: &Strand, attributes: *const libc::pthread_attr_t) -> Result<(), c_int> {
    let mut pthread: pthread_t = 0;
    let this = std::ptr::from_ref(strand) as *mut c_void;
    // SAFETY: the strand is boxed and outlives its thread.
    let error = unsafe { real::pthread_create(&mut pthread, attributes, born, this) };
    if error != 0 {
        return Err(error);
    }
    // On another processor it is there in a moment; on this one it needs us to wait.
    for _ in 0..SPINS {
        if strand.parked.load(Ordering::Acquire) != 0 {
            break;
        }
        std::hint::spin_loop();
    }
    real::wait_for(&strand.parked);
    strand.pthread.set(pthread);
    Ok(())
}

extern "C" fn born(strand: *mut c_void) -> *mut c_void {
    // SAFETY: the strand lives until this thread is reaped.
    let strand = unsafe { &*strand.cast::<Strand>() };
    if passing() == Passing::Switch {
        // The parked kernel thread still uses the two small frames right below.
        const SLACK: usize = 2 * 1024;
        let this = std::ptr::from_ref(strand).addr();
        // SAFETY: this thread's own stack, far below anything in use; nobody reads the frame before `parked` is set.
        unsafe {
            let below = switch::stack_pointer() - SLACK;
            *strand.frame.get() = Frame::starting(below, switch::thread_pointer(), entry, this);
        }
        real::post(&strand.parked);
        real::wait_for(&strand.release);
    } else {
        real::post(&strand.parked);
        real::wait_for(&strand.turn);
        if let Some(body) = strand.body.take() {
            let next = body();
            // SAFETY: the world keeps the strand that it names.
            real::post(unsafe { &(*next).turn });
            real::wait_for(&strand.release);
        }
    }
    std::ptr::null_mut()
}

extern "C" fn entry(strand: usize) -> ! {
    // SAFETY: a strand lives until it is reaped, which is after its end.
    let strand = unsafe { &*(strand as *const Strand) };
    if strand.memory.is_some() {
        memory::begin();
    }
    if let Some(body) = strand.body.take() {
        let next = body();
        let mut ended = Frame::empty();
        // SAFETY: the world keeps the strand that it names; nobody ever resumes this one.
        unsafe { switch::switch(&mut ended, (*next).frame.get()) };
    }
    // An ended strand never gets the baton, so this is a bug of ours.
    real::say("afterlife: a strand ran past its end\n");
    real::exit_now(101)
}

/// Does work on a thread of its own, with thread-locals that nobody has used, and waits for it.
///
/// # Errors
/// What the work panicked with.
pub(crate) fn on_a_strand<T: Send>(work: impl FnOnce() -> T + Send) -> std::thread::Result<T> {
    if !memory::learn() {
        return std::thread::scope(|scope| scope.spawn(work).join());
    }
    let caller = Strand::host();
    let mut outcome = None;
    let back = &raw const *caller;
    let body: Box<dyn FnOnce() -> *const Strand + '_> = Box::new(|| {
        outcome = Some(std::panic::catch_unwind(std::panic::AssertUnwindSafe(work)));
        back
    });
    // SAFETY: what the body borrows lives on, since this waits for its end.
    let body = unsafe { std::mem::transmute::<Box<dyn FnOnce() -> *const Strand + '_>, Body>(body) };
    match spawn(std::ptr::null(), body) {
        Ok(strand) => {
            // SAFETY: this runs on `caller`, the strand is parked, and both outlive the pass; there is no world yet.
            unsafe { pass(back, &raw const *strand) };
            strand.reap();
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
pub(crate) unsafe fn pass(from: *const Strand, to: *const Strand) {
    if passing() == Passing::Switch {
        // SAFETY: the frames are only touched by whoever has the baton.
        unsafe { switch::switch((*from).frame.get(), (*to).frame.get()) }
    } else {
        // SAFETY: both outlive the pass.
        unsafe {
            real::post(&(*to).turn);
            real::wait_for(&(*from).turn);
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
            let seen = on_a_strand(|| COUNT.replace(2)).expect("nothing panics there");
            assert_eq!(seen, 7);
        }
        assert_eq!(COUNT.get(), 1);
    }

    #[test]
    fn a_panic_on_a_strand_comes_back_to_who_waits_for_it() {
        let outcome = on_a_strand(|| std::panic::resume_unwind(Box::new("so it is")));
        let Err(panic): std::thread::Result<()> = outcome else { panic!("it went on") };
        assert_eq!(panic.downcast_ref(), Some(&"so it is"));
    }

    #[test]
    #[cfg(all(target_arch = "x86_64", target_env = "gnu"))]
    fn this_c_library_is_understood() {
        assert!(memory::learn());
        let control = on_a_strand(own_number).expect("nothing panics there");
        assert_ne!(control, own_number());
    }
}
