//! The coordinator as a scenario: a server, workers, and clients whose queries end early, fail, and use ids again.
//! It knows the system by its entry points only.

use super::client::{Then, ask};
use super::{Generated, ServerConfig, WorkerConfig, run_server, run_worker};
use crate::line_protocol::{Answer, Lines, QueryError};
use crate::rt::time;
use afterlife::{Build, Faults, Node, Rng, Scenario, Sim};
use rand::RngExt;
use std::sync::Arc;
use std::time::Duration;

/// The scenario, in its three builds.
pub fn scenario() -> Scenario {
    Scenario::new("coordinator", script)
        .about("ByConity: a late status calls back into a query that is over")
        .builds(&Build::ALL)
        .seeds(2_000)
        .issue("ByConity/ByConity#1755")
        .breaks(&[(Build::Shipped, CRASH), (Build::Patched, LEFT)])
        .variants(super::variants::VARIANTS)
        .portable()
}

/// The reported crash: the query status is used after it was freed.
const CRASH: &str = "no-use-after-teardown";
/// What upstream's fix leaves: the connection's own callback is called after its query's end.
const LEFT: &str = "no-callback-after-deregistration";

const WORKERS: usize = 3;
const CLIENTS: usize = 3;
/// How many queries each client asks.
const QUERIES: usize = 7;
/// Ids that several queries use, one after the other and at the same time.
const COMMON_IDS: usize = 2;
/// How many rows each partition has.
const ROWS: u32 = 5;
/// No query takes longer, whatever strikes: an exchange that times out, the wait for the root cause, and some.
const QUERY_LIMIT: Duration = Duration::from_secs(120);

crate::release::named_as!(super::Build);

fn config(build: super::Build) -> ServerConfig {
    let workers = (0..WORKERS).map(|index| format!("worker-{index}:8124")).collect();
    ServerConfig { partitions: 4, ..ServerConfig::new("coordinator", workers, build) }
}

/// What comes first ends a run, and some of what upstream's builds do comes in nearly every one. So in half of theirs that is
/// looked past, in half of those what is counted twice too, and what is behind it is found; the sound build has to bear all of it
/// at once.
fn look(sim: &mut Sim, choice: u32) {
    if sim.build() == Build::Sound || choice > 1 {
        return;
    }
    sim.look_past(CRASH, &["used-output"]);
    sim.look_past(CRASH, &["affected-rows"]);
    sim.look_past(LEFT, &["progress-callback"]);
    sim.look_past("always", &["progress of one query never appears in another"]);
    if choice == 0 {
        sim.look_past("always", &["nothing is counted for a query but"]);
    }
}

fn script(sim: &mut Sim) {
    let build = super::Build::from(sim.build());
    // An application that asks again under the same id, whatever became of the first time.
    let mut rng = sim.rng();
    let asks_again = rng.random_range(0..4) == 0;
    // One whose queries are tried again where they fail.
    let retries = rng.random_range(0..4) == 0;
    look(sim, rng.random_range(0..4));
    sim.workers(2);
    let server = sim.node("coordinator", move |_| async move { Ok(run_server(config(build)).await?) });
    sim.workers(0);
    let workers = sim.nodes("worker", WORKERS, move |_| async move {
        Ok(run_worker(WorkerConfig::new(build), Arc::new(Generated { rows: ROWS })).await?)
    });
    let overdue = sim.ledger::<String>("queries that took too long");
    let wrong = sim.ledger::<String>("answers that are not whole");
    let whole = sim.ledger::<String>("whole answers");
    for index in 0..CLIENTS {
        sim.client(&format!("client-{index}"), move |node| async move {
            let mut client = Client { node, rng: node.rng(), lines: None, asks_again, retries };
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
                        whole.note(asked.to_string())
                    } else {
                        wrong.note(asked.to_string())
                    }
                }
            }
            Ok(())
        });
    }
    // A server with fewer processors than work: a thread that handles what a worker says is held on its way, and others go on.
    sim.faults(
        server,
        Faults::none()
            .held_threads(Duration::from_secs(2))
            .held_at("call progress-callback", 60)
            .held_at("return progress-callback", 60)
            .held_at("use used-output", 60)
            .held_at("use affected-rows", 60)
            .from(Duration::from_millis(100))
            .quiet_after(Duration::from_secs(5))
            .at_most(5),
    );
    sim.faults(
        server.and(workers),
        Faults::none()
            .kills()
            .partitions()
            .resets()
            .slow_links(Duration::from_millis(20), Duration::from_millis(800), Duration::from_secs(3))
            .held_links(Duration::from_secs(2))
            .pauses(Duration::from_millis(20), Duration::from_secs(2))
            .from(Duration::from_millis(100))
            .quiet_after(Duration::from_secs(5))
            .aimed_at("use query-status", 100)
            .aimed_at("close query-status", 15)
            .at_most(3),
    );
    sim.always("each query returns within its limit", move |_| overdue.is_empty());
    sim.always("an answer is whole", move |_| wrong.is_empty());
    sim.sometimes("a full scan is answered", move |_| whole.any(|query| !query.contains("limit")));
    sim.sometimes("a worker or the server restarts", |view| view.restarts() > 0);
}

/// A client at work.
struct Client {
    node: Node,
    rng: Rng,
    lines: Option<Lines>,
    asks_again: bool,
    retries: bool,
}

/// One query, as it was drawn.
#[derive(Debug)]
struct Asked {
    id: String,
    text: String,
    then: Then,
    rows: usize,
}

impl std::fmt::Display for Asked {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.id, self.text)
    }
}

impl Asked {
    fn is_answered_by(&self, answer: &Answer) -> bool {
        let mut rows = answer.rows.clone();
        rows.sort_unstable();
        rows.dedup();
        rows.len() == self.rows && answer.rows.len() == self.rows
    }
}

impl Client {
    fn draw(&mut self, number: usize) -> Asked {
        let rng = &mut self.rng;
        let id = match rng.random_range(0..5) {
            0..=2 if self.asks_again => "common-0".to_owned(),
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
        Asked { id, text, then, rows }
    }

    async fn ask(&mut self, asked: &Asked) -> Result<Answer, QueryError> {
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

    /// Ends a query of a common id, whoever asked it, over a connection of its own.
    async fn kill(&mut self) -> Result<(), QueryError> {
        let kill = format!("kill common-{}", self.rng.random_range(0..COMMON_IDS));
        if let Ok(mut lines) = Lines::connect("coordinator:9000").await {
            lines.query(None, &kill).await?;
        }
        Ok(())
    }

    /// The connection that there is, or a new one to any of the front ends.
    async fn connect(&mut self) -> Lines {
        if let Some(lines) = self.lines.take() {
            return lines;
        }
        // Half of them speak the native protocol.
        let port = [9000, 9000, 8123, 9004][self.rng.random_range(0..4_usize)];
        loop {
            match Lines::connect(&format!("coordinator:{port}")).await {
                Ok(lines) => return lines,
                Err(_) => time::sleep(Duration::from_millis(100)).await,
            }
        }
    }
}
