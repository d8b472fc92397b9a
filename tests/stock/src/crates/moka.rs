//! moka: a cache with a time to live in front of a slow origin, which dies and returns.

use crate::faults::{kills_and_link_faults, ms, secs};
use crate::row::{Row, Verdict};
use afterlife::{Node, NodeResult, Sim};
use moka::future::Cache;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{Instant, sleep, timeout};

pub(crate) const ROW: Row = Row {
    name: "moka",
    crates: &["moka"],
    does: "a cache with a time to live and a capacity in front of an origin on another node; one load for many readers",
    verdict: Verdict::Runs("its locks are parking_lot's: see that row"),
    seeds: 30,
    script,
};

const LIVES_FOR: std::time::Duration = secs(1);

async fn origin(node: Node) -> NodeResult {
    let listener = TcpListener::bind("0.0.0.0:7000").await?;
    let mut version = u64::from(node.incarnation()) * 1_000;
    loop {
        let (mut stream, _) = listener.accept().await?;
        version += 1;
        tokio::spawn(async move {
            let key = stream.read_u64().await?;
            sleep(ms(20)).await;
            stream.write_u64(key * 1_000_000 + version).await
        });
    }
}

async fn load(key: u64) -> std::io::Result<u64> {
    let mut stream = TcpStream::connect("origin:7000").await?;
    stream.write_u64(key).await?;
    timeout(secs(1), stream.read_u64()).await?
}

fn script(sim: &mut Sim) {
    let loads = sim.ledger::<u64>("loads");
    let reads = sim.ledger::<u64>("reads");
    let failed = sim.ledger::<u64>("loads that failed");
    let origin = sim.node("origin", origin);
    let client = sim.client("client", move |_| async move {
        let cache = Cache::builder().max_capacity(8).time_to_live(LIVES_FOR).build();
        let mut readers = tokio::task::JoinSet::new();
        for reader in 0..4_u64 {
            let cache = cache.clone();
            readers.spawn(async move {
                let mut seen = [(0, Instant::now()); 10];
                for round in 0..100 {
                    let key = (reader + round) % 10;
                    let value = cache.try_get_with(key, async {
                        loads.note(key);
                        load(key).await
                    });
                    match value.await {
                        Ok(value) => {
                            assert_eq!(value / 1_000_000, key);
                            let (before, since) = seen[key as usize];
                            if before != value {
                                seen[key as usize] = (value, Instant::now());
                            } else {
                                assert!(since.elapsed() < LIVES_FOR + ms(100), "{key} is older than its time to live");
                            }
                            reads.note(key);
                        }
                        Err(_) => failed.note(key),
                    }
                    sleep(ms(60)).await;
                }
            });
        }
        while let Some(ended) = readers.join_next().await {
            ended?;
        }
        cache.run_pending_tasks().await;
        assert!(cache.entry_count() <= 8);
        Ok(())
    });
    sim.workers(client, 2);
    kills_and_link_faults(sim, origin, client);
    sim.sometimes("the cache answers most reads", move |_| reads.len() > 300 && loads.len() * 2 < reads.len());
    sim.sometimes("a load fails", move |_| !failed.is_empty());
}
