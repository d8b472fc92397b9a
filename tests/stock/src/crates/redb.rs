//! redb on the virtual disk, behind a TCP server: acknowledged commits survive kills and power losses.

use crate::faults::{early, kills_and_link_faults, ms, must_succeed, secs};
use crate::row::{Row, Verdict};
use afterlife::{Faults, NodeResult, Sim};
use redb::{Database, ReadableDatabase, TableDefinition};
use std::fs::{File, create_dir_all};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{sleep, timeout};

pub(crate) const ROW: Row = Row {
    name: "redb",
    crates: &["redb"],
    does: "a store behind a TCP server, with commits on the blocking pool; kills and power losses in mid-transaction",
    verdict: Verdict::Runs(
        "redb syncs its file and not the directory entry: sync the folder after creating a database",
    ),
    seeds: 30,
    script,
};

/// Added to a key to look it up without a commit.
const LOOK: u64 = 1 << 32;
const MISSING: u64 = u64::MAX;

const ROWS: TableDefinition<'_, u64, u64> = TableDefinition::new("rows");

async fn serve() -> NodeResult {
    create_dir_all("/data")?;
    let database = Database::create("/data/rows.redb")?;
    File::open("/data")?.sync_all()?;
    File::open("/")?.sync_all()?;
    let database = std::sync::Arc::new(database);
    let listener = TcpListener::bind("0.0.0.0:7000").await?;
    loop {
        let (mut stream, _) = listener.accept().await?;
        let database = database.clone();
        tokio::spawn(async move {
            while let Ok(key) = stream.read_u64().await {
                let database = database.clone();
                let commit = move || {
                    if key < LOOK {
                        let write = database.begin_write()?;
                        write.open_table(ROWS)?.insert(key, key * key)?;
                        write.commit()?;
                    }
                    let read = database.begin_read()?.open_table(ROWS)?.get(key % LOOK)?;
                    Ok::<_, redb::Error>(read.map_or(MISSING, |row| row.value()))
                };
                let square =
                    tokio::task::spawn_blocking(commit).await.expect("no commit panics").expect("no disk fails");
                if stream.write_u64(square).await.is_err() {
                    break;
                }
            }
        });
    }
}

/// Commits over one connection for as long as it lasts.
async fn push(next: &mut u64, acked: afterlife::Ledger<u64>) -> std::io::Result<()> {
    let mut stream = TcpStream::connect("store:7000").await?;
    while *next < 50 {
        stream.write_u64(*next).await?;
        let square = timeout(secs(2), stream.read_u64()).await??;
        assert_eq!(square, *next * *next);
        acked.note(*next);
        *next += 1;
        sleep(ms(100)).await;
    }
    Ok(())
}

fn script(sim: &mut Sim) {
    let acked = sim.ledger::<u64>("acknowledged");
    let found = sim.ledger::<u64>("found");
    let store = sim.node("store", |_| must_succeed(serve()));
    let client = sim.client("client", move |_| async move {
        let mut next = 0;
        while next < 50 {
            if push(&mut next, acked).await.is_err() {
                sleep(ms(100)).await;
            }
        }
        Ok(())
    });
    sim.verifier("verifier", move |_| async move {
        // The last fault may have ended the store a moment ago.
        let mut stream = loop {
            match TcpStream::connect("store:7000").await {
                Ok(stream) => break stream,
                Err(_) => tokio::time::sleep(ms(100)).await,
            }
        };
        for key in 0..50 {
            stream.write_u64(LOOK + key).await?;
            match stream.read_u64().await? {
                MISSING => {}
                square => {
                    assert_eq!(square, key * key);
                    found.note(key);
                }
            }
        }
        found.complete();
        Ok(())
    });
    kills_and_link_faults(sim, store, client);
    sim.faults(store, early(Faults::none().power_losses()));
    sim.nothing_acked_is_lost(acked, found);
}
