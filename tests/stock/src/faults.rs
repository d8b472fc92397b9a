//! The faults of the suite's systems, unless a system's own file says otherwise.

use afterlife::{Faults, Group, NodeResult, Sim};
use std::time::Duration;

/// Whole seconds.
pub(crate) const fn secs(secs: u64) -> Duration {
    Duration::from_secs(secs)
}

/// Whole milliseconds.
pub(crate) const fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

/// Limits faults to the time between 0.5 and 7 seconds.
pub(crate) fn early(faults: Faults) -> Faults {
    faults.starting_at(ms(500)).quiet_after(secs(7)).downtime(ms(50), secs(2))
}

/// Kills the servers. Partitions, holds and degrades the links between them and their clients, and resets their
/// connections.
pub(crate) fn kills_and_link_faults(sim: &mut Sim, servers: Group, clients: Group) {
    strike(sim, servers, clients, links().connection_resets());
}

/// The same without resets: each connection of these clients is open for a moment only, so that a reset meets none.
pub(crate) fn kills_and_faults_of_short_connections(sim: &mut Sim, servers: Group, clients: Group) {
    strike(sim, servers, clients, links());
}

fn links() -> Faults {
    Faults::none().partitions().held_links(secs(2)).lossy_links(300, secs(4))
}

fn strike(sim: &mut Sim, servers: Group, clients: Group, links: Faults) {
    sim.faults(servers, early(Faults::none().kills()));
    sim.faults(servers.and(clients), early(links));
    sim.sometimes("a server is killed and restarted", |view| view.restarts() > 0);
}

/// Kills a store's process, and cuts its machine's power.
pub(crate) fn kills_and_power_losses(sim: &mut Sim, stores: Group) {
    sim.faults(stores, early(Faults::none().kills().power_losses()));
    sim.sometimes("a store is killed and restarted", |view| view.restarts() > 0);
}

/// Runs a service that must not fail. An error would end its process quietly, while a panic is reported.
pub(crate) async fn must_succeed(service: impl Future<Output = NodeResult>) -> NodeResult {
    if let Err(error) = service.await {
        panic!("the service failed: {error}");
    }
    Ok(())
}
