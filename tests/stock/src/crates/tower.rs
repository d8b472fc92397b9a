//! tower: a stack of timeouts, retries, a concurrency limit and load shedding over a service that makes TCP requests.

use crate::faults::{kills_and_link_faults, ms, secs};
use crate::row::{Row, Verdict};
use afterlife::{Ledger, NodeResult, Sim};
use std::future::{Ready, ready};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::sleep;
use tower::retry::Policy;
use tower::{BoxError, Service, ServiceBuilder, ServiceExt, service_fn};

pub(crate) const ROW: Row = Row {
    name: "tower",
    crates: &["tower"],
    does: "buffer, retry, timeout, concurrency limit and load shedding in one stack over TCP requests",
    verdict: Verdict::Runs(""),
    seeds: 30,
    script,
};

/// Retries a few times.
#[derive(Clone)]
struct Attempts {
    left: u32,
    retried: Ledger<u64>,
}

impl Policy<u64, u64, BoxError> for Attempts {
    type Future = Ready<()>;

    fn retry(&mut self, request: &mut u64, result: &mut Result<u64, BoxError>) -> Option<Ready<()>> {
        if result.is_ok() || self.left == 0 {
            return None;
        }
        self.left -= 1;
        self.retried.note(*request);
        Some(ready(()))
    }

    fn clone_request(&mut self, request: &u64) -> Option<u64> {
        Some(*request)
    }
}

async fn double() -> NodeResult {
    let listener = TcpListener::bind("0.0.0.0:7000").await?;
    loop {
        let (mut stream, _) = listener.accept().await?;
        tokio::spawn(async move {
            let number = stream.read_u64().await?;
            sleep(ms(number % 200)).await;
            stream.write_u64(2 * number).await
        });
    }
}

async fn ask(number: u64) -> Result<u64, BoxError> {
    let mut stream = TcpStream::connect("server:7000").await?;
    stream.write_u64(number).await?;
    Ok(stream.read_u64().await?)
}

fn script(sim: &mut Sim) {
    let answered = sim.ledger::<u64>("answered");
    let retried = sim.ledger::<u64>("retried");
    let failed = sim.ledger::<String>("failed: why");
    let server = sim.node("server", |_| double());
    let client = sim.client("client", move |_| async move {
        let stack = ServiceBuilder::new()
            .buffer(8)
            .load_shed()
            .concurrency_limit(3)
            .retry(Attempts { left: 3, retried })
            .timeout(secs(1))
            .service(service_fn(ask));
        let mut asked = tokio::task::JoinSet::new();
        for number in 0..100 {
            let mut stack = stack.clone();
            asked.spawn(async move {
                match async { stack.ready().await?.call(number).await }.await {
                    Ok(twice) => {
                        assert_eq!(twice, 2 * number);
                        answered.note(number);
                    }
                    Err(error) if error.is::<tower::load_shed::error::Overloaded>() => failed.note("overloaded".into()),
                    Err(error) if error.is::<tower::timeout::error::Elapsed>() => failed.note("too late".into()),
                    Err(_) => failed.note("connection".into()),
                }
            });
            sleep(ms(70)).await;
        }
        while let Some(ended) = asked.join_next().await {
            ended?;
        }
        assert_eq!(answered.len() + failed.len(), 100);
        Ok(())
    });
    kills_and_link_faults(sim, server, client);
    sim.sometimes("nearly all requests are answered", move |_| answered.len() > 90);
    sim.sometimes("a request is retried", move |_| !retried.is_empty());
    sim.sometimes("a request is shed", move |_| failed.contains(&"overloaded".into()));
    sim.sometimes("a request takes too long", move |_| failed.contains(&"too late".into()));
    sim.sometimes("a connection fails for good", move |_| failed.contains(&"connection".into()));
}
