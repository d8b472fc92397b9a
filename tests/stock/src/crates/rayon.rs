//! rayon, in a pool per node: a server that sorts and sums its clients' numbers on four threads.

use crate::faults::{kills_and_link_faults, ms, must_succeed, secs};
use crate::row::{Row, Verdict};
use afterlife::{NodeResult, Sim};
use rayon::prelude::*;
use std::sync::Arc;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::time::{sleep, timeout};

pub(crate) const ROW: Row = Row {
    name: "rayon",
    crates: &["rayon"],
    does: "a pool for each node, which sorts and folds in parallel for two clients",
    verdict: Verdict::Runs("build a pool for each node: the global pool is a static, which nodes would share"),
    seeds: 30,
    script,
};

/// A number that depends on the order of all others, computed by work that splits.
pub(super) fn digest(seed: u64) -> u64 {
    let mut numbers: Vec<u64> =
        (0..2_000).into_par_iter().map(|index: u64| (index ^ seed).wrapping_mul(0x9E37_79B9)).collect();
    numbers.par_sort_unstable();
    let (low, high) =
        rayon::join(|| numbers[..1_000].par_iter().sum::<u64>(), || numbers[1_000..].par_iter().max().copied());
    low ^ high.unwrap_or_default()
}

async fn serve() -> NodeResult {
    let pool = Arc::new(rayon::ThreadPoolBuilder::new().num_threads(4).build()?);
    let listener = TcpListener::bind("0.0.0.0:7000").await?;
    loop {
        let (mut stream, _) = listener.accept().await?;
        let pool = pool.clone();
        tokio::spawn(async move {
            while let Ok(seed) = stream.read_u64().await {
                let (answer, answered) = oneshot::channel();
                pool.spawn(move || {
                    let _ = answer.send(digest(seed));
                });
                let Ok(digest) = answered.await else { break };
                if stream.write_u64(digest).await.is_err() {
                    break;
                }
            }
        });
    }
}

/// The result of `digest`, computed on one thread.
fn expected(seed: u64) -> u64 {
    let mut numbers: Vec<u64> = (0..2_000).map(|index: u64| (index ^ seed).wrapping_mul(0x9E37_79B9)).collect();
    numbers.sort_unstable();
    numbers[..1_000].iter().sum::<u64>() ^ numbers[1_999]
}

fn script(sim: &mut Sim) {
    let answered = sim.ledger::<u64>("answered");
    let broken = sim.ledger::<u64>("connections that broke");
    let server = sim.node("server", |_| must_succeed(serve()));
    let clients = [0, 1_000].map(|first| {
        sim.client(&format!("client-{first}"), move |_| async move {
            let mut next = first;
            while next < first + 20 {
                let Ok(Ok(mut stream)) = timeout(secs(1), TcpStream::connect("server:7000")).await else {
                    sleep(ms(100)).await;
                    continue;
                };
                while next < first + 20 {
                    let answer = async {
                        stream.write_u64(next).await?;
                        stream.read_u64().await
                    };
                    let Ok(Ok(digest)) = timeout(secs(1), answer).await else { break };
                    assert_eq!(digest, expected(next));
                    answered.note(next);
                    next += 1;
                    sleep(ms(300)).await;
                }
                broken.note(next);
            }
            Ok(())
        })
    });
    kills_and_link_faults(sim, server, clients[0].and(clients[1]));
    sim.eventually("every sum is answered, and correct", secs(60), move |_| answered.len() >= 40);
    sim.sometimes("a connection breaks", move |_| broken.len() > 2);
}
