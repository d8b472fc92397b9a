//! redb, unmodified from crates.io, on the virtual disk: its commits survive every death.
//! The disk itself is tested in `files`.

use crate::harness::{Module, campaigns};
use afterlife::{Faults, Ledger, Node, NodeResult, Sim};
use redb::{Database, Durability, ReadableDatabase, ReadableTable, TableDefinition};
use std::time::Duration;

pub(crate) fn module() -> Module {
    Module::campaigns(campaigns![
        a_commit_survives_every_kill: 15,
        a_commit_survives_every_power_loss: 20,
        a_commit_survives_on_a_slow_disk: 10,
        a_database_is_opened_once_at_a_time: 3,
    ])
}

const NUMBERS: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("numbers");

fn content(number: u64) -> Vec<u8> {
    vec![number as u8; 100 + (number as usize * 37) % 3_000]
}

/// Opens the database, compares it with the commits that were acknowledged, and commits on.
async fn service(node: Node, durability: Durability, committed: Ledger<u64>, seen: Ledger<u64>) -> NodeResult {
    std::fs::create_dir_all("/var/lib/numbers")?;
    let database = Database::create("/var/lib/numbers/db.redb")?;
    let write = database.begin_write()?;
    write.open_table(NUMBERS)?;
    write.commit()?;
    // redb syncs its file but not the directory entry, which a power loss may therefore lose.
    for folder in ["/var/lib/numbers", "/var/lib"] {
        std::fs::File::open(folder)?.sync_all()?;
    }
    let mut next = 0;
    for row in database.begin_read()?.open_table(NUMBERS)?.iter()? {
        let (number, bytes) = row?;
        assert_eq!(number.value(), next, "rows are committed in order");
        assert_eq!(bytes.value(), content(next));
        next += 1;
    }
    assert!(!committed.contains(&next), "{next} was committed and is gone");
    if node.incarnation() > 1 {
        seen.note(next);
    }
    loop {
        let mut write = database.begin_write()?;
        write.set_durability(durability)?;
        write.open_table(NUMBERS)?.insert(next, content(next).as_slice())?;
        write.commit()?;
        committed.note(next);
        next += 1;
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

fn scenario(sim: &mut Sim, durability: Durability, faults: Faults) {
    let committed = sim.ledger::<u64>("committed");
    let seen = sim.ledger::<u64>("rows at a restart");
    let store = sim.node("store", move |node| service(node, durability, committed, seen));
    sim.client("clock", |_| async {
        tokio::time::sleep(Duration::from_secs(9)).await;
        Ok(())
    });
    let millisecond = Duration::from_millis(1);
    sim.faults(
        store,
        faults.starting_at(millisecond).quiet_after(Duration::from_secs(7)).downtime(millisecond, 500 * millisecond),
    );
    sim.sometimes("the database is opened again with rows in it", move |_| !seen.is_empty() && !seen.contains(&0));
}

fn a_commit_survives_every_kill(sim: &mut Sim) {
    scenario(sim, Durability::Immediate, Faults::none().kills());
}

fn a_commit_survives_every_power_loss(sim: &mut Sim) {
    scenario(sim, Durability::Immediate, Faults::none().power_losses().kills());
}

fn a_commit_survives_on_a_slow_disk(sim: &mut Sim) {
    let slow = Faults::none().power_losses().slow_disks(
        Duration::from_millis(5),
        Duration::from_millis(500),
        Duration::from_secs(3),
    );
    scenario(sim, Durability::Immediate, slow);
}

fn a_database_is_opened_once_at_a_time(sim: &mut Sim) {
    sim.client_main("client", |_| {
        let database = Database::create("/db.redb").expect("the disk works");
        let again = Database::create("/db.redb").map(drop);
        assert!(matches!(again, Err(redb::DatabaseError::DatabaseAlreadyOpen)), "{again:?}");
        drop(database);
        Database::create("/db.redb").expect("its lock went with it");
        0
    });
}
