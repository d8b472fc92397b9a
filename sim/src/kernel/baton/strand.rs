//! Strands: threads of a run, made as real pthreads; one small primitive in two forms passes between them.
//! It does not know which strand belongs to whom.

use super::switch::{self, Frame};
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
}

impl Strand {
    /// The strand of the thread that calls: the host's.
    pub(crate) fn host() -> Box<Self> {
        Box::new(Self {
            frame: UnsafeCell::new(Frame::empty()),
            turn: AtomicU32::new(0),
            pthread: Cell::new(0),
            release: AtomicU32::new(0),
            parked: AtomicU32::new(0),
        })
    }

    /// Its pthread, as `pthread_self` answers on it.
    pub(crate) fn pthread(&self) -> pthread_t {
        self.pthread.get()
    }

    /// Lets the kernel thread of a strand that has run to its end go, and waits until it has gone.
    pub(crate) fn reap(&self) {
        real::post(&self.release);
        // SAFETY: the strand's pthread is joinable, has ended for the run, and is joined once.
        unsafe { real::pthread_join(self.pthread.get(), std::ptr::null_mut()) };
    }
}

struct Birth {
    strand: *const Strand,
    body: Option<Body>,
}

thread_local! {
    static BODY: Cell<Option<Body>> = const { Cell::new(None) };
}

/// How often a creator looks for its new thread before it sleeps: a microsecond or so.
const SPINS: u32 = 50;

/// Makes a strand. It is parked when this returns and begins `body` when the baton is first passed to it.
pub(crate) fn spawn(attributes: *const libc::pthread_attr_t, body: Body) -> Result<Box<Strand>, c_int> {
    let strand = Strand::host();
    let mut birth = Birth { strand: &raw const *strand, body: Some(body) };
    let mut pthread: pthread_t = 0;
    // SAFETY: `birth` outlives the handshake below; `strand` is boxed and outlives its thread.
    let error = unsafe { real::pthread_create(&mut pthread, attributes, born, (&raw mut birth).cast()) };
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
    Ok(strand)
}

extern "C" fn born(argument: *mut c_void) -> *mut c_void {
    // SAFETY: `spawn` waits on `parked` before it lets go of `birth`; the strand lives until this thread is reaped.
    let (birth, strand) = unsafe {
        let birth = &mut *argument.cast::<Birth>();
        let strand = &*birth.strand;
        (birth, strand)
    };
    let body = birth.body.take();
    if passing() == Passing::Switch {
        BODY.set(body);
        // SAFETY: the creator waits; nobody reads the frame before `parked` is set.
        unsafe { *strand.frame.get() = Frame::starting(switch::stack_pointer(), entry) };
        real::post(&strand.parked);
        real::wait_for(&strand.release);
    } else {
        real::post(&strand.parked);
        real::wait_for(&strand.turn);
        if let Some(body) = body {
            let next = body();
            // SAFETY: the world keeps the strand that it names.
            real::post(unsafe { &(*next).turn });
            real::wait_for(&strand.release);
        }
    }
    std::ptr::null_mut()
}

extern "C" fn entry() -> ! {
    if let Some(body) = BODY.take() {
        let next = body();
        let mut ended = Frame::empty();
        // SAFETY: the world keeps the strand that it names; nobody ever resumes this one.
        unsafe { switch::switch(&mut ended, (*next).frame.get()) };
    }
    // An ended strand never gets the baton, so this is a bug of ours.
    real::say("afterlife: a strand ran past its end\n");
    real::exit_now(101)
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
