//! The coordinator's scenario: a server, workers, and clients whose queries end early, fail and reuse ids.
//! It uses only the system's entry points.

use super::client::{Then, ask};
use super::config::{ServerConfig, WorkerConfig};
use super::server::run_server;
use super::source::Generated;
use super::worker::run_worker;
use super::{build, variants};
use crate::line_protocol::{Answer, Lines, QueryError};
use crate::release::{BUILDS, PATCHED, SHIPPED, SOUND};
use crate::rt::time;
use afterlife::{Faults, Node, Rng, Scenario, Sim};
use rand::RngExt;
use std::sync::Arc;
use std::time::Duration;

/// The scenario, in its three builds.
pub fn scenario() -> Scenario {
    Scenario::new("coordinator", script)
        .about("ByConity: a late status calls back into a query that is over")
        .builds(&BUILDS)
        .seeds(2_000)
        .issue("ByConity/ByConity#1755")
        .breaks(&[(SHIPPED, CRASH), (PATCHED, LEFT)])
        .variants(variants::VARIANTS)
        .portable()
}

/// The reported crash: the query status is used after it has been freed.
const CRASH: &str = "no-use-after-teardown";
/// The crash that upstream's fix leaves: the connection's own callback runs after its query has ended.
const LEFT: &str = "no-callback-after-deregistration";

const WORKERS: usize = 3;
const CLIENTS: usize = 3;
/// The number of queries that each client sends.
const QUERIES: usize = 7;
/// The number of ids that several queries use, one after the other and at the same time.
const COMMON_IDS: usize = 2;
/// The number of rows in each partition.
const ROWS: u32 = 5;
/// The longest that a query may take under any fault: an exchange timeout, the wait for the root cause, and a margin.
const QUERY_LIMIT: Duration = Duration::from_secs(120);

crate::release::named_as!(build::Build);

fn config(build: build::Build) -> ServerConfig {
    let workers = (0..WORKERS).map(|index| format!("worker-{index}:8124")).collect();
    ServerConfig { partitions: 4, ..ServerConfig::new("coordinator", workers, build) }
}

/// Declares known issues. The first violation ends a run, and some defects of upstream's builds strike in nearly every run. So
/// half of their runs accept the frequent ones, and half of those also accept double counting, to find what lies behind. The
/// sound build accepts none.
fn known_issues(sim: &mut Sim, choice: u32) {
    if sim.build() == SOUND || choice > 1 {
        return;
    }
    sim.known_issue(CRASH, &["used-output"]);
    sim.known_issue(CRASH, &["affected-rows"]);
    sim.known_issue(LEFT, &["progress-callback"]);
    sim.known_issue("always", &["progress of one query never appears in another"]);
    if choice == 0 {
        sim.known_issue("always", &["a query counts only progress"]);
    }
}

fn script(sim: &mut Sim) {
    let build = build::Build::from(sim.build());
    // An application that reuses an id at once, regardless of the first query's outcome.
    let mut rng = sim.rng();
    let reuses_ids = rng.random_range(0..4) == 0;
    // An application whose failed instances are retried.
    let retries = rng.random_range(0..4) == 0;
    known_issues(sim, rng.random_range(0..4));
    let server = sim.node("coordinator", move |_| async move { Ok(run_server(config(build)).await?) });
    sim.workers(server, 2);
    let workers = sim.nodes("worker", WORKERS, move |_| async move {
        Ok(run_worker(WorkerConfig::new(build), Arc::new(Generated { rows: ROWS })).await?)
    });
    let overdue = sim.ledger::<String>("overdue queries");
    let incomplete = sim.ledger::<String>("incomplete answers");
    let complete = sim.ledger::<String>("complete answers");
    for index in 0..CLIENTS {
        sim.client(&format!("client-{index}"), move |node| async move {
            let mut client = Client { node, rng: node.rng(), lines: None, reuses_ids, retries };
            for number in 0..QUERIES {
                let asked = client.draw(number);
                let Ok(answered) = time::timeout(QUERY_LIMIT, client.ask(&asked)).await else {
                    overdue.note(asked.to_string());
                    return Ok(());
                };
                if let Ok(answer) = answered
                    && asked.then == Then::Wait
                {
                    if asked.is_answered_by(&answer) {
                        complete.note(asked.to_string())
                    } else {
                        incomplete.note(asked.to_string())
                    }
                }
            }
            Ok(())
        });
    }
    // A server with fewer processors than work: a thread that handles a worker's report is held on its way while others go on.
    sim.faults(
        server,
        Faults::none()
            .held_threads(Duration::from_secs(2))
            .held_at("call progress-callback", 60)
            .held_at("return progress-callback", 60)
            .held_at("use used-output", 60)
            .held_at("use affected-rows", 60)
            .starting_at(Duration::from_millis(100))
            .quiet_after(Duration::from_secs(5))
            .at_most(5),
    );
    sim.faults(
        server.and(workers),
        Faults::none()
            .kills()
            .partitions()
            .connection_resets()
            .slow_links(Duration::from_millis(20), Duration::from_millis(800), Duration::from_secs(3))
            .held_links(Duration::from_secs(2))
            .pauses(Duration::from_millis(20), Duration::from_secs(2))
            .starting_at(Duration::from_millis(100))
            .quiet_after(Duration::from_secs(5))
            .aimed_at("use query-status", 100)
            .aimed_at("close query-status", 15)
            .at_most(3),
    );
    sim.always("each query returns within its limit", move |_| overdue.is_empty());
    sim.always("every answer is complete", move |_| incomplete.is_empty());
    sim.sometimes("a full scan is answered", move |_| complete.any(|query| !query.contains("limit")));
    sim.sometimes("a worker or the server restarts", |view| view.restarts() > 0);
}

/// A running client.
struct Client {
    node: Node,
    rng: Rng,
    lines: Option<Lines>,
    reuses_ids: bool,
    retries: bool,
}

/// A drawn query.
#[derive(Debug)]
struct Query {
    id: String,
    text: String,
    then: Then,
    rows: usize,
}

impl std::fmt::Display for Query {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.id, self.text)
    }
}

impl Query {
    fn is_answered_by(&self, answer: &Answer) -> bool {
        let mut rows = answer.rows.clone();
        rows.sort_unstable();
        rows.dedup();
        rows.len() == self.rows && answer.rows.len() == self.rows
    }
}

impl Client {
    fn draw(&mut self, number: usize) -> Query {
        let rng = &mut self.rng;
        let id = match rng.random_range(0..5) {
            0..=2 if self.reuses_ids => "common-0".to_owned(),
            0 => format!("common-{}", rng.random_range(0..COMMON_IDS)),
            _ => format!("{}-{number}", self.node.name()),
        };
        // Two to six segments, most with two or three; up to eight instances, most with one to four.
        let tables = if rng.random_range(0..6) == 0 { rng.random_range(1..=5) } else { rng.random_range(1..=2) };
        let parallel = if rng.random_range(0..8) == 0 { 8 } else { rng.random_range(1..=4) };
        let names: Vec<String> = (0..tables).map(|table| format!("t{table}")).collect();
        let mut rows = tables * (4 * ROWS) as usize;
        let mut text = format!("select from {}", names.join(","));
        if rng.random_range(0..3) == 0 {
            let limit = rng.random_range(1..=rows);
            rows = rows.min(limit);
            text += &format!(" limit {limit}");
        }
        text += &format!(" settings parallel={parallel} user={}", self.node.name());
        if rng.random_range(0..2) == 0 {
            text += &format!(" priority={}", rng.random_range(1..=3));
        }
        if rng.random_range(0..3) == 0 {
            text += &format!(" progress_every_ms={}", [2, 5, 10][rng.random_range(0..3_usize)]);
        }
        if self.retries || rng.random_range(0..4) == 0 {
            text += " bsp_mode=1";
        }
        if rng.random_range(0..8) == 0 {
            text += &format!(" throw_in={}", rng.random_range(1..=tables));
        }
        let then = match rng.random_range(0..8) {
            0 => Then::CancelAfter(Duration::from_millis(rng.random_range(0..30))),
            1 => Then::LeaveAfter(Duration::from_millis(rng.random_range(0..30))),
            _ => Then::Wait,
        };
        Query { id, text, then, rows }
    }

    async fn ask(&mut self, asked: &Query) -> Result<Answer, QueryError> {
        if self.rng.random_range(0..10) == 0 {
            self.kill().await?;
        }
        let lines = self.connect().await;
        let (lines, answered) = ask(lines, Some(asked.id.clone()), &asked.text, asked.then).await;
        self.lines = lines;
        if self.rng.random_range(0..6) == 0 {
            self.lines = None;
            time::sleep(Duration::from_millis(self.rng.random_range(0..100))).await;
        }
        answered
    }

    /// Ends the query that has a common id, over a connection of its own.
    async fn kill(&mut self) -> Result<(), QueryError> {
        let kill = format!("kill common-{}", self.rng.random_range(0..COMMON_IDS));
        if let Ok(mut lines) = Lines::connect("coordinator:9000").await {
            lines.query(None, &kill).await?;
        }
        Ok(())
    }

    /// Returns the open connection, or a new one to any of the front ends.
    async fn connect(&mut self) -> Lines {
        if let Some(lines) = self.lines.take() {
            return lines;
        }
        // Half of the connections use the native protocol.
        let port = [9000, 9000, 8123, 9004][self.rng.random_range(0..4_usize)];
        loop {
            match Lines::connect(&format!("coordinator:{port}")).await {
                Ok(lines) => return lines,
                Err(_) => time::sleep(Duration::from_millis(100)).await,
            }
        }
    }
}
