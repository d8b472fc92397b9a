//! Draws the plan of a seed: the faults, their number and their triggers.
//!
//! Swarm testing (Groce et al. 2012): each seed enables its own subset of the kinds, since one kind can mask another. For the same
//! reason every other seed has a victim: a lifecycle bug often takes two faults on one node, such as a slow disk and a stop. And a
//! third of the faults follow the previous one, at once or after a while, before its effects are over.

use super::drawing::Drawing;
use super::faults::{Allowed, Drawn, Faults};
use super::plan::{Injection, Plan};
use super::trigger::{Trigger, When};
use crate::model::engine::Engine;
use crate::model::group::Group;
use afterlife_sim::choice::{Choices, Question, identity, join};
use afterlife_sim::event::NodeId;

/// One fault in this many follows the previous one on the same node.
const FOLLOWING: u64 = 3;

/// The longest time between the two faults.
const FOLLOWS_WITHIN_NS: u64 = 10_000_000_000;

/// The longest time between an edge and a fault that is aimed at it: the actions that follow the edge happen within it.
const AIMED_WITHIN_NS: u64 = 1_000_000;

/// More nodes than a group has: the index of the victim wraps around.
const VICTIMS: u64 = 1 << 16;

/// The nodes that faults may strike.
#[derive(Clone, Debug)]
pub(crate) struct Targets(Vec<NodeId>);

impl Targets {
    /// The nodes, in order.
    pub(crate) fn nodes(&self) -> &[NodeId] {
        &self.0
    }
}

impl From<Group> for Targets {
    fn from(group: Group) -> Self {
        Self(group.nodes().collect())
    }
}

/// Draws the plan of a seed. Faults that need a capability the engine lacks are not drawn; the others stay the same.
pub(crate) fn draw(choices: &Choices, faults: &[(Targets, Faults)], engine: Engine) -> Plan {
    let mut plan = Plan::default();
    let victim = choices.below(Question::Plan, identity("victim"), 0, 2 * VICTIMS);
    for (group, (Targets(targets), faults)) in faults.iter().enumerate() {
        let who = join(identity("faults"), group as u64);
        let enabled =
            |kind: &&Allowed| choices.below(Question::Plan, who, identity(kind.name), 4) > 0 && engine.has(kind.need);
        let kinds: Vec<&Allowed> = faults.kinds().filter(enabled).collect();
        if kinds.is_empty() || targets.is_empty() || faults.window_ns().is_empty() {
            continue;
        }
        // Groups that strike the same nodes have the same victim.
        let victim = (victim < VICTIMS).then(|| targets[victim as usize % targets.len()]);
        let count = choices.below(Question::Plan, who, identity("count"), faults.count_max() + 1);
        for injection in 0..count {
            // Each injection is drawn under its own key, so that the others stay the same when one is removed.
            let mut drawing = Drawing {
                node: targets[0],
                targets,
                choices,
                key: join(who, injection),
                engine,
                down_ns: faults.down_ns(),
            };
            let before = plan.injections.last().filter(|_| drawing.below("follows", FOLLOWING) == 0);
            let before = before.filter(|before| targets.contains(&before.fault.victim())).cloned();
            let any = targets[drawing.below("node", targets.len() as u64) as usize];
            drawing.node = before.as_ref().map(|before| before.fault.victim()).or(victim).unwrap_or(any);
            let kind = kinds[drawing.below("kind", kinds.len() as u64) as usize];
            let Some(Drawn { fault, trigger, again }) = kind.draw(&drawing) else { continue };
            let trigger = trigger.unwrap_or_else(|| trigger_of(&drawing, faults, before));
            plan.injections.extend(again.map(|trigger| Injection { trigger, fault: fault.clone() }));
            plan.injections.push(Injection { trigger, fault });
        }
    }
    plan
}

/// Draws the trigger of a fault that has none of its own: after the previous fault, at an edge, or at a time.
fn trigger_of(drawing: &Drawing<'_>, faults: &Faults, before: Option<Injection>) -> Trigger {
    let window_ns = faults.window_ns();
    if let Some(before) = before {
        return before.trigger.later(drawing.decades("after the one before", FOLLOWS_WITHIN_NS), window_ns.end);
    }
    let aim = drawing.below("aim", 2 * faults.aims().len() as u64) as usize;
    let when = match faults.aims().iter().nth(aim) {
        Some((edge, nth_max)) => When::On {
            edge: edge.clone(),
            node: drawing.node,
            nth: drawing.between("occurrence", (1, u64::from(*nth_max))) as u32,
            after_ns: drawing.below("at once", 2) * drawing.below("after the edge", AIMED_WITHIN_NS),
        },
        None => When::At { time_ns: drawing.between("time", (window_ns.start, window_ns.end)) },
    };
    when.into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fault::kinds::{HoldThread, Partition};
    use crate::model::duration::nanoseconds;
    use std::time::Duration;

    const SECOND_NS: u64 = 1_000_000_000;

    fn targets_up_to(count: u16) -> Targets {
        Targets((0..count).map(NodeId).collect())
    }

    fn targets() -> Vec<(Targets, Faults)> {
        let faults = Faults::lifecycle().partitions().slow_disks(
            Duration::from_millis(1),
            Duration::from_secs(1),
            Duration::from_secs(5),
        );
        vec![(targets_up_to(3), faults)]
    }

    #[test]
    fn a_seed_draws_one_plan_and_different_seeds_draw_different_plans() {
        let plans: Vec<Plan> = (0..50).map(|seed| draw(&Choices::new(seed), &targets(), Engine::Native)).collect();
        assert_eq!(plans[7], draw(&Choices::new(7), &targets(), Engine::Native));
        assert!(plans.iter().any(|plan| plan.injections.is_empty()));
        assert!(plans.iter().any(|plan| plan.injections.len() >= 3));
        assert!(plans.windows(2).any(|pair| pair[0] != pair[1]));
    }

    #[test]
    fn every_other_seed_has_a_victim_that_all_groups_share() {
        let group = || Faults::none().kills().at_most(6);
        let faults = [(targets_up_to(4), group()), (targets_up_to(4), group())];
        let mut one = 0;
        for seed in 0..200 {
            let plan = draw(&Choices::new(seed), &faults, Engine::Native);
            let struck: std::collections::BTreeSet<_> =
                plan.injections.iter().map(|injection| injection.fault.targets()).collect();
            one += u32::from(plan.injections.len() >= 5 && struck.len() == 1);
        }
        assert!((40..100).contains(&one), "{one} of 200 plans of five and more strike one node");
    }

    #[test]
    fn some_faults_follow_the_previous_one_on_its_node() {
        let faults = Faults::none().kills().at_most(6).aimed_at("use db", 50);
        let (mut pairs, mut following, mut at_once) = (0, 0, 0);
        for seed in 0..200 {
            let plan = draw(&Choices::new(seed), &[(targets_up_to(4), faults.clone())], Engine::Native);
            for pair in plan.injections.windows(2) {
                pairs += 1;
                let [When::On { nth, after_ns, .. }, When::On { nth: same, after_ns: later, .. }] =
                    [pair[0].trigger.when(), pair[1].trigger.when()]
                else {
                    continue;
                };
                let follows = nth == same && later > after_ns && pair[0].fault.targets() == pair[1].fault.targets();
                following += u32::from(follows);
                at_once += u32::from(follows && later - after_ns < SECOND_NS / 1_000);
            }
        }
        assert!((pairs / 10..pairs / 3).contains(&following), "{following} of {pairs}");
        assert!((following / 4..following).contains(&at_once), "{at_once} of {following} within a millisecond");
    }

    #[test]
    fn a_thread_is_held_at_an_edge_until_another_edge_or_for_a_time() {
        let limit = Duration::from_secs(2);
        let faults =
            Faults::none().held_threads(limit).held_at("use db", 5).held_at("run job", 3).held_until("close db");
        let (mut edges, mut awaited, mut short) = ([0, 0], 0, 0);
        for seed in 0..200 {
            let plan = draw(&Choices::new(seed), &[(targets_up_to(2), faults.clone())], Engine::Native);
            for Injection { trigger, fault } in &plan.injections {
                let Some(HoldThread { until, for_ns, .. }) = fault.as_kind::<HoldThread>() else {
                    panic!("{fault:?} was not allowed")
                };
                let When::On { edge, nth, after_ns: 0, .. } = trigger.when() else {
                    panic!("{trigger:?} is not an edge")
                };
                let most = if edge == "use db" { 5 } else { 3 };
                assert!((1..=most).contains(nth) && *for_ns <= nanoseconds(limit));
                edges[usize::from(edge == "run job")] += 1;
                match until.as_deref() {
                    Some("close db") => awaited += 1,
                    Some(other) => panic!("`{other}` was not named"),
                    None => short += u32::from(*for_ns < SECOND_NS / 100),
                }
            }
        }
        let all = edges[0] + edges[1];
        assert!(edges.iter().all(|of| *of > all / 3), "{edges:?}");
        assert!((all / 3..all * 2 / 3).contains(&awaited) && short > all / 5, "{awaited} and {short} of {all}");
    }

    #[test]
    fn every_injection_is_in_the_window_and_strikes_a_target() {
        for seed in 0..500 {
            for injection in draw(&Choices::new(seed), &targets(), Engine::Native).injections {
                let When::At { time_ns } = *injection.trigger.when() else { panic!("random plans strike at times") };
                assert!((SECOND_NS..=30 * SECOND_NS).contains(&time_ns));
                if let Some(Partition { from, to, .. }) = injection.fault.as_kind::<Partition>() {
                    assert!(from != to && from.0 < 3 && to.0 < 3);
                }
            }
        }
    }

    #[test]
    fn the_order_of_builder_calls_changes_no_plan() {
        let (ms, s) = (Duration::from_millis(1), Duration::from_secs(1));
        let forth = Faults::lifecycle().partitions().slow_disks(ms, s, s).held_threads(s).held_at("use db", 2);
        let forth = forth.held_until("close db").aimed_at("use db", 5).aimed_at("close db", 2).at_most(6);
        let back = Faults::none().at_most(6).aimed_at("close db", 2).aimed_at("use db", 5).held_until("close db");
        let back = back.held_at("use db", 2).held_threads(s).slow_disks(ms, s, s).partitions().kills();
        let back = back.stops(Duration::from_secs(30));
        for seed in 0..200 {
            let drawn =
                |faults: &Faults| draw(&Choices::new(seed), &[(targets_up_to(3), faults.clone())], Engine::Native);
            assert_eq!(drawn(&forth), drawn(&back), "seed {seed}");
        }
    }

    /// Every kind of fault, with bounds of its own.
    fn all_kinds() -> Faults {
        let (ms, s, hour) = (Duration::from_millis(1), Duration::from_secs(1), Duration::from_secs(3_600));
        let ends = Faults::lifecycle().power_losses().repeated_stops(s, 3 * s).pauses(ms, s).memory_pressure(
            1 << 20,
            1 << 24,
            s,
        );
        let threads = ends.held_threads(s).held_at("use db", 5).held_until("close db").aimed_at("phase ready", 3);
        let links = threads.partitions().slow_links(ms, s, 9 * s).lossy_links(300, 8 * s).held_links(7 * s);
        let links =
            links.narrow_links(1_000, 9_000, 6 * s).duplicated_datagrams(200, 5 * s).reordered_datagrams(100, 4 * s);
        let disks = links.connection_resets().slow_disks(ms, s, 3 * s).stalled_disks(2 * s).full_disks().disk_errors();
        disks.missing_files().corrupt_files().clock_steps(s, hour).clock_drift(900, hour).at_most(6)
    }

    #[test]
    fn the_plans_of_seeds_are_stable() {
        let faults = [(targets_up_to(4), all_kinds()), (targets_up_to(2), Faults::lifecycle())];
        let drawn = |seed| draw(&Choices::new(seed), &faults, Engine::Native);
        let plans: Vec<u8> = (0..500).flat_map(|seed| drawn(seed).encode()).collect();
        let kinds: std::collections::BTreeSet<_> =
            (0..500).flat_map(|seed| drawn(seed).injections).map(|injection| injection.fault.kind().id()).collect();
        assert_eq!(kinds.len(), 22, "{kinds:?}");
        // A change of these values changes what seeds mean: mark it **[seeds]** in the changelog.
        assert_eq!(
            (plans.len(), identity(&plans.iter().map(|byte| format!("{byte:02x}")).collect::<String>())),
            (45_207, 15_270_708_282_884_103_954)
        );
    }
}
