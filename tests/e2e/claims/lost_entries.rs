//! The story of an acknowledged entry that is lost: its note, the request, the write, the fault, and what the fault took.
//! `recovery` tests when entries count as lost, `careless_store` that each flaw of a store is found.

use crate::harness::{Module, at, replay, scenarios, trials};
use crate::time::{ms, secs};
use afterlife::{Fault, Injection, NodeId, Sim};
use axum::{Router, extract::Path, routing::get};
use std::fs;
use std::io::Write;
use std::sync::{Arc, Mutex};

pub(crate) fn module() -> Module {
    let scenarios = scenarios![a_shop_that_never_syncs, a_shop_that_syncs_no_directory, a_shop_that_buffers];
    let trials = trials![
        an_unsynced_write_is_shown_with_the_power_loss_that_took_it,
        a_file_whose_name_was_not_synced_is_shown_as_lost,
        an_order_that_never_reached_a_file_has_no_write,
    ];
    Module::new(scenarios, trials)
}

/// The shop of the README, with another way to keep orders.
fn shop(sim: &mut Sim, keep: fn(&Mutex<Vec<u32>>, u32)) {
    let (acked, kept) = (sim.ledger::<String>("acknowledged"), sim.ledger("kept"));
    sim.node("shop", move |node| async move {
        let list = || async { fs::read_to_string("/orders").unwrap_or_default() };
        let memory = Arc::new(Mutex::new(Vec::new()));
        let order = move |Path(id): Path<u32>| async move { keep(&memory, id) };
        let app = Router::new().route("/", get(list)).route("/{id}", get(order));
        let listener = tokio::net::TcpListener::bind("0.0.0.0:80").await?;
        Ok(axum::serve(listener, app).with_graceful_shutdown(node.stopping()).await?)
    });
    sim.client("buyer", move |_| async move {
        for id in 0..8 {
            if reqwest::get(format!("http://shop/{id}")).await.is_ok_and(|response| response.status().is_success()) {
                acked.note(id.to_string());
            }
            tokio::time::sleep(ms(500)).await;
        }
        Ok(())
    });
    sim.verifier("auditor", move |_| async move {
        let book = reqwest::get("http://shop/").await?.text().await?;
        book.lines().for_each(|id| kept.note(id.to_owned()));
        kept.complete();
        Ok(())
    });
    sim.nothing_acked_is_lost(acked, kept);
}

fn append(id: u32) -> fs::File {
    let mut book = fs::File::options().create(true).append(true).open("/orders").expect("the disk works");
    book.write_all(format!("{id}\n").as_bytes()).expect("the disk works");
    book
}

fn a_shop_that_never_syncs(sim: &mut Sim) {
    shop(sim, |_, id| drop(append(id)));
}

fn a_shop_that_syncs_no_directory(sim: &mut Sim) {
    shop(sim, |_, id| append(id).sync_all().expect("the disk works"));
}

/// Writes orders three at a time.
fn a_shop_that_buffers(sim: &mut Sim) {
    shop(sim, |memory, id| {
        let mut memory = memory.lock().expect("nobody panics");
        memory.push(id);
        if memory.len() == 3 {
            memory.drain(..).for_each(|id| drop(append(id)));
        }
    });
}

/// The steps of the story of the first seed that breaks, with a fault in the third second.
fn steps(scenario: &str, fault: Fault) -> Vec<String> {
    let plan = [Injection { trigger: at(ms(2_250)), fault }];
    let mut outputs = (0..20).map(|seed| replay(scenario, seed, plan.to_vec()));
    let output = outputs.find(|output| output.code == 1).expect("one of 20 seeds breaks");
    assert!(output.out.starts_with("✗ acknowledged data is lost"), "{output:?}");
    let after = output.out.lines().skip_while(|line| !line.contains("how it happened")).skip(1);
    after.take_while(|line| !line.is_empty()).map(str::to_owned).collect()
}

/// Asserts that the story has a step with each of these groups of words, in this order.
fn tells(steps: &[String], story: &[&[&str]]) {
    let mut from = 0;
    for words in story {
        let found = steps[from..].iter().position(|step| words.iter().all(|word| step.contains(word)));
        from += 1 + found.unwrap_or_else(|| panic!("no step with {words:?} after step {from}: {steps:#?}"));
    }
}

fn power_loss() -> Fault {
    Fault::power_loss(NodeId(0), secs(1))
}

fn an_unsynced_write_is_shown_with_the_power_loss_that_took_it() {
    let steps = steps("a_shop_that_never_syncs", power_loss());
    let story: [&[&str]; 10] = [
        &["buyer", "sends", "→ shop"],
        &["shop", "writes a file", "/orders, never synced"],
        &["shop", "sends", "→ buyer"],
        &["buyer", "notes", "in acknowledged", "_entries.rs:"],
        &["┃", "2.250", "fault", "power loss on shop"],
        &["┃", "shop", "loses", "of /orders, unsynced"],
        &["3.250", "shop", "restarts", "incarnation 2"],
        &["auditor", "sends", "→ shop"],
        &["shop", "sends", "→ auditor"],
        &["✗", "auditor", "completes kept", "_entries.rs:"],
    ];
    tells(&steps, &story);
    assert!(steps.len() <= 12, "{steps:#?}");
}

fn a_file_whose_name_was_not_synced_is_shown_as_lost() {
    let steps = steps("a_shop_that_syncs_no_directory", power_loss());
    let story: [&[&str]; 5] = [
        &["shop", "writes a file", "/orders, synced"],
        &["shop", "syncs a file", "/orders"],
        &["buyer", "notes"],
        &["┃", "fault", "power loss on shop"],
        &["┃", "shop", "loses a file", "/orders, directory unsynced"],
    ];
    tells(&steps, &story);
}

fn an_order_that_never_reached_a_file_has_no_write() {
    let steps = steps("a_shop_that_buffers", Fault::kill(NodeId(0), secs(1)));
    let story: [&[&str]; 5] = [
        &["buyer", "sends", "→ shop"],
        &["shop", "sends", "→ buyer"],
        &["buyer", "notes"],
        &["┃", "fault", "kill shop"],
        &["✗", "auditor", "completes kept"],
    ];
    tells(&steps, &story);
    assert!(!steps.iter().any(|step| step.contains("writes a file")), "{steps:#?}");
}
