//! tracing with tracing-subscriber and tracing-appender: lines go to a writer thread, which starts a file every minute.

use crate::faults::{ms, must_succeed, secs};
use crate::row::{Row, Verdict};
use afterlife::{Faults, Ledger, Node, NodeResult, Sim};
use std::fs;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::sleep;
use tracing_appender::non_blocking::NonBlockingBuilder;
use tracing_appender::rolling;

pub(crate) const ROW: Row = Row {
    name: "tracing-appender",
    crates: &["tracing", "tracing-subscriber", "tracing-appender"],
    does: "a server's log through the non-blocking writer's thread into one file a minute, read by the next incarnation",
    verdict: Verdict::Runs(
        "the global subscriber is a static, which all nodes would share: set one in each node's thread",
    ),
    seeds: 30,
    script,
};

/// All lines on the disk, oldest first, as incarnation and number. A kill may cut off the last line of an incarnation.
fn logged() -> Vec<(u16, u64)> {
    let Ok(folder) = fs::read_dir("/log") else { return Vec::new() };
    let mut files: Vec<_> = folder.map(|entry| entry.expect("the folder can be read").path()).collect();
    files.sort();
    let text: String = files.iter().map(|file| fs::read_to_string(file).expect("logs are text")).collect();
    let number = |line: &str, field: &str| line.split(field).nth(1)?.split(' ').next()?.parse::<u64>().ok();
    text.lines().filter_map(|line| Some((number(line, "boot=")? as u16, number(line, "number=")?))).collect()
}

async fn serve(node: Node, incarnations: Ledger<(u16, usize)>, files: Ledger<usize>) -> NodeResult {
    let incarnation = node.incarnation();
    let found = logged();
    for pair in found.windows(2) {
        let ((incarnation, number), (next_incarnation, next)) = (pair[0], pair[1]);
        assert!(
            incarnation < next_incarnation || incarnation == next_incarnation && number + 1 == next,
            "{pair:?} do not follow each other"
        );
    }
    incarnations.note((incarnation, found.len()));
    let (writer, _guard) = NonBlockingBuilder::default().lossy(false).finish(rolling::minutely("/log", "server.log"));
    let subscriber = tracing_subscriber::fmt().with_writer(writer).with_ansi(false).finish();
    let _mine = tracing::subscriber::set_default(subscriber);
    let listener = TcpListener::bind("0.0.0.0:7000").await?;
    for number in 0_u64.. {
        let (mut stream, _) = tokio::select! {
            accepted = listener.accept() => accepted?,
            () = node.stopping() => break,
        };
        tracing::info!(boot = incarnation, number, "request");
        stream.write_u64(number).await?;
        files.note(fs::read_dir("/log")?.count());
    }
    Ok(())
}

fn script(sim: &mut Sim) {
    let incarnations = sim.ledger::<(u16, usize)>("incarnations, with the lines that they find");
    let files = sim.ledger::<usize>("files, after a request");
    let answered = sim.ledger::<u64>("answered");
    let server = sim.node("server", move |node| must_succeed(serve(node, incarnations, files)));
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
    sim.faults(server, Faults::lifecycle().stops(secs(5)).quiet_after(secs(150)).downtime(ms(50), secs(5)));
    sim.sometimes("the log reaches a fourth file", move |_| files.contains(&4));
    sim.sometimes("a later incarnation finds many lines", move |_| {
        (2..5).any(|incarnation| (20..200).any(|lines| incarnations.contains(&(incarnation, lines))))
    });
    sim.sometimes("nearly all requests are answered", move |_| answered.len() > 80);
}
