//! The account of a campaign in words, and the reasons why a campaign that held tested nothing.

use super::line::{Line, Tone, WIDTH, wrap};
use super::measure::{count, plural};
use crate::model::nearest::nearest;
use crate::scenario::node::Role;
use crate::search::campaign::{Account, CampaignOutcome, FaultTally, NodeTally, Vacuity};
use afterlife_sim::event::Misconfiguration;

/// Columns of a label such as `faults` and the gap after it.
const LABEL: usize = 11;

/// The work that a campaign leaves out if its program has another allocator, and the next step.
const NOT_COUNTED: &str = "not counted: leaked tasks and oversized allocations are not looked for until `afterlife::Memory` is the `#[global_allocator]`";

/// Claims that never held, up to this many, are named; the rest are counted.
const NEVER_MAX: usize = 6;

/// The work of a campaign: the faults that struck, the runs in which clients and verifiers succeeded, and the ledgers. Empty if it
/// has no account.
pub(super) fn tested(account: &Account) -> Vec<Line> {
    let mut lines = Vec::new();
    if !account.faults.is_empty() {
        lines.extend(labelled("faults", &faults(account)));
    }
    for (label, role) in [("clients", Role::Client), ("verified", Role::Verifier)] {
        let in_runs = |node: &NodeTally| format!("{} in {} of {}", node.name, count(node.succeeded), count(node.runs));
        let nodes: Vec<String> = account.nodes_of(role).map(in_runs).collect();
        if !nodes.is_empty() {
            lines.extend(labelled(label, &format!("{} runs", nodes.join(", "))));
        }
    }
    let ledgers: Vec<String> = account
        .ledgers
        .iter()
        .map(|ledger| match ledger.entries {
            1 => format!("{} 1 entry", ledger.name),
            entries => format!("{} {} entries", ledger.name, count(entries)),
        })
        .collect();
    if !ledgers.is_empty() {
        lines.extend(labelled("ledgers", &ledgers.join(", ")));
    }
    if account.lacks_allocator {
        lines.extend(labelled("memory", NOT_COUNTED));
    }
    lines
}

fn faults(account: &Account) -> String {
    let struck = account.faults.iter().filter(|(_, fault)| fault.struck > 0);
    let kinds: Vec<String> = struck.map(|(kind, fault)| format!("{} {kind}", count(fault.struck))).collect();
    let mut text = match account.struck() {
        0 => "none struck".to_owned(),
        all => format!("{} struck ({})", count(all), kinds.join(", ")),
    };
    let undrawn: Vec<&str> =
        account.faults.iter().filter(|(_, fault)| is_undrawn(fault)).map(|(kind, _)| &**kind).collect();
    if !undrawn.is_empty() {
        text.push_str(&format!("; never drawn: {}", undrawn.join(", ")));
    }
    if account.missed() > 0 {
        text.push_str(&format!("; {} met nothing", count(account.missed())));
    }
    text.push_str(&format!("; {}", plural(account.restarts, "restart")));
    text
}

fn is_undrawn(fault: &FaultTally) -> bool {
    fault.struck + fault.missed + fault.late == 0
}

fn labelled(label: &str, text: &str) -> Vec<Line> {
    let mut label = format!("  {label:<width$}", width = LABEL - 2);
    let lines = wrap(text, WIDTH - LABEL).into_iter();
    let line = |text| {
        let label = std::mem::replace(&mut label, " ".repeat(LABEL));
        Line::of(Tone::Faint, label).put(Tone::Faint, text)
    };
    lines.map(line).collect()
}

/// The reasons why a campaign tested nothing, each with its next step, and the claims that a short one has not seen yet.
pub(super) fn gaps(outcome: &CampaignOutcome) -> Vec<Line> {
    let mut lines = Vec::new();
    for vacuity in outcome.vacuous().iter().filter(|vacuity| !matches!(vacuity, Vacuity::NeverHappened { .. })) {
        lines.extend(marked(Tone::Bad, "✗", &reason(vacuity)));
        let first = first_error(outcome.account()).filter(|_| is_silent(vacuity));
        lines.extend(first.map(|error| format!("first error: {error}")).iter().flat_map(|text| indented(text)));
        lines.extend(indented(&format!("next: {}", next(vacuity))));
    }
    lines.extend(never(outcome));
    lines
}

/// The claims and points that no run reached.
fn never(outcome: &CampaignOutcome) -> Vec<Line> {
    if outcome.never.is_empty() {
        return Vec::new();
    }
    let named: Vec<String> = outcome.never.iter().take(NEVER_MAX).map(|claim| format!("\"{claim}\"")).collect();
    let more = outcome.never.len().saturating_sub(NEVER_MAX);
    let more = if more > 0 { format!(" and {} more", count(more as u64)) } else { String::new() };
    let fails = outcome.vacuous().iter().any(|vacuity| matches!(vacuity, Vacuity::NeverHappened { .. }));
    let (tone, sign, title) =
        if fails { (Tone::Bad, "✗", "never happened") } else { (Tone::Turn, "–", "not seen yet") };
    marked(tone, sign, &format!("{title} in {}: {}{more}", plural(outcome.runs, "run"), named.join(", ")))
}

fn marked(tone: Tone, sign: &'static str, text: &str) -> Vec<Line> {
    let lines = wrap(text, WIDTH - 2).into_iter().enumerate();
    let line = |(index, text)| match index {
        0 => Line::of(tone, sign).put(Tone::Plain, " ").put(Tone::Plain, text),
        _ => Line::of(Tone::Plain, "  ").put(Tone::Plain, text),
    };
    lines.map(line).collect()
}

fn indented(text: &str) -> Vec<Line> {
    wrap(text, WIDTH - 4).into_iter().map(|text| Line::of(Tone::Plain, format!("    {text}"))).collect()
}

/// All reasons in one line, for reports with little space.
pub(crate) fn reasons(outcome: &CampaignOutcome) -> String {
    outcome.vacuous().iter().map(reason).collect::<Vec<_>>().join("; ")
}

/// One reason as a sentence without its full stop.
pub(crate) fn reason(vacuity: &Vacuity) -> String {
    let because = |why: &Option<String>, otherwise: &str| match why {
        Some(why) => format!(": {why}"),
        None => format!(": {otherwise}"),
    };
    match vacuity {
        Vacuity::NoRun => "the shard has no seed, or the time ended before the first run".to_owned(),
        Vacuity::NothingDrives => "the scenario has neither a client nor a claim".to_owned(),
        Vacuity::FaultsOnClientsOnly => "faults are allowed on clients and verifiers only".to_owned(),
        Vacuity::Setup { error: Misconfiguration::UnknownHost { node, name }, .. } => {
            format!("in every run, {node} looked up the host `{name}`, and no node has that name")
        }
        Vacuity::Setup { error: Misconfiguration::LoopbackOnly { from, to, port }, .. } => {
            format!("in every run, {from} was refused by {to}:{port}, which listens on its loopback address only")
        }
        Vacuity::Setup { error: Misconfiguration::PortTaken { node, port }, .. } => {
            format!("in every run, {node} bound port {port} twice")
        }
        Vacuity::NeverSucceeded { node, role: Role::Service, why } => {
            format!("the service {node} failed in every run before it was ready{}", because(why, "it never started"))
        }
        Vacuity::NeverSucceeded { node, role, why } => {
            let role = if *role == Role::Client { "client" } else { "verifier" };
            format!("the {role} {node} succeeded in no run{}", because(why, "it never ended"))
        }
        Vacuity::NothingAcked { ledger } => {
            format!("the ledger `{ledger}` of acknowledged entries stayed empty, so that nothing could be lost")
        }
        Vacuity::NeverCompleted { ledger } => {
            format!("the ledger `{ledger}` was never completed, so that it was never compared")
        }
        Vacuity::NoFaultStruck { why } => {
            format!(
                "faults are allowed, and none struck{}",
                because(why, "each run ended before its first fault was due")
            )
        }
        Vacuity::NeverStruck { kind, why } => {
            format!("no {kind} struck{}", because(why, "each run ended before it was due"))
        }
        Vacuity::NeverHappened { claim } => format!("never happened: {claim}"),
    }
}

fn next(vacuity: &Vacuity) -> String {
    match vacuity {
        Vacuity::NoRun => "give more seeds with --seeds, or more time with --for".to_owned(),
        Vacuity::NothingDrives => {
            "add a client with `Sim::client`, or a claim with `Sim::always` or `Sim::eventually`".to_owned()
        }
        Vacuity::FaultsOnClientsOnly => "give `Sim::faults` the nodes of a service".to_owned(),
        Vacuity::Setup { error: Misconfiguration::UnknownHost { name, .. }, nodes } => {
            let near = nearest(name, nodes.iter().map(String::as_str));
            let names = if near.is_empty() { nodes.join(", ") } else { near.join(" or ") };
            format!("use the name of a node ({names}), or declare the name with `Sim::unknown_host`")
        }
        Vacuity::Setup { error: Misconfiguration::LoopbackOnly { port, .. }, .. } => {
            format!("let it listen on 0.0.0.0:{port}")
        }
        Vacuity::Setup { error: Misconfiguration::PortTaken { .. }, .. } => {
            "give each listener a port of its own, or close the first before the second binds it".to_owned()
        }
        Vacuity::NeverSucceeded { role: Role::Service, .. } => "make the service start without faults first".to_owned(),
        Vacuity::NeverSucceeded { .. } => "make it succeed in a run without faults first".to_owned(),
        Vacuity::NothingAcked { .. } => {
            "note an entry when the service acknowledges it, and let a failed request end the client with its error"
                .to_owned()
        }
        Vacuity::NeverCompleted { .. } => "call `complete` on it after its last entry, in a verifier".to_owned(),
        Vacuity::NoFaultStruck { .. } | Vacuity::NeverStruck { .. } => {
            "let clients work for longer, or set the window with `Faults::starting_at` and `Faults::quiet_after`"
                .to_owned()
        }
        Vacuity::NeverHappened { .. } => "run more seeds, or make it happen".to_owned(),
    }
}

/// Returns whether the reason names no error of its own.
fn is_silent(vacuity: &Vacuity) -> bool {
    matches!(vacuity, Vacuity::NothingAcked { .. } | Vacuity::NeverCompleted { .. })
}

/// The first error that a process reported in the campaign.
fn first_error(account: &Account) -> Option<String> {
    let failed = account.nodes.iter().find_map(|node| Some((&node.name, node.first_failure.as_ref()?)));
    failed.map(|(node, failure)| format!("{node}: {failure}"))
}
