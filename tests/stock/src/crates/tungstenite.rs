//! tokio-tungstenite: a chat room over WebSocket, whose guests rejoin when the server returns.

use crate::faults::{kills_and_link_faults, ms, secs};
use crate::row::{Row, Verdict};
use afterlife::{NodeResult, Sim};
use futures_util::{SinkExt, StreamExt};
use tokio::net::TcpListener;
use tokio::sync::broadcast;
use tokio::time::{sleep, timeout};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{accept_async, connect_async};

pub(crate) const ROW: Row = Row {
    name: "tokio-tungstenite",
    crates: &["tokio-tungstenite"],
    does: "a chat room over WebSocket that broadcasts every message to both guests, who rejoin after a death or a partition",
    verdict: Verdict::Runs(""),
    seeds: 30,
    script,
};

async fn room() -> NodeResult {
    let listener = TcpListener::bind("0.0.0.0:80").await?;
    let (messages, _) = broadcast::channel::<String>(64);
    loop {
        let (stream, _) = listener.accept().await?;
        let (publish, mut subscription) = (messages.clone(), messages.subscribe());
        tokio::spawn(async move {
            let Ok(socket) = accept_async(stream).await else { return };
            let (mut out, mut back) = socket.split();
            loop {
                let sent = tokio::select! {
                    message = subscription.recv() => match message {
                        Ok(text) => out.send(Message::text(text)).await.is_ok(),
                        Err(_) => false,
                    },
                    message = back.next() => match message {
                        Some(Ok(Message::Text(text))) => publish.send(text.to_string()).is_ok(),
                        Some(Ok(_)) => true,
                        _ => false,
                    },
                };
                if !sent {
                    break;
                }
            }
        });
    }
}

fn script(sim: &mut Sim) {
    let received = sim.ledger::<(usize, String)>("received: guest, message");
    let joined = sim.ledger::<usize>("joined");
    let server = sim.node("room", |_| room());
    let guests = [0, 1].map(|me| {
        sim.client(&format!("guest-{me}"), move |_| async move {
            let mut round = 0;
            while round < 30 {
                let Ok(Ok((mut socket, _))) = timeout(secs(2), connect_async("ws://room/")).await else {
                    sleep(ms(100)).await;
                    continue;
                };
                joined.note(me);
                'joined: while round < 30 {
                    let word = format!("guest {me} says {round}");
                    if socket.send(Message::text(word.clone())).await.is_err() {
                        break;
                    }
                    loop {
                        let Ok(Some(Ok(message))) = timeout(secs(2), socket.next()).await else { break 'joined };
                        let Message::Text(text) = message else { continue };
                        received.note((me, text.to_string()));
                        if text.as_str() == word {
                            break;
                        }
                    }
                    round += 1;
                    sleep(ms(200)).await;
                }
            }
            Ok(())
        })
    });
    kills_and_link_faults(sim, server, guests[0].and(guests[1]));
    sim.eventually("every guest receives its own messages", secs(120), move |_| received.len() >= 60);
    sim.sometimes("a guest receives another's message", move |_| received.contains(&(0, "guest 1 says 7".into())));
    sim.sometimes("a guest rejoins", move |_| joined.len() > 2);
}
