//! The options of a campaign, as data.

use crate::failure::regressions::Regression;
use crate::model::build::Build;
use crate::model::engine::Engine;
use crate::run::request::Request;
use crate::search::budget::Shard;
use afterlife_sim::choice::mix;
use std::ops::Range;
use std::time::Instant;

/// One run in this many is repeated. A repeat costs a run and the start of a process.
const REPEAT_ONE_IN: u64 = 100;

/// The options of a campaign: the scenario, its seeds, and the conditions that end it.
#[derive(Clone, Debug)]
pub struct CampaignOptions {
    /// The scenario's name.
    pub(crate) scenario: String,
    /// Its build.
    pub(crate) build: Build,
    /// The engine that runs it.
    pub(crate) engine: Engine,
    /// The seeds, in this order.
    pub(crate) seeds: Range<u64>,
    /// No run starts after this moment.
    pub(crate) until: Option<Instant>,
    /// The campaign ends after this many different failures.
    pub(crate) failures_max: usize,
    /// The campaign ends after a failure of this invariant.
    pub(crate) wanted: Option<&'static str>,
    /// Runs that broke once. They run first, and their findings are not shrunk.
    pub(crate) regressions: Vec<Regression>,
    /// The share of the seeds that this campaign runs.
    pub(crate) shard: Shard,
    /// The most replays that shrinking one finding may cost; 0 leaves plans as they were drawn.
    pub(crate) shrink: u64,
    /// The number of runs of a whole campaign. Fewer cannot show that a `sometimes` claim never holds.
    pub(crate) full: u64,
}

impl CampaignOptions {
    /// The scenario's name.
    pub fn scenario(&self) -> &str {
        &self.scenario
    }

    /// The scenario's build.
    pub fn build(&self) -> Build {
        self.build
    }

    /// The number of runs; `None` if time ends the campaign.
    pub fn runs(&self) -> Option<u64> {
        self.until.is_none().then(|| self.shard.count(&self.seeds))
    }

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

    /// The requests, in the order of the seeds, until the time is up.
    pub(super) fn requests(&self) -> impl Iterator<Item = Request> + Send {
        let on_time = |_: &u64| self.until.is_none_or(|until| Instant::now() < until);
        self.seeds.clone().filter(|seed| self.shard.has(*seed)).take_while(on_time).map(|seed| self.request(seed))
    }

    /// Returns whether the run of this seed is repeated in a fresh process, to check that it is deterministic. The answer depends
    /// on the seed alone, so that every campaign agrees.
    pub(super) fn is_repeated(seed: u64) -> bool {
        // The finaliser of splitmix64: neighbouring seeds must not form a pattern.
        mix(seed.wrapping_add(0x9e37_79b9_7f4a_7c15)).is_multiple_of(REPEAT_ONE_IN)
    }
}
