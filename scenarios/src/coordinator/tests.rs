//! A sound server and its workers on the real loopback; the other builds could really crash here.
//! Nothing is simulated, and no test asserts a duration.

use super::build::Build;
use super::client::{Then, ask};
use super::config::{ServerConfig, WorkerConfig};
use super::server::run_server;
use super::source::{Generated, Rows, Source};
use super::worker::run_worker;
use crate::line_protocol::{Lines, QueryError};
use crate::loopback::{self, Addresses};
use crate::rt::{task, time};
use std::io;
use std::sync::Arc;
use std::time::Duration;
use tokio::runtime::Runtime;

const TABLE_ROWS: usize = 40;

/// A running server and its workers.
struct Cluster {
    runtime: Runtime,
    _addresses: Addresses,
    tcp: String,
    http: String,
    mysql: String,
}

/// A source in which one table has an unreadable partition.
struct Torn;

impl Source for Torn {
    fn read<'a>(&'a self, table: &'a str, partition: u32) -> Rows<'a> {
        match (table, partition) {
            ("torn", 1) => Box::pin(async { Err(io::Error::other("gone")) }),
            _ => Generated { rows: 10 }.read(table, partition),
        }
    }
}

impl Cluster {
    /// Starts a server and `workers` workers. `absent` more are configured and do not run.
    fn new(workers: usize, absent: usize) -> Self {
        let addresses = Addresses::take();
        let [tcp, http, mysql, rpc] = addresses.several();
        let rest: Vec<String> = (0..workers + absent).map(|_| addresses.next()).collect();
        let runtime = loopback::runtime();
        for rpc_listen in rest[..workers].iter().cloned() {
            let config =
                WorkerConfig { rpc_listen, block_time: Duration::from_millis(1), ..WorkerConfig::new(Build::Sound) };
            runtime.spawn(run_worker(config, Arc::new(Torn)));
        }
        let config = ServerConfig {
            tcp_listen: tcp.clone(),
            http_listen: http.clone(),
            mysql_listen: mysql.clone(),
            rpc_listen: rpc.clone(),
            rpc_address: rpc,
            partitions: 4,
            interactive_delay: Duration::from_millis(5),
            ..ServerConfig::new("server", rest, Build::Sound)
        };
        runtime.spawn(run_server(config));
        Self { runtime, _addresses: addresses, tcp, http, mysql }
    }

    fn run<T>(&self, test: impl Future<Output = T>) -> T {
        self.runtime.block_on(loopback::within_the_limit(test))
    }
}

async fn connect(address: &str) -> Lines {
    loop {
        if let Ok(lines) = Lines::connect(address).await {
            return lines;
        }
        time::sleep(Duration::from_millis(10)).await;
    }
}

fn why(error: QueryError) -> String {
    match error {
        QueryError::Failed(why) => why,
        QueryError::Io(error) => panic!("the connection ended: {error}"),
    }
}

/// Waits until the workers answer, too.
async fn first_answer(lines: &mut Lines) {
    while lines.query(None, "select from first").await.is_err() {
        time::sleep(Duration::from_millis(10)).await;
    }
}

#[test]
fn every_front_end_answers_a_full_scan_with_every_row() {
    let cluster = Cluster::new(2, 0);
    cluster.run(async {
        for address in [&cluster.tcp, &cluster.http, &cluster.mysql] {
            let mut lines = connect(address).await;
            first_answer(&mut lines).await;
            for text in
                ["select from a,b", "select from a,b settings parallel=8 progress_every_ms=1 bsp_mode=1 priority=2"]
            {
                let mut answer = lines.query(None, text).await.unwrap();
                answer.rows.sort_unstable();
                answer.rows.dedup();
                assert_eq!(answer.rows.len(), 2 * TABLE_ROWS);
                assert!(answer.progress <= 2 * TABLE_ROWS as u64, "{}", answer.progress);
            }
        }
    });
}

#[test]
fn an_id_is_free_as_soon_as_its_query_has_ended() {
    let cluster = Cluster::new(2, 0);
    cluster.run(async {
        first_answer(&mut connect(&cluster.tcp).await).await;
        let clients = [&cluster.tcp, &cluster.http, &cluster.mysql].map(|address| {
            let address = address.clone();
            task::spawn(async move {
                for number in 0..20 {
                    let mut lines = connect(&address).await;
                    let text = "select from a,b,c limit 7 settings progress_every_ms=1 priority=1";
                    let (id, limited) =
                        (format!("limited-{}-{}", address, number % 2), lines.query(None, text).await.unwrap());
                    assert_eq!(limited.rows.len(), 7);
                    assert_eq!(lines.query(Some(&id), text).await.unwrap().rows.len(), 7);
                    let mut other = connect(&address).await;
                    assert_eq!(other.query(Some(&id), text).await.unwrap().rows.len(), 7);
                }
            })
        });
        for client in clients {
            client.await.unwrap();
        }
    });
}

#[test]
fn a_query_that_throws_names_its_root_cause_and_a_torn_table_its_partition() {
    let cluster = Cluster::new(2, 0);
    cluster.run(async {
        let mut lines = connect(&cluster.tcp).await;
        first_answer(&mut lines).await;
        let thrown = lines.query(None, "select from a,b settings throw_in=2").await.unwrap_err();
        assert!(why(thrown).contains("throwIf"));
        let torn = lines.query(None, "select from a,torn").await.unwrap_err();
        assert!(why(torn).contains("partition 1 of torn: gone"));
        assert_eq!(lines.query(None, "select from a").await.unwrap().rows.len(), TABLE_ROWS);
    });
}

#[test]
fn a_query_is_cancelled_by_its_client_and_killed_by_another() {
    let cluster = Cluster::new(1, 0);
    cluster.run(async {
        let mut lines = connect(&cluster.tcp).await;
        first_answer(&mut lines).await;
        let long = "select from a,b,c,d,e settings parallel=1";
        let (lines, cancelled) = ask(lines, None, long, Then::CancelAfter(Duration::ZERO)).await;
        assert!(why(cancelled.unwrap_err()).contains("cancelled by its client"));
        let asking = task::spawn(ask(lines.unwrap(), Some("long".to_owned()), long, Then::Wait));
        let mut other = connect(&cluster.http).await;
        let mut killed = false;
        while !killed && !asking.is_finished() {
            killed = other.query(None, "kill long").await.unwrap().rows == [["true"]];
        }
        // A query that was just ending may still be complete.
        match asking.await.unwrap().1 {
            Ok(answer) => assert_eq!(answer.rows.len(), 5 * TABLE_ROWS),
            Err(error) => assert!(killed && why(error).contains("cancelled by a kill")),
        }
    });
}

#[test]
fn an_absent_worker_fails_a_query_unless_its_instances_are_retried() {
    let cluster = Cluster::new(2, 1);
    cluster.run(async {
        let mut lines = connect(&cluster.tcp).await;
        while lines.query(None, "select from a settings bsp_mode=1 parallel=4").await.is_err() {
            time::sleep(Duration::from_millis(10)).await;
        }
        let failed = lines.query(None, "select from a settings parallel=4").await.unwrap_err();
        assert!(why(failed).contains("NetworkError"));
        let again = lines.query(None, "select from a,b settings bsp_mode=1 parallel=4").await.unwrap();
        assert_eq!(again.rows.len(), 2 * TABLE_ROWS);
    });
}
