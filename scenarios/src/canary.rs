//! The canary: a store that acknowledges before it writes. A harness that does not find this is broken.
//! It models no outage. The main job and the nightly job expect it to break within a few runs.

use crate::release::SHIPPED;
use crate::rt;
use crate::rt::net::{TcpListener, TcpStream};
use afterlife::{Faults, Scenario, Sim};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// The invariant that the store breaks.
const LOSS: &str = "nothing-acked-is-lost";

/// The number of entries that are written.
const ENTRIES: u32 = 40;

/// The request for the number of entries.
const COUNT: u32 = u32::MAX;

/// The scenario. None of its builds holds.
pub fn scenario() -> Scenario {
    Scenario::new("canary", script)
        .about("A store that acknowledges before it writes: the harness must find it")
        .builds(&[SHIPPED])
        .seeds(200)
        .breaks(&[(SHIPPED, LOSS)])
        .portable()
}

async fn serve(mut stream: TcpStream) -> std::io::Result<()> {
    loop {
        let number = stream.read_u32().await?;
        if number == COUNT {
            let mut count = 0;
            while std::fs::exists(format!("/data/{count}"))? {
                count += 1;
            }
            stream.write_u32(count).await?;
            stream.flush().await?;
            continue;
        }
        stream.write_u32(number).await?;
        stream.flush().await?;
        rt::time::sleep(Duration::from_millis(100)).await;
        std::fs::write(format!("/data/{number}"), "")?;
    }
}

async fn ask(number: u32) -> std::io::Result<u32> {
    let mut stream = TcpStream::connect("store:7000").await?;
    stream.write_u32(number).await?;
    stream.flush().await?;
    stream.read_u32().await
}

fn script(sim: &mut Sim) {
    let (acked, found) = (sim.ledger::<u32>("acked"), sim.ledger::<u32>("found"));
    let store = sim.node("store", |_| async {
        let listener = TcpListener::bind("0.0.0.0:7000").await?;
        std::fs::create_dir_all("/data")?;
        loop {
            let (stream, _) = listener.accept().await?;
            rt::spawn(serve(stream));
        }
    });
    sim.client("client", move |_| async move {
        let mut number = 0;
        while number < ENTRIES {
            if ask(number).await.is_ok() {
                acked.note(number);
                number += 1;
            }
            rt::time::sleep(Duration::from_millis(150)).await;
        }
        Ok(())
    });
    sim.verifier("auditor", move |_| async move {
        let count = loop {
            match ask(COUNT).await {
                Ok(count) => break count,
                Err(_) => rt::time::sleep(Duration::from_millis(150)).await,
            }
        };
        (0..count).for_each(|number| found.note(number));
        found.complete();
        Ok(())
    });
    sim.faults(store, Faults::none().kills().quiet_after(Duration::from_secs(5)));
    sim.nothing_acked_is_lost(acked, found);
    sim.sometimes("the store restarts", |view| view.restarts() > 0);
}
