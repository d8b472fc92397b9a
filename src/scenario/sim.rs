//! A scenario: a cluster, its workload, its faults and its claims, as its author writes it down.
//! It runs nothing: `execute` gives what was written down to the world.

use crate::fault::{Fault, Faults, Injection, Targets, Trigger};
use crate::invariant::{Bound, Terms};
use crate::model::build::Build;
use crate::model::duration::nanoseconds;
use crate::model::engine::{Engine, Need};
use crate::model::group::Group;
use crate::scenario::claim::{Claim, Claims, View};
use crate::scenario::clock::Clock;
use crate::scenario::disk::Disk;
use crate::scenario::hosted;
use crate::scenario::ledger::{Entry, Ledger};
use crate::scenario::link::Link;
use crate::scenario::node::{self, Node, Outcome, Role};
use crate::scenario::process::Process;
use crate::scenario::rng::Rng;
use crate::scenario::supervisor::Supervisor;
use afterlife_sim::event::NodeId;
use afterlife_sim::{ExitCode, Latency, Main};
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

/// What a scenario's function writes into.
pub struct Sim {
    build: Build,
    seed: u64,
    engine: Engine,
    pub(crate) processes: Vec<Process>,
    pub(crate) faults: Vec<(Targets, Faults)>,
    pub(crate) injected: Vec<Injection>,
    pub(crate) claims: Claims,
    pub(crate) latency: Latency,
    pub(crate) time_limit_ns: u64,
    pub(crate) terms: Terms,
    /// What the scenario's author has to mend before anything runs.
    pub(crate) mistakes: Vec<String>,
    pub(crate) late_threads_ns: u64,
    workers: usize,
}

/// How long a run goes on at most, unless a scenario says otherwise.
const TIME_LIMIT: Duration = Duration::from_secs(600);

impl Sim {
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
            mistakes: Vec::new(),
            late_threads_ns: 0,
            workers: 0,
        }
    }

    /// Whether the engine of this run has what is asked for. A portable scenario asks before it writes down a standing condition that it
    /// can do without; faults need no such question.
    ///
    /// ```
    /// use afterlife::{Need, Sim};
    ///
    /// fn a_store(sim: &mut Sim) {
    ///     let store = sim.node("store", |_| async { Ok(()) });
    ///     if sim.meets(Need::Memory) {
    ///         sim.memory(store, 8 << 20);
    ///     }
    /// }
    /// ```
    pub fn meets(&self, need: Need) -> bool {
        self.engine.has(need)
    }

    /// Which build of the system is wanted.
    pub fn build(&self) -> Build {
        self.build
    }

    /// A generator for the workload: the same numbers for the same seed, whatever faults strike.
    pub fn rng(&self) -> Rng {
        Rng::new(self.seed, "scenario")
    }

    /// How long each message is on its way: uniform between the two.
    pub fn latency(&mut self, low: Duration, high: Duration) {
        let (low_ns, high_ns) = (nanoseconds(low), nanoseconds(high));
        assert!(low_ns <= high_ns, "a latency from {low:?} to {high:?} runs backwards: give the shorter one first");
        self.latency = Latency::between(low_ns, high_ns);
    }

    /// How long a run goes on at most, in virtual time; 10 minutes unless said. A client that has not ended by then breaks
    /// *recovers*.
    pub fn time_limit(&mut self, limit: Duration) {
        self.time_limit_ns = nanoseconds(limit);
    }

    /// Gives each of these nodes so many bytes of memory. The allocation that crosses it ends the process as the system's OOM
    /// killer would: no destructors, and peers see a reset. It takes [`Memory`](crate::Memory) as the program's allocator, and
    /// makes what the process had allocated a part of the digest: debug and release builds may then differ.
    #[track_caller]
    pub fn memory(&mut self, nodes: Group, bytes: u64) {
        self.asks_for(Need::Memory);
        for node in nodes.nodes() {
            self.processes[usize::from(node.0)].memory_bytes = Some(bytes);
        }
    }

    /// Lets each process of these nodes have so many descriptors open, as `ulimit -n` does: the next one is refused with EMFILE.
    /// Some 12 000 unless said.
    pub fn descriptors(&mut self, nodes: Group, count: usize) {
        for node in nodes.nodes() {
            self.processes[usize::from(node.0)].descriptors_max = Some(count);
        }
    }

    /// Gives each of these nodes a supervisor, which starts a process again that ended by itself. Without one it stays down.
    pub fn supervise(&mut self, nodes: Group, supervisor: Supervisor) {
        for node in nodes.nodes() {
            self.processes[usize::from(node.0)].supervisor = Some(supervisor);
        }
    }

    /// Nodes made from here on run a multi-thread tokio runtime with this many workers; 0 (the default) a current-thread one, as on
    /// engines that have no other.
    pub fn workers(&mut self, workers: usize) {
        self.workers = workers;
    }

    /// Lets each new thread wait up to this long for its first turn, as where there are fewer processors than there is work;
    /// it is in line at once unless said. Main threads are never late.
    pub fn late_threads(&mut self, at_most: Duration) {
        self.late_threads_ns = nanoseconds(at_most);
    }

    /// Turns an invariant off in this scenario, by its name: one of [`invariants`](crate::invariants). A name that there is not
    /// is an error of the run, with the nearest one.
    #[track_caller]
    pub fn without(&mut self, invariant: &str) {
        let outcome = self.terms.without(invariant);
        self.settle(outcome);
    }

    /// Looks past what is known: a violation of this invariant whose signature or sentence has all of these parts ends no run,
    /// and what comes after it is found. With no parts, it is as [`without`](Self::without). Which runs look past what may be
    /// drawn by [`rng`](Self::rng); a token replays it as it was. An invariant that there is not is an error of the run.
    ///
    /// ```
    /// use afterlife::Sim;
    ///
    /// fn behind_the_first_bug(sim: &mut Sim) {
    ///     // Known since Tuesday. Other uses after a teardown still end a run, of the monitor too.
    ///     sim.look_past("no-use-after-teardown", &["monitor", "proxy/group_replication.rs"]);
    /// }
    /// ```
    #[track_caller]
    pub fn look_past(&mut self, invariant: &str, parts: &[&str]) {
        let outcome = self.terms.look_past(invariant, parts);
        self.settle(outcome);
    }

    /// Turns an invariant on that is off unless it is asked for: `no-stale-message`.
    #[track_caller]
    pub fn also(&mut self, invariant: &str) {
        let outcome = self.terms.also(invariant);
        self.settle(outcome);
    }

    /// Sets the bound of an invariant, by its name: which have one, in what it is counted, and what it is unless it is set here
    /// tells [`invariants`](crate::invariants). A name or a unit that there is not is an error of the run.
    ///
    /// ```
    /// use afterlife::Sim;
    /// use std::time::Duration;
    ///
    /// fn a_strict_scenario(sim: &mut Sim) {
    ///     sim.bound("bounded-shutdown", Duration::from_secs(10)); // whatever the budget of a stop is
    ///     sim.bound("recovers", Duration::from_secs(60)); // from the end of the last fault
    ///     sim.bound("no-crash-loop", 5); // ends in a row
    ///     sim.bound("bounded-request", 64 << 20); // bytes of one allocation, where `Memory` is the allocator
    /// }
    /// ```
    #[track_caller]
    pub fn bound(&mut self, invariant: &str, bound: impl Into<Bound>) {
        let outcome = self.terms.bound(invariant, bound.into());
        self.settle(outcome);
    }

    /// Takes down that the scenario asks for something that its engine does not have.
    #[track_caller]
    fn asks_for(&mut self, need: Need) {
        if let (false, why) = self.engine.support(need) {
            self.settle(Err(format!("{} has no {}: {why}", self.engine, need.words())));
        }
    }

    #[track_caller]
    fn settle(&mut self, outcome: Result<(), String>) {
        if let Err(why) = outcome {
            self.mistakes.push(format!("{}: {why}", std::panic::Location::caller()));
        }
    }

    /// One node that runs this service, from its start again after every restart.
    pub fn node<F, Fut>(&mut self, name: &str, service: F) -> Group
    where
        F: Fn(Node) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Outcome> + 'static,
    {
        self.add(name.to_owned(), 0, Role::Service, Arc::new(service))
    }

    /// Several nodes that run this service: `name-0`, `name-1` and so on.
    pub fn nodes<F, Fut>(&mut self, name: &str, count: usize, service: F) -> Group
    where
        F: Fn(Node) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Outcome> + 'static,
    {
        let service = Arc::new(service);
        let first = self.processes.len();
        for index in 0..count {
            self.add(format!("{name}-{index}"), index, Role::Service, service.clone());
        }
        Group::new(first, count)
    }

    /// A client: a node that no fault strikes, and whose end the run waits for.
    pub fn client<F, Fut>(&mut self, name: &str, workload: F) -> Group
    where
        F: Fn(Node) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Outcome> + 'static,
    {
        self.add(name.to_owned(), 0, Role::Client, Arc::new(workload))
    }

    /// A client that starts once all others have ended, faults are over and everything is healed: it looks at what is left.
    pub fn verifier<F, Fut>(&mut self, name: &str, workload: F) -> Group
    where
        F: Fn(Node) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Outcome> + 'static,
    {
        self.add(name.to_owned(), 0, Role::Verifier, Arc::new(workload))
    }

    /// One node that runs a plain main function, with no runtime made for it: it returns its exit code.
    #[track_caller]
    pub fn program(&mut self, name: &str, main: impl Fn(Node) -> i32 + Send + Sync + 'static) -> Group {
        self.asks_for(Need::Threads);
        self.add_main(name.to_owned(), 0, Role::Service, move |node| ExitCode::Code(main(node)))
    }

    /// As [`program`](Self::program), for a client.
    #[track_caller]
    pub fn client_program(&mut self, name: &str, main: impl Fn(Node) -> i32 + Send + Sync + 'static) -> Group {
        self.asks_for(Need::Threads);
        self.add_main(name.to_owned(), 0, Role::Client, move |node| ExitCode::Code(main(node)))
    }

    fn add<F, Fut>(&mut self, name: String, index: usize, role: Role, service: Arc<F>) -> Group
    where
        F: Fn(Node) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Outcome> + 'static,
    {
        let workers = self.workers;
        let hosted = self.engine.is_guest().then(|| hosted::main(&name, index, self.seed, service.clone()));
        let group = self.add_main(name, index, role, move |node| node::drive(workers, service(node)));
        if let Some(process) = self.processes.last_mut() {
            process.service = hosted;
        }
        group
    }

    fn add_main(
        &mut self,
        name: String,
        index: usize,
        role: Role,
        main: impl Fn(Node) -> ExitCode + Send + Sync + 'static,
    ) -> Group {
        assert!(
            !self.processes.iter().any(|process| process.name == name),
            "two nodes are called `{name}`: names are host names, so each needs its own"
        );
        let (seed, leaked) = (self.seed, &*name.clone().leak());
        let main: Main = Arc::new(move |incarnation| main(Node::new(leaked, index, incarnation, seed)));
        let (disk, clock) = (Disk::default(), Clock::default());
        self.processes.push(Process {
            name,
            role,
            main,
            service: None,
            disk,
            clock,
            memory_bytes: None,
            descriptors_max: None,
            links: Vec::new(),
            supervisor: None,
        });
        Group::new(self.processes.len() - 1, 1)
    }

    /// How the disks of these nodes are built, where a common cloud volume is not what is wanted.
    pub fn disk(&mut self, group: Group, disk: Disk) {
        for node in group.nodes() {
            self.processes[usize::from(node.0)].disk = disk;
        }
    }

    /// What the clocks of these nodes show at the run's start, and how fast they run; true ones unless said.
    #[track_caller]
    pub fn clock(&mut self, nodes: Group, clock: Clock) {
        if clock.ppm != 0 {
            self.asks_for(Need::ClockDrift);
        }
        if clock.offset_ns != 0 {
            self.asks_for(Need::ClockSteps);
        }
        for node in nodes.nodes() {
            self.processes[usize::from(node.0)].clock = clock;
        }
    }

    /// What the ways between these nodes are like, in both directions, where they are not as all others are.
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

    fn link_one_way(&mut self, from: NodeId, to: NodeId, link: Link) {
        let links = &mut self.processes[usize::from(from.0)].links;
        links.retain(|(known, _)| *known != to.0);
        links.push((to.0, link));
    }

    /// A ledger: what happened in the scenario's own terms, to be compared in claims. The handle is `Copy`.
    pub fn ledger<T: Entry>(&mut self, name: &str) -> Ledger<T> {
        Ledger::new(name)
    }

    /// What may strike these nodes. Drawn from the seed, unless a token or a plan says exactly what.
    pub fn faults(&mut self, targets: Group, faults: Faults) {
        self.faults.push((Targets::from(targets), faults));
    }

    /// One fault that strikes in every run, in addition to what is drawn: for a test of what happens at exactly this moment. It
    /// is part of the plan, as drawn ones are, and travels in tokens; a token or a plan that says exactly what strikes has
    /// the last word. One that waits for an edge is given up when all clients have ended without it; and drawn ones that wait for an edge
    /// then wait as long.
    ///
    /// ```
    /// use afterlife::{Fault, Sim, Trigger};
    /// use std::time::Duration;
    ///
    /// fn a_power_loss_right_after_the_first_sync(sim: &mut Sim) {
    ///     let store = sim.program("store", |_| 0);
    ///     let synced = Trigger::on(store.node(0), "sync /db", 1, Duration::ZERO);
    ///     sim.inject(synced, Fault::power_loss(store.node(0), Duration::from_millis(1)));
    /// }
    /// ```
    pub fn inject(&mut self, trigger: Trigger, fault: Fault) {
        self.injected.push(Injection { trigger, fault });
    }

    /// A claim that holds at every moment: checked whenever a ledger or a process changes.
    pub fn always(&mut self, claim: &str, holds: impl Fn(&View) -> bool + Send + 'static) {
        self.claims.always.push(Claim::new(claim, 0, holds));
    }

    /// A claim that holds once faults have stopped and everything is healed, within this bound.
    pub fn eventually(&mut self, claim: &str, within: Duration, holds: impl Fn(&View) -> bool + Send + 'static) {
        self.claims.eventually.push(Claim::new(claim, nanoseconds(within), holds));
    }

    /// A claim that holds in at least one run of a campaign: otherwise nothing was tested.
    pub fn sometimes(&mut self, claim: &str, holds: impl Fn(&View) -> bool + Send + 'static) {
        self.claims.sometimes.push(Claim::new(claim, 0, holds));
    }

    /// What was acknowledged is there after recovery: at the run's end every entry of `acked` is in `found`. A run whose
    /// `found` was never [completed](Ledger::complete) says nothing.
    pub fn nothing_acked_is_lost<T: Entry>(&mut self, acked: Ledger<T>, found: Ledger<T>) {
        self.claims.acked.push(Box::new(move || {
            let missing = acked.missing_in(found);
            (found.is_complete() && !missing.is_empty()).then(|| (acked.name(), missing))
        }));
    }
}
