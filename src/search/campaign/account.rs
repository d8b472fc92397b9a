//! The account of a campaign: the sum of the accounts of its runs.
//! `vacuity` decides which of its gaps fail the campaign.

use crate::fault::InjectionResult;
use crate::run::account::{Described, RunAccount};
use crate::scenario::node::Role;
use afterlife_sim::event::Misconfiguration;
use afterlife_sim::event::NodeId;
use serde::Serialize;
use std::collections::BTreeMap;

/// The account of a campaign.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Account {
    /// The faults, by kind.
    pub(crate) faults: BTreeMap<String, FaultTally>,
    /// The number of starts of processes after their first.
    pub(crate) restarts: u64,
    /// The nodes, in the order of their first runs.
    pub(crate) nodes: Vec<NodeTally>,
    /// The ledgers, in the order of their first runs.
    pub(crate) ledgers: Vec<LedgerTally>,
    /// Calls that failed because of the setup, each with the number of runs in which it did.
    #[serde(skip)]
    pub(crate) setup_errors: BTreeMap<Misconfiguration<String>, u64>,
    /// The number of runs with an account.
    pub(crate) runs: u64,
    /// True if a run had a claim, a ledger comparison or an invariant of its own.
    pub(crate) has_claims: bool,
    /// True if every run that allowed faults allowed them on clients and verifiers alone.
    pub(crate) strikes_clients_only: bool,
    /// True if the program's allocator does not count memory, so that leaked tasks and large allocations are not found.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(crate) lacks_allocator: bool,
}

/// One kind of fault.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub(crate) struct FaultTally {
    /// The number of strikes.
    pub(crate) struck: u64,
    /// The number of injections that met nothing, or whose edge never came.
    pub(crate) missed: u64,
    /// The number of injections that were due after the end of their run.
    pub(crate) late: u64,
    /// True if the scenario itself injects it in every run.
    pub(crate) scripted: bool,
    /// The reason of the first that met nothing.
    pub(crate) first_miss: Option<String>,
}

/// One node.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct NodeTally {
    pub(crate) name: String,
    pub(crate) role: Role,
    /// The number of runs with the node.
    pub(crate) runs: u64,
    /// The number of runs in which it succeeded: a client by its end, a service by being ready.
    pub(crate) succeeded: u64,
    /// The first failure.
    pub(crate) first_failure: Option<String>,
}

/// One ledger.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct LedgerTally {
    pub(crate) name: String,
    /// The entries of all runs.
    pub(crate) entries: u64,
    /// The number of runs in which it was declared complete.
    pub(crate) complete: u64,
    /// It has the acknowledged entries of a *nothing acked is lost*.
    pub(crate) is_acked: bool,
    /// It has the entries found of a *nothing acked is lost*.
    pub(crate) is_found: bool,
}

impl NodeTally {
    fn new(name: &str, role: Role) -> Self {
        Self { name: name.to_owned(), role, runs: 0, succeeded: 0, first_failure: None }
    }
}

impl LedgerTally {
    fn new(name: &str) -> Self {
        Self { name: name.to_owned(), entries: 0, complete: 0, is_acked: false, is_found: false }
    }
}

/// The entry of a list that satisfies a predicate, or else a new one at its end.
fn entry<T>(list: &mut Vec<T>, is: impl FnMut(&T) -> bool, new: impl FnOnce() -> T) -> &mut T {
    let index = list.iter().position(is).unwrap_or_else(|| {
        list.push(new());
        list.len() - 1
    });
    &mut list[index]
}

impl Account {
    /// Adds a run.
    pub(super) fn add(&mut self, run: &RunAccount) {
        self.add_description(&run.described);
        self.runs += 1;
        self.restarts += run.restarts;
        let name = |node: NodeId| run.nodes.get(usize::from(node.0)).map_or_else(String::new, |node| node.name.clone());
        for (index, injection) in run.injections.iter().enumerate() {
            let fault = self.faults.entry(injection.kind.clone()).or_default();
            fault.scripted |= index < run.scripted;
            match &injection.result {
                InjectionResult::Struck => fault.struck += 1,
                InjectionResult::NotReached => fault.late += 1,
                missed => {
                    fault.missed += 1;
                    fault.first_miss.get_or_insert_with(|| missed.words(&name));
                }
            }
        }
        for node in &run.nodes {
            let tally =
                entry(&mut self.nodes, |known| known.name == node.name, || NodeTally::new(&node.name, node.role));
            tally.runs += 1;
            tally.succeeded += u64::from(node.succeeded);
            if tally.first_failure.is_none() {
                tally.first_failure.clone_from(&node.failure);
            }
        }
        for ledger in &run.ledgers {
            let tally = entry(&mut self.ledgers, |known| known.name == ledger.name, || LedgerTally::new(&ledger.name));
            tally.entries += ledger.entries;
            tally.complete += u64::from(ledger.is_complete);
            tally.is_acked |= ledger.is_acked;
            tally.is_found |= ledger.is_found;
        }
        for error in &run.setup_errors {
            *self.setup_errors.entry(error.clone()).or_insert(0) += 1;
        }
    }

    fn add_description(&mut self, described: &Described) {
        for kind in &described.kinds {
            self.faults.entry(kind.clone()).or_default();
        }
        self.has_claims |= described.has_claims;
        self.lacks_allocator |= described.lacks_allocator;
        let strikes_clients_only = described.strikes_clients_only;
        self.strikes_clients_only = strikes_clients_only && (self.strikes_clients_only || self.runs == 0);
    }

    /// The number of strikes of all faults.
    pub(crate) fn struck(&self) -> u64 {
        self.faults.values().map(|fault| fault.struck).sum()
    }

    /// The number of injections that met nothing.
    pub(crate) fn missed(&self) -> u64 {
        self.faults.values().map(|fault| fault.missed).sum()
    }

    /// The nodes of this role.
    pub(crate) fn nodes_of(&self, role: Role) -> impl Iterator<Item = &NodeTally> {
        self.nodes.iter().filter(move |node| node.role == role)
    }
}
