//! Five production outages as scenarios: what happened, modelled structure by structure on real parts.
//! It is no part of the harness: it uses it as any other crate would.

#[cfg(not(madsim))]
mod block_on;
pub mod canary;
pub mod coordinator;
// Its plain threads poll listeners of the system's own.
#[cfg(not(any(feature = "turmoil", madsim)))]
pub mod datacenter;
pub mod line_protocol;
// hyper and axum ask tokio for tasks, and those know no network of madsim's.
#[cfg(not(madsim))]
mod listening;
#[cfg(test)]
mod loopback;
#[cfg(not(any(feature = "turmoil", madsim)))]
pub mod proxy;
#[cfg(not(madsim))]
pub mod raft_master;
#[cfg(not(madsim))]
mod redb_file;
mod release;
#[cfg(not(madsim))]
pub mod replica_loader;
#[cfg(not(madsim))]
pub mod tablet;

pub use afterlife::rt;

/// One way in which a build is known to break, by parts of its signature or its sentence.
pub(crate) const fn variant(
    name: &'static str,
    build: afterlife::Build,
    about: &'static str,
    signature: &'static [&'static str],
) -> afterlife::Variant {
    afterlife::Variant { name, build, about, signature }
}

/// Every scenario, in the order in which the main job hunts them.
pub fn all() -> Vec<afterlife::Scenario> {
    let hunted = [
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
    // The network of `rt` is another engine's then, and no one else's.
    let is_here = |scenario: &afterlife::Scenario| scenario.engine() == afterlife::Engine::PORTABLE;
    hunted.into_iter().chain(apart().into_iter().map(afterlife::Scenario::apart)).filter(is_here).collect()
}

/// What is run when it is named, and at night.
fn apart() -> Vec<afterlife::Scenario> {
    #[cfg(not(madsim))]
    let apart = [raft_master::database_first(), raft_master::joined_under_lock()];
    #[cfg(madsim)]
    let apart = [];
    #[cfg(not(any(feature = "turmoil", madsim)))]
    let apart = apart.into_iter().chain(datacenter::one_at_a_time());
    apart.into_iter().collect()
}
