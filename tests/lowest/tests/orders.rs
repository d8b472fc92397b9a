//! A service on the lowest versions: its bug is found, replayed from the token, and gone when the service syncs.

use afterlife::{Faults, Node, NodeResult, Sim};
use std::fs;
use std::io::Write;
use std::process::Command;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

const FINDS: &str = "an_order_without_a_sync_is_lost";

#[afterlife::test(seeds = 50)]
#[should_panic(expected = "does not hold")]
fn an_order_without_a_sync_is_lost(sim: &mut Sim) {
    orders(sim, false);
}

#[afterlife::test(seeds = 20)]
fn an_order_with_a_sync_is_kept(sim: &mut Sim) {
    orders(sim, true);
}

#[test]
fn the_token_replays_the_lost_order() {
    let found = output(None);
    let token = found.split_once("AFTERLIFE_REPLAY=").and_then(|(_, rest)| rest.split_whitespace().next());
    let token = token.unwrap_or_else(|| panic!("no token: {found}"));
    let replayed = output(Some(token));
    let broken = |text: &str| text.lines().find(|line| line.starts_with('✗')).map(str::to_owned);
    assert!(broken(&found).is_some(), "{found}");
    assert_eq!(broken(&replayed), broken(&found), "{replayed}");
}

/// The output of the test that finds the bug, in a process of its own.
fn output(token: Option<&str>) -> String {
    let mut command = Command::new(std::env::current_exe().expect("a test has an executable"));
    command
        .args([FINDS, "--exact", "--nocapture"])
        .env("AFTERLIFE_OUT", env!("CARGO_TARGET_TMPDIR"))
        .env("NO_COLOR", "1");
    let output = command.envs(token.map(|token| ("AFTERLIFE_REPLAY", token))).output().expect("it can be started");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{text}\n{}", String::from_utf8_lossy(&output.stderr));
    text
}

fn orders(sim: &mut Sim, syncs: bool) {
    let (acked, kept) = (sim.ledger::<u32>("acked"), sim.ledger("kept"));
    let shop = sim.node("shop", move |node| serve(node, syncs));
    sim.client("buyer", move |_| async move {
        for id in 0..20 {
            if order(id).await.is_ok() {
                acked.note(id);
            }
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
        Ok(())
    });
    sim.verifier("auditor", move |_| async move {
        for id in book().await? {
            kept.note(id);
        }
        kept.complete();
        Ok(())
    });
    sim.faults(shop, Faults::lifecycle().power_losses().quiet_after(Duration::from_secs(10)));
    sim.nothing_acked_is_lost(acked, kept);
}

/// Appends the number of each order to a file, and answers with it. Number 0 asks for all of them, and for their end.
async fn serve(node: Node, syncs: bool) -> NodeResult {
    let listener = TcpListener::bind("0.0.0.0:80").await?;
    let accept = async {
        loop {
            let (mut stream, _) = listener.accept().await?;
            tokio::spawn(async move {
                let id = stream.read_u32().await?;
                if id == ALL {
                    let book = fs::read_to_string("/orders").unwrap_or_default();
                    return stream.write_all(book.as_bytes()).await;
                }
                let mut book = fs::File::options().create(true).append(true).open("/orders")?;
                writeln!(book, "{id}")?;
                if syncs {
                    book.sync_all()?;
                    fs::File::open("/")?.sync_all()?;
                }
                stream.write_u32(id).await
            });
        }
    };
    tokio::select! {
        ended = accept => ended,
        () = node.stopping() => Ok(()),
    }
}

/// Asks for all orders instead of placing one.
const ALL: u32 = u32::MAX;

async fn order(id: u32) -> std::io::Result<u32> {
    let mut stream = TcpStream::connect("shop:80").await?;
    stream.write_u32(id).await?;
    stream.read_u32().await
}

async fn book() -> Result<Vec<u32>, std::io::Error> {
    let mut stream = TcpStream::connect("shop:80").await?;
    stream.write_u32(ALL).await?;
    let mut text = String::new();
    stream.read_to_string(&mut text).await?;
    Ok(text.lines().map(|id| id.parse().unwrap_or(ALL)).collect())
}
