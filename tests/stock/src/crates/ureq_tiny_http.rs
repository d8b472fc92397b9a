//! ureq and tiny_http: HTTP without async, with a pool of server threads and an agent that keeps connections.

use crate::faults::{kills_and_link_faults, ms, secs};
use crate::row::{Row, Verdict};
use afterlife::{Node, Sim};
use std::sync::Arc;
use std::thread;

pub(crate) const ROW: Row = Row {
    name: "ureq-tiny-http",
    crates: &["ureq", "tiny_http"],
    does: "a server of three threads that share one queue, and two blocking agents with timeouts",
    verdict: Verdict::Runs(""),
    seeds: 30,
    script,
};

fn serve(node: Node) -> i32 {
    let server = Arc::new(tiny_http::Server::http("0.0.0.0:80").expect("the port is free"));
    let answer = move |server: &tiny_http::Server| {
        for mut request in server.incoming_requests() {
            let mut text = String::new();
            if request.as_reader().read_to_string(&mut text).is_ok() {
                let answer = format!("{} {}", node.incarnation(), text.chars().rev().collect::<String>());
                let _ = request.respond(tiny_http::Response::from_string(answer));
            }
        }
    };
    let threads: Vec<_> = (0..3)
        .map(|_| {
            let server = server.clone();
            thread::spawn(move || answer(&server))
        })
        .collect();
    threads.into_iter().for_each(|thread| thread.join().expect("no request panics"));
    0
}

fn script(sim: &mut Sim) {
    let answers = sim.ledger::<u16>("incarnations that answered");
    let failed = sim.ledger::<u32>("requests that failed");
    let server = sim.node_main("server", serve);
    let clients = [0, 1].map(|index| {
        sim.client_main(&format!("client-{index}"), move |_| {
            let agent: ureq::Agent = ureq::Agent::config_builder().timeout_global(Some(secs(2))).build().into();
            for round in 0..40_u32 {
                match agent.post("http://server/").send(format!("{round:05} {}", "x".repeat(2_000))) {
                    Ok(mut answer) => match answer.body_mut().read_to_string() {
                        Ok(text) => {
                            let (incarnation, reversed) = text.split_once(' ').expect("the incarnation comes first");
                            assert_eq!(reversed.len(), 2_006);
                            assert!(reversed.ends_with(&format!("{round:05}").chars().rev().collect::<String>()));
                            answers.note(incarnation.parse().expect("a number"));
                        }
                        Err(_) => failed.note(round),
                    },
                    Err(_) => failed.note(round),
                }
                thread::sleep(ms(150));
            }
            0
        })
    });
    kills_and_link_faults(sim, server, clients[0].and(clients[1]));
    sim.sometimes("a second incarnation answers", move |_| answers.contains(&2));
    sim.sometimes("a request fails", move |_| !failed.is_empty());
    sim.sometimes("nearly all requests are answered", move |_| answers.len() > 60);
}
