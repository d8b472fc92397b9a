//! A replica that loads files from a store in rounds, one for each ballot, and starts over at each ballot.
//! It does not wait for chains of an earlier round. Its flaws differ in the effects that those chains may still have.

use crate::reach::reach;
use crate::time::{ms, short};
use afterlife::{Faults, Node, NodeResult, Sim, probe};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::sleep;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Flaw {
    /// A chain has no effect after its round.
    None,
    /// A late chain still stores its file.
    StaleEffect,
    /// A late chain counts its file for the current round.
    OldCounts,
    /// A late chain releases its slot, which the end of its round has released already.
    TwoReleases,
}

const FILES: u64 = 3;

#[derive(Default)]
struct Round {
    number: u64,
    done: u64,
    progress: Option<Arc<probe::Progress>>,
    place: Option<probe::Slot>,
    held: i64,
}

struct Replica {
    flaw: Flaw,
    /// True if a ballot starts a new round.
    is_primary: bool,
    rounds: probe::Epoch,
    places: probe::Slots,
    round: Mutex<Round>,
}

impl Replica {
    fn release(&self, round: &mut Round) {
        round.held -= 1;
        round.place = None;
        self.places.counted(round.held);
    }

    fn begin(self: &Arc<Self>) {
        let mut round = self.round.lock().unwrap_or_else(PoisonError::into_inner);
        if round.place.is_some() {
            self.release(&mut round);
        }
        let progress = Arc::new(probe::Progress::new("download", FILES));
        (round.number, round.done) = (round.number + 1, 0);
        (round.progress, round.place) = (Some(progress.clone()), Some(self.places.take()));
        round.held += 1;
        self.places.counted(round.held);
        let token = self.rounds.advance(round.number);
        tokio::spawn(self.clone().load(round.number, token, progress));
    }

    async fn load(self: Arc<Self>, number: u64, token: probe::Token, progress: Arc<probe::Progress>) -> Option<()> {
        for file in 1..=FILES {
            fetch(file).await.ok()?;
            let mut round = self.round.lock().unwrap_or_else(PoisonError::into_inner);
            let is_over = round.number != number;
            if self.is_primary {
                probe::sometimes!(is_over, "a file comes when its round is over");
            }
            if is_over && self.flaw == Flaw::None {
                return None;
            }
            if !is_over || self.flaw == Flaw::StaleEffect {
                token.effect("a file");
            }
            if !is_over {
                progress.verified();
            }
            if !is_over || self.flaw == Flaw::OldCounts {
                round.done += 1;
                round.progress.as_ref()?.reported(100 * round.done / FILES);
            }
        }
        let mut round = self.round.lock().unwrap_or_else(PoisonError::into_inner);
        if (round.number == number && round.place.is_some()) || self.flaw == Flaw::TwoReleases {
            self.release(&mut round);
        }
        Some(())
    }
}

async fn fetch(file: u64) -> std::io::Result<u64> {
    let mut stream = reach("store:7000").await;
    stream.write_u64(file).await?;
    stream.read_u64().await
}

async fn serve(_: Node) -> NodeResult {
    let listener = TcpListener::bind("0.0.0.0:7000").await?;
    loop {
        let (mut stream, _) = listener.accept().await?;
        tokio::spawn(async move {
            let (mut from, mut to) = stream.split();
            tokio::io::copy(&mut from, &mut to).await
        });
    }
}

fn loader(sim: &mut Sim, flaw: Flaw) {
    sim.latency(ms(1), ms(10));
    sim.node("store", serve);
    sim.node("replica", move |_| async move {
        let (rounds, places) = (probe::Epoch::new("round"), probe::Slots::new("downloads", 2));
        let replica = Replica { flaw, is_primary: true, rounds, places, round: Mutex::default() };
        let replica = Arc::new(replica);
        let listener = TcpListener::bind("0.0.0.0:7000").await?;
        loop {
            let (mut stream, _) = listener.accept().await?;
            while stream.read_u64().await.is_ok() {
                replica.begin();
            }
        }
    });
    sim.client("meta", |node| async move {
        let mut rng = node.rng();
        let mut stream = reach("replica:7000").await;
        for ballot in 0..5 {
            stream.write_u64(ballot).await?;
            sleep(short(&mut rng, 200)).await;
        }
        sleep(ms(500)).await;
        Ok(())
    });
}

/// A secondary learns of new ballots and keeps its role: its round continues, and no effect of it is stale.
pub(crate) fn a_ballot_changes_and_no_role(sim: &mut Sim) {
    sim.latency(ms(1), ms(10));
    let store = sim.node("store", serve);
    let replica = sim.node("replica", move |_| async move {
        let (rounds, places) = (probe::Epoch::new("round"), probe::Slots::new("downloads", 2));
        let replica = Replica { flaw: Flaw::None, is_primary: false, rounds, places, round: Mutex::default() };
        let replica = Arc::new(replica);
        let (ballots, mut known) = (probe::Epoch::new("ballot"), 0);
        let listener = TcpListener::bind("0.0.0.0:7000").await?;
        loop {
            let (mut stream, _) = listener.accept().await?;
            while let Ok(ballot) = stream.read_u64().await {
                let is_first = known == 0;
                known = known.max(ballot);
                let token = ballots.advance(known);
                if is_first {
                    replica.begin();
                }
                let round = replica.round.lock().unwrap_or_else(PoisonError::into_inner);
                probe::sometimes!(!is_first && round.place.is_some(), "a ballot changes while files are loaded");
                token.effect("the secondary's ballot");
            }
        }
    });
    sim.client("meta", |node| async move {
        let mut rng = node.rng();
        for ballot in 1..12 {
            if let Ok(mut stream) = TcpStream::connect("replica:7000").await {
                let _lost = stream.write_u64(ballot).await;
            }
            sleep(short(&mut rng, 60)).await;
        }
        Ok(())
    });
    let faults =
        Faults::none().kills().pauses(ms(10), ms(100)).slow_links(ms(10), ms(200), ms(300)).connection_resets();
    sim.faults(store.and(replica), faults.starting_at(ms(20)).quiet_after(ms(500)).downtime(ms(5), ms(50)));
}

pub(crate) fn a_file_of_an_old_round_is_stored(sim: &mut Sim) {
    loader(sim, Flaw::StaleEffect);
}

pub(crate) fn a_file_of_an_old_round_is_counted(sim: &mut Sim) {
    loader(sim, Flaw::OldCounts);
}

pub(crate) fn a_place_is_given_back_twice(sim: &mut Sim) {
    loader(sim, Flaw::TwoReleases);
}

pub(crate) fn a_file_of_an_old_round_is_dropped(sim: &mut Sim) {
    loader(sim, Flaw::None);
}
