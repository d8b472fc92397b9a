//! A scenario as a runner offers it: a function with a name, and what else is known of it.

use crate::model::build::Build;
use crate::model::engine::Engine;
use crate::scenario::sim::Sim;
use crate::scenario::variant::Variant;

/// A scenario by name: what a runner offers.
#[derive(Clone, Copy, Debug)]
pub struct Scenario {
    pub(crate) name: &'static str,
    pub(crate) about: &'static str,
    pub(crate) builds: &'static [Build],
    pub(crate) seeds: u64,
    pub(crate) issue: &'static str,
    pub(crate) breaks: &'static [(Build, &'static str)],
    pub(crate) variants: &'static [Variant],
    pub(crate) apart: bool,
    pub(crate) portable: bool,
    pub(crate) script: fn(&mut Sim),
}

impl Scenario {
    /// A scenario with one build, whose function writes it down. The name stands on the command line and in tokens.
    pub const fn new(name: &'static str, script: fn(&mut Sim)) -> Self {
        Self {
            name,
            about: "",
            builds: &[Build::Sound],
            seeds: 1_000,
            issue: "",
            breaks: &[],
            variants: &[],
            apart: false,
            portable: false,
            script,
        }
    }

    /// Its name on the command line and in tokens.
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// One line: what it is about.
    pub const fn about(self, about: &'static str) -> Self {
        Self { about, ..self }
    }

    /// The builds that it has.
    pub const fn builds(self, builds: &'static [Build]) -> Self {
        Self { builds, ..self }
    }

    /// How many runs a campaign makes unless it is told otherwise; 1000 unless said here.
    pub const fn seeds(self, seeds: u64) -> Self {
        Self { seeds, ..self }
    }

    /// The upstream issue that it models.
    pub const fn issue(self, issue: &'static str) -> Self {
        Self { issue, ..self }
    }

    /// Which builds the main job must see break, and on which invariant; the others must hold.
    pub const fn breaks(self, breaks: &'static [(Build, &'static str)]) -> Self {
        Self { breaks, ..self }
    }

    /// The ways in which its builds are known to break, for the table that the command `variants` makes.
    pub const fn variants(self, variants: &'static [Variant]) -> Self {
        Self { variants, ..self }
    }

    /// Leaves it out of the main job: it is run when it is named, and at night.
    pub const fn apart(self) -> Self {
        Self { apart: true, ..self }
    }

    /// Says that its code reaches network, time and tasks by [`rt`](crate::rt) alone: it runs on the engine that this program was
    /// built for. Any other runs on the native engine.
    pub const fn portable(self) -> Self {
        Self { portable: true, ..self }
    }

    /// The engine that runs it in this program.
    pub fn engine(&self) -> Engine {
        if self.portable { Engine::PORTABLE } else { Engine::Native }
    }

    /// The invariant on which a build is to break, if it is.
    pub(crate) fn breaks_on(&self, build: Build) -> Option<&'static str> {
        self.breaks.iter().find(|(of, _)| *of == build).map(|(_, invariant)| *invariant)
    }
}
