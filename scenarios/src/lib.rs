//! Five production outages as scenarios: what happened, modelled structure by structure on real parts.
//! It is no part of the harness: it uses it as any other crate would.

mod block_on;
pub mod canary;
pub mod coordinator;
// Its plain threads poll listeners of the system's own.
#[cfg(not(feature = "turmoil"))]
pub mod datacenter;
pub mod line_protocol;
mod listening;
#[cfg(not(feature = "turmoil"))]
pub mod proxy;
pub mod raft_master;
mod release;
pub mod replica_loader;
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
        tablet::scenario(),
        #[cfg(not(feature = "turmoil"))]
        proxy::scenario(),
        replica_loader::scenario(),
        raft_master::scenario(),
        #[cfg(not(feature = "turmoil"))]
        datacenter::scenario(),
    ];
    let apart = [raft_master::database_first(), raft_master::joined_under_lock()];
    #[cfg(not(feature = "turmoil"))]
    let apart = apart.into_iter().chain(datacenter::one_at_a_time());
    hunted.into_iter().chain(apart.map(afterlife::Scenario::apart)).collect()
}
