//! rusqlite with its bundled SQLite: C code on the virtual disk, with a rollback journal or a write-ahead log, and full
//! syncs.

use crate::faults::{kills_and_power_losses, ms, must_succeed, secs};
use crate::row::{Row, Verdict};
use afterlife::{Ledger, Node, NodeResult, Sim};
use rand::RngExt;
use rusqlite::{Connection, params};
use std::fs::{File, create_dir_all};
use tokio::time::sleep;

pub(crate) const ROW: Row = Row {
    name: "rusqlite",
    crates: &["rusqlite", "libsqlite3-sys"],
    does: "transfers between two accounts, with SQLite's rollback journal and full syncs; kills and power losses",
    verdict: Verdict::Runs(""),
    seeds: 30,
    script,
};

pub(crate) const WAL: Row = Row {
    name: "rusqlite-wal",
    crates: &["rusqlite", "libsqlite3-sys"],
    does: "the same in WAL mode, whose index is a shared mapping, with a second connection that reads; kills and power losses",
    verdict: Verdict::Runs(""),
    seeds: 30,
    script: script_with_log,
};

const TOTAL: i64 = 1_000;

async fn bank(node: Node, journal: &str, committed: Ledger<i64>, opened: Ledger<(u16, i64)>) -> NodeResult {
    create_dir_all("/var/bank")?;
    let mut db = Connection::open("/var/bank/accounts.db")?;
    // No other process has the database open. A lock could only be held by a dead one, so waiting for it is pointless.
    db.busy_timeout(std::time::Duration::ZERO)?;
    let mode: String = db.pragma_update_and_check(None, "journal_mode", journal, |row| row.get(0))?;
    assert_eq!(mode, journal);
    db.pragma_update(None, "synchronous", "EXTRA")?;
    db.execute_batch(
        "CREATE TABLE IF NOT EXISTS accounts (name TEXT PRIMARY KEY, money INTEGER NOT NULL);
         CREATE TABLE IF NOT EXISTS moves (number INTEGER PRIMARY KEY, amount INTEGER NOT NULL, note BLOB);",
    )?;
    db.execute("INSERT OR IGNORE INTO accounts VALUES ('ours', ?1), ('theirs', 0)", [TOTAL])?;
    // SQLite syncs its own folder with `EXTRA`. Syncing the folder's entry is up to the application.
    for folder in ["/var/bank", "/var", "/"] {
        File::open(folder)?.sync_all()?;
    }
    let check: String = db.query_row("PRAGMA integrity_check", (), |row| row.get(0))?;
    assert_eq!(check, "ok");
    let mut next: i64 = db.query_row("SELECT coalesce(max(number), 0) + 1 FROM moves", (), |row| row.get(0))?;
    assert!(!committed.contains(&next), "move {next} was committed and is missing");
    opened.note((node.incarnation(), next));
    let reader = Connection::open("/var/bank/accounts.db")?;
    let mut rng = node.rng();
    loop {
        let amount = rng.random_range(1..10);
        let transaction = db.transaction()?;
        transaction.execute("UPDATE accounts SET money = money - ?1 WHERE name = 'ours'", [amount])?;
        transaction.execute("UPDATE accounts SET money = money + ?1 WHERE name = 'theirs'", [amount])?;
        transaction.execute("INSERT INTO moves VALUES (?1, ?2, zeroblob(3000))", params![next, amount])?;
        transaction.commit()?;
        committed.note(next);
        next += 1;
        let total: i64 = reader.query_row("SELECT sum(money) FROM accounts", (), |row| row.get(0))?;
        let moved: i64 = db.query_row("SELECT sum(amount) FROM moves", (), |row| row.get(0))?;
        let theirs: i64 = db.query_row("SELECT money FROM accounts WHERE name = 'theirs'", (), |row| row.get(0))?;
        assert_eq!((total, moved), (TOTAL, theirs));
        sleep(ms(80)).await;
    }
}

fn script(sim: &mut Sim) {
    run(sim, "delete");
}

fn script_with_log(sim: &mut Sim) {
    run(sim, "wal");
}

fn run(sim: &mut Sim, journal: &'static str) {
    let committed = sim.ledger::<i64>("committed moves");
    let opened = sim.ledger::<(u16, i64)>("openings: incarnation, next move");
    let bank = sim.node("bank", move |node| must_succeed(bank(node, journal, committed, opened)));
    sim.client("clock", |_| async {
        sleep(secs(8)).await;
        Ok(())
    });
    kills_and_power_losses(sim, bank);
    sim.sometimes("many moves are committed", move |_| committed.len() > 60);
    sim.sometimes("a third incarnation finds moves", move |_| opened.len() > 2 && !committed.is_empty());
}
