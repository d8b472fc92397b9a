//! The set of monitors that judge one run.

use super::contract::{Facts, Monitor};
use super::custom::OwnInvariant;
use super::setup::Setup;
use super::terms::Terms;
use super::{
    blast_radius, bounded_request, bounded_shutdown, close_once, closed_or_open, honest_progress,
    joined_before_teardown, no_callback_after_deregistration, no_client_error, no_crash_loop, no_deadlock,
    no_silent_panic, no_spin, no_stale_epoch_effect, no_stale_message, no_unprovoked_exit, no_use_after_teardown,
    no_use_before_init, notify_before_close, one_incarnation, own_entry_only, probed_claims, slots_conserved,
};
use crate::model::violation::Violation;
use afterlife_sim::event::Event;

/// Every invariant that is on: the built-in ones, then the scenario's own.
pub(crate) fn all(terms: &Terms, setup: Setup) -> Vec<Box<dyn Monitor>> {
    let all: Vec<Box<dyn Monitor>> = vec![
        Box::new(no_use_after_teardown::NoUseAfterTeardown::default()),
        Box::new(no_silent_panic::NoSilentPanic),
        Box::new(bounded_request::BoundedRequest),
        Box::new(no_spin::NoSpin),
        Box::new(bounded_shutdown::BoundedShutdown::within(terms.time_ns(bounded_shutdown::ID))),
        Box::new(no_deadlock::NoDeadlock::of_clients(setup.clients)),
        Box::new(no_crash_loop::NoCrashLoop::of(setup.supervised, terms.number(no_crash_loop::ID))),
        Box::new(no_client_error::NoClientError::of(setup.no_services.clone(), terms.may_fail())),
        Box::new(no_unprovoked_exit::NoUnprovokedExit::of(setup.services)),
        Box::new(blast_radius::BlastRadius::of(setup.strikes, setup.no_services)),
        Box::new(probed_claims::ProbedClaims),
        Box::new(one_incarnation::OneIncarnation::default()),
        Box::new(no_stale_message::NoStaleMessage),
        Box::new(notify_before_close::NotifyBeforeClose::default()),
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
    let own = setup.own.into_iter().map(|own| Box::new(OwnInvariant(own)) as Box<dyn Monitor>);
    all.into_iter().chain(own).filter(|invariant| !terms.is_off(invariant.id())).collect()
}

/// Passes an event to the invariants that observe its kind, in order. Returns the violations.
pub(crate) fn shown<'a>(
    invariants: &'a mut [Box<dyn Monitor>],
    event: &'a Event,
    facts: &'a dyn Facts,
) -> impl Iterator<Item = Violation> + 'a {
    let observing = invariants.iter_mut().filter(|invariant| invariant.wants(&event.what));
    observing.filter_map(|invariant| invariant.event(event, facts))
}

#[cfg(test)]
mod tests {
    use super::super::catalogue::invariants;
    use super::*;
    use afterlife_sim::event::ProbeEvent;
    use afterlife_sim::event::{Death, Name, NodeId, What};
    use std::collections::BTreeSet;

    /// Events of one kind that differ in everything else that an invariant could observe.
    fn alike() -> Vec<Vec<What>> {
        let (none, name) = (Name::NONE, Name(7));
        let deaths = [Death::Exit { code: 0 }, Death::Exit { code: 1 }, Death::Panic, Death::Kill, Death::PowerLoss];
        let claim = |always, held| What::Claim { claim: name, always, held, site: none };
        let probe = |step, name, object: u32| What::Probe { step, name, object, number: object.into(), site: name };
        vec![
            deaths.map(|how| What::Exited { how }).to_vec(),
            vec![claim(true, true), claim(true, false), claim(false, true), claim(false, false)],
            vec![What::BadDescriptor { fd: -1, function: none }, What::BadDescriptor { fd: 9, function: name }],
            vec![probe(ProbeEvent::Borrowed, none, 0), probe(ProbeEvent::Borrowed, name, 3)],
            vec![probe(ProbeEvent::SlotsCounted, none, 0), probe(ProbeEvent::SlotsCounted, name, u32::MAX)],
            vec![
                What::ResourceUsed { name: none, object: 0, by: none, site: none },
                What::ResourceUsed { name, object: 4, by: name, site: name },
            ],
            vec![What::Allocated { bytes: 0 }, What::Allocated { bytes: u64::MAX }],
            vec![
                What::Fault { kind: none, injection: 0, detail: none },
                What::Fault { kind: name, injection: 9, detail: none },
            ],
        ]
    }

    #[test]
    fn every_monitor_is_in_the_catalogue_and_every_id_once() {
        let ids: BTreeSet<_> = invariants().iter().map(|about| about.id).collect();
        assert_eq!(ids.len(), invariants().len());
        let every = Terms::with_every_invariant();
        for invariant in all(&every, Setup::default()) {
            assert!(ids.contains(invariant.id()), "{}", invariant.id());
        }
    }

    #[test]
    fn an_invariant_chooses_events_by_their_kind_alone() {
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
