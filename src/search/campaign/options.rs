//! What a campaign is to do, as data.
//! It does not do it.

use crate::failure::regressions::Regression;
use crate::model::build::Build;
use crate::model::engine::Engine;
use crate::run::request::Request;
use crate::search::budget::Shard;
use afterlife_sim::choice::mix;
use std::ops::Range;
use std::time::Instant;

/// One repeat in so many runs. Each costs a run and the start of a process.
const REPEAT_ONE_IN: u64 = 100;

/// What is run, how often, and when it stops.
#[derive(Clone, Debug)]
pub(crate) struct CampaignOptions {
    /// The scenario's name.
    pub(crate) scenario: String,
    /// Its build.
    pub(crate) build: Build,
    /// The engine that runs it.
    pub(crate) engine: Engine,
    /// The seeds, in this order.
    pub(crate) seeds: Range<u64>,
    /// After this moment no run is begun.
    pub(crate) until: Option<Instant>,
    /// Stop after so many different failures.
    pub(crate) failures_max: usize,
    /// Stop after a failure of this invariant, whatever else was found before.
    pub(crate) wanted: Option<&'static str>,
    /// Runs that broke once: they come first, and their findings are told as they are.
    pub(crate) regressions: Vec<Regression>,
    /// Of so many campaigns over the same seeds, which this one is, from 0.
    pub(crate) shard: Shard,
    /// How many replays the shrinking of one finding may cost; 0 tells plans as they were drawn.
    pub(crate) shrink: u64,
    /// How many runs the scenario's author takes for a whole campaign: fewer do not show that a `sometimes` claim
    /// never holds.
    pub(crate) full: u64,
}

impl CampaignOptions {
    /// The request for one seed. The plan is drawn where the run happens.
    pub(super) fn request(&self, seed: u64) -> Request {
        Request {
            scenario: self.scenario.clone(),
            build: self.build,
            engine: self.engine,
            seed,
            plan: None,
            record: false,
            stack_at: None,
            log: None,
            only_plan: false,
            until_ns: None,
        }
    }

    /// All requests. They end early when the time is over.
    pub(super) fn requests(&self) -> impl Iterator<Item = Request> + Send {
        let on_time = |_: &u64| self.until.is_none_or(|until| Instant::now() < until);
        self.seeds.clone().filter(|seed| self.shard.has(*seed)).take_while(on_time).map(|seed| self.request(seed))
    }

    /// How many runs that are, unless time ends them.
    pub(crate) fn runs(&self) -> u64 {
        self.shard.count(&self.seeds)
    }

    /// Whether the run of this seed is repeated in a fresh process, to see that it is the same run. It depends on
    /// nothing but the seed, so that every campaign over the seed agrees.
    pub(super) fn is_repeated(seed: u64) -> bool {
        // The finaliser of splitmix64: neighbouring seeds must not fall into one pattern.
        mix(seed.wrapping_add(0x9e37_79b9_7f4a_7c15)).is_multiple_of(REPEAT_ONE_IN)
    }
}
