use afterlife::{Faults, Sim};
use std::time::Duration;

#[afterlife::test(seeds = 100)]
fn a_graceful_stop_loses_no_order(sim: &mut Sim) {
    let (acked, kept) = (sim.ledger::<String>("acknowledged"), sim.ledger("kept"));
    let shop = sim.node("shop", |_| async { Ok(package_name::serve().await?) });
    sim.client("buyer", move |_| async move {
        let http = reqwest::Client::new();
        for id in 0..100 {
            let answer = http.post(format!("http://shop:8080/orders/{id}")).send().await;
            if answer.is_ok_and(|answer| answer.status().is_success()) {
                acked.note(id.to_string());
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        Ok(())
    });
    sim.verifier("auditor", move |_| async move {
        let orders = reqwest::get("http://shop:8080/orders").await?.text().await?;
        orders.lines().for_each(|id| kept.note(id.to_owned()));
        kept.complete();
        Ok(())
    });
    sim.faults(shop, Faults::none().stops(Duration::from_secs(30)).quiet_after(Duration::from_secs(10)));
    sim.nothing_acked_is_lost(acked, kept);
}
