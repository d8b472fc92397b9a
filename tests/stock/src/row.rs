//! A row of the table: the crates, what they do here, and whether that runs.
//! What is claimed here is put to the test by `suite.rs`.

use afterlife::{Scenario, Sim};

/// Whether it runs.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Verdict {
    /// Every claim holds under every seed; and what a user must know beside that, if anything.
    Runs(&'static str),
    /// It does not run, and the room says so: in a finding that has these words in it.
    Refused {
        /// What is in its way.
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
    /// The crates, as crates.io knows them; none for what comes with Rust.
    pub(crate) crates: &'static [&'static str],
    /// What they do in the suite.
    pub(crate) does: &'static str,
    /// Whether that runs.
    pub(crate) verdict: Verdict,
    /// How many seeds the suite tries.
    pub(crate) seeds: u64,
    /// The scenario.
    pub(crate) script: fn(&mut Sim),
}

impl Row {
    /// The row as a scenario.
    pub(crate) fn scenario(&self) -> Scenario {
        Scenario::new(self.name, self.script).about(self.does).seeds(self.seeds)
    }

    /// The row as the suite reads it.
    pub(crate) fn json(&self) -> serde_json::Value {
        let says = match self.verdict {
            Verdict::Runs(_) => None,
            Verdict::Refused { says, .. } => Some(says),
        };
        serde_json::json!({ "name": self.name, "seeds": self.seeds, "says": says })
    }
}
