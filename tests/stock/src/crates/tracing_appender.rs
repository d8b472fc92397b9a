//! tracing with tracing-subscriber and tracing-appender: lines cross to a writer thread, which begins a file each minute.

use crate::row::{Row, Verdict};
use crate::strikes::{ms, secs, sound};
use afterlife::{Faults, Ledger, Node, Outcome, Sim};
use std::fs;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::sleep;
use tracing_appender::non_blocking::NonBlockingBuilder;
use tracing_appender::rolling;

pub(crate) const ROW: Row = Row {
    name: "tracing-appender",
    crates: &["tracing", "tracing-subscriber", "tracing-appender"],
    does: "a server's log through the non-blocking writer's thread into files of a minute each, read again by the next life",
    verdict: Verdict::Runs(
        "the global subscriber is a static, which all nodes would share: set one for each node's thread",
    ),
    seeds: 30,
    script,
};

/// All lines on the disk, oldest first, as life and number; a kill may cut the last line of a life short.
fn logged() -> Vec<(u16, u64)> {
    let Ok(folder) = fs::read_dir("/log") else { return Vec::new() };
    let mut files: Vec<_> = folder.map(|entry| entry.expect("the folder can be read").path()).collect();
    files.sort();
    let text: String = files.iter().map(|file| fs::read_to_string(file).expect("logs are text")).collect();
    let number = |line: &str, field: &str| line.split(field).nth(1)?.split(' ').next()?.parse::<u64>().ok();
    text.lines().filter_map(|line| Some((number(line, "life=")? as u16, number(line, "number=")?))).collect()
}

async fn serve(node: Node, lives: Ledger<(u16, usize)>, files: Ledger<usize>) -> Outcome {
    let life = node.incarnation();
    let found = logged();
    for pair in found.windows(2) {
        let ((life, number), (next_life, next)) = (pair[0], pair[1]);
        assert!(life < next_life || life == next_life && number + 1 == next, "{pair:?} do not follow each other");
    }
    lives.note((life, found.len()));
    let (writer, _guard) = NonBlockingBuilder::default().lossy(false).finish(rolling::minutely("/log", "server.log"));
    let subscriber = tracing_subscriber::fmt().with_writer(writer).with_ansi(false).finish();
    let _mine = tracing::subscriber::set_default(subscriber);
    let listener = TcpListener::bind("0.0.0.0:7000").await?;
    for number in 0_u64.. {
        let (mut stream, _) = tokio::select! {
            accepted = listener.accept() => accepted?,
            () = node.stopping() => break,
        };
        tracing::info!(life, number, "request");
        stream.write_u64(number).await?;
        files.note(fs::read_dir("/log")?.count());
    }
    Ok(())
}

fn script(sim: &mut Sim) {
    let lives = sim.ledger::<(u16, usize)>("lives, with the lines that they find");
    let files = sim.ledger::<usize>("files, after a request");
    let answered = sim.ledger::<u64>("answered");
    let server = sim.node("server", move |node| sound(serve(node, lives, files)));
    sim.client("client", move |_| async move {
        for _ in 0..100 {
            if let Ok(mut stream) = TcpStream::connect("server:7000").await
                && let Ok(number) = stream.read_u64().await
            {
                answered.note(number);
            }
            sleep(ms(2_200)).await;
        }
        Ok(())
    });
    sim.faults(server, Faults::lifecycle().stops(secs(5)).quiet_after(secs(150)).down(ms(50), secs(5)));
    sim.sometimes("the log begins a fourth file", move |_| files.contains(&4));
    sim.sometimes("a later life finds many lines", move |_| {
        (2..5).any(|life| (20..200).any(|lines| lives.contains(&(life, lines))))
    });
    sim.sometimes("nearly all are answered", move |_| answered.len() > 80);
}
