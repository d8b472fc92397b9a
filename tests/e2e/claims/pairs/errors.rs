//! Errors at the first attempt: a client and a service that connect once, before anybody listens.

use crate::time::{ms, secs, short};
use afterlife::{Group, Sim, probe};
use std::io;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::sleep;

/// A number from a server: from the first attempt, or from the first that reaches it.
async fn number_of(server: &str, tries_again: bool) -> io::Result<u8> {
    loop {
        let connected = TcpStream::connect((server, 7000)).await;
        probe::sometimes!(connected.is_err(), "the server does not listen yet");
        match connected {
            Err(_) if tries_again => sleep(ms(10)).await,
            connected => return connected?.read_u8().await,
        }
    }
}

/// A server that listens after a while, and a client that outlasts everything else.
fn late_store(sim: &mut Sim) -> Group {
    sim.client("clock", |_| async {
        sleep(secs(2)).await;
        Ok(())
    });
    sim.node("store", |node| async move {
        sleep(short(&mut node.rng(), 60)).await;
        let listener = TcpListener::bind("0.0.0.0:7000").await?;
        loop {
            let (mut stream, _) = listener.accept().await?;
            let _gone = stream.write_u8(7).await;
        }
    })
}

pub(crate) fn a_client_connects_before_its_server_listens(sim: &mut Sim) {
    late_store(sim);
    sim.client("reader", |_| async {
        number_of("store", false).await?;
        Ok(())
    });
}

pub(crate) fn a_client_connects_until_its_server_listens(sim: &mut Sim) {
    late_store(sim);
    sim.client("reader", |_| async {
        number_of("store", true).await?;
        Ok(())
    });
}

fn dependent(sim: &mut Sim, tries_again: bool) {
    late_store(sim);
    sim.node("web", move |_| async move {
        number_of("store", tries_again).await?;
        std::future::pending().await
    });
}

pub(crate) fn a_service_ends_because_its_store_does_not_listen(sim: &mut Sim) {
    dependent(sim, false);
}

pub(crate) fn a_service_waits_until_its_store_listens(sim: &mut Sim) {
    dependent(sim, true);
}
