//! The record of calls that fail because of the scenario's setup.

use crate::event::Misconfiguration;
use std::collections::BTreeSet;

/// The most that are recorded in a run. The first ones explain the others.
const RECORDED_MAX: usize = 32;

/// The misconfigurations of a run, each once.
#[derive(Default)]
pub(crate) struct Misconfigurations(BTreeSet<Misconfiguration>);

impl Misconfigurations {
    /// Records one.
    pub(crate) fn record(&mut self, misconfiguration: Misconfiguration) {
        if self.0.len() < RECORDED_MAX {
            self.0.insert(misconfiguration);
        }
    }

    /// All of them, in order.
    pub(crate) fn all(&self) -> Vec<Misconfiguration> {
        self.0.iter().cloned().collect()
    }
}
