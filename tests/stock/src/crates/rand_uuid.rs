//! rand and uuid: every draw of a node comes from the seed, and no two draws are the same.

use crate::faults::{kills_and_link_faults, ms, secs};
use crate::row::{Row, Verdict};
use afterlife::{NodeResult, Sim};
use rand::RngExt;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{sleep, timeout};
use uuid::Uuid;

pub(crate) const ROW: Row = Row {
    name: "rand-uuid",
    crates: &["rand", "uuid"],
    does: "identifiers of versions 4 and 7, random numbers and a hash map's order, drawn by three nodes in all of their incarnations",
    verdict: Verdict::Runs(
        "every random byte comes from the seed: the same in every process, different in every thread",
    ),
    seeds: 30,
    script,
};

/// Answers each connection with a random identifier, a time-based one, a number from the thread's own generator, and
/// the first key of a hash map.
async fn serve() -> NodeResult {
    let listener = TcpListener::bind("0.0.0.0:7000").await?;
    loop {
        let (mut stream, _) = listener.accept().await?;
        #[expect(clippy::disallowed_types, reason = "the test is about its order")]
        let order: std::collections::HashMap<u64, ()> = (0..1_000).map(|key| (key, ())).collect();
        let first = order.into_keys().next().unwrap_or_default();
        stream.write_all(Uuid::new_v4().as_bytes()).await?;
        stream.write_all(Uuid::now_v7().as_bytes()).await?;
        stream.write_u64(rand::random()).await?;
        stream.write_u64(first).await?;
    }
}

async fn draw(from: &str) -> std::io::Result<(Uuid, Uuid, u64, u64)> {
    let mut stream = TcpStream::connect(from).await?;
    let mut uuid = [0; 16];
    stream.read_exact(&mut uuid).await?;
    let random = Uuid::from_bytes(uuid);
    stream.read_exact(&mut uuid).await?;
    Ok((random, Uuid::from_bytes(uuid), stream.read_u64().await?, stream.read_u64().await?))
}

fn script(sim: &mut Sim) {
    let drawn = sim.ledger::<Uuid>("identifiers");
    let numbers = sim.ledger::<u64>("numbers");
    let firsts = sim.ledger::<u64>("first keys");
    let servers = sim.nodes("server", 3, |_| serve());
    let client = sim.client("client", move |_| async move {
        for _ in 0..80 {
            let from = format!("server-{}:7000", rand::rng().random_range(0..3));
            if let Ok(Ok((random, ordered, number, first))) = timeout(secs(1), draw(&from)).await {
                assert_eq!((random.get_version_num(), ordered.get_version_num()), (4, 7));
                drawn.note(random);
                drawn.note(ordered);
                numbers.note(number);
                firsts.note(first);
            }
            sleep(ms(80)).await;
        }
        Ok(())
    });
    kills_and_link_faults(sim, servers, client);
    sim.always("no identifier is drawn twice", move |_| drawn.has_no_duplicate());
    sim.always("no number is drawn twice", move |_| numbers.has_no_duplicate());
    sim.sometimes("all draws arrive", move |_| numbers.len() == 80);
    sim.sometimes("hash maps differ in their order", move |_| {
        firsts.len() > 50 && (0..1_000).filter(|key| firsts.contains(key)).count() > 40
    });
}
