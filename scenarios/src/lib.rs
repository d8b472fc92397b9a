//! Five production outages as scenarios: what happened, modelled structure by structure on real parts.
//! It is no part of the harness: it uses it as any other crate would.

pub mod canary;
pub mod coordinator;
pub mod datacenter;
pub mod line_protocol;
pub mod proxy;
pub mod raft_master;
mod release;
pub mod replica_loader;
pub mod tablet;

pub use afterlife::rt;

/// Every scenario, in the order in which the main job hunts them.
pub fn all() -> Vec<afterlife::Scenario> {
    let hunted = [
        canary::scenario(),
        coordinator::scenario(),
        tablet::scenario(),
        proxy::scenario(),
        replica_loader::scenario(),
        raft_master::scenario(),
        datacenter::scenario(),
    ];
    let apart = [raft_master::database_first(), raft_master::joined_under_lock()];
    let apart = apart.into_iter().chain(datacenter::one_at_a_time());
    hunted.into_iter().chain(apart.map(afterlife::Scenario::apart)).collect()
}
