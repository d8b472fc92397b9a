//! rayon's global pool: a static, so its threads belong to the first process that uses it and die with it.

use super::rayon::digest;
use crate::faults::{early, ms, secs};
use crate::row::{Row, Verdict};
use afterlife::{Faults, Sim};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::sleep;

pub(crate) const ROW: Row = Row {
    name: "rayon-global-pool",
    crates: &["rayon"],
    does: "the global pool in a server that is killed and restarted",
    verdict: Verdict::Refused {
        why: "the processes of a run share statics: the pool's threads belong to the first process that uses it, and die with it. Build a pool for each node",
        says: "client never ends its work",
    },
    seeds: 10,
    script,
};

fn script(sim: &mut Sim) {
    let server = sim.node("server", |_| async {
        let listener = TcpListener::bind("0.0.0.0:7000").await?;
        loop {
            let (mut stream, _) = listener.accept().await?;
            if let Ok(seed) = stream.read_u64().await {
                let _ = stream.write_u64(digest(seed)).await;
            }
        }
    });
    sim.client("client", |_| async {
        for round in 0..40 {
            let ask = async {
                let mut stream = TcpStream::connect("server:7000").await?;
                stream.write_u64(round).await?;
                stream.read_u64().await
            };
            let _: std::io::Result<u64> = ask.await;
            sleep(ms(150)).await;
        }
        Ok(())
    });
    sim.time_limit(secs(60));
    sim.faults(server, early(Faults::none().kills()));
    sim.sometimes("the server is killed and restarted", |view| view.restarts() > 0);
}
