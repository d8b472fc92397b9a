//! A scenario, as a program offers it: a function with a name and its metadata.

use crate::model::build::Build;
use crate::model::engine::Engine;
use crate::scenario::description::Description;
use crate::scenario::sim::Sim;
use crate::scenario::variant::Variant;

/// A scenario: a function that describes a run, with a name and metadata. Give scenarios to [`main`](crate::main).
#[derive(Clone, Copy, Debug)]
pub struct Scenario {
    name: &'static str,
    about: &'static str,
    builds: &'static [Build],
    seeds: u64,
    issue: &'static str,
    breaks: &'static [(Build, &'static str)],
    variants: &'static [Variant],
    opt_in: bool,
    portable: bool,
    script: fn(&mut Sim),
}

impl Scenario {
    /// A scenario with this name and function. The name is used on the command line and in tokens.
    pub const fn new(name: &'static str, script: fn(&mut Sim)) -> Self {
        Self {
            name,
            about: "",
            builds: &[Build::DEFAULT],
            seeds: 1_000,
            issue: "",
            breaks: &[],
            variants: &[],
            opt_in: false,
            portable: false,
            script,
        }
    }

    /// The name, as used on the command line and in tokens.
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// Describes it in one line, for the command `list`.
    pub const fn about(self, about: &'static str) -> Self {
        Self { about, ..self }
    }

    /// Declares its builds, the default one first. A scenario that declares none has [`Build::DEFAULT`].
    ///
    /// # Panics
    /// If there is none.
    pub const fn builds(self, builds: &'static [Build]) -> Self {
        assert!(!builds.is_empty(), "a scenario has at least one build");
        Self { builds, ..self }
    }

    /// Sets the number of runs of a campaign. The default is 1000.
    pub const fn seeds(self, seeds: u64) -> Self {
        Self { seeds, ..self }
    }

    /// Names the upstream issue that it models.
    pub const fn issue(self, issue: &'static str) -> Self {
        Self { issue, ..self }
    }

    /// Names the builds that must break in the main job, each with the invariant that it breaks. The others must hold.
    pub const fn breaks(self, breaks: &'static [(Build, &'static str)]) -> Self {
        Self { breaks, ..self }
    }

    /// Lists the known ways in which its builds break, for the table of the command `variants`.
    pub const fn variants(self, variants: &'static [Variant]) -> Self {
        Self { variants, ..self }
    }

    /// Leaves the scenario out of the main job: it runs only when it is named, and at night.
    pub const fn opt_in(self) -> Self {
        Self { opt_in: true, ..self }
    }

    /// Declares that its code uses network, time and tasks through [`rt`](crate::rt) alone, so that it runs on the engine that the
    /// program was built for. Any other scenario runs on the native engine.
    pub const fn portable(self) -> Self {
        Self { portable: true, ..self }
    }

    /// The engine on which it runs in this program.
    pub fn engine(&self) -> Engine {
        if self.portable { Engine::PORTABLE } else { Engine::Native }
    }

    /// The one-line description; empty if it has none.
    pub(crate) fn summary(&self) -> &'static str {
        self.about
    }

    /// The builds that it declares, the default one first.
    pub(crate) fn declared_builds(&self) -> &'static [Build] {
        self.builds
    }

    /// The number of runs of a whole campaign.
    pub(crate) fn seed_count(&self) -> u64 {
        self.seeds
    }

    /// The upstream issue; empty if it models none.
    pub(crate) fn upstream_issue(&self) -> &'static str {
        self.issue
    }

    /// The known ways in which its builds break.
    pub(crate) fn known_variants(&self) -> &'static [Variant] {
        self.variants
    }

    /// Returns whether the main job leaves it out.
    pub(crate) fn is_opt_in(&self) -> bool {
        self.opt_in
    }

    /// The run of a build and a seed, as the scenario's function describes it.
    ///
    /// # Errors
    /// When the function asks for something that does not exist or that the engine does not support.
    pub(crate) fn describe(&self, build: Build, seed: u64) -> Result<Description, String> {
        let mut sim = Sim::on(self.engine(), build, seed);
        (self.script)(&mut sim);
        sim.into_description()
    }

    /// The build that runs unless a command names one: the first that the scenario declares.
    pub(crate) fn default_build(&self) -> Build {
        self.builds[0]
    }

    /// The invariant that a build must break in the main job, if any.
    pub(crate) fn breaks_on(&self, build: Build) -> Option<&'static str> {
        self.breaks.iter().find(|(of, _)| *of == build).map(|(_, invariant)| *invariant)
    }
}
