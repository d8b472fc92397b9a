//! A shop that appends every order to a file: a test of an axum service as a user writes it.

use afterlife::{Faults, Sim};
use axum::{Router, extract::Path, routing::get};
use std::{fs, io::Write, time::Duration};

#[afterlife::test(seeds = 50)]
fn an_acknowledged_order_is_kept(sim: &mut Sim) {
    let (acked, kept) = (sim.ledger::<String>("acknowledged"), sim.ledger("kept"));
    let shop = sim.node("shop", |node| async move {
        let list = || async { fs::read_to_string("/orders").unwrap_or_default() };
        let order = |Path(id): Path<u32>| async move {
            let mut book = fs::File::options().create(true).append(true).open("/orders").unwrap();
            book.write_all(format!("{id}\n").as_bytes()).unwrap();
        };
        let app = Router::new().route("/", get(list)).route("/{id}", get(order));
        let listener = tokio::net::TcpListener::bind("0.0.0.0:80").await?;
        Ok(axum::serve(listener, app).with_graceful_shutdown(node.stopping()).await?)
    });
    sim.client("buyer", move |_| async move {
        for id in 0..20 {
            if reqwest::get(format!("http://shop/{id}")).await.is_ok_and(|response| response.status().is_success()) {
                acked.note(id.to_string());
            }
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
        Ok(())
    });
    sim.verifier("auditor", move |_| async move {
        let book = reqwest::get("http://shop/").await?.text().await?;
        book.lines().for_each(|id| kept.note(id.to_owned()));
        kept.complete();
        Ok(())
    });
    sim.faults(shop, Faults::lifecycle().quiet_after(Duration::from_secs(10)));
    sim.nothing_acked_is_lost(acked, kept);
    sim.sometimes("the shop restarts", |view| view.restarts() > 0);
}
