//! Who listens on this thread: the sink of probes outside our own room, and the hook that hears panics.
//! A simulation lives on one thread, so that tests beside each other do not hear each other; of two on one thread, the later
//! is heard.

use super::recorder::{At, Hearing};
use afterlife_probe::Fact;
use afterlife_sim::event::What;
use std::any::Any;
use std::cell::RefCell;
use std::panic::{Location, PanicHookInfo};
use std::sync::{Once, OnceLock};

/// What only a simulator knows.
pub(crate) trait Simulator: Any {
    /// Where the calling thread is in the simulation.
    fn at(&mut self, hearing: &mut Hearing) -> At;
}

struct Listener {
    id: u64,
    simulator: Box<dyn Simulator>,
    hearing: Hearing,
}

/// Those of one thread, and how many there have been.
struct Listeners {
    listening: Vec<Listener>,
    begun: u64,
}

thread_local! {
    static HERE: RefCell<Listeners> = const { RefCell::new(Listeners { listening: Vec::new(), begun: 0 }) };
}

/// Begins to listen on this thread; the answer is for [`end`].
///
/// # Panics
/// If somebody else hears the probes of this process.
pub(super) fn begin(simulator: Box<dyn Simulator>, hearing: Hearing) -> u64 {
    static ATTACHED: OnceLock<bool> = OnceLock::new();
    let attached = *ATTACHED.get_or_init(|| afterlife_probe::attach(fact));
    assert!(attached, "the probes of this process tell somebody else: a room of afterlife's own, or another sink");
    follow_panics();
    HERE.with_borrow_mut(|here| {
        here.begun += 1;
        here.listening.push(Listener { id: here.begun, simulator, hearing });
        here.begun
    })
}

/// Ends what [`begin`] began, and gives what was heard.
pub(super) fn end(id: u64) -> Option<Hearing> {
    HERE.with_borrow_mut(|here| {
        let at = here.listening.iter().position(|listener| listener.id == id)?;
        Some(here.listening.remove(at).hearing)
    })
}

/// Shows a simulator of this kind what it has heard, if it is the one that listens on this thread.
pub(crate) fn heard<S: Simulator, R>(show: impl FnOnce(&mut S, &mut Hearing) -> R) -> Option<R> {
    listener(|Listener { simulator, hearing, .. }| {
        let simulator: &mut dyn Any = &mut **simulator;
        Some(show(simulator.downcast_mut()?, hearing))
    })?
}

/// The one that listens. Nobody does while a listener itself is at work, or when the thread is past its end.
fn listener<R>(work: impl FnOnce(&mut Listener) -> R) -> Option<R> {
    let with = |here: &RefCell<Listeners>| Some(work(here.try_borrow_mut().ok()?.listening.last_mut()?));
    HERE.try_with(with).ok().flatten()
}

fn fact(fact: &Fact<'_>, site: &'static Location<'static>) -> u64 {
    let told = listener(|Listener { simulator, hearing, .. }| {
        let at = simulator.at(hearing);
        hearing.tell(at, fact, site)
    });
    told.unwrap_or(0)
}

/// Has panics heard from here on, on every thread that listens; whoever has a hook keeps it.
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
    let site = info.location().map_or_else(String::new, |it| format!("{}:{}", it.file(), it.line()));
    listener(|Listener { simulator, hearing, .. }| {
        let at = simulator.at(hearing);
        hearing.happens(at, |name| What::Panicked { message: name(message), site: name(&site) });
    });
}
