//! tempfile: a file that is written under a temporary name and then renamed, so that readers see it whole.

use crate::faults::{kills_and_power_losses, ms, must_succeed, secs};
use crate::row::{Row, Verdict};
use afterlife::{Ledger, Node, NodeResult, Sim};
use std::fs::{File, create_dir_all, read_dir, read_to_string};
use std::io::Write;
use tempfile::NamedTempFile;
use tokio::time::sleep;

pub(crate) const ROW: Row = Row {
    name: "tempfile",
    crates: &["tempfile", "rustix"],
    does: "a counter in a file that is replaced atomically, by `persist` and syncs of file and folder; kills and power losses",
    verdict: Verdict::Runs("rustix makes raw system calls unless its feature `use-libc` is enabled, as it is here"),
    seeds: 30,
    script,
};

async fn count(node: Node, reached: Ledger<u64>, left: Ledger<(u16, usize)>) -> NodeResult {
    create_dir_all("/state")?;
    File::open("/")?.sync_all()?;
    left.note((node.incarnation(), read_dir("/state")?.count()));
    let text = read_to_string("/state/counter").unwrap_or_default();
    let mut next =
        text.trim_end().rsplit(' ').next().and_then(|number| number.parse().ok()).map_or(0, |reached: u64| reached + 1);
    assert!(!reached.contains(&next), "{next} was reached and is missing: {text:?}");
    loop {
        let mut file = NamedTempFile::new_in("/state")?;
        write!(file, "{}{next}", "the counter is at ".repeat(100))?;
        file.as_file().sync_all()?;
        file.persist("/state/counter")?;
        File::open("/state")?.sync_all()?;
        reached.note(next);
        next += 1;
        sleep(ms(40)).await;
    }
}

fn script(sim: &mut Sim) {
    let reached = sim.ledger::<u64>("reached");
    let left = sim.ledger::<(u16, usize)>("files found by an incarnation");
    let counter = sim.node("counter", move |node| must_succeed(count(node, reached, left)));
    sim.client("clock", |_| async {
        sleep(secs(8)).await;
        Ok(())
    });
    kills_and_power_losses(sim, counter);
    sim.sometimes("the counter grows large", move |_| reached.len() > 150);
    sim.sometimes("a third incarnation finds the counter", move |_| left.contains(&(3, 1)));
}
