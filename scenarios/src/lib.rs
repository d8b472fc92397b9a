//! Five production outages as scenarios: what happened, modelled structure by structure on real parts.
//! It is no part of the harness: it uses it as any other crate would.

pub mod canary;
pub mod coordinator;
pub mod line_protocol;
pub mod proxy;
pub mod raft_master;
pub mod replica_loader;
pub mod tablet;

pub use afterlife::rt;

/// Every scenario, in the order in which the main job hunts them.
pub fn all() -> Vec<afterlife::Scenario> {
    vec![
        canary::scenario(),
        raft_master::scenario(),
        raft_master::database_first(),
        raft_master::joined_under_lock(),
        proxy::scenario(),
        replica_loader::scenario(),
        coordinator::scenario(),
        tablet::scenario(),
    ]
}
