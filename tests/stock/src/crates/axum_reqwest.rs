//! axum with graceful shutdown and reqwest with pooled connections: JSON in both directions.

use crate::faults::{early, ms, secs};
use crate::row::{Row, Verdict};
use afterlife::{Faults, Sim};
use axum::extract::Path;
use axum::routing::put;
use axum::{Json, Router};
use serde::{Deserialize, Serialize};
use tokio::net::TcpListener;
use tokio::time::sleep;

pub(crate) const ROW: Row = Row {
    name: "axum-reqwest",
    crates: &["axum", "reqwest", "tokio"],
    does: "a JSON service with graceful shutdown on a multi-thread runtime, and two clients with pooled connections",
    verdict: Verdict::Runs(""),
    seeds: 30,
    script,
};

#[derive(Debug, Deserialize, PartialEq, Serialize)]
struct Order {
    number: u64,
    items: Vec<String>,
}

#[derive(Deserialize, Serialize)]
struct Receipt {
    order: Order,
    boot: u16,
}

fn script(sim: &mut Sim) {
    let taken = sim.ledger::<u64>("orders taken");
    let acked = sim.ledger::<(u64, u16)>("receipts: order, incarnation");
    let server = sim.node("shop", move |node| async move {
        let take = move |Path(number): Path<u64>, Json(order): Json<Order>| async move {
            taken.note(number);
            sleep(ms(number % 50)).await;
            Json(Receipt { order, boot: node.incarnation() })
        };
        let app = Router::new().route("/order/{number}", put(take));
        axum::serve(TcpListener::bind("0.0.0.0:80").await?, app).with_graceful_shutdown(node.stopping()).await?;
        Ok(())
    });
    sim.workers(server, 2);
    let buyers = [0, 1_000].map(|first| {
        sim.client(&format!("buyer-{first}"), move |_| async move {
            let client = reqwest::Client::builder().timeout(secs(2)).build()?;
            for number in first..first + 40 {
                let order = Order { number, items: vec!["a".repeat(300), "b".into()] };
                if let Ok(answer) = client.put(format!("http://shop/order/{number}")).json(&order).send().await
                    && let Ok(receipt) = answer.error_for_status()?.json::<Receipt>().await
                {
                    assert_eq!(receipt.order, order);
                    acked.note((number, receipt.boot));
                }
                sleep(ms(150)).await;
            }
            Ok(())
        })
    });
    sim.faults(server, early(Faults::lifecycle().stops(secs(5))));
    sim.faults(server.and(buyers[0]).and(buyers[1]), early(Faults::none().partitions()));
    sim.always("a receipt is for an order that was taken", move |_| acked.len() <= taken.len());
    sim.sometimes("most orders are acknowledged", move |_| acked.len() > 60);
    sim.sometimes("an order is not acknowledged", move |view| view.exits() > 2 && acked.len() < 80);
    sim.sometimes("the shop restarts", |view| view.restarts() > 0);
}
