//! How a seed draws a plan: which faults a scenario allows, how many, when.
//! Swarm testing (Groce et al. 2012): each seed enables its own subset of the kinds, since one kind can mask another. For the
//! same reason every other seed has a victim: what breaks a lifetime is often two faults on one node, a slow disk and a stop. And
//! some faults follow the one before them at once, or after a while: what the first has begun is not over then.

use super::{DiskTrouble, Fault, FileDamage, Injection, Plan, Trigger};
use crate::model::duration::nanoseconds;
use crate::model::engine::{Engine, Need};
use crate::model::group::Group;
use afterlife_sim::choice::{Choices, Question, identity, join};
use std::time::Duration;

/// Which nodes faults may strike.
#[derive(Clone, Debug)]
pub(crate) struct Targets(Vec<u16>);

impl From<Group> for Targets {
    fn from(group: Group) -> Self {
        Self(group.numbers().collect())
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Stop,
    StopTwice,
    Kill,
    PowerLoss,
    Partition,
    SlowDisk,
    DiskErrors,
    FullDisk,
    StalledDisk,
    MissingFile,
    CorruptFile,
    ClockStep,
    ClockDrift,
    SqueezeMemory,
    SlowLink,
    LossyLink,
    HeldLink,
    NarrowLink,
    UnrulyDatagrams,
    Reset,
    Pause,
    HeldThread,
}

impl Kind {
    /// What it asks of an engine.
    fn need(self) -> Need {
        match self {
            Self::Stop | Self::StopTwice => Need::Stops,
            Self::Kill => Need::Kills,
            Self::PowerLoss => Need::PowerLoss,
            Self::Partition => Need::Partitions,
            Self::SlowDisk | Self::StalledDisk => Need::SlowDisks,
            Self::DiskErrors | Self::FullDisk | Self::MissingFile | Self::CorruptFile => Need::Disks,
            Self::ClockStep => Need::ClockSteps,
            Self::ClockDrift => Need::ClockDrift,
            Self::SqueezeMemory => Need::Memory,
            Self::SlowLink => Need::SlowLinks,
            Self::HeldLink => Need::Holds,
            Self::LossyLink | Self::NarrowLink | Self::UnrulyDatagrams => Need::BadLinks,
            Self::Reset => Need::Resets,
            Self::Pause => Need::Pauses,
            Self::HeldThread => Need::HeldThreads,
        }
    }
}

/// What may strike, when, and how hard. Start from [`lifecycle`](Self::lifecycle) or [`none`](Self::none) and add.
#[derive(Clone, Debug)]
#[must_use = "faults do nothing before they are given to `Sim::faults`"]
pub struct Faults {
    kinds: Vec<Kind>,
    from_ns: u64,
    quiet_after_ns: u64,
    count_max: u64,
    stop_budget_ns: u64,
    down_ns: (u64, u64),
    cut_ns: (u64, u64),
    sync_extra_ns: (u64, u64),
    slow_ns: (u64, u64),
    stall_ns: (u64, u64),
    pub(super) clocks: super::clocks::ClockFaults,
    pub(super) links: super::links::LinkFaults,
    pub(super) processes: super::processes::ProcessFaults,
    aims: Vec<(String, u32)>,
}

const SECOND_NS: u64 = 1_000_000_000;

/// How long a disk gives errors or is full: from one failed operation to a few rounds of retries.
const TROUBLE_NS: (u64, u64) = (SECOND_NS / 1_000, 5 * SECOND_NS);

/// One fault in so many follows the one before it on the same node.
const FOLLOWING: u64 = 3;

/// How long after it, at most.
const FOLLOWS_WITHIN_NS: u64 = 10 * SECOND_NS;

/// What is awaited less long is not awaited.
const SHORTEST_NS: u64 = 1_000;

/// More nodes than a group has; the number of one is counted round.
const VICTIMS: u64 = 1 << 16;

/// More files than a node has; the number of one is counted round.
const FILES: u64 = 1 << 16;

impl Faults {
    /// No fault yet: add the kinds that may strike.
    pub fn none() -> Self {
        Self {
            kinds: Vec::new(),
            from_ns: SECOND_NS,
            quiet_after_ns: 30 * SECOND_NS,
            count_max: 4,
            stop_budget_ns: 30 * SECOND_NS,
            down_ns: (SECOND_NS / 10, 5 * SECOND_NS),
            cut_ns: (SECOND_NS / 10, 10 * SECOND_NS),
            sync_extra_ns: (SECOND_NS / 100, 2 * SECOND_NS),
            slow_ns: (SECOND_NS, 10 * SECOND_NS),
            stall_ns: (SECOND_NS / 10, 10 * SECOND_NS),
            clocks: Default::default(),
            links: Default::default(),
            processes: Default::default(),
            aims: Vec::new(),
        }
    }

    /// The ends and beginnings of lives: graceful stops and kills, each with a restart.
    pub fn lifecycle() -> Self {
        Self::none().stops(Duration::from_secs(30)).kills()
    }

    /// Graceful stops within this budget.
    pub fn stops(mut self, budget: Duration) -> Self {
        self.stop_budget_ns = nanoseconds(budget);
        self.allow(Kind::Stop)
    }

    /// Graceful stops that are asked for again before they are done, up to this long after the first request: a second
    /// SIGTERM, from an operator or a supervisor without patience. Nodes see it by [`Node::stops`](crate::Node::stops).
    pub fn repeated_stops(mut self, budget: Duration, again_within: Duration) -> Self {
        self.stop_budget_ns = nanoseconds(budget);
        self.processes.again_ns = nanoseconds(again_within);
        self.allow(Kind::StopTwice)
    }

    /// SIGKILL.
    pub fn kills(self) -> Self {
        self.allow(Kind::Kill)
    }

    /// Power losses.
    pub fn power_losses(self) -> Self {
        self.allow(Kind::PowerLoss)
    }

    /// Partitions between two of the nodes, one way or both.
    pub fn partitions(self) -> Self {
        self.allow(Kind::Partition)
    }

    /// Disks whose syncs take this much longer for a while.
    pub fn slow_disks(mut self, low: Duration, high: Duration, for_at_most: Duration) -> Self {
        self.sync_extra_ns = ordered(low, high);
        self.slow_ns = ordered(for_at_most / 10, for_at_most);
        self.allow(Kind::SlowDisk)
    }

    /// Disks that give EIO for up to five seconds: for all reads that miss the page cache, for all writes, or for all syncs.
    /// What a failed sync should have kept is lost, and the next sync succeeds, as on Linux.
    pub fn disk_errors(self) -> Self {
        self.allow(Kind::DiskErrors)
    }

    /// Disks on which no space is left for up to five seconds. For one that is small throughout, see
    /// [`Sim::disk`](crate::Sim::disk).
    pub fn full_disks(self) -> Self {
        self.allow(Kind::FullDisk)
    }

    /// Disks that do not answer for at most this long: neither syncs nor reads that miss the page cache come to their end.
    pub fn stalled_disks(mut self, for_at_most: Duration) -> Self {
        self.stall_ns = ordered(for_at_most / 100, for_at_most);
        self.allow(Kind::StalledDisk)
    }

    /// Files that vanish, durably, each time any one of a node's files. Who has it open keeps it. Nothing heals it.
    pub fn missing_files(self) -> Self {
        self.allow(Kind::MissingFile)
    }

    /// Files some of whose bytes are others than what was written, on the media too: a flipped bit, a sector of zeros or of
    /// noise. The program sees it at its next read. Nothing heals it.
    pub fn corrupt_files(self) -> Self {
        self.allow(Kind::CorruptFile)
    }

    /// Lets half of the faults strike at an edge of a lifetime instead of a time: just after one of the first `nth_max`
    /// occurrences of `edge` on the node that they strike, counted from when faults may strike. An edge is told as stories tell
    /// it: `use metadata-db`, `close metadata-db`, `begin to open metadata-db`, `call progress`, `deregister progress`,
    /// `advance ballot`, `run sst-3`, `phase ready`, `note acked`, `sync /var/lib/db`, `change /tmp/new`,
    /// `disk failure /var/lib/db`, `stop requested`. Said more than once, each such fault picks one.
    pub fn aimed_at(mut self, edge: &str, nth_max: u32) -> Self {
        assert!(nth_max > 0, "an edge that is never awaited: `nth_max` is 1 or more");
        self.aims.push((edge.to_owned(), nth_max));
        self
    }

    /// How long a node stays down after its end.
    pub fn down(mut self, low: Duration, high: Duration) -> Self {
        self.down_ns = ordered(low, high);
        self
    }

    /// At most this many in one run.
    pub fn at_most(mut self, count: u64) -> Self {
        self.count_max = count;
        self
    }

    /// No fault before this time.
    pub fn from(mut self, from: Duration) -> Self {
        self.from_ns = nanoseconds(from);
        self
    }

    /// No fault after this time; then everything heals and the system must converge.
    pub fn quiet_after(mut self, after: Duration) -> Self {
        self.quiet_after_ns = nanoseconds(after);
        self
    }

    /// When they may strike.
    pub(crate) fn window_ns(&self) -> std::ops::Range<u64> {
        self.from_ns..self.quiet_after_ns
    }

    /// Whether a plan may make memory scarce.
    pub(crate) fn squeezes_memory(&self) -> bool {
        self.kinds.contains(&Kind::SqueezeMemory)
    }

    pub(super) fn allow(mut self, kind: Kind) -> Self {
        if !self.kinds.contains(&kind) {
            self.kinds.push(kind);
        }
        self
    }
}

pub(super) fn ordered(low: Duration, high: Duration) -> (u64, u64) {
    assert!(low <= high, "a range from {low:?} to {high:?} runs backwards: give the shorter one first");
    (nanoseconds(low), nanoseconds(high))
}

/// Up to `most_ns`, each power of ten as likely as the others: what is over in a millisecond is met as well as what takes seconds.
/// `between` answers these two questions.
pub(super) fn decades(between: &impl Fn(u64, (u64, u64)) -> u64, questions: [u64; 2], most_ns: u64) -> u64 {
    if most_ns <= SHORTEST_NS {
        return between(questions[1], (0, most_ns));
    }
    let least = 10u64.pow(between(questions[0], (SHORTEST_NS.ilog10().into(), (most_ns - 1).ilog10().into())) as u32);
    between(questions[1], (least, most_ns.min(least.saturating_mul(10))))
}

/// Draws the plan of a seed. What the engine does not have is not drawn; the rest is as it would be otherwise.
pub(crate) fn draw(choices: &Choices, faults: &[(Targets, Faults)], engine: Engine) -> Plan {
    let mut plan = Plan::default();
    let victim = choices.below(Question::Plan, identity("victim"), 0, 2 * VICTIMS);
    for (group, (targets, faults)) in faults.iter().enumerate() {
        let who = join(identity("faults"), group as u64);
        // Each injection is drawn under its own number, so that the rest stays when one goes.
        let ask =
            |injection: u64, what: u64, bound: u64| choices.below(Question::Plan, join(who, injection), what, bound);
        let kinds: Vec<Kind> = faults
            .kinds
            .iter()
            .enumerate()
            .filter(|(index, _)| ask(u64::MAX, *index as u64, 4) > 0)
            .map(|it| *it.1)
            .filter(|kind| engine.has(kind.need()))
            .collect();
        if kinds.is_empty() || targets.0.is_empty() || faults.from_ns >= faults.quiet_after_ns {
            continue;
        }
        let count = ask(u64::MAX - 1, 0, faults.count_max + 1);
        // Groups that strike the same nodes have the same victim.
        let victim = (victim < VICTIMS).then(|| targets.0[victim as usize % targets.0.len()]);
        for injection in 0..count {
            let between = |what: u64, (low, high): (u64, u64)| low + ask(injection, what, high - low + 1);
            let pick = |what: u64| targets.0[ask(injection, what, targets.0.len() as u64) as usize];
            // Whom it follows, if it does: the fault before it on a node that it may strike.
            let before = plan.injections.last().filter(|_| ask(injection, 17, FOLLOWING) == 0).and_then(|before| {
                let struck = before.fault.strikes().first()?.0;
                targets.0.contains(&struck).then(|| (struck, before.trigger.clone()))
            });
            let node = before.as_ref().map(|it| it.0).or(victim).unwrap_or_else(|| pick(1));
            let down_ns = between(2, faults.down_ns);
            let kind = kinds[ask(injection, 0, kinds.len() as u64) as usize];
            let mut own_trigger = None;
            let fault = match kind {
                Kind::Stop | Kind::StopTwice => Fault::Stop { node, budget_ns: faults.stop_budget_ns, down_ns },
                Kind::Kill => Fault::Kill { node, down_ns },
                Kind::PowerLoss => Fault::PowerLoss { node, down_ns },
                Kind::Partition => {
                    let to = pick(3);
                    if to == node {
                        continue;
                    }
                    let one_way = ask(injection, 4, 2) == 1 && engine.has(Need::OneWayPartitions);
                    Fault::Partition { from: node, to, one_way, for_ns: between(5, faults.cut_ns) }
                }
                Kind::SlowDisk => Fault::SlowDisk {
                    node,
                    extra_ns: between(6, faults.sync_extra_ns),
                    for_ns: between(7, faults.slow_ns),
                },
                Kind::DiskErrors => {
                    let kinds = [DiskTrouble::ReadErrors, DiskTrouble::WriteErrors, DiskTrouble::SyncErrors];
                    Fault::FailDisk {
                        node,
                        how: kinds[ask(injection, 20, 3) as usize],
                        for_ns: between(21, TROUBLE_NS),
                    }
                }
                Kind::FullDisk => Fault::FailDisk { node, how: DiskTrouble::Full, for_ns: between(21, TROUBLE_NS) },
                Kind::StalledDisk => {
                    Fault::FailDisk { node, how: DiskTrouble::Stalled, for_ns: between(21, faults.stall_ns) }
                }
                Kind::MissingFile | Kind::CorruptFile => {
                    let how = if kind == Kind::MissingFile { FileDamage::Missing } else { FileDamage::Corrupt };
                    Fault::DamageFile { node, how, nth: 1 + ask(injection, 22, FILES) as u32 }
                }
                Kind::ClockStep => faults.clocks.step(node, &between),
                Kind::ClockDrift => faults.clocks.drift(node, &between),
                Kind::SlowLink
                | Kind::LossyLink
                | Kind::HeldLink
                | Kind::NarrowLink
                | Kind::UnrulyDatagrams
                | Kind::Reset => {
                    let to = pick(3);
                    if to == node {
                        continue;
                    }
                    faults.links.draw(kind, node, to, &between)
                }
                Kind::SqueezeMemory => faults.processes.squeeze(node, &between),
                Kind::Pause => faults.processes.pause(node, &between),
                Kind::HeldThread => {
                    let (fault, at) = faults.processes.hold(node, &between);
                    own_trigger = at;
                    fault
                }
            };
            let time_ns = between(8, (faults.from_ns, faults.quiet_after_ns));
            let aim = faults.aims.get(ask(injection, 9, 2 * faults.aims.len() as u64) as usize);
            let trigger = match (own_trigger, before, aim) {
                (Some(at), ..) => at,
                (None, Some((_, before)), _) => {
                    before.later(decades(&between, [18, 19], FOLLOWS_WITHIN_NS), faults.quiet_after_ns)
                }
                (None, None, Some((edge, nth_max))) => Trigger::On {
                    edge: edge.clone(),
                    node,
                    nth: 1 + ask(injection, 10, u64::from(*nth_max)) as u32,
                    // Up to a millisecond: between the edge and what follows it.
                    after_ns: ask(injection, 11, 2) * ask(injection, 12, 1_000_000),
                },
                (None, None, None) => Trigger::At { time_ns },
            };
            if kind == Kind::StopTwice {
                let trigger = faults.processes.again(node, &between);
                plan.injections.push(Injection { trigger, fault: fault.clone() });
            }
            plan.injections.push(Injection { trigger, fault });
        }
    }
    plan
}

#[cfg(test)]
mod tests {
    use super::*;

    fn targets() -> Vec<(Targets, Faults)> {
        let faults = Faults::lifecycle().partitions().slow_disks(
            Duration::from_millis(1),
            Duration::from_secs(1),
            Duration::from_secs(5),
        );
        vec![(Targets(vec![0, 1, 2]), faults)]
    }

    #[test]
    fn a_seed_draws_one_plan_and_seeds_draw_different_ones() {
        let plans: Vec<Plan> = (0..50).map(|seed| draw(&Choices::new(seed), &targets(), Engine::Native)).collect();
        assert_eq!(plans[7], draw(&Choices::new(7), &targets(), Engine::Native));
        assert!(plans.iter().any(|plan| plan.injections.is_empty()));
        assert!(plans.iter().any(|plan| plan.injections.len() >= 3));
        assert!(plans.windows(2).any(|pair| pair[0] != pair[1]));
    }

    #[test]
    fn every_other_seed_has_a_victim_that_all_groups_share() {
        let group = || Faults::none().kills().at_most(6);
        let faults = [(Targets(vec![0, 1, 2, 3]), group()), (Targets(vec![0, 1, 2, 3]), group())];
        let mut one = 0;
        for seed in 0..200 {
            let plan = draw(&Choices::new(seed), &faults, Engine::Native);
            let struck: std::collections::BTreeSet<_> =
                plan.injections.iter().map(|injection| injection.fault.strikes()).collect();
            one += u32::from(plan.injections.len() >= 5 && struck.len() == 1);
        }
        assert!((40..100).contains(&one), "{one} of 200 plans of five and more strike one node");
    }

    #[test]
    fn some_faults_follow_the_one_before_them_on_its_node() {
        let faults = Faults::none().kills().at_most(6).aimed_at("use db", 50);
        let (mut pairs, mut following, mut at_once) = (0, 0, 0);
        for seed in 0..200 {
            let plan = draw(&Choices::new(seed), &[(Targets(vec![0, 1, 2, 3]), faults.clone())], Engine::Native);
            for pair in plan.injections.windows(2) {
                pairs += 1;
                let [Trigger::On { nth, after_ns, .. }, Trigger::On { nth: same, after_ns: later, .. }] =
                    [&pair[0].trigger, &pair[1].trigger]
                else {
                    continue;
                };
                let follows = nth == same && later > after_ns && pair[0].fault.strikes() == pair[1].fault.strikes();
                following += u32::from(follows);
                at_once += u32::from(follows && later - after_ns < SECOND_NS / 1_000);
            }
        }
        assert!((pairs / 10..pairs / 3).contains(&following), "{following} of {pairs}");
        assert!((following / 4..following).contains(&at_once), "{at_once} of {following} within a millisecond");
    }

    #[test]
    fn a_thread_is_held_at_its_edges_until_others_or_for_a_time() {
        let limit = Duration::from_secs(2);
        let faults =
            Faults::none().held_threads(limit).held_at("use db", 5).held_at("run job", 3).held_until("close db");
        let (mut edges, mut awaited, mut short) = ([0, 0], 0, 0);
        for seed in 0..200 {
            let plan = draw(&Choices::new(seed), &[(Targets(vec![0, 1]), faults.clone())], Engine::Native);
            for Injection { trigger, fault } in &plan.injections {
                let Fault::HoldThread { until, for_ns, .. } = fault else { panic!("{fault:?} was not allowed") };
                let Trigger::On { edge, nth, after_ns: 0, .. } = trigger else { panic!("{trigger:?} is no edge") };
                let most = if edge == "use db" { 5 } else { 3 };
                assert!((1..=most).contains(nth) && *for_ns <= nanoseconds(limit));
                edges[usize::from(edge == "run job")] += 1;
                match until.as_deref() {
                    Some("close db") => awaited += 1,
                    Some(other) => panic!("nobody named `{other}`"),
                    None => short += u32::from(*for_ns < SECOND_NS / 100),
                }
            }
        }
        let all = edges[0] + edges[1];
        assert!(edges.iter().all(|of| *of > all / 3), "{edges:?}");
        assert!((all / 3..all * 2 / 3).contains(&awaited) && short > all / 5, "{awaited} and {short} of {all}");
    }

    #[test]
    fn every_injection_lies_in_the_window_and_strikes_a_target() {
        for seed in 0..500 {
            for injection in draw(&Choices::new(seed), &targets(), Engine::Native).injections {
                let Trigger::At { time_ns } = injection.trigger else { panic!("random plans strike at times") };
                assert!((SECOND_NS..=30 * SECOND_NS).contains(&time_ns));
                if let Fault::Partition { from, to, .. } = injection.fault {
                    assert!(from != to && from < 3 && to < 3);
                }
            }
        }
    }
}
