//! The redis client with its connection manager, against a small RESP server of the suite.

use crate::faults::{kills_and_link_faults, ms, must_succeed, secs};
use crate::row::{Row, Verdict};
use afterlife::{NodeResult, Sim};
use redis::aio::{ConnectionManager, ConnectionManagerConfig};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::sleep;

pub(crate) const ROW: Row = Row {
    name: "redis",
    crates: &["redis"],
    does: "the client's connection manager, with pipelines, against a small RESP server of the suite",
    verdict: Verdict::Runs(""),
    seeds: 30,
    script,
};

type Keys = Arc<Mutex<BTreeMap<String, i64>>>;

/// Reads one command in RESP: an array of bulk strings. Returns `None` at the connection's end.
async fn command(stream: &mut BufReader<TcpStream>) -> std::io::Result<Option<Vec<String>>> {
    async fn length(stream: &mut BufReader<TcpStream>) -> std::io::Result<Option<usize>> {
        let mut line = String::new();
        stream.read_line(&mut line).await?;
        Ok(line.trim_end().get(1..).and_then(|digits| digits.parse().ok()))
    }
    let Some(words) = length(stream).await? else { return Ok(None) };
    let mut command = Vec::new();
    for _ in 0..words {
        let Some(bytes) = length(stream).await? else { return Ok(None) };
        let mut word = vec![0; bytes + 2];
        stream.read_exact(&mut word).await?;
        word.truncate(bytes);
        command.push(String::from_utf8_lossy(&word).into_owned());
    }
    Ok(Some(command))
}

async fn answer(stream: TcpStream, keys: Keys) -> std::io::Result<()> {
    let mut stream = BufReader::new(stream);
    while let Some(command) = command(&mut stream).await? {
        let words: Vec<&str> = command.iter().map(String::as_str).collect();
        let answer = match words.as_slice() {
            ["INCRBY", key, by] => {
                let mut keys = keys.lock().expect("no command panics");
                let value = keys.entry((*key).to_owned()).or_insert(0);
                *value += by.parse::<i64>().unwrap_or(0);
                format!(":{value}\r\n")
            }
            ["GET", key] => match keys.lock().expect("no command panics").get(*key) {
                Some(value) => format!("${}\r\n{value}\r\n", value.to_string().len()),
                None => "$-1\r\n".to_owned(),
            },
            ["PING"] => "+PONG\r\n".to_owned(),
            ["CLIENT", ..] => "+OK\r\n".to_owned(),
            other => format!("-ERR unknown command {other:?}\r\n"),
        };
        stream.write_all(answer.as_bytes()).await?;
    }
    Ok(())
}

async fn serve() -> NodeResult {
    let keys = Keys::default();
    let listener = TcpListener::bind("0.0.0.0:6379").await?;
    loop {
        let (stream, _) = listener.accept().await?;
        tokio::spawn(answer(stream, keys.clone()));
    }
}

fn script(sim: &mut Sim) {
    let counts = sim.ledger::<(usize, i64)>("answers: client, count");
    let restarted = sim.ledger::<usize>("counts that restarted");
    let failed = sim.ledger::<String>("commands that failed");
    let server = sim.node("redis", |_| must_succeed(serve()));
    let clients = [0, 1].map(|index| {
        sim.client(&format!("client-{index}"), move |_| async move {
            let config = ConnectionManagerConfig::new()
                .set_connection_timeout(Some(secs(1)))
                .set_response_timeout(Some(secs(1)));
            let client = redis::Client::open("redis://redis:6379")?;
            let mut redis = ConnectionManager::new_lazy_with_config(client, config)?;
            let key = format!("counter-{index}");
            let mut last = 0;
            for _ in 0..40 {
                let mut pipeline = redis::pipe();
                pipeline.cmd("INCRBY").arg(&key).arg(1).cmd("GET").arg(&key);
                match pipeline.query_async::<(i64, i64)>(&mut redis).await {
                    Ok((count, read)) => {
                        assert_eq!(count, read, "a pipeline of the only writer");
                        if count <= last {
                            restarted.note(index);
                        }
                        last = count;
                        counts.note((index, count));
                    }
                    Err(error) => failed.note(format!("{:?}", error.kind())),
                }
                sleep(ms(150)).await;
            }
            Ok(())
        })
    });
    kills_and_link_faults(sim, server, clients[0].and(clients[1]));
    sim.always("a count restarts only with the server", move |view| restarted.is_empty() || view.exits() > 0);
    sim.sometimes("a command fails", move |_| !failed.is_empty());
    sim.sometimes("a count restarts", move |_| !restarted.is_empty());
    sim.sometimes("nearly all commands are answered", move |_| counts.len() > 60);
}
