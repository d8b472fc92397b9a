//! fjall, a log-structured store: it syncs its journal, and flushes and compacts in its own thread.

use crate::faults::{kills_and_power_losses, ms, must_succeed, secs};
use crate::row::{Row, Verdict};
use afterlife::{Ledger, Node, NodeResult, Sim};
use fjall::{Database, KeyspaceCreateOptions, PersistMode};
use tokio::time::sleep;

pub(crate) const ROW: Row = Row {
    name: "fjall",
    crates: &["fjall", "lsm-tree"],
    does: "a log-structured store with its own flush and compaction thread; kills and power losses",
    verdict: Verdict::Runs(
        "use `worker_threads(1)`: several workers hand compactions to each other in a loop without a system call, which is \
         reported as an endless loop; and fjall does not sync the directory entry of a new keyspace: sync `keyspaces` yourself",
    ),
    seeds: 30,
    script,
};

fn content(number: u64) -> Vec<u8> {
    vec![number as u8; 200 + (number as usize * 61) % 4_000]
}

async fn store(node: Node, persisted: Ledger<u64>, opened: Ledger<(u16, u64)>) -> NodeResult {
    std::fs::create_dir_all("/store")?;
    let database = Database::builder("/store/db").worker_threads(1).open()?;
    let rows = database.keyspace("rows", KeyspaceCreateOptions::default)?;
    for folder in ["/store/db/keyspaces", "/store/db", "/store", "/"] {
        std::fs::File::open(folder)?.sync_all()?;
    }
    let mut next = 0;
    for row in rows.iter() {
        let (key, value) = row.into_inner()?;
        assert_eq!(*key, next_key(next));
        assert_eq!(*value, content(next));
        next += 1;
    }
    assert!(!persisted.contains(&next), "row {next} was persisted and is missing");
    opened.note((node.incarnation(), next));
    loop {
        rows.insert(next_key(next), content(next))?;
        database.persist(PersistMode::SyncAll)?;
        persisted.note(next);
        next += 1;
        if next.is_multiple_of(10) {
            rows.rotate_memtable_and_wait()?;
        }
        sleep(ms(50)).await;
    }
}

fn next_key(number: u64) -> [u8; 8] {
    number.to_be_bytes()
}

fn script(sim: &mut Sim) {
    let persisted = sim.ledger::<u64>("persisted rows");
    let opened = sim.ledger::<(u16, u64)>("openings: incarnation, rows");
    let store = sim.node("store", move |node| must_succeed(store(node, persisted, opened)));
    sim.client("clock", |_| async {
        sleep(secs(8)).await;
        Ok(())
    });
    kills_and_power_losses(sim, store);
    sim.sometimes("many rows are persisted", move |_| persisted.len() > 80);
    sim.sometimes("a third incarnation finds rows", move |_| opened.len() > 2 && !persisted.is_empty());
}
