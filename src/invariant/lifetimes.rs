//! Random lifetimes, for tests: legal ones break no invariant, and one illegal step breaks the invariant that forbids it. Lifetimes
//! of different objects are interleaved at random, because monitors follow objects one by one.

use super::testing::{Script, run_all};
use afterlife_sim::choice::mix;
use afterlife_sim::event::ProbeEvent;
use proptest::prelude::*;

/// One step of a lifetime, which adds an event to a script.
type Op = Box<dyn Fn(&mut Script) -> &mut Script>;

fn op(op: impl Fn(&mut Script) -> &mut Script + 'static) -> Op {
    Box::new(op)
}

/// A small random number generator, so that a lifetime depends on one number, which proptest shrinks.
struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = mix(self.0.wrapping_add(0x9e37_79b9_7f4a_7c15));
        self.0 % bound
    }
}

fn probe(step: ProbeEvent, object: u32, number: u32) -> Op {
    op(move |script| script.probe(step, "object", object, number.into()))
}

/// The kinds of lifetimes. An illegal step in each breaks one invariant.
#[derive(Clone, Copy, Debug)]
enum Kind {
    Resource,
    Declared,
    Registration,
    Epoch,
    Scope,
    Slots,
    Progress,
    Channel,
    Entry,
}

const KINDS: [Kind; 9] = [
    Kind::Resource,
    Kind::Declared,
    Kind::Registration,
    Kind::Epoch,
    Kind::Scope,
    Kind::Slots,
    Kind::Progress,
    Kind::Channel,
    Kind::Entry,
];

/// A legal lifetime of the object of this number. Its parts are numbered from `object * 100`.
fn legal(kind: Kind, object: u32, dice: &mut Dice) -> Vec<Op> {
    let mut ops: Vec<Op> = Vec::new();
    let rounds = dice.below(4) as u32;
    let part = |round: u32| object * 100 + round;
    match kind {
        Kind::Resource | Kind::Declared => {
            if matches!(kind, Kind::Declared) {
                ops.push(probe(ProbeEvent::Declared, object, 0));
                ops.push(probe(ProbeEvent::Opening, object, 0));
            }
            ops.push(op(move |script| script.open("object", object)));
            for round in 0..rounds {
                ops.push(probe(ProbeEvent::Borrowed, object, part(round)));
                ops.push(op(move |script| script.used("object", object, "")));
                ops.push(probe(ProbeEvent::Returned, object, part(round)));
            }
            ops.push(op(move |script| script.closed("object", object)));
        }
        Kind::Registration => {
            ops.push(op(move |script| script.keyed(ProbeEvent::Registered, "object", object, "id")));
            for round in 0..rounds {
                ops.push(probe(ProbeEvent::CallBegan, object, part(round)));
                ops.push(probe(ProbeEvent::CallEnded, object, part(round)));
            }
            if dice.below(2) == 0 {
                ops.push(probe(ProbeEvent::CallBegan, object, part(9)));
                ops.push(probe(ProbeEvent::Deregistering, object, 0));
                ops.push(probe(ProbeEvent::CallEnded, object, part(9)));
            }
            ops.push(probe(ProbeEvent::Deregistered, object, 0));
        }
        Kind::Epoch => {
            for round in 1..rounds + 2 {
                ops.push(probe(ProbeEvent::Advanced, object, round));
                ops.extend((0..dice.below(3)).map(|_| probe(ProbeEvent::Effect, object, round)));
            }
        }
        Kind::Scope => {
            ops.push(probe(ProbeEvent::ScopeOpened, object, 0));
            for round in 0..rounds {
                ops.push(probe(ProbeEvent::TaskQueued, object, part(round)));
                if dice.below(2) == 0 {
                    ops.push(probe(ProbeEvent::TaskBegan, object, part(round)));
                    ops.push(probe(ProbeEvent::TaskEnded, object, part(round)));
                } else {
                    ops.push(probe(ProbeEvent::TaskCancelled, object, part(round)));
                }
            }
            ops.push(probe(ProbeEvent::Joined, object, 0));
            ops.push(probe(ProbeEvent::ScopeClosed, object, 0));
        }
        Kind::Slots => {
            ops.push(probe(ProbeEvent::SlotsMade, object, 3));
            for round in 0..rounds {
                ops.push(probe(ProbeEvent::SlotTaken, object, part(round)));
                ops.push(probe(ProbeEvent::SlotsCounted, object, 1));
                ops.push(probe(ProbeEvent::SlotReturned, object, part(round)));
                ops.push(probe(ProbeEvent::SlotsCounted, object, 0));
            }
        }
        Kind::Progress => {
            ops.push(probe(ProbeEvent::ProgressBegan, object, rounds));
            for round in 1..=rounds {
                ops.push(probe(ProbeEvent::ItemVerified, object, 0));
                ops.push(probe(ProbeEvent::ProgressReported, object, 100 * round / rounds));
            }
            ops.push(probe(ProbeEvent::ProgressDone, object, 0));
        }
        Kind::Channel => {
            ops.extend(
                [ProbeEvent::ChannelOpened, ProbeEvent::ChannelNotified, ProbeEvent::ChannelClosed]
                    .map(|step| probe(step, object, 0)),
            );
        }
        Kind::Entry => {
            ops.push(op(move |script| script.keyed(ProbeEvent::EntryMade, "object", object, &format!("k{object}"))));
            ops.push(probe(ProbeEvent::EntryRemoved, object, 0));
        }
    }
    ops
}

/// Steps that end a legal lifetime illegally, and the invariant that they break.
fn illegal(kind: Kind, object: u32) -> (Vec<Op>, &'static str) {
    let one = |op: Op, id| (vec![op], id);
    match kind {
        Kind::Resource => one(op(move |script| script.used("object", object, "")), super::no_use_after_teardown::ID),
        Kind::Declared => {
            let next = object + 50;
            let used: Op = op(move |script| script.used("object", next, ""));
            (vec![probe(ProbeEvent::Declared, next, 0), used], super::no_use_before_init::ID)
        }
        Kind::Registration => {
            one(probe(ProbeEvent::CallBegan, object, object * 100 + 50), super::no_callback_after_deregistration::ID)
        }
        Kind::Epoch => one(probe(ProbeEvent::Effect, object, 0), super::no_stale_epoch_effect::ID),
        Kind::Scope => one(probe(ProbeEvent::TaskBegan, object, object * 100 + 50), super::joined_before_teardown::ID),
        Kind::Slots => one(probe(ProbeEvent::SlotsCounted, object, 4), super::slots_conserved::ID),
        Kind::Progress => one(probe(ProbeEvent::ProgressReported, object, 101), super::honest_progress::ID),
        Kind::Channel => one(probe(ProbeEvent::ChannelClosed, object, 0), super::close_once::ID),
        Kind::Entry => {
            let key = format!("k{object}");
            let (first, second) = (key.clone(), key);
            let made: Op = op(move |script| script.keyed(ProbeEvent::EntryMade, "object", object, &first));
            let again: Op = op(move |script| script.keyed(ProbeEvent::EntryMade, "object", object + 50, &second));
            (vec![made, again, probe(ProbeEvent::EntryRemoved, object, 0)], super::own_entry_only::ID)
        }
    }
}

/// Interleaves lifetimes, with the order within each preserved.
fn interleaved(lifetimes: Vec<Vec<Op>>, dice: &mut Dice) -> Script {
    let mut script = Script::new();
    let mut rest: Vec<_> = lifetimes.into_iter().map(|ops| ops.into_iter().peekable()).collect();
    while !rest.is_empty() {
        let at = dice.below(rest.len() as u64) as usize;
        if let Some(op) = rest[at].next() {
            op(&mut script);
        }
        if rest[at].peek().is_none() {
            drop(rest.swap_remove(at));
        }
    }
    script
}

fn lifetimes(kinds: &[Kind], dice: &mut Dice) -> Vec<Vec<Op>> {
    kinds.iter().enumerate().map(|(index, kind)| legal(*kind, index as u32 + 1, dice)).collect()
}

fn kinds() -> impl Strategy<Value = Vec<Kind>> {
    proptest::collection::vec(proptest::sample::select(KINDS.to_vec()), 1..12)
}

proptest! {
    #[test]
    fn legal_lifetimes_break_nothing(kinds in kinds(), seed: u64) {
        let mut dice = Dice(seed);
        let lifetimes = lifetimes(&kinds, &mut dice);
        let broken = run_all(interleaved(lifetimes, &mut dice));
        prop_assert!(broken.is_empty(), "{broken:?}");
    }

    #[test]
    fn one_illegal_step_breaks_its_invariant(kinds in kinds(), seed: u64, at: proptest::sample::Index) {
        let mut dice = Dice(seed);
        let mut lifetimes = lifetimes(&kinds, &mut dice);
        let at = at.index(kinds.len());
        let (ops, id) = illegal(kinds[at], at as u32 + 1);
        lifetimes[at].extend(ops);
        let broken = run_all(interleaved(lifetimes, &mut dice));
        prop_assert!(broken.iter().any(|violation| violation.invariant == id), "{id}: {broken:?}");
    }
}
