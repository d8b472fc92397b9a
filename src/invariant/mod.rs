//! Invariants: each one file, one small state machine over events, with the sentence that it prints.
//! They see events only; what is done about a violation is the watch's business.

mod blast_radius;
mod bounded_request;
mod bounded_shutdown;
mod catalogue;
mod close_is_told;
mod close_once;
mod closed_or_open;
mod honest_progress;
mod joined_before_teardown;
#[cfg(test)]
mod lifetimes;
mod no_callback_after_deregistration;
mod no_crash_loop;
mod no_deadlock;
mod no_silent_panic;
mod no_spin;
mod no_stale_epoch_effect;
mod no_stale_message;
mod no_use_after_teardown;
mod no_use_before_init;
pub(crate) mod nothing_left;
mod one_incarnation;
mod own_entry_only;
mod probed_claims;
mod slots_conserved;
#[cfg(test)]
mod testing;

pub use catalogue::{About, Bound, Bounded, Unit, invariants};
pub(crate) use catalogue::{NOTHING_ACKED_IS_LOST, RECOVERS, Terms};

use crate::model::violation::Violation;
use afterlife_sim::Control;
use afterlife_sim::event::{Death, Event, Name, NodeId, What};

/// What an invariant may look up about an event. What only a room knows is nothing where there is none: in a log, say.
pub(crate) trait Facts {
    /// What a name stands for.
    fn text(&self, name: Name) -> &str;
    /// A node's name.
    fn node(&self, node: NodeId) -> &str;
    /// What threads are there and wait for, one line each.
    fn threads(&self) -> Vec<String> {
        Vec::new()
    }
    /// What the next life of a node would find on its disk, as one number.
    fn state(&self, _: NodeId) -> u128 {
        0
    }
    /// Whether a fault makes memory scarce on a node.
    fn is_squeezed(&self, _: NodeId) -> bool {
        false
    }
    /// Whether a fault makes a node's disk refuse operations.
    fn disk_fails(&self, _: NodeId) -> bool {
        false
    }
    /// Whether this number was a descriptor of a node's process, and was closed.
    fn was_closed(&self, _: NodeId, _: i32) -> bool {
        false
    }
}

impl Facts for Control<'_> {
    fn text(&self, name: Name) -> &str {
        Control::text(self, name)
    }

    fn node(&self, node: NodeId) -> &str {
        self.node_name(node)
    }

    fn threads(&self) -> Vec<String> {
        Control::threads(self)
    }

    fn state(&self, node: NodeId) -> u128 {
        self.disk_state(node)
    }

    fn is_squeezed(&self, node: NodeId) -> bool {
        Control::is_squeezed(self, node)
    }

    fn disk_fails(&self, node: NodeId) -> bool {
        Control::disk_fails(self, node)
    }

    fn was_closed(&self, node: NodeId, fd: i32) -> bool {
        self.closed_descriptor(node, fd).is_some()
    }
}

/// What invariants know of a scenario and its plan.
#[derive(Default)]
pub(crate) struct Setup {
    /// Nodes whose end the run waits for.
    pub(crate) clients: Vec<NodeId>,
    /// Nodes that are no services: those, and whoever looks at what is left.
    pub(crate) no_services: Vec<NodeId>,
    /// Nodes with a supervisor, and after how many nanoseconds of a life each is healthy.
    pub(crate) supervised: Vec<(NodeId, u64)>,
    /// Whom each injection of the plan strikes.
    pub(crate) strikes: Vec<Vec<NodeId>>,
}

/// A state machine over the events of a run.
pub(crate) trait Invariant: Send {
    /// Its id.
    fn id(&self) -> &'static str;
    /// Whether it looks at events of this kind ([`What::kind`]): asked once a kind, so nothing else may matter.
    fn wants(&self, what: &What) -> bool;
    /// An event happened.
    fn event(&mut self, event: &Event, facts: &dyn Facts) -> Option<Violation>;
}

/// Every invariant that is not turned off.
pub(crate) fn all(terms: &Terms, setup: Setup) -> Vec<Box<dyn Invariant>> {
    let all: Vec<Box<dyn Invariant>> = vec![
        Box::new(no_use_after_teardown::NoUseAfterTeardown::default()),
        Box::new(no_silent_panic::NoSilentPanic),
        Box::new(bounded_request::BoundedRequest),
        Box::new(no_spin::NoSpin),
        Box::new(bounded_shutdown::BoundedShutdown::within(terms.time_ns(bounded_shutdown::ID))),
        Box::new(no_deadlock::NoDeadlock::of_clients(setup.clients)),
        Box::new(no_crash_loop::NoCrashLoop::of(setup.supervised, terms.number(no_crash_loop::ID))),
        Box::new(blast_radius::BlastRadius::of(setup.strikes, setup.no_services)),
        Box::new(probed_claims::ProbedClaims),
        Box::new(one_incarnation::OneIncarnation::default()),
        Box::new(no_stale_message::NoStaleMessage),
        Box::new(close_is_told::CloseIsTold::default()),
        Box::new(close_once::CloseOnce::default()),
        Box::new(closed_or_open::ClosedOrOpen::within(terms.time_ns(closed_or_open::ID))),
        Box::new(honest_progress::HonestProgress::default()),
        Box::new(joined_before_teardown::JoinedBeforeTeardown::default()),
        Box::new(no_callback_after_deregistration::NoCallbackAfterDeregistration::default()),
        Box::new(no_stale_epoch_effect::NoStaleEpochEffect::default()),
        Box::new(no_use_before_init::NoUseBeforeInit::default()),
        Box::new(own_entry_only::OwnEntryOnly::default()),
        Box::new(slots_conserved::SlotsConserved::at_rest_after(terms.time_ns(slots_conserved::ID))),
    ];
    all.into_iter().filter(|invariant| !terms.is_off(invariant.id())).collect()
}

/// Shows an event to the invariants that look at its kind, in order; what it breaks.
pub(crate) fn shown<'a>(
    invariants: &'a mut [Box<dyn Invariant>],
    event: &'a Event,
    facts: &'a dyn Facts,
) -> impl Iterator<Item = Violation> + 'a {
    let looking = invariants.iter_mut().filter(|invariant| invariant.wants(&event.what));
    looking.filter_map(|invariant| invariant.event(event, facts))
}

/// A source line without its line: what a signature may name.
pub(crate) fn place(site: &str) -> String {
    site.rsplit_once(':').map_or(site, |(file, _)| file).to_owned()
}

/// A node's name without its number: `master-2` is one of `master`.
fn class_of(node: &str) -> String {
    node.trim_end_matches(|it: char| it.is_ascii_digit()).trim_end_matches('-').to_owned()
}

/// How a process ended, as the end of a sentence about it.
fn ended(how: Death) -> String {
    match how {
        Death::Exit { code } => format!("ended with exit code {code}"),
        Death::Panic => "died of a panic".to_owned(),
        Death::Abort => "died by abort".to_owned(),
        Death::OutOfMemory => "died out of memory".to_owned(),
        Death::Signal { signal } => format!("died by signal {signal}"),
        Death::Kill | Death::Overrun | Death::PowerLoss => "was ended".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use afterlife_sim::event::ProbeEvent;
    use std::collections::BTreeSet;

    /// Events of the same kind that differ in everything else that an invariant could look at.
    fn alike() -> Vec<Vec<What>> {
        let (none, name) = (Name::NONE, Name(7));
        let deaths = [Death::Exit { code: 0 }, Death::Exit { code: 1 }, Death::Panic, Death::Kill, Death::PowerLoss];
        let claim = |always, held| What::Claim { claim: name, always, held, site: none };
        let told = |step, name, object: u32| What::Probe { step, name, object, number: object.into(), site: name };
        vec![
            deaths.map(|how| What::Exited { how }).to_vec(),
            vec![claim(true, true), claim(true, false), claim(false, true), claim(false, false)],
            vec![What::BadDescriptor { fd: -1, function: none }, What::BadDescriptor { fd: 9, function: name }],
            vec![told(ProbeEvent::Borrowed, none, 0), told(ProbeEvent::Borrowed, name, 3)],
            vec![told(ProbeEvent::SlotsCounted, none, 0), told(ProbeEvent::SlotsCounted, name, u32::MAX)],
            vec![
                What::ResourceUsed { name: none, object: 0, by: none, site: none },
                What::ResourceUsed { name, object: 4, by: name, site: name },
            ],
            vec![What::Allocated { bytes: 0 }, What::Allocated { bytes: u64::MAX }],
            vec![What::Fault { what: none, injection: 0 }, What::Fault { what: name, injection: 9 }],
        ]
    }

    #[test]
    fn what_an_invariant_looks_at_is_a_matter_of_the_kind_alone() {
        let supervised = Setup { supervised: vec![(NodeId(0), 1)], ..Setup::default() };
        for invariant in [Setup::default(), supervised].into_iter().flat_map(|setup| all(&Terms::default(), setup)) {
            for kind in alike() {
                let wanted: BTreeSet<bool> = kind.iter().map(|what| invariant.wants(what)).collect();
                assert_eq!(wanted.len(), 1, "{} over {kind:?}", invariant.id());
                assert_eq!(kind.iter().map(What::kind).collect::<BTreeSet<_>>().len(), 1, "{kind:?}");
            }
        }
    }
}
