//! tarpc over TCP with JSON: a store of names, whose clients reconnect.

use crate::faults::{kills_and_link_faults, ms, secs};
use crate::row::{Row, Verdict};
use afterlife::Sim;
use futures_util::StreamExt;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use tarpc::server::{BaseChannel, Channel};
use tarpc::tokio_serde::formats::Json;
use tarpc::{client, context, serde_transport::tcp};
use tokio::time::{sleep, timeout};

pub(crate) const ROW: Row = Row {
    name: "tarpc",
    crates: &["tarpc"],
    does: "a key-value service with deadlines over TCP and JSON, and two clients that reconnect",
    verdict: Verdict::Runs(""),
    seeds: 30,
    script,
};

#[tarpc::service]
trait Names {
    async fn set(key: u64, value: String) -> usize;
    async fn get(key: u64) -> Option<String>;
}

#[derive(Clone, Default)]
struct Store(Arc<Mutex<BTreeMap<u64, String>>>);

impl Names for Store {
    async fn set(self, _: context::Context, key: u64, value: String) -> usize {
        let mut names = self.0.lock().expect("no handler panics");
        names.insert(key, value);
        names.len()
    }

    async fn get(self, _: context::Context, key: u64) -> Option<String> {
        sleep(ms(key % 30)).await;
        self.0.lock().expect("no handler panics").get(&key).cloned()
    }
}

fn script(sim: &mut Sim) {
    let kept = sim.ledger::<u64>("names that were read back");
    let lost = sim.ledger::<u64>("names lost in a death");
    let broken = sim.ledger::<u64>("connections that broke");
    let server = sim.node("names", |_| async {
        let store = Store::default();
        let mut incoming = tcp::listen("0.0.0.0:9000", Json::default).await?;
        while let Some(transport) = incoming.next().await {
            let channel = BaseChannel::with_defaults(transport?).execute(store.clone().serve());
            tokio::spawn(channel.for_each(|answer| async {
                tokio::spawn(answer);
            }));
        }
        Ok(())
    });
    let clients = [0, 1_000].map(|first| {
        sim.client(&format!("client-{first}"), move |_| async move {
            let mut number = first;
            while number < first + 40 {
                let transport = match timeout(secs(1), tcp::connect("names:9000", Json::default)).await {
                    Ok(Ok(transport)) => transport,
                    _ => {
                        sleep(ms(100)).await;
                        continue;
                    }
                };
                let names = NamesClient::new(client::Config::default(), transport).spawn();
                while number < first + 40 {
                    let soon = || {
                        let mut context = context::current();
                        context.deadline = std::time::Instant::now() + secs(2);
                        context
                    };
                    let Ok(count) = names.set(soon(), number, format!("name {number}")).await else { break };
                    assert!(count > 0);
                    match names.get(soon(), number).await {
                        Ok(Some(name)) => {
                            assert_eq!(name, format!("name {number}"));
                            kept.note(number);
                        }
                        Ok(None) => lost.note(number),
                        Err(_) => break,
                    }
                    number += 1;
                    sleep(ms(150)).await;
                }
                broken.note(number);
            }
            Ok(())
        })
    });
    kills_and_link_faults(sim, server, clients[0].and(clients[1]));
    sim.always("a name on one connection is never lost", move |_| lost.is_empty());
    sim.eventually("every name is kept", secs(60), move |_| kept.len() >= 80);
    sim.sometimes("a connection breaks", move |_| broken.len() > 2);
}
