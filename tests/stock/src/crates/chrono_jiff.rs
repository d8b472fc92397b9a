//! chrono and jiff: a server stamps with one, its clients read with the other, and both show the simulation's time.

use crate::faults::{kills_and_link_faults, ms, secs};
use crate::row::{Row, Verdict};
use afterlife::{NodeResult, Sim};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{Instant, sleep, timeout};

pub(crate) const ROW: Row = Row {
    name: "chrono-jiff",
    crates: &["chrono", "jiff"],
    does: "timestamps over TCP, written by chrono and read by jiff; the local time zone of a machine without /etc/localtime",
    verdict: Verdict::Runs(
        "the wall clock starts at the same moment in every run; the time zone is UTC unless `TZ` or a file says otherwise",
    ),
    seeds: 30,
    script,
};

async fn stamp() -> NodeResult {
    let listener = TcpListener::bind("0.0.0.0:7000").await?;
    loop {
        let (mut stream, _) = listener.accept().await?;
        let (here, there) = (chrono::Local::now(), chrono::Utc::now());
        assert_eq!(here.offset().local_minus_utc(), 0, "there is no zone file");
        assert!(here <= there);
        stream.write_all(there.to_rfc3339().as_bytes()).await?;
    }
}

fn script(sim: &mut Sim) {
    let stamped = sim.ledger::<i64>("stamps, in ms");
    let missed = sim.ledger::<u64>("stamps that never came");
    let server = sim.node("clock", |_| stamp());
    let client = sim.client("client", move |_| async move {
        let begun = (Instant::now(), jiff::Zoned::now());
        let mut last = jiff::Timestamp::MIN;
        for round in 0..60 {
            let asked = jiff::Timestamp::now();
            let mut text = String::new();
            let answer = async { TcpStream::connect("clock:7000").await?.read_to_string(&mut text).await };
            if matches!(timeout(secs(1), answer).await, Ok(Ok(1..))) {
                let stamp: jiff::Timestamp = text.parse()?;
                let now = jiff::Timestamp::now();
                assert!(asked <= stamp && stamp <= now && last < stamp, "{asked} {stamp} {now}");
                last = stamp;
                stamped.note(stamp.as_millisecond());
            } else {
                missed.note(round);
            }
            sleep(ms(100)).await;
        }
        let (waited, shown) = (begun.0.elapsed(), begun.1.duration_until(&jiff::Zoned::now()));
        assert!(waited.abs_diff(shown.unsigned_abs()) < ms(1), "{waited:?} on one clock, {shown:?} on the other");
        Ok(())
    });
    kills_and_link_faults(sim, server, client);
    sim.sometimes("nearly every stamp comes", move |_| stamped.len() > 50);
    sim.sometimes("a stamp does not come", move |_| !missed.is_empty());
}
