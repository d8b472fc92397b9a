//! What strikes the systems of the suite: the same for each, unless its own file says otherwise.

use afterlife::{Faults, Group, Outcome, Sim};
use std::time::Duration;

/// Whole seconds.
pub(crate) const fn secs(secs: u64) -> Duration {
    Duration::from_secs(secs)
}

/// Whole milliseconds.
pub(crate) const fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

/// Faults of this kind between half a second and seven seconds, over soon.
pub(crate) fn soon(faults: Faults) -> Faults {
    faults.from(ms(500)).quiet_after(secs(7)).down(ms(50), secs(2))
}

/// Kills the servers; cuts, holds up and thins the links between them and their clients, and resets their connections.
pub(crate) fn kills_and_cuts(sim: &mut Sim, servers: Group, clients: Group) {
    sim.faults(servers, soon(Faults::none().kills()));
    let links = Faults::none().partitions().held_links(secs(2)).lossy_links(300, secs(4)).resets();
    sim.faults(servers.and(clients), soon(links));
    sim.sometimes("a server is killed and started again", |view| view.restarts() > 0);
}

/// Kills a store's process, and takes the power from its machine.
pub(crate) fn kills_and_power_losses(sim: &mut Sim, stores: Group) {
    sim.faults(stores, soon(Faults::none().kills().power_losses()));
    sim.sometimes("a store is killed and started again", |view| view.restarts() > 0);
}

/// A service that must not fail: an error would end its process quietly, a panic is told.
pub(crate) async fn sound(service: impl Future<Output = Outcome>) -> Outcome {
    if let Err(error) = service.await {
        panic!("it failed: {error}");
    }
    Ok(())
}
