//! A query host: each query has a callback for its workers' statuses until it ends.
//! Statuses may arrive late, and query ids are reused.

use crate::reach::reach;
use crate::time::{ms, short};
use afterlife::{Faults, Node, NodeResult, Sim, probe};
use rand::RngExt;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::sleep;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Flaw {
    /// Callbacks run under the lock that removes a query.
    None,
    /// A callback runs after its lookup, without the lock.
    LateCall,
    /// A query removes whatever is registered under its id.
    ForeignEntry,
}

const SUBMIT: u8 = 0;
const STATUS: u8 = 1;
const IDS: u8 = 3;

struct Query {
    progress: probe::Registration,
    entry: probe::Entry,
}

type Queries = BTreeMap<u8, Arc<Query>>;

struct Host {
    flaw: Flaw,
    queries: Mutex<Queries>,
}

impl Host {
    fn queries(&self) -> MutexGuard<'_, Queries> {
        self.queries.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn is_there(queries: &Queries, id: u8, query: &Arc<Query>) -> bool {
        queries.get(&id).is_some_and(|current| Arc::ptr_eq(current, query))
    }

    async fn run(self: Arc<Self>, id: u8, node: Node, number: u64) {
        let query =
            Query { progress: probe::Registration::new("progress", id), entry: probe::Entry::new("queries", id) };
        let query = Arc::new(query);
        self.queries().insert(id, query.clone());
        let mut rng = node.rng();
        let lengths: Vec<_> = (0..=number).map(|_| short(&mut rng, 60)).collect();
        sleep(lengths[number as usize]).await;
        let mut queries = self.queries();
        let own = Self::is_there(&queries, id, &query);
        probe::sometimes!(!own, "another query has the id by now");
        if own || self.flaw == Flaw::ForeignEntry {
            queries.remove(&id);
            query.entry.removed();
        }
        query.progress.deregister();
    }

    /// A status waits between the lookup of its query and the call.
    async fn status(self: Arc<Self>, id: u8) {
        let found = self.queries().get(&id).cloned();
        probe::sometimes!(found.is_none(), "a late status finds no query");
        let Some(query) = found else { return };
        sleep(ms(3)).await;
        let queries = self.queries();
        let own = Self::is_there(&queries, id, &query);
        probe::sometimes!(!own, "a query ends while a status of it waits");
        if own || self.flaw == Flaw::LateCall {
            drop(query.progress.fire());
        }
    }

    async fn hear(self: Arc<Self>, node: Node, mut stream: TcpStream) -> std::io::Result<()> {
        for number in 0.. {
            let (kind, id) = (stream.read_u8().await?, stream.read_u8().await?);
            match kind {
                SUBMIT => drop(tokio::spawn(self.clone().run(id, node, number))),
                _ => drop(tokio::spawn(self.clone().status(id))),
            }
        }
        Ok(())
    }
}

async fn send(node: Node, kind: u8, times: u32, gap: u64) -> NodeResult {
    let mut rng = node.rng();
    let mut stream = reach("host:7000").await;
    stream.set_nodelay(true)?;
    for _ in 0..times {
        stream.write_all(&[kind, rng.random_range(0..IDS)]).await?;
        sleep(short(&mut rng, gap)).await;
    }
    Ok(())
}

fn host(sim: &mut Sim, flaw: Flaw) {
    sim.latency(ms(1), ms(10));
    sim.node("host", move |node| async move {
        let host = Arc::new(Host { flaw, queries: Mutex::default() });
        let listener = TcpListener::bind("0.0.0.0:7000").await?;
        loop {
            let (stream, _) = listener.accept().await?;
            tokio::spawn(host.clone().hear(node, stream));
        }
    });
}

fn coordinator(sim: &mut Sim, flaw: Flaw) {
    host(sim, flaw);
    sim.client("front-end", |node| send(node, SUBMIT, 8, 30));
    sim.client("worker", |node| send(node, STATUS, 40, 10));
}

/// As in production: workers die, hang and are far away, so that statuses arrive long after their query has ended.
pub(crate) fn a_late_status_finds_no_coordinator(sim: &mut Sim) {
    host(sim, Flaw::None);
    let workers = sim.nodes("worker", 3, |node| async move {
        loop {
            let _lost = send(node, STATUS, 40, 20).await;
            sleep(ms(20)).await;
        }
    });
    sim.client("front-end", |node| async move {
        send(node, SUBMIT, 8, 60).await?;
        sleep(ms(300)).await;
        Ok(())
    });
    let faults =
        Faults::none().kills().pauses(ms(10), ms(100)).slow_links(ms(10), ms(200), ms(500)).held_links(ms(200));
    sim.faults(workers, faults.starting_at(ms(20)).quiet_after(ms(500)).downtime(ms(5), ms(50)));
}

pub(crate) fn a_status_is_reported_late(sim: &mut Sim) {
    coordinator(sim, Flaw::LateCall);
}

pub(crate) fn a_query_takes_out_anothers_entry(sim: &mut Sim) {
    coordinator(sim, Flaw::ForeignEntry);
}

pub(crate) fn queries_end_in_order(sim: &mut Sim) {
    coordinator(sim, Flaw::None);
}
