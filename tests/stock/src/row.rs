//! A row of the table: the crates, their use in the suite, and whether they run. `suite.rs` tests what a row claims.

use afterlife::{Scenario, Sim};

/// A row's result: the crates run, or they do not.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Verdict {
    /// Every claim holds under every seed. The text is what a user should know beside that, if anything.
    Runs(&'static str),
    /// The crates do not run: the run ends with a finding that contains these words.
    Refused {
        /// The reason.
        why: &'static str,
        /// Words of the finding.
        says: &'static str,
    },
}

/// One row.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Row {
    /// The scenario's name on the command line.
    pub(crate) name: &'static str,
    /// The crates' names on crates.io; none for the standard library.
    pub(crate) crates: &'static [&'static str],
    /// Their use in the suite.
    pub(crate) does: &'static str,
    /// The result that the suite expects.
    pub(crate) verdict: Verdict,
    /// The number of seeds that the suite runs.
    pub(crate) seeds: u64,
    /// The scenario.
    pub(crate) script: fn(&mut Sim),
}

impl Row {
    /// The row as a scenario.
    pub(crate) fn scenario(&self) -> Scenario {
        Scenario::new(self.name, self.script).about(self.does).seeds(self.seeds)
    }

    /// The row as JSON, for the suite.
    pub(crate) fn json(&self) -> serde_json::Value {
        let says = match self.verdict {
            Verdict::Runs(_) => None,
            Verdict::Refused { says, .. } => Some(says),
        };
        serde_json::json!({ "name": self.name, "seeds": self.seeds, "says": says })
    }
}
