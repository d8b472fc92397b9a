//! `Sim`: the builder that a scenario's function writes into. It runs nothing: `run/execute` does.

mod invariants;
mod ledgers;
mod nodes;

use crate::fault::{Fault, Faults, Injection, Targets, Trigger};
use crate::invariant::{Invariant, Terms};
use crate::model::build::Build;
use crate::model::duration::nanoseconds;
use crate::model::engine::{Engine, Need};
use crate::model::group::Group;
use crate::scenario::claim::{Claim, Claims, View};
use crate::scenario::clock::Clock;
use crate::scenario::description::Description;
use crate::scenario::disk::Disk;
use crate::scenario::ledger::Named;
use crate::scenario::link::Link;
use crate::scenario::process::Process;
use crate::scenario::rng::Rng;
use crate::scenario::supervisor::Supervisor;
use afterlife_sim::Latency;
use afterlife_sim::event::NodeId;
use std::time::Duration;

/// A simulated cluster as a scenario describes it: nodes, clients, disks, links, faults and claims.
///
/// A scenario's function receives one and describes one run. Nothing runs before the function returns.
pub struct Sim {
    build: Build,
    seed: u64,
    engine: Engine,
    processes: Vec<Process>,
    faults: Vec<(Targets, Faults)>,
    injected: Vec<Injection>,
    claims: Claims,
    latency: Latency,
    time_limit_ns: u64,
    terms: Terms,
    invariants: Vec<Box<dyn Invariant>>,
    thread_start_max_ns: u64,
    /// The errors that the scenario's author has to fix before anything runs.
    mistakes: Vec<String>,
    /// The number of generators that `rng` has returned.
    rngs: u64,
    ledgers: Vec<Named>,
}

/// The default time limit of a run.
const TIME_LIMIT: Duration = Duration::from_secs(600);

impl Sim {
    /// The run that was described.
    ///
    /// # Errors
    /// When the scenario asks for something that does not exist or that the engine does not support.
    pub(crate) fn into_description(self) -> Result<Description, String> {
        if !self.mistakes.is_empty() {
            return Err(self.mistakes.join("; "));
        }
        Ok(Description {
            processes: self.processes,
            faults: self.faults,
            injected: self.injected,
            claims: self.claims,
            latency: self.latency,
            time_limit_ns: self.time_limit_ns,
            terms: self.terms,
            invariants: self.invariants,
            thread_start_max_ns: self.thread_start_max_ns,
        })
    }

    #[cfg(test)]
    pub(crate) fn new(build: Build, seed: u64) -> Self {
        Self::on(Engine::Native, build, seed)
    }

    pub(crate) fn on(engine: Engine, build: Build, seed: u64) -> Self {
        Self {
            build,
            seed,
            engine,
            processes: Vec::new(),
            faults: Vec::new(),
            injected: Vec::new(),
            claims: Claims::default(),
            latency: Latency::default(),
            time_limit_ns: nanoseconds(TIME_LIMIT),
            terms: Terms::default(),
            invariants: Vec::new(),
            mistakes: Vec::new(),
            thread_start_max_ns: 0,
            rngs: 0,
            ledgers: Vec::new(),
        }
    }

    /// Returns whether the engine of this run supports something. A portable scenario asks before it sets a condition that it can
    /// do without; faults that the engine does not support are not drawn.
    ///
    /// ```
    /// use afterlife::{Need, Sim};
    ///
    /// fn a_store(sim: &mut Sim) {
    ///     let store = sim.node("store", |_| async { Ok(()) });
    ///     if sim.supports(Need::Memory) {
    ///         sim.memory_budget(store, 8 << 20);
    ///     }
    /// }
    /// ```
    pub fn supports(&self, need: Need) -> bool {
        self.engine.has(need)
    }

    /// The build of the system to run: one of those that the [`Scenario`](crate::Scenario) declares.
    pub fn build(&self) -> Build {
        self.build
    }

    /// A random number generator for the workload. Its numbers depend on the seed alone, whatever faults strike.
    ///
    /// Each call returns an independent stream: the second generator of a scenario does not repeat the numbers of the first.
    /// Adding a call therefore changes the streams of the calls after it, and of no call before it.
    ///
    /// ```
    /// use afterlife::Sim;
    /// use rand::RngExt;
    ///
    /// fn a_busy_store(sim: &mut Sim) {
    ///     let mut sizes = sim.rng();
    ///     let size: u64 = sizes.random_range(1..=4096);
    ///     let pauses = sim.rng(); // its own numbers
    /// #   let _ = (size, pauses);
    /// }
    /// ```
    pub fn rng(&mut self) -> Rng {
        self.rngs += 1;
        match self.rngs {
            1 => Rng::new(self.seed, "scenario"),
            nth => Rng::new(self.seed, &format!("scenario {nth}")),
        }
    }

    /// Sets the latency of messages between nodes: uniform between `low` and `high`. The default is 200 µs to 2 ms.
    ///
    /// # Panics
    /// If `low` is longer than `high`.
    #[track_caller]
    pub fn latency(&mut self, low: Duration, high: Duration) {
        let (low_ns, high_ns) = (nanoseconds(low), nanoseconds(high));
        assert!(low_ns <= high_ns, "a latency from {low:?} to {high:?}: write the shorter duration first");
        self.latency = Latency::between(low_ns, high_ns);
    }

    /// Sets the longest virtual time of a run. The default is 10 minutes. A client that has not ended by then breaks *recovers*.
    pub fn time_limit(&mut self, limit: Duration) {
        self.time_limit_ns = nanoseconds(limit);
    }

    /// Gives each of these nodes a memory budget in bytes; unlimited by default. The allocation that exceeds the budget ends the
    /// process as an OOM kill does: no destructors run, and peers see a reset. The budget needs [`Memory`](crate::Memory) as the
    /// program's allocator, and makes a process's allocations a part of the digest: debug and release builds may then differ.
    #[track_caller]
    pub fn memory_budget(&mut self, nodes: Group, bytes: u64) {
        self.asks_for(Need::Memory);
        for process in self.processes_of(nodes) {
            process.memory_bytes = Some(bytes);
        }
    }

    /// Limits the open descriptors of each process of these nodes, as `ulimit -n` does: one more fails with `EMFILE`. The default
    /// is about 12 000.
    pub fn descriptor_limit(&mut self, nodes: Group, count: usize) {
        for process in self.processes_of(nodes) {
            process.descriptors_max = Some(count);
        }
    }

    /// Gives each of these nodes a supervisor, which restarts a process that ended by itself. Without one, it stays down.
    pub fn supervise(&mut self, nodes: Group, supervisor: Supervisor) {
        for process in self.processes_of(nodes) {
            process.supervisor = Some(supervisor);
        }
    }

    /// Runs the services and workloads of these nodes on a multi-thread tokio runtime with this many workers. The default is a
    /// current-thread runtime; engines that support no other ignore the call. Main functions make runtimes of their own.
    ///
    /// # Panics
    /// If `workers` is 0.
    #[track_caller]
    pub fn workers(&mut self, nodes: Group, workers: usize) {
        assert!(
            workers > 0,
            "a multi-thread runtime has at least one worker; without this call, the runtime has one thread"
        );
        for process in self.processes_of(nodes) {
            process.runtime.set_workers(workers);
        }
    }

    /// Delays the first turn of each new thread by up to this long, as on a machine with more work than processors. The default is
    /// zero. Main threads start without delay.
    pub fn thread_start_delay(&mut self, at_most: Duration) {
        self.thread_start_max_ns = nanoseconds(at_most);
    }

    /// Declares a host name that no node has and that processes may look up all the same. Without it, a campaign fails if every run
    /// looks up a name that no node has: it is most likely mistyped.
    pub fn unknown_host(&mut self, name: &str) {
        self.terms.expect_unknown_host(name);
    }

    /// Allows calls that fail in every run because of the scenario's setup: a port that is bound twice, a connection to a port
    /// that its node binds to the loopback address only, a host name that no node has. Without it, such a campaign fails.
    pub fn allow_misconfiguration(&mut self) {
        self.terms.allow_misconfiguration();
    }

    /// Records an error if the engine does not support something that the scenario asks for.
    #[track_caller]
    fn asks_for(&mut self, need: Need) {
        if let (false, why) = self.engine.support(need) {
            self.settle(Err(format!("{} does not support {}: {why}", self.engine, need.words())));
        }
    }

    #[track_caller]
    fn settle(&mut self, outcome: Result<(), String>) {
        if let Err(why) = outcome {
            self.mistakes.push(format!("{}: {why}", std::panic::Location::caller()));
        }
    }

    /// Sets the disks of these nodes. The default is [`Disk::default`].
    pub fn disk(&mut self, nodes: Group, disk: Disk) {
        for process in self.processes_of(nodes) {
            process.disk = disk;
        }
    }

    /// Sets the clocks of these nodes. The default is the true time at the true rate.
    #[track_caller]
    pub fn clock(&mut self, nodes: Group, clock: Clock) {
        if clock.ppm() != 0 {
            self.asks_for(Need::ClockDrift);
        }
        if clock.offset_ns() != 0 {
            self.asks_for(Need::ClockSteps);
        }
        for process in self.processes_of(nodes) {
            process.clock = clock;
        }
    }

    /// Sets the links between each node of one group and each of the other, in both directions. The default is the latency of
    /// [`latency`](Self::latency), without loss.
    #[track_caller]
    pub fn link(&mut self, some: Group, others: Group, link: Link) {
        self.asks_for(Need::SlowLinks);
        if link.is_bad() {
            self.asks_for(Need::BadLinks);
        }
        for (from, to) in some.nodes().flat_map(|from| others.nodes().map(move |to| (from, to))) {
            for (from, to) in [(from, to), (to, from)] {
                self.link_one_way(from, to, link);
            }
        }
    }

    fn processes_of(&mut self, nodes: Group) -> impl Iterator<Item = &mut Process> {
        let is_in = move |index: usize| nodes.nodes().any(|node| usize::from(node.0) == index);
        self.processes.iter_mut().enumerate().filter(move |(index, _)| is_in(*index)).map(|(_, process)| process)
    }

    fn link_one_way(&mut self, from: NodeId, to: NodeId, link: Link) {
        let links = &mut self.processes[usize::from(from.0)].links;
        links.retain(|(known, _)| *known != to.0);
        links.push((to.0, link));
    }

    /// Allows faults on these nodes. The seed draws which of them strike, unless a token or a plan says so.
    ///
    /// A fault that needs a running process (a stop, a kill, a pause, a held thread, memory pressure) and finds its node down waits
    /// for the restart that is due: it strikes up to 1 s after the node's next start, if faults may still strike then. If no restart
    /// is due, it meets nothing, and so does a fault that finds no file, no connection, or a longer fault with the same effect. A fault
    /// that meets nothing is no event and does not count as a fault. A restart that is due stays due at its time, whatever strikes.
    ///
    /// The scenario is refused if the group is empty, if it is one node and a fault strikes between two, or if no edge can have the
    /// words of [`aimed_at`](Faults::aimed_at).
    #[track_caller]
    pub fn faults(&mut self, targets: Group, faults: Faults) {
        self.settle(faults.check(targets.nodes().count()));
        self.faults.push((Targets::from(targets), faults));
    }

    /// Injects a fault in every run, in addition to those that the seed draws: for a test of exactly this moment. The injection is
    /// part of the plan and of tokens; a plan from a token replaces it. If it waits for an edge, it is given up when all
    /// clients have ended, and so are drawn faults that wait for an edge.
    ///
    /// ```
    /// use afterlife::{Fault, Sim, Trigger};
    /// use std::time::Duration;
    ///
    /// fn a_power_loss_right_after_the_first_sync(sim: &mut Sim) {
    ///     let store = sim.node_main("store", |_| 0);
    ///     let synced = Trigger::on(store.node(0), "sync /db", 1, Duration::ZERO);
    ///     sim.inject(synced, Fault::power_loss(store.node(0), Duration::from_millis(1)));
    /// }
    /// ```
    #[track_caller]
    pub fn inject(&mut self, trigger: Trigger, fault: Fault) {
        let injection = Injection { trigger, fault };
        self.settle(injection.check());
        self.injected.push(injection);
    }

    /// Claims that something holds at every moment. The claim is evaluated whenever a ledger or a process changes.
    pub fn always(&mut self, claim: &str, holds: impl Fn(&View) -> bool + Send + 'static) {
        self.claims.add_always(Claim::new(claim, 0, holds));
    }

    /// Claims that something holds within this time after the faults are over and everything is healed.
    pub fn eventually(&mut self, claim: &str, within: Duration, holds: impl Fn(&View) -> bool + Send + 'static) {
        self.claims.add_eventually(Claim::new(claim, nanoseconds(within), holds));
    }

    /// Claims that something holds at least once in a campaign. A campaign without it has tested nothing, and fails.
    pub fn sometimes(&mut self, claim: &str, holds: impl Fn(&View) -> bool + Send + 'static) {
        self.claims.add_sometimes(Claim::new(claim, 0, holds));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::RngExt;

    fn numbers(mut rng: Rng) -> [u64; 4] {
        std::array::from_fn(|_| rng.random())
    }

    #[test]
    fn two_generators_of_a_scenario_are_independent_and_depend_on_the_seed_alone() {
        let streams = |seed| {
            let mut sim = Sim::new(Build::DEFAULT, seed);
            [sim.rng(), sim.rng(), sim.rng()].map(numbers)
        };
        let [first, second, third] = streams(7);
        assert!(first != second && second != third && first != third);
        assert_eq!(streams(7), [first, second, third]);
        assert!(streams(8).iter().all(|stream| ![first, second, third].contains(stream)));
    }

    /// The mistakes of a scenario with three nodes and a client.
    fn mistakes(describe: impl FnOnce(&mut Sim, Group)) -> String {
        let mut sim = Sim::new(Build::DEFAULT, 0);
        let servers = sim.nodes("server", 3, |_| async { Ok(()) });
        describe(&mut sim, servers);
        sim.into_description().err().unwrap_or_default()
    }

    fn one(servers: Group) -> Group {
        Group::new(usize::from(servers.node(0).0), 1)
    }

    #[test]
    fn faults_that_can_never_strike_are_refused_with_their_line() {
        let second = Duration::from_secs(1);
        assert_eq!(mistakes(|sim, servers| sim.faults(servers, Faults::lifecycle().partitions())), "");
        let empty = mistakes(|sim, _| {
            let none = sim.nodes("none", 0, |_| async { Ok(()) });
            sim.faults(none, Faults::lifecycle());
        });
        assert!(empty.starts_with("src/scenario/sim.rs:") && empty.ends_with("the group is empty"), "{empty}");
        for between in
            [Faults::none().partitions(), Faults::none().held_links(second), Faults::none().connection_resets()]
        {
            let refused = mistakes(|sim, servers| sim.faults(one(servers), between.kills()));
            assert!(refused.contains("` strikes between two nodes, and the group has one"), "{refused}");
        }
        let late = mistakes(|sim, servers| sim.faults(servers, Faults::lifecycle().starting_at(60 * second)));
        assert!(
            late.ends_with("these faults have no time to strike: they start at 60 s and are over after 30 s"),
            "{late}"
        );
        let aims: [fn(Faults) -> Faults; 3] = [
            |faults| faults.aimed_at("opened db", 1),
            |faults| faults.held_at("opened db", 1),
            |faults| faults.held_until("opened db"),
        ];
        for aim in aims {
            let refused = mistakes(|sim, servers| sim.faults(servers, aim(Faults::lifecycle())));
            assert!(refused.ends_with("`opened db` is no edge of a lifetime: did you mean `open db`?"), "{refused}");
        }
    }

    #[test]
    fn an_injection_that_can_never_strike_is_refused_with_its_line() {
        let moment = Trigger::at(Duration::from_secs(1));
        let of = |trigger: Trigger, fault: fn(NodeId) -> Fault| {
            mistakes(|sim, servers| sim.inject(trigger, fault(servers.node(0))))
        };
        let kill = |node| Fault::kill(node, Duration::ZERO);
        assert_eq!(of(Trigger::on(NodeId(0), "phase ready", 1, Duration::ZERO), kill), "");
        let misspelt = of(Trigger::on(NodeId(0), "phas ready", 1, Duration::ZERO), kill);
        assert!(misspelt.ends_with("did you mean `phase ready`?"), "{misspelt}");
        let until = of(moment.clone(), |node| Fault::hold_thread_until(node, 1, "closes db", Duration::ZERO));
        assert!(until.ends_with("did you mean `close db`?"), "{until}");
        let alone = of(moment, |node| Fault::partition(node, node, Duration::ZERO));
        assert!(alone.ends_with("`partition` strikes between two nodes, and both are the same"), "{alone}");
    }
}
