//! The ledgers of a scenario, each by its name, and the claim that compares two of them.

use super::Sim;
use crate::scenario::claim::Acked;
use crate::scenario::ledger::{Entry, Ledger, Named};
use std::panic::Location;

impl Sim {
    /// The ledger of this name: a record of the run in the scenario's own terms, for claims to compare. The handle is `Copy`. A
    /// second call with the name returns the same ledger; with another type of entries, it is an error of the scenario.
    #[track_caller]
    pub fn ledger<T: Entry>(&mut self, name: &str) -> Ledger<T> {
        let entries = std::any::type_name::<T>();
        if let Some(known) = self.ledgers.iter().find(|known| known.name == name) {
            if let Some(ledger) = Ledger::at(known.index) {
                return ledger;
            }
            let Named { entries: theirs, site, .. } = known;
            let why = format!(
                "the ledger `{name}` has entries of the type {theirs} since {site}, not {entries}: give each ledger its own name"
            );
            self.settle(Err(why));
        }
        let ledger = Ledger::new(name);
        let site = Location::caller();
        self.ledgers.push(Named { name: name.to_owned(), index: ledger.index(), entries, site });
        ledger
    }

    /// Claims that acknowledged entries are there after recovery: at the end of the run, every entry of `acked` is in `found`. It is
    /// not checked in a run in which `found` was never [completed](Ledger::complete).
    pub fn nothing_acked_is_lost<T: Entry>(&mut self, acked: Ledger<T>, found: Ledger<T>) {
        acked.compare(found);
        let missing = move || if found.is_complete() { acked.missing_in(found) } else { Vec::new() };
        self.claims.add_acked(Acked::new(acked.name(), found.name(), missing));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::build::Build;

    #[test]
    fn a_name_stands_for_one_ledger_of_a_scenario() {
        let mut sim = Sim::new(Build::DEFAULT, 0);
        let found = sim.ledger::<u64>("found");
        found.note(7);
        assert!(sim.ledger::<u64>("found").contains(&7));
        assert!(!sim.ledger::<u64>("other").contains(&7));
        assert!(!Sim::new(Build::DEFAULT, 0).ledger::<u64>("found").contains(&7), "another scenario has its own");
        assert!(sim.into_description().is_ok());
    }

    #[test]
    fn a_ledger_with_two_types_of_entries_is_refused_with_both_lines() {
        let mut sim = Sim::new(Build::DEFAULT, 0);
        let first = line!() + 1;
        sim.ledger::<u64>("found");
        sim.ledger::<String>("found");
        let refused = sim.into_description().err().unwrap_or_default();
        let (here, second) = (file!(), first + 1);
        assert_eq!(
            refused,
            format!(
                "{here}:{second}:13: the ledger `found` has entries of the type u64 since {here}:{first}:13, not \
                alloc::string::String: give each ledger its own name"
            )
        );
    }
}
