//! A way to break that is known and looked past, and what is behind it.

use super::own::{holds, resource, signature};
use crate::time::{ms, secs};
use afterlife::{Sim, probe};

pub(crate) fn a_known_use(sim: &mut Sim) {
    sim.look_past("no-use-after-teardown", &["metadata-db", "apply 41"]);
    resource(sim, ms(1_010));
}

pub(crate) fn behind_a_known_use(sim: &mut Sim) {
    a_known_use(sim);
    sim.node("closer", |_| async {
        let channel = probe::Channel::open("stopc");
        channel.told();
        tokio::time::sleep(secs(2)).await;
        channel.close();
        channel.close();
        Ok(())
    });
}

pub(crate) fn what_is_known_is_looked_past() {
    holds("a_known_use");
    assert!(signature("behind_a_known_use").starts_with("close-once · stopc"));
}
