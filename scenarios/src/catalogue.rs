//! The built-in scenarios, in order. Scenarios that the engine of this build cannot run are left out.

use crate::{canary, coordinator};
#[cfg(not(any(feature = "turmoil", madsim)))]
use crate::{datacenter, proxy};
#[cfg(not(madsim))]
use crate::{raft_master, replica_loader, tablet};
use afterlife::{Engine, Scenario};

/// Every scenario, in the order in which the main job runs them.
pub fn all() -> Vec<Scenario> {
    let by_default = [
        canary::scenario(),
        coordinator::scenario(),
        #[cfg(not(madsim))]
        tablet::scenario(),
        #[cfg(not(any(feature = "turmoil", madsim)))]
        proxy::scenario(),
        #[cfg(not(madsim))]
        replica_loader::scenario(),
        #[cfg(not(madsim))]
        raft_master::scenario(),
        #[cfg(not(any(feature = "turmoil", madsim)))]
        datacenter::scenario(),
    ];
    // In a build for another engine, `rt`'s network is that engine's alone.
    let runs_here = |scenario: &Scenario| scenario.engine() == Engine::PORTABLE;
    by_default.into_iter().chain(by_name().into_iter().map(Scenario::opt_in)).filter(runs_here).collect()
}

/// The scenarios that run only when named, and at night.
fn by_name() -> Vec<Scenario> {
    #[cfg(not(madsim))]
    let scenarios = [raft_master::database_first(), raft_master::joined_under_lock()];
    #[cfg(madsim)]
    let scenarios = [];
    #[cfg(not(any(feature = "turmoil", madsim)))]
    let scenarios = scenarios.into_iter().chain(datacenter::one_at_a_time());
    scenarios.into_iter().collect()
}
