//! The disk after a power loss: names, appended bytes, and a real database's commits over thousands of losses.
//! Stores that acknowledge too early are in `careless_store`. The unit tests of the disk have its rules.

use crate::harness::{Module, campaigns};
use crate::time::secs;
use afterlife::{Fault, Group, Ledger, Sim, Trigger};
use rand::RngExt;
use redb::{Database, ReadableDatabase, ReadableTable, TableDefinition};
use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::path::Path;
use std::thread::sleep;
use std::time::Duration;

pub(crate) fn module() -> Module {
    Module::campaigns(campaigns![
        a_rename_without_a_directory_sync_is_sometimes_lost: 40,
        a_rename_with_a_directory_sync_is_never_lost: 100,
        an_unsynced_append_is_kept_lost_or_torn_between_sectors: 60,
        a_power_loss_strikes_at_exactly_its_edge: 20,
        redb_keeps_every_commit_over_a_hundred_power_losses: 6,
    ])
}

/// A power loss of a microsecond.
fn loss(store: Group, trigger: Trigger, sim: &mut Sim) {
    sim.inject(trigger, Fault::power_loss(store.node(0), Duration::from_micros(1)));
}

fn clock(sim: &mut Sim, time: Duration) {
    sim.client_main("clock", move |_| {
        sleep(time);
        0
    });
}

fn sync(path: &str) {
    File::open(path).and_then(|file| file.sync_all()).expect("the disk works");
}

/// Replaces a file as careful programs do, with or without a sync of its directory, and loses power right after.
fn replaces(sim: &mut Sim, syncs_directory: bool, lost: Ledger<bool>) {
    let store = sim.node_main("store", move |node| {
        if node.incarnation() == 1 {
            fs::create_dir("/data").and_then(|()| fs::write("/data/config", "old")).expect("the disk is empty");
            ["/data/config", "/data", "/"].into_iter().for_each(sync);
            fs::write("/data/new", "new").expect("the disk works");
            sync("/data/new");
            fs::rename("/data/new", "/data/config").expect("it is there");
            if syncs_directory {
                sync("/data");
            }
        } else {
            let config = fs::read_to_string("/data/config").expect("a rename takes no name away");
            assert!(config == "old" || config == "new", "{config:?}");
            assert!(config == "old" || !Path::new("/data/new").exists(), "one file has one name");
            lost.note(config == "old");
        }
        sleep(secs(1_000));
        0
    });
    loss(store, Trigger::at(secs(1)), sim);
    clock(sim, secs(2));
    sim.eventually("somebody looked", secs(1), move |_| !lost.is_empty());
}

fn a_rename_without_a_directory_sync_is_sometimes_lost(sim: &mut Sim) {
    let lost = sim.ledger::<bool>("lost");
    replaces(sim, false, lost);
    sim.sometimes("the rename is lost", move |_| lost.contains(&true));
    sim.sometimes("the rename is kept", move |_| lost.contains(&false));
}

fn a_rename_with_a_directory_sync_is_never_lost(sim: &mut Sim) {
    let lost = sim.ledger::<bool>("lost");
    replaces(sim, true, lost);
    sim.always("the rename is kept", move |_| !lost.contains(&true));
}

fn an_unsynced_append_is_kept_lost_or_torn_between_sectors(sim: &mut Sim) {
    let left = sim.ledger::<usize>("left of the last append");
    let store = sim.node_main("store", move |node| {
        let mut log = OpenOptions::new().append(true).create(true).open("/log").expect("the disk works");
        if node.incarnation() == 1 {
            log.write_all(&[b's'; 512]).and_then(|()| log.sync_all()).expect("the disk works");
            sync("/");
            log.write_all(&[b'u'; 2_048]).expect("the disk works");
        } else {
            let content = fs::read("/log").expect("its name was synced");
            let kept = content.iter().skip(512).take_while(|byte| **byte == b'u').count();
            assert_eq!(content[..512], [b's'; 512], "what was synced is there");
            assert!(content[512 + kept..].iter().all(|byte| *byte == 0), "what is not there reads as zero");
            assert_eq!(kept % 512, 0, "a sector is written or not");
            left.note(kept);
        }
        sleep(secs(1_000));
        0
    });
    loss(store, Trigger::at(secs(1)), sim);
    clock(sim, secs(2));
    sim.sometimes("it is lost", move |_| left.contains(&0));
    sim.sometimes("it is kept", move |_| left.contains(&2_048));
    sim.sometimes("it is torn", move |_| left.contains(&512) || left.contains(&1_024) || left.contains(&1_536));
}

fn a_power_loss_strikes_at_exactly_its_edge(sim: &mut Sim) {
    let found = sim.ledger::<String>("found");
    let store = sim.node_main("store", move |node| {
        if node.incarnation() == 1 {
            fs::write("/log", "one").expect("the disk works");
            ["/log", "/"].into_iter().for_each(sync);
            fs::write("/log", "two").expect("the disk works");
            sync("/log");
            fs::write("/log", "six").expect("the disk works");
            unreachable!("its power is gone by now");
        }
        found.note(fs::read_to_string("/log").expect("it was synced"));
        sleep(secs(1_000));
        0
    });
    loss(store, Trigger::on(store.node(0), "sync /log", 2, Duration::ZERO), sim);
    clock(sim, secs(2));
    sim.eventually("the second is there", secs(1), move |_| found.contains(&"two".to_owned()));
}

// -- redb

/// Losses in one run. The first incarnation is the most expensive part of a run, so many losses share one.
const LOSSES: usize = 100;

/// Rows that the table keeps, so that pages are freed and reused.
const ROWS: u64 = 40;

const NUMBERS: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("numbers");

fn content(number: u64) -> Vec<u8> {
    vec![number as u8; 100 + (number as usize * 37) % 3_000]
}

fn open() -> Result<Database, redb::Error> {
    // An incarnation that loses its power frees no memory, and a hundred of them share a run: the cache is small.
    Ok(Database::builder().set_cache_size(1 << 18).create("/var/lib/numbers.redb")?)
}

/// Opens the database, compares it with the commits that were acknowledged, and commits on without a pause.
fn commits(begun: Ledger<u64>, committed: Ledger<u64>, cut: Ledger<u64>) -> Result<(), redb::Error> {
    let database = open()?;
    let write = database.begin_write()?;
    write.open_table(NUMBERS)?;
    write.commit()?;
    // redb syncs its file but not the directory entry, and it refuses a file that was cut between the two syncs of its creation.
    // A careful user syncs the directory before the first use. No power is lost before that.
    sync("/var/lib");
    let acked = committed.len();
    let table = database.begin_read()?.open_table(NUMBERS)?;
    let next = table.last()?.map_or(0, |(number, _)| number.value() + 1);
    assert!(next == acked || next == acked + 1, "{acked} commits were acknowledged, and {next} exist");
    let mut expected = next.saturating_sub(ROWS);
    for row in table.iter()? {
        let (number, bytes) = row?;
        assert_eq!(number.value(), expected, "each commit is there whole or not at all");
        assert_eq!(bytes.value(), content(expected));
        expected += 1;
    }
    assert_eq!(expected, next);
    drop(table);
    if begun.len() > acked {
        cut.note(cut.len());
    }
    if next > acked {
        committed.note(acked); // it was committed, but its writer died before it could note that
    }
    while begun.len() < next {
        begun.note(begun.len());
    }
    for number in next.. {
        if begun.len() == number {
            begun.note(number);
        }
        let write = database.begin_write()?;
        let mut table = write.open_table(NUMBERS)?;
        table.insert(number, content(number).as_slice())?;
        if let Some(old) = number.checked_sub(ROWS) {
            table.remove(old)?;
        }
        drop(table);
        write.commit()?;
        committed.note(number);
    }
    Ok(())
}

/// A hundred losses per run. `AFTERLIFE_SEEDS=0..100` makes ten thousand, in 200 s of processor time without optimisation.
fn redb_keeps_every_commit_over_a_hundred_power_losses(sim: &mut Sim) {
    let begun = sim.ledger::<u64>("begun");
    let committed = sim.ledger::<u64>("committed");
    let cut = sim.ledger::<u64>("cut");
    let store = sim.node_main("store", move |_| {
        commits(begun, committed, cut).unwrap_or_else(|error| panic!("redb: {error}"));
        0
    });
    let mut moments = sim.rng();
    let mut moment = secs(1);
    for _ in 0..LOSSES {
        moment += Duration::from_nanos(moments.random_range(1_000..20_000_000));
        loss(store, Trigger::at(moment), sim);
    }
    clock(sim, moment + Duration::from_millis(50));
    sim.eventually("most losses were in mid-transaction", secs(1), move |_| cut.len() > LOSSES as u64 * 8 / 10);
}
