//! The listeners of this thread: probe facts and panics go to the latest one.
//! A simulation lives on one thread, so tests that run in parallel do not see each other's events.

use super::recorder::{At, Recorder};
use afterlife_probe::Fact;
use afterlife_sim::event::What;
use std::any::Any;
use std::cell::RefCell;
use std::panic::{Location, PanicHookInfo};
use std::sync::{Once, OnceLock};

/// The information that only a simulator has.
pub(crate) trait Simulator: Any {
    /// The place of the calling thread in the simulation.
    fn at(&mut self, recorder: &mut Recorder) -> At;
}

struct Listener {
    id: u64,
    simulator: Box<dyn Simulator>,
    recorder: Recorder,
}

/// The listeners of one thread, and the number of all that it has had.
struct Listeners {
    listening: Vec<Listener>,
    begun: u64,
}

thread_local! {
    static HERE: RefCell<Listeners> = const { RefCell::new(Listeners { listening: Vec::new(), begun: 0 }) };
}

/// Begins to listen on this thread. Returns the number for [`end`].
///
/// # Panics
/// If another sink receives the probe facts of this process.
pub(super) fn begin(simulator: Box<dyn Simulator>, recorder: Recorder) -> u64 {
    static ATTACHED: OnceLock<bool> = OnceLock::new();
    let attached = *ATTACHED.get_or_init(|| afterlife_probe::attach(fact));
    assert!(
        attached,
        "the probes of this process already report to another sink, or to a simulation of afterlife's own"
    );
    follow_panics();
    HERE.with_borrow_mut(|here| {
        here.begun += 1;
        here.listening.push(Listener { id: here.begun, simulator, recorder });
        here.begun
    })
}

/// Ends the listener with this number, and returns its recorder.
pub(super) fn end(id: u64) -> Option<Recorder> {
    HERE.with_borrow_mut(|here| {
        let at = here.listening.iter().position(|listener| listener.id == id)?;
        Some(here.listening.remove(at).recorder)
    })
}

/// Runs `show` with this thread's simulator and recorder, if the simulator is of this kind.
pub(crate) fn with_simulator<S: Simulator, R>(show: impl FnOnce(&mut S, &mut Recorder) -> R) -> Option<R> {
    listener(|Listener { simulator, recorder, .. }| {
        let simulator: &mut dyn Any = &mut **simulator;
        Some(show(simulator.downcast_mut()?, recorder))
    })?
}

/// Runs `work` with the latest listener. There is none while a listener is at work, or after the end of the thread.
fn listener<R>(work: impl FnOnce(&mut Listener) -> R) -> Option<R> {
    let with = |here: &RefCell<Listeners>| Some(work(here.try_borrow_mut().ok()?.listening.last_mut()?));
    HERE.try_with(with).ok().flatten()
}

fn fact(fact: &Fact<'_>, site: &'static Location<'static>) -> u64 {
    let answer = listener(|Listener { simulator, recorder, .. }| {
        let at = simulator.at(recorder);
        recorder.record(at, fact, site)
    });
    answer.unwrap_or(0)
}

/// Records panics from now on, on every thread that listens. The previous panic hook still runs.
fn follow_panics() {
    static FOLLOWED: Once = Once::new();
    FOLLOWED.call_once(|| {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            panicked(info);
            before(info);
        }));
    });
}

fn panicked(info: &PanicHookInfo<'_>) {
    let message = info.payload_as_str().unwrap_or("a panic without a text");
    let site = info.location().map_or_else(String::new, |place| format!("{}:{}", place.file(), place.line()));
    listener(|Listener { simulator, recorder, .. }| {
        let at = simulator.at(recorder);
        recorder.append(at, |name| What::Panicked { message: name(message), site: name(&site) });
    });
}
