//! Flaws of a few lines: a handler that runs too early, a double close, a shared buffer, two locks, an order of messages.
//! Each needs particular timing.

use crate::reach::reach;
use crate::time::{ms, secs, short};
use afterlife::{Faults, Link, Node, NodeResult, Sim, probe};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex as StdMutex, PoisonError};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, UdpSocket};
use tokio::sync::Mutex;
use tokio::time::sleep;

// -- before init

async fn leader(node: Node, asks: bool) -> NodeResult {
    let cluster = Arc::new(probe::Resource::declare("cluster"));
    let is_loaded = Arc::new(AtomicBool::new(false));
    let listener = TcpListener::bind("0.0.0.0:7000").await?;
    tokio::spawn({
        let (cluster, is_loaded) = (cluster.clone(), is_loaded.clone());
        async move {
            cluster.opening();
            sleep(short(&mut node.rng(), 60)).await;
            cluster.opened();
            is_loaded.store(true, Ordering::Relaxed);
        }
    });
    loop {
        let (mut stream, _) = listener.accept().await?;
        let is_ready = is_loaded.load(Ordering::Relaxed);
        probe::sometimes!(!is_ready, "a heartbeat comes before the cluster is loaded");
        if is_ready || !asks {
            cluster.used();
        }
        let _gone = stream.write_u8(u8::from(is_ready)).await;
    }
}

fn heartbeats(sim: &mut Sim, asks: bool) {
    sim.latency(ms(1), ms(10));
    let leader = sim.node("leader", move |node| leader(node, asks));
    sim.client("follower", |node| async move {
        let mut rng = node.rng();
        for _ in 0..20 {
            sleep(ms(50) + short(&mut rng, 50)).await;
            if let Ok(mut stream) = TcpStream::connect("leader:7000").await {
                let _heard = stream.read_u8().await;
            }
        }
        Ok(())
    });
    sim.faults(leader, Faults::none().kills().starting_at(ms(100)).quiet_after(secs(1)).downtime(ms(10), ms(50)));
}

pub(crate) fn a_heartbeat_comes_too_early(sim: &mut Sim) {
    heartbeats(sim, false);
}

pub(crate) fn an_early_heartbeat_is_sent_away(sim: &mut Sim) {
    heartbeats(sim, true);
}

// -- once

struct Session {
    resource: probe::Resource,
    is_open: AtomicBool,
}

/// The side that finds that the session has ended says goodbye and closes it.
async fn over(session: &Session, takes_first: bool) {
    let open = &session.is_open;
    let mine = if takes_first { open.swap(false, Ordering::AcqRel) } else { open.load(Ordering::Acquire) };
    probe::sometimes!(!mine, "somebody else has closed the session");
    if mine {
        sleep(ms(2)).await;
        session.resource.close();
        open.store(false, Ordering::Release);
    }
}

fn sessions(sim: &mut Sim, takes_first: bool) {
    sim.latency(ms(1), ms(10));
    sim.node("server", move |_| async move {
        let listener = TcpListener::bind("0.0.0.0:7000").await?;
        loop {
            let (mut stream, _) = listener.accept().await?;
            let session = Session { resource: probe::Resource::open("session"), is_open: AtomicBool::new(true) };
            let session = Arc::new(session);
            let idle = session.clone();
            tokio::spawn(async move {
                sleep(ms(50)).await;
                over(&idle, takes_first).await;
            });
            tokio::spawn(async move {
                let _ended = stream.read_u8().await;
                over(&session, takes_first).await;
            });
        }
    });
    sim.client("client", |node| async move {
        let mut rng = node.rng();
        for _ in 0..10 {
            let stream = reach("server:7000").await;
            sleep(ms(10) + short(&mut rng, 80)).await;
            drop(stream);
        }
        sleep(ms(200)).await;
        Ok(())
    });
}

pub(crate) fn a_session_is_closed_from_both_sides(sim: &mut Sim) {
    sessions(sim, false);
}

pub(crate) fn a_session_is_closed_by_the_first_side(sim: &mut Sim) {
    sessions(sim, true);
}

// -- a length read from other bytes

/// Reads a length and then that many bytes, into a buffer that all connections share or into one of its own.
async fn receive(mut stream: TcpStream, shared: Arc<StdMutex<[u8; 4]>>, shares: bool) -> std::io::Result<()> {
    let mut own = [0; 4];
    loop {
        stream.read_exact(&mut own).await?;
        *shared.lock().unwrap_or_else(PoisonError::into_inner) = own;
        sleep(ms(1)).await;
        let bytes = if shares { *shared.lock().unwrap_or_else(PoisonError::into_inner) } else { own };
        probe::sometimes!(*shared.lock().unwrap_or_else(PoisonError::into_inner) != own, "the buffer was written to");
        let length = u32::from_be_bytes(bytes) as usize;
        let body = Vec::<u8>::with_capacity(length);
        for _ in 0..body.capacity().min(4) / 4 {
            stream.read_exact(&mut own).await?;
            *shared.lock().unwrap_or_else(PoisonError::into_inner) = own;
        }
    }
}

fn messages(sim: &mut Sim, shares: bool) {
    sim.latency(ms(1), ms(10));
    sim.bound("bounded-request", 64 << 20);
    sim.node("server", move |_| async move {
        let listener = TcpListener::bind("0.0.0.0:7000").await?;
        let shared = Arc::new(StdMutex::new([0; 4]));
        loop {
            let (stream, _) = listener.accept().await?;
            tokio::spawn(receive(stream, shared.clone(), shares));
        }
    });
    for index in 0..2 {
        sim.client(&format!("client-{index}"), |node| async move {
            let mut rng = node.rng();
            let mut stream = reach("server:7000").await;
            stream.set_nodelay(true)?;
            for _ in 0..20 {
                stream.write_u32(4).await?;
                sleep(short(&mut rng, 20)).await;
                stream.write_all(b"text").await?;
                sleep(short(&mut rng, 20)).await;
            }
            Ok(())
        });
    }
}

pub(crate) fn a_length_is_read_from_anothers_text(sim: &mut Sim) {
    messages(sim, true);
}

pub(crate) fn a_length_is_read_from_ones_own_bytes(sim: &mut Sim) {
    messages(sim, false);
}

// -- two locks

fn transfers(sim: &mut Sim, crossed: bool) {
    sim.client("bank", move |node| async move {
        let accounts = Arc::new((Mutex::new(0_i64), Mutex::new(0_i64)));
        let mut rng = node.rng();
        let mut tasks = Vec::new();
        for back in [false, true] {
            let (accounts, pauses) = (accounts.clone(), [(); 3].map(|()| (short(&mut rng, 20), short(&mut rng, 5))));
            tasks.push(tokio::spawn(async move {
                for (before, between) in pauses {
                    sleep(before).await;
                    let (one, other) = (&accounts.0, &accounts.1);
                    let (first, second) = if back && crossed { (other, one) } else { (one, other) };
                    let mut first = first.lock().await;
                    sleep(between).await;
                    let waits = second.try_lock().is_err();
                    probe::sometimes!(waits, "a transfer waits for another");
                    *second.lock().await += 1;
                    *first -= 1;
                }
            }));
        }
        let probed = accounts.clone();
        tasks.push(tokio::spawn(async move {
            // Another thread reads the second account only.
            for _ in 0..20 {
                let _held = probed.1.lock().await;
                sleep(ms(1)).await;
            }
        }));
        for task in tasks {
            task.await?;
        }
        Ok(())
    });
}

pub(crate) fn transfers_lock_in_two_orders(sim: &mut Sim) {
    transfers(sim, true);
}

pub(crate) fn transfers_lock_in_one_order(sim: &mut Sim) {
    transfers(sim, false);
}

// -- assertions in the code

fn ballots(sim: &mut Sim, compares: bool) {
    sim.latency(ms(1), ms(10));
    sim.node("replica", move |_| async move {
        let socket = UdpSocket::bind("0.0.0.0:9000").await?;
        let ballot = AtomicU64::new(0);
        loop {
            let mut bytes = [0; 8];
            socket.recv(&mut bytes).await?;
            let (new, old) = (u64::from_be_bytes(bytes), ballot.load(Ordering::Relaxed));
            probe::sometimes!(new < old, "ballots come in another order");
            if new > old || !compares {
                ballot.store(new, Ordering::Relaxed);
                probe::always!(new >= old, "the ballot grows");
            }
        }
    });
    sim.client("meta", |_| async {
        sleep(ms(50)).await;
        let socket = UdpSocket::bind("0.0.0.0:0").await?;
        for ballot in 1_u64..6 {
            socket.send_to(&ballot.to_be_bytes(), "replica:9000").await?;
            sleep(ms(4)).await;
        }
        sleep(ms(100)).await;
        Ok(())
    });
}

pub(crate) fn a_ballot_is_taken_as_it_comes(sim: &mut Sim) {
    ballots(sim, false);
}

pub(crate) fn a_ballot_is_taken_if_it_is_higher(sim: &mut Sim) {
    ballots(sim, true);
}

// -- messages for another incarnation

/// Datagrams take 200 ms. A new incarnation may wait until those for its predecessor have arrived.
fn datagrams(sim: &mut Sim, waits: bool) {
    sim.turn_on("no-stale-message");
    let server = sim.node("server", move |node| async move {
        if waits && node.incarnation() > 1 {
            sleep(ms(250)).await;
        }
        let socket = UdpSocket::bind("0.0.0.0:9000").await?;
        loop {
            socket.recv(&mut [0]).await?;
        }
    });
    let client = sim.client("client", |_| async {
        let socket = UdpSocket::bind("0.0.0.0:0").await?;
        for number in 0..40 {
            socket.send_to(&[number], "server:9000").await?;
            sleep(ms(50)).await;
        }
        Ok(())
    });
    sim.link(server, client, Link::fixed(ms(200)));
    sim.sometimes("the server restarts", |view| view.restarts() > 0);
    sim.faults(server, Faults::none().kills().starting_at(ms(300)).quiet_after(secs(2)).downtime(ms(10), ms(100)));
}

pub(crate) fn a_new_incarnation_listens_at_once(sim: &mut Sim) {
    datagrams(sim, false);
}

pub(crate) fn a_new_incarnation_waits_until_old_messages_are_gone(sim: &mut Sim) {
    datagrams(sim, true);
}
