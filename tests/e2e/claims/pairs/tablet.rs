//! A tablet that follows a topology server: its watch, its engine and its jobs as the server fails.
//! Faults restart the server; some of them strike the tablet as well.

use crate::time::{ms, secs, short};
use afterlife::{Faults, Node, NodeResult, Sim, Supervisor, probe};
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{sleep, timeout};

/// Sends an event every 20 ms, and closes a stream after a number of events.
async fn topology(node: Node) -> NodeResult {
    let listener = TcpListener::bind("0.0.0.0:2379").await?;
    let serve = async {
        loop {
            let (mut stream, _) = listener.accept().await?;
            tokio::spawn(async move {
                for event in 0..30 {
                    if stream.write_u8(event).await.is_err() {
                        break;
                    }
                    sleep(ms(20)).await;
                }
            });
        }
    };
    tokio::select! { ended = serve => ended, () = node.stopping() => Ok(()) }
}

/// The topology server under these faults, and a client that keeps the run going for this long.
fn with_topology(sim: &mut Sim, faults: Faults, length: Duration) {
    // Its leaks at a stop are not the subject here.
    sim.turn_off("nothing-left");
    sim.latency(ms(1), ms(10));
    let topo = sim.node("topo", topology);
    sim.faults(topo, faults.starting_at(ms(100)).quiet_after(secs(2)).downtime(ms(50), ms(500)));
    sim.client("operator", move |_| async move {
        sleep(length).await;
        Ok(())
    });
}

async fn follow(stream: &mut TcpStream) -> std::io::Result<()> {
    while stream.read(&mut [0]).await? > 0 {}
    Ok(())
}

// -- the end of a watch

async fn watch(tells_errors: bool) -> NodeResult {
    loop {
        sleep(ms(20)).await;
        let Ok(mut stream) = TcpStream::connect("topo:2379").await else { continue };
        let watch = probe::Channel::open("shard watch");
        let ended = follow(&mut stream).await;
        probe::sometimes!(ended.is_ok(), "a watch ends in order");
        probe::sometimes!(ended.is_err(), "a watch ends with an error");
        if ended.is_ok() || tells_errors {
            watch.notified();
        }
    }
}

pub(crate) fn a_watch_that_is_reset_just_closes(sim: &mut Sim) {
    with_topology(sim, Faults::none().kills(), secs(3));
    sim.node("tablet", |_| watch(false));
}

pub(crate) fn a_watch_that_is_reset_says_so(sim: &mut Sim) {
    with_topology(sim, Faults::none().kills(), secs(3));
    sim.node("tablet", |_| watch(true));
}

// -- a stream that has ended

async fn read_on(pause: Option<Duration>) -> NodeResult {
    loop {
        sleep(ms(20)).await;
        let Ok(mut stream) = TcpStream::connect("topo:2379").await else { continue };
        // A closed stream is mistaken for a quiet one.
        while stream.read(&mut [0]).await.is_ok() {
            if let Some(pause) = pause {
                sleep(pause).await;
            }
        }
    }
}

pub(crate) fn a_stream_that_has_ended_is_read_on(sim: &mut Sim) {
    with_topology(sim, Faults::none().stops(secs(1)), secs(3));
    sim.node("tablet", |_| read_on(None));
}

pub(crate) fn a_stream_that_has_ended_is_looked_at_now_and_then(sim: &mut Sim) {
    with_topology(sim, Faults::none().stops(secs(1)), secs(3));
    sim.node("tablet", |_| read_on(Some(ms(1))));
}

// -- a panic in the middle of opening

/// Closes the engine unless its opening completed.
struct Opening<'a>(&'a probe::Resource, bool);

impl Drop for Opening<'_> {
    fn drop(&mut self) {
        if !self.1 {
            self.0.close();
        }
    }
}

async fn open_engine(engine: &probe::Resource, guarded: bool) {
    engine.opening();
    // Without the guard's destructor the engine stays half open.
    let mut opening = (!guarded).then(|| std::mem::ManuallyDrop::new(Opening(engine, false)));
    let mut guard = guarded.then(|| Opening(engine, false));
    let mut stream = TcpStream::connect("topo:2379").await.expect("the topology server is there");
    stream.read_u8().await.expect("the server sends an event");
    engine.opened();
    opening.iter_mut().for_each(|opening| opening.1 = true);
    guard.iter_mut().for_each(|guard| guard.1 = true);
}

/// Opens and closes an engine repeatedly; the caller catches panics.
async fn promotions(guarded: bool) -> NodeResult {
    let mut engines = Vec::new();
    loop {
        let engine = Arc::new(probe::Resource::declare("engine"));
        engines.push(engine.clone());
        let opened = tokio::spawn({
            let engine = engine.clone();
            async move { open_engine(&engine, guarded).await }
        });
        let opened = opened.await.is_ok();
        probe::sometimes!(!opened, "an engine fails to open");
        if opened {
            engine.close();
        }
        sleep(ms(50)).await;
    }
}

fn promoted(sim: &mut Sim, guarded: bool) {
    with_topology(sim, Faults::none().kills(), secs(3));
    sim.turn_off("no-silent-panic");
    sim.node("tablet", move |_| async move {
        // Until the server listens.
        sleep(ms(50)).await;
        promotions(guarded).await
    });
}

pub(crate) fn a_panic_leaves_the_engine_half_open(sim: &mut Sim) {
    promoted(sim, false);
}

pub(crate) fn a_panic_closes_the_engine(sim: &mut Sim) {
    promoted(sim, true);
}

// -- a silent panic

async fn poll(expects: bool) -> NodeResult {
    sleep(ms(50)).await;
    loop {
        tokio::spawn(async move {
            let event = async { TcpStream::connect("topo:2379").await?.read_u8().await }.await;
            probe::sometimes!(event.is_err(), "a poll fails");
            if expects {
                event.expect("the topology server is there");
            }
        });
        sleep(ms(50)).await;
    }
}

pub(crate) fn a_detached_task_expects_too_much(sim: &mut Sim) {
    with_topology(sim, Faults::none().kills(), secs(3));
    sim.node("tablet", |_| poll(true));
}

pub(crate) fn a_detached_task_bears_errors(sim: &mut Sim) {
    with_topology(sim, Faults::none().kills(), secs(3));
    sim.node("tablet", |_| poll(false));
}

// -- processes that fail with the server

async fn session(gives_up: bool) -> NodeResult {
    loop {
        sleep(ms(30)).await;
        let Ok(mut stream) = TcpStream::connect("topo:2379").await else { continue };
        let lost = follow(&mut stream).await;
        probe::sometimes!(lost.is_err(), "a session is lost");
        if gives_up {
            lost?;
        }
    }
}

pub(crate) fn a_tablet_ends_with_its_session(sim: &mut Sim) {
    with_topology(sim, Faults::none().kills(), secs(3));
    sim.node("tablet", |_| session(true));
}

pub(crate) fn a_tablet_outlives_its_session(sim: &mut Sim) {
    with_topology(sim, Faults::none().kills(), secs(3));
    sim.node("tablet", |_| session(false));
}

// -- a job that a restart finds unfinished

fn read(path: &str) -> Option<String> {
    std::fs::read_to_string(path).ok()
}

/// A job records its start, works, records its position, works, and completes. It resumes from its position.
async fn jobs(node: Node, expects_a_position: bool) -> NodeResult {
    let mut rng = node.rng();
    for job in 0.. {
        let (state, position) = (format!("/job-{job}"), format!("/position-{job}"));
        if read(&state).as_deref() == Some("done") {
            continue;
        }
        if read(&state).is_some() {
            let from = read(&position);
            probe::sometimes!(from.is_none(), "a job is resumed that had recorded no position");
            if expects_a_position {
                from.ok_or("a started job has a position")?;
            }
        }
        std::fs::write(&state, "started")?;
        sleep(short(&mut rng, 60)).await;
        std::fs::write(&position, "1")?;
        sleep(short(&mut rng, 60)).await;
        std::fs::write(&state, "done")?;
    }
    Ok(())
}

fn differ(sim: &mut Sim, expects_a_position: bool) {
    let tablet = sim.node("tablet", move |node| jobs(node, expects_a_position));
    sim.supervise(tablet, Supervisor::on_failure().delay(ms(100)));
    sim.faults(tablet, Faults::none().kills().starting_at(ms(100)).quiet_after(secs(2)).downtime(ms(10), ms(100)));
    sim.client("operator", |_| async {
        sleep(secs(5)).await;
        Ok(())
    });
}

pub(crate) fn a_job_without_a_position_is_fatal(sim: &mut Sim) {
    differ(sim, true);
}

pub(crate) fn a_job_without_a_position_begins_anew(sim: &mut Sim) {
    differ(sim, false);
}

// -- an answer that never arrives

/// Requests over datagrams, which are never reset, while other work continues.
fn asking(sim: &mut Sim, patience: Option<Duration>) {
    sim.latency(ms(1), ms(10));
    let server = sim.node("server", |_| async {
        let socket = tokio::net::UdpSocket::bind("0.0.0.0:9000").await?;
        loop {
            let mut byte = [0];
            let (_, from) = socket.recv_from(&mut byte).await?;
            sleep(ms(20)).await;
            socket.send_to(&byte, from).await?;
        }
    });
    sim.node("clock", |_| async {
        loop {
            sleep(secs(1)).await;
        }
    });
    sim.client("asker", move |_| async move {
        sleep(ms(20)).await;
        let socket = tokio::net::UdpSocket::bind("0.0.0.0:0").await?;
        for question in 0..100 {
            loop {
                socket.send_to(&[question], "server:9000").await?;
                let mut answer = [0];
                let answer_received = socket.recv(&mut answer);
                match patience {
                    None => {
                        answer_received.await?;
                        break;
                    }
                    Some(patience) => {
                        let answered = timeout(patience, answer_received).await.is_ok();
                        probe::sometimes!(!answered, "an answer does not come");
                        if answered {
                            break;
                        }
                    }
                }
            }
        }
        Ok(())
    });
    sim.bound("recovers", secs(30));
    sim.faults(server, Faults::none().kills().starting_at(ms(100)).quiet_after(secs(2)).downtime(ms(10), secs(1)));
}

pub(crate) fn an_answer_is_awaited_without_a_deadline(sim: &mut Sim) {
    asking(sim, None);
}

pub(crate) fn a_request_is_sent_again(sim: &mut Sim) {
    asking(sim, Some(ms(200)));
}
