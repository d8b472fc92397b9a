//! smol: another runtime, with its own reactor and executor.

use crate::faults::{kills_and_link_faults, ms, secs};
use crate::row::{Row, Verdict};
use afterlife::{Ledger, Node, Sim};
use smol::future::FutureExt;
use smol::io::{AsyncReadExt, AsyncWriteExt};
use smol::net::{TcpListener, TcpStream};
use std::io;

pub(crate) const ROW: Row = Row {
    name: "smol",
    crates: &["smol", "async-io"],
    does: "an echo server and two clients on smol's executor and timers; with rustix's feature `use-libc`",
    verdict: Verdict::Refused {
        why: "its reactor is a static, which all processes of a run would share",
        says: "nodes share nothing but the network",
    },
    seeds: 5,
    script,
};

fn serve(_: Node) -> i32 {
    let done: io::Result<()> = smol::block_on(async {
        let listener = TcpListener::bind("0.0.0.0:7000").await?;
        loop {
            let (stream, _) = listener.accept().await?;
            smol::spawn(async move { smol::io::copy(stream.clone(), stream).await }).detach();
        }
    });
    i32::from(done.is_err())
}

async fn ask(round: u8) -> io::Result<u8> {
    let mut stream = TcpStream::connect("server:7000").await?;
    stream.write_all(&[round]).await?;
    let mut answer = [0];
    stream.read_exact(&mut answer).await?;
    Ok(answer[0])
}

fn client(_: Node, answered: Ledger<u8>) -> i32 {
    let late = || async {
        smol::Timer::after(secs(1)).await;
        Err(io::ErrorKind::TimedOut.into())
    };
    smol::block_on(async {
        for round in 0..40 {
            if let Ok(answer) = ask(round).or(late()).await {
                assert_eq!(answer, round);
                answered.note(round);
            }
            smol::Timer::after(ms(150)).await;
        }
    });
    0
}

fn script(sim: &mut Sim) {
    let answered = sim.ledger::<u8>("answered");
    let server = sim.node_main("server", serve);
    let clients = [0, 1].map(|index| sim.client_main(&format!("client-{index}"), move |node| client(node, answered)));
    // The processes end with errors of their own, before or after the call that is not supported.
    sim.turn_off("no-unprovoked-exit");
    sim.may_fail(clients[0].and(clients[1]));
    kills_and_link_faults(sim, server, clients[0].and(clients[1]));
    sim.sometimes("nearly all is answered", move |_| answered.len() > 70);
}
