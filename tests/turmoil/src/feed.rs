//! A feed of progress: who subscribes is called at each step, until it takes its leave.
//! It knows no simulator but for its sockets, and no afterlife but for its probes.

use afterlife_probe::{Registration, phase};
use std::io;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::mpsc;
use tokio::time::sleep;
use turmoil::net::{TcpListener, TcpStream};

/// Where it listens.
pub const PORT: u16 = 9040;
/// Who sends this wants to hear of progress.
pub const SUBSCRIBE: u8 = 1;
/// Who sends this has heard enough; the answer is [`GONE`].
pub const LEAVE: u8 = 2;
/// Nothing more comes.
pub const GONE: u8 = 0xff;

/// From one step to the next.
const STEP: Duration = Duration::from_millis(20);

/// How a subscription ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// The ticker is waited for, then the callback is deregistered.
    Joined,
    /// The ticker is told, and sees it after its next step.
    Told,
    /// The ticker's task panics, and nobody joins it.
    Panicking,
}

/// Serves for ever.
pub async fn serve(ending: Ending) -> turmoil::Result {
    let listener = TcpListener::bind((IpAddr::from(Ipv4Addr::UNSPECIFIED), PORT)).await?;
    phase("ready");
    loop {
        let (stream, _) = listener.accept().await?;
        tokio::spawn(subscriber(stream, ending));
    }
}

async fn subscriber(mut stream: TcpStream, ending: Ending) -> io::Result<()> {
    while stream.read_u8().await? != SUBSCRIBE {}
    let (progress, mut steps) = mpsc::unbounded_channel();
    let callback = Arc::new(Registration::new("progress", "subscriber"));
    let left = Arc::new(AtomicBool::new(false));
    let ticker = tokio::spawn(tick(callback.clone(), progress, left.clone(), ending));
    loop {
        tokio::select! {
            biased; // tokio draws the order by itself otherwise, and no seed knows of that
            Some(step) = steps.recv() => stream.write_u8(step).await?,
            asked = stream.read_u8() => if asked? == LEAVE { break },
        }
    }
    left.store(true, Ordering::Relaxed);
    if ending == Ending::Joined {
        ticker.abort();
        let _ = ticker.await;
    }
    callback.deregister();
    stream.write_u8(GONE).await
}

async fn tick(callback: Arc<Registration>, progress: mpsc::UnboundedSender<u8>, left: Arc<AtomicBool>, ending: Ending) {
    for step in 0..GONE {
        if left.load(Ordering::Relaxed) {
            return;
        }
        sleep(STEP).await;
        assert!(ending != Ending::Panicking || step < 2, "no step after the second");
        let _call = callback.fire();
        // Whoever has gone hears nothing.
        let _ = progress.send(step);
    }
}
