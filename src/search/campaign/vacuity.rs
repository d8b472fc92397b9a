//! The gaps of an account that fail a campaign: it held, but it tested nothing.
//! They are data; reports put them into words.

use super::account::{Account, FaultTally};
use crate::scenario::node::Role;
use afterlife_sim::event::Misconfiguration;

/// Fewer injections of a kind that the seed draws can all miss by chance.
const DUE_MIN: u64 = 10;

/// A reason why a campaign that held tested nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Vacuity {
    /// There was no run.
    NoRun,
    /// The scenario has neither a client nor a claim.
    NothingDrives,
    /// Faults are allowed on clients and verifiers alone.
    FaultsOnClientsOnly,
    /// A call failed in every run, because of the setup.
    Setup {
        /// The call.
        error: Misconfiguration<String>,
        /// The names of nodes, to suggest one.
        nodes: Vec<String>,
    },
    /// A service failed in every run before it was ready, or a client or verifier never ended without an error.
    NeverSucceeded { node: String, role: Role, why: Option<String> },
    /// A ledger of acknowledged entries stayed empty.
    NothingAcked { ledger: String },
    /// A ledger of entries found was never declared complete, so that it was never compared.
    NeverCompleted { ledger: String },
    /// Faults were allowed, and none struck in any run.
    NoFaultStruck { why: Option<String> },
    /// Injections of this kind came due, and none struck.
    NeverStruck { kind: String, why: Option<String> },
    /// A claim or a point of a probe was never seen.
    NeverHappened { claim: String },
}

/// The gaps of a campaign, the root causes first. Only a full campaign shows that something rare never happens.
pub(super) fn vacuities(account: &Account, never: &[String], is_full: bool) -> Vec<Vacuity> {
    let mut found = Vec::new();
    let has_clients = account.nodes.iter().any(|node| node.role != Role::Service);
    if account.runs > 0 && !has_clients && !account.has_claims {
        found.push(Vacuity::NothingDrives);
    }
    if account.strikes_clients_only {
        found.push(Vacuity::FaultsOnClientsOnly);
    }
    let names = || account.nodes.iter().map(|node| node.name.clone()).collect::<Vec<_>>();
    let always = account.setup_errors.iter().filter(|(_, times)| **times == account.runs);
    found.extend(always.map(|(error, _)| Vacuity::Setup { error: error.clone(), nodes: names() }));
    let failed = account.nodes.iter().filter(|node| node.succeeded == 0);
    found.extend(failed.map(|node| Vacuity::NeverSucceeded {
        node: node.name.clone(),
        role: node.role,
        why: node.first_failure.clone(),
    }));
    for ledger in &account.ledgers {
        if ledger.is_acked && ledger.entries == 0 {
            found.push(Vacuity::NothingAcked { ledger: ledger.name.clone() });
        }
        if ledger.is_found && ledger.complete == 0 {
            found.push(Vacuity::NeverCompleted { ledger: ledger.name.clone() });
        }
    }
    if is_full {
        found.extend(unstruck(account));
        found.extend(never.iter().map(|claim| Vacuity::NeverHappened { claim: claim.clone() }));
    }
    found
}

/// The faults that never struck. A kind that no seed of a small campaign drew is no gap.
fn unstruck(account: &Account) -> Vec<Vacuity> {
    let is_due = |fault: &FaultTally| fault.scripted || fault.missed + fault.late >= DUE_MIN;
    if !account.faults.is_empty() && account.struck() == 0 {
        let why = account.faults.values().find_map(|fault| fault.first_miss.clone());
        return vec![Vacuity::NoFaultStruck { why }];
    }
    let gaps = account.faults.iter().filter(|(_, fault)| fault.struck == 0 && is_due(fault));
    gaps.map(|(kind, fault)| Vacuity::NeverStruck { kind: kind.clone(), why: fault.first_miss.clone() }).collect()
}
