//! Values shared between nodes: wake-ups cross over, descriptors do not.
//! Nodes share the program's statics, which these tests use.

use crate::harness::{Module, at, campaign, holds, scenarios, trials};
use crate::time::secs;
use afterlife::{Fault, Injection, NodeId, Sim};
use std::fs::File;
use std::io::Read;
use std::sync::{Arc, Mutex};
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep, timeout};

/// The waiting node is the first.
const WAITER: NodeId = NodeId(0);

pub(crate) fn module() -> Module {
    let scenarios = scenarios![
        a_channel_between_nodes,
        a_watch_that_outlives_its_watchers,
        a_file_is_read_on_another_node,
        opens_descriptors_up_to_the_limit,
    ];
    let trials = trials![
        a_wake_up_reaches_the_other_node,
        a_wake_up_for_a_dead_process_is_lost,
        a_descriptor_of_another_node_is_refused_with_both_names,
        a_process_has_a_descriptor_limit,
    ];
    Module::new(scenarios, trials)
}

fn a_channel_between_nodes(sim: &mut Sim) {
    let (sender, receiver) = mpsc::channel::<u32>(1);
    let receiver = Arc::new(Mutex::new(Some(receiver)));
    sim.client("waiter", move |_| {
        let receiver = receiver.lock().expect("nobody panics").take();
        async move {
            let mut receiver = receiver.ok_or("this client starts once")?;
            let begun = Instant::now();
            for expected in 0..100 {
                assert_eq!(timeout(secs(2), receiver.recv()).await, Ok(Some(expected)));
            }
            assert!(begun.elapsed() < secs(101), "it was woken when something came: {:?}", begun.elapsed());
            Ok(())
        }
    });
    sim.client("sender", move |_| {
        let sender = sender.clone();
        async move {
            for number in 0..100 {
                sleep(secs(1)).await;
                sender.send(number).await?;
            }
            Ok(())
        }
    });
}

fn a_wake_up_reaches_the_other_node() {
    holds("a_channel_between_nodes", &[]);
}

fn a_watch_that_outlives_its_watchers(sim: &mut Sim) {
    let (sender, _) = watch::channel(0);
    let sender = Arc::new(sender);
    let watched = sender.clone();
    let seen = sim.ledger::<u32>("received by the second incarnation");
    sim.node("waiter", move |node| {
        let mut receiver = watched.subscribe();
        async move {
            loop {
                receiver.changed().await?;
                let value = *receiver.borrow_and_update();
                if node.incarnation() > 1 {
                    seen.note(value);
                }
            }
        }
    });
    sim.client("sender", move |_| {
        let sender = sender.clone();
        async move {
            for number in 1..30 {
                sleep(secs(1)).await;
                sender.send(number)?;
            }
            Ok(())
        }
    });
    sim.eventually("the second incarnation receives a value", secs(60), move |_| seen.contains(&29));
}

fn a_wake_up_for_a_dead_process_is_lost() {
    let kill = |second| Injection { trigger: at(secs(second)), fault: Fault::kill(WAITER, secs(3)) };
    holds("a_watch_that_outlives_its_watchers", &[kill(2), kill(9), kill(17)]);
}

fn a_file_is_read_on_another_node(sim: &mut Sim) {
    let shared = Arc::new(Mutex::new(None));
    let file = shared.clone();
    sim.node_main("owner", move |_| {
        std::fs::write("/data", "mine").expect("the disk is empty");
        *file.lock().expect("nobody panics") = File::open("/data").ok();
        std::thread::sleep(secs(10));
        0
    });
    sim.client_main("thief", move |_| {
        std::thread::sleep(secs(1));
        let mut file = shared.lock().expect("nobody panics").take().expect("it was opened");
        i32::from(file.read(&mut [0]).is_err())
    });
}

fn a_descriptor_of_another_node_is_refused_with_both_names() {
    let output = campaign("a_file_is_read_on_another_node", "1");
    assert_eq!(output.code, 1, "{output:?}");
    let sentence = output.finding()["sentence"].to_string();
    assert!(sentence.contains("read on thief with descriptor"), "{sentence}");
    assert!(sentence.contains("which owner opened"), "{sentence}");
    // Neither a node nor a number: runs that differ in both are one finding.
    assert_eq!(output.finding()["subject"], "read with a descriptor of another node");
    assert!(sentence.contains("tests/e2e/machine/foreign_descriptors.rs:"), "{sentence}");
}

fn opens_descriptors_up_to_the_limit(sim: &mut Sim) {
    sim.client_main("client", |_| {
        std::fs::write("/data", "").expect("the disk is empty");
        let mut open = Vec::new();
        let refused = loop {
            match File::open("/data") {
                Ok(file) => open.push(file),
                Err(error) => break error,
            }
        };
        assert_eq!((open.len(), refused.raw_os_error()), (12_544, Some(libc::EMFILE)));
        drop(open.pop());
        assert!(File::open("/data").is_ok());
        0
    });
}

fn a_process_has_a_descriptor_limit() {
    holds("opens_descriptors_up_to_the_limit", &[]);
}
