//! One run, in the process that was forked for it: sets up the scenario, runs it on an engine, and builds the reply.
//! It knows no campaign.

use crate::fault::{self, Plan, When};
use crate::invariant::NO_SPIN;
use crate::invariant::nothing_left::ServiceLeak;
use crate::model::engine::{Engine, Need};
use crate::model::refusal::Refusal;
use crate::model::violation::Violation;
use crate::rt::guest;
use crate::run::account::{self, Described, RunAccount};
use crate::run::description;
use crate::run::injector::Window;
use crate::run::observer::{RunObserver, Watched};
use crate::run::request::{Ended, Record, Reply, Request, Unresolved};
use crate::scenario::definition::Scenario;
use crate::scenario::description::Description;
use crate::scenario::ledger;
use crate::scenario::node::Role;
use crate::scenario::process::Process;
use afterlife_sim::choice::Choices;
use afterlife_sim::event::{Event, NodeId, Seq, What};
use afterlife_sim::{CallSites, CrashKind, Ending, Machine, Outcome, SPIN_MAX, Schedule, Settings, isolate};
use std::panic::PanicHookInfo;

/// The time at which processes of this role first start.
fn start_ns(role: Role) -> u64 {
    match role {
        Role::Service | Role::Client => 0,
        Role::Verifier => u64::MAX,
    }
}

/// Prepares a process before its first run: initialises statics that the first node to use them would otherwise own.
pub(crate) fn warm_up() {
    crate::run::trace::install();
    // tokio's signal driver has one pipe for the whole process.
    drop(tokio::runtime::Builder::new_current_thread().enable_all().build());
    if guest::TASKS_ARE_TOKIOS {
        crate::scenario::main_task::begin();
    }
    afterlife_sim::follow_exits();
    afterlife_sim::set_task_source(|| match tokio::task::try_id() {
        Some(id) => id.to_string().parse().unwrap_or(0),
        None => guest::current_task(),
    });
}

/// Carries out a request in this process, which can do so only once: its statics are part of the run.
///
/// # Errors
/// If the scenario or the plan needs something that this program does not support.
pub(crate) fn execute(scenario: &Scenario, request: &Request) -> Result<Reply, Refusal> {
    let unfit = |why: String| Refusal::new(why, "fix the cause, and build again");
    if let Some(filter) = &request.log {
        crate::run::trace::keep(filter).map_err(unfit)?;
    }
    let began_ns = isolate::cpu_ns();
    std::panic::set_hook(Box::new(panicked));
    isolate::become_host(request.seed);
    let engine = scenario.engine();
    if request.engine != engine {
        let why = format!("{} runs on {engine} in this program, not on {}", scenario.name(), request.engine);
        return Err(unfit(why));
    }
    let mut described = description::describe(scenario, request.build, request.seed)?;
    let plan = request.plan.clone().unwrap_or_else(|| {
        let drawn = fault::draw(&Choices::new(request.seed), &described.faults, engine);
        Plan { injections: described.injected.iter().cloned().chain(drawn.injections).collect() }
    });
    check_allocator(&described, &plan).map_err(unfit)?;
    if let Some(need) = plan.unsupported_by(engine) {
        let why = engine.support(need).1;
        return Err(unfit(format!("the plan needs {}, which {engine} does not support: {why}", need.words())));
    }
    if request.only_plan {
        return Ok(Reply {
            unread: Unresolved { terms: described.terms, ..Unresolved::default() },
            ..Reply::not_run(plan)
        });
    }
    if plan.last_node().is_some_and(|node| usize::from(node) >= described.processes.len()) {
        // The plan belongs to a version of the scenario with more nodes. The names in the record show it.
        let nodes = described.processes.into_iter().map(|process| process.name).collect();
        return Ok(Reply { record: Some(Record { nodes, ..Record::default() }), ..Reply::not_run(plan) });
    }
    let settings = settings(&described, request);
    let mut names: Vec<String> = described.processes.iter().map(|process| process.name.clone()).collect();
    if engine.is_guest() {
        // The engine's own thread, outside of every turn.
        names.push(engine.name().to_owned());
    }
    let (processes, time_limit_ns) = (std::mem::take(&mut described.processes), described.time_limit_ns);
    let terms = described.terms.clone();
    let about = about(&described, &processes, engine);
    let scripted = if request.plan.is_none() { described.injected.len() } else { 0 };
    let observer = RunObserver::new(watched(described, &processes, plan.clone()));
    let outcome = run(engine, settings, processes, Box::new(observer));
    let mut reply = answer(outcome, names, plan, time_limit_ns, request.until_ns);
    reply.account.described = about;
    reply.account.ledgers = ledger::summaries();
    reply.account.scripted = scripted;
    reply.account.setup_errors.retain(|error| !account::is_expected(error, &terms));
    let unread = Unresolved { terms, ..reply.unread };
    Ok(Reply { cpu_ns: isolate::cpu_ns().saturating_sub(began_ns), unread, ..reply })
}

fn settings(described: &Description, request: &Request) -> Settings {
    Settings {
        seed: request.seed,
        end_ns: request.until_ns.unwrap_or(u64::MAX).min(described.time_limit_ns),
        record: request.record,
        lines: request.log.is_some(),
        largest_allocation_bytes: described.terms.number("bounded-request"),
        latency: described.latency,
        spin_max: described.terms.number(NO_SPIN).unwrap_or(SPIN_MAX),
        schedule: Schedule { start_ns_max: described.thread_start_max_ns, ..Schedule::default() },
        stack_at: request.stack_at.map(|seq| seq.0),
        ..Settings::default()
    }
}

fn watched(described: Description, processes: &[Process], plan: Plan) -> Watched {
    let windows = || described.faults.iter().map(|(_, faults)| faults.window_ns());
    let drawn_ns =
        windows().map(|window| window.start).min().unwrap_or(0)..windows().map(|window| window.end).max().unwrap_or(0);
    // The edges that the scenario itself aims at may occur at any time.
    let scripted = described.injected.iter().any(|injection| matches!(injection.trigger.when(), When::On { .. }));
    let supervised = processes.iter().enumerate();
    // A fault of the scenario's own may strike later than those that the seed draws.
    let all_are_drawn = described.injected.is_empty() && !described.faults.is_empty();
    let postponed_until_ns = if all_are_drawn { drawn_ns.end } else { described.time_limit_ns };
    let edges_ns = if scripted { 0..described.time_limit_ns } else { drawn_ns };
    Watched {
        limit_ns: described.time_limit_ns,
        plan,
        roles: processes.iter().map(|process| process.role).collect(),
        claims: described.claims,
        window: Window { edges_ns, postponed_until_ns },
        scripted,
        supervised: supervised
            .filter_map(|(index, process)| Some((NodeId(index as u16), process.supervisor?)))
            .collect(),
        terms: described.terms,
        own: described.invariants,
    }
}

/// The parts of a description that decide whether the run can test anything.
fn about(described: &Description, processes: &[Process], engine: Engine) -> Described {
    let is_service = |node: NodeId| processes.get(usize::from(node.0)).is_some_and(|of| of.role == Role::Service);
    let allowed = described.faults.iter().flat_map(|(targets, _)| targets.nodes().iter().copied());
    let mut targets =
        allowed.chain(described.injected.iter().flat_map(|injection| injection.fault.targets())).peekable();
    Described {
        kinds: described.faults.iter().flat_map(|(_, faults)| faults.kind_names(engine)).map(str::to_owned).collect(),
        has_claims: !described.claims.is_empty() || !described.invariants.is_empty(),
        // Without a service, the clients are the subject.
        strikes_clients_only: targets.peek().is_some()
            && !targets.any(is_service)
            && processes.iter().any(|process| process.role == Role::Service),
        lacks_allocator: engine.has(Need::Memory) && !afterlife_sim::accounts_memory(),
    }
}

fn machine(process: Process) -> Machine {
    Machine {
        name: process.name,
        main: process.main,
        start_ns: start_ns(process.role),
        disk: process.disk.into_build(),
        clock_offset_ns: process.clock.offset_ns(),
        clock_ppm: process.clock.ppm(),
        memory_bytes: process.memory_bytes,
        descriptors_max: process.descriptors_max,
        links: process.links.into_iter().map(|(to, link)| (NodeId(to), link.into_sim())).collect(),
    }
}

/// Runs the processes on an engine.
fn run(engine: Engine, settings: Settings, processes: Vec<Process>, observer: Box<RunObserver>) -> Outcome {
    if engine.is_guest() {
        guest::run(settings, processes.into_iter().map(program).collect(), observer)
    } else {
        afterlife_sim::run(settings, processes.into_iter().map(machine).collect(), observer)
    }
}

fn program(mut process: Process) -> guest::Program {
    let Some(main) = process.service.take() else {
        unreachable!("a guest engine refuses main functions without a runtime")
    };
    guest::Program { machine: machine(process), main }
}

/// Checks that the program's allocator enforces memory budgets: otherwise the test could not fail.
fn check_allocator(described: &Description, plan: &fault::Plan) -> Result<(), String> {
    let wanted = described.processes.iter().any(|process| process.memory_bytes.is_some())
        || described.faults.iter().any(|(_, faults)| faults.needs(Need::Memory))
        || plan.injections.iter().any(|injection| injection.fault.need() == Need::Memory);
    if wanted && !afterlife_sim::accounts_memory() {
        return Err("memory budgets need an allocator that enforces them: put \
            `#[global_allocator] static MEMORY: afterlife::Memory = afterlife::Memory;` into this binary"
            .to_owned());
    }
    Ok(())
}

fn answer(outcome: Outcome, nodes: Vec<String>, plan: fault::Plan, time_limit_ns: u64, until_ns: Option<u64>) -> Reply {
    let Ok(observer) = outcome.observer.downcast::<RunObserver>() else {
        unreachable!("the simulation returns the observer that it was given")
    };
    let live = |node: NodeId| outcome.end_state.live.contains(&node);
    let cut_short = outcome.ending == Ending::TimeUp && until_ns.is_some_and(|until_ns| until_ns < time_limit_ns);
    let mut verdicts = observer.verdicts(time_limit_ns, &nodes, cut_short, live);
    let name = |node: NodeId| nodes.get(usize::from(node.0)).cloned().unwrap_or_default();
    let setup_errors = outcome.end_state.misconfigurations.iter().map(|error| error.clone().map_nodes(name)).collect();
    let account = RunAccount { setup_errors, ..verdicts.account };
    if outcome.ending == Ending::TooManyEvents {
        // This is the reason for anything else that did not end.
        verdicts.violations = vec![too_many_events(outcome.events)];
    }
    let events = outcome.recorded.as_ref().map_or(&[][..], |recorded| recorded.events());
    let unread = unread(verdicts.leaks, verdicts.stacks, events, &outcome.call_sites);
    let ended = match &outcome.crash {
        None => Ended::Whole,
        // The reader of the reply reports the crash.
        Some(crash) => {
            verdicts.violations.clear();
            let node = Some(crash.node.clone());
            match crash.kind {
                CrashKind::Fault(signal) => Ended::Signal { signal, node },
                CrashKind::Spun => Ended::Spin { node, bound_ms: 0 },
                CrashKind::Slept => Ended::Asleep { node, bound_ms: 0 },
            }
        }
    };
    let record = outcome.recorded.map(|recorded| Record {
        lines: outcome.lines,
        choices: outcome.choices,
        names: outcome.names,
        nodes,
        sockets: outcome.end_state.sockets,
        events: recorded.events().to_vec(),
        digests: recorded.digests().to_vec(),
        ..Record::default()
    });
    Reply {
        ended,
        digest: outcome.digest,
        events: outcome.events,
        virtual_ns: outcome.virtual_ns,
        cpu_ns: 0,
        plan,
        violations: verdicts.violations,
        sometimes: verdicts.sometimes,
        account,
        record,
        stack: outcome.crash.map(|crash| crash.stack).or(outcome.stack),
        unread,
    }
}

/// The leaks and stacks, with the return addresses of their call sites and of those of waits.
fn unread(left: Vec<ServiceLeak>, stacks: Vec<(String, u32)>, events: &[Event], places: &CallSites) -> Unresolved {
    let waits = events.iter().filter_map(|event| match event.what {
        What::Waits { call_site, .. } => Some(call_site),
        _ => None,
    });
    let details: Vec<_> =
        places.details().iter().map(|detail| (detail.wait, detail.awaited_ns, detail.call_site)).collect();
    let of_details = details.iter().map(|(.., place)| *place);
    let named = left.iter().map(|leak| leak.place).chain(stacks.iter().map(|(_, place)| *place));
    let named = named.chain(waits).chain(of_details);
    let places = named.filter(|place| *place > 0).map(|place| (place, places.frames(place).to_vec())).collect();
    Unresolved { left, stacks, details, places, ..Unresolved::default() }
}

fn too_many_events(events: u64) -> Violation {
    Violation {
        invariant: NO_SPIN.to_owned(),
        class: "events".to_owned(),
        sites: Vec::new(),
        subject: format!("{events} events"),
        sentence: format!("the run was ended after {events} events: a loop does not end"),
        at: Seq::NONE,
        turning: Vec::new(),
        origins: Vec::new(),
    }
}

/// Records a panic on a thread of the run as an event. Elsewhere it is our own bug, and is printed.
fn panicked(info: &PanicHookInfo<'_>) {
    let message = info.payload_as_str().unwrap_or("a panic without a text");
    let site = info.location().map_or_else(String::new, |location| format!("{}:{}", location.file(), location.line()));
    if afterlife_sim::is_inside() {
        afterlife_sim::emit(|name| What::Panicked { message: name(message), site: name(&site) });
    } else if description::is_under_way() {
        description::note(&site, message);
    } else {
        let stack = std::backtrace::Backtrace::force_capture();
        isolate::last_words(&format!("{message}, at {site}"));
        eprintln!("afterlife: {message}\n  at {site}\n{stack}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fault::{Fault, Faults, Injection, Plan, Trigger};
    use crate::model::build::Build;
    use crate::model::group::Group;
    use crate::scenario::sim::Sim;
    use std::time::Duration;

    /// This test binary uses the system allocator.
    #[test]
    fn a_budget_without_an_allocator_that_enforces_it_is_refused() {
        fn described(limits: impl FnOnce(&mut Sim, Group)) -> Description {
            let mut sim = Sim::new(Build::DEFAULT, 0);
            let node = sim.node_main("server", |_| 0);
            limits(&mut sim, node);
            sim.into_description().expect("the native engine supports budgets")
        }
        let squeeze = Fault::memory_pressure(NodeId(0), 1, Duration::from_nanos(1));
        let squeezed = Plan { injections: vec![Injection { trigger: Trigger::at(Duration::ZERO), fault: squeeze }] };
        let without = described(|_, _| ());
        assert_eq!(check_allocator(&without, &Plan::default()), Ok(()));
        let refused = check_allocator(&without, &squeezed).expect_err("nothing enforces the budget");
        assert!(refused.contains("#[global_allocator] static MEMORY"), "{refused}");
        let pressure = Faults::none().memory_pressure(1, 2, Duration::from_secs(1));
        let with_faults = described(|sim, node| sim.faults(node, pressure));
        assert!(check_allocator(&with_faults, &Plan::default()).is_err());
        let with_budget = described(|sim, node| sim.memory_budget(node, 1 << 20));
        assert!(check_allocator(&with_budget, &Plan::default()).is_err());
    }
}
