//! A progress feed: subscribers are called at each step until they leave.
//! It knows no simulator, and Afterlife only by its probes.

use afterlife_probe::{Registration, phase};
use std::io;
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::time::sleep;

/// The port on which it listens.
pub const PORT: u16 = 9040;
/// Subscribes the sender.
pub const SUBSCRIBE: u8 = 1;
/// Unsubscribes the sender; the answer is [`GONE`].
pub const LEAVE: u8 = 2;
/// The last message to a subscriber.
pub const GONE: u8 = 0xff;

/// The time between two steps.
const STEP: Duration = Duration::from_millis(20);

/// The end of a subscription.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// The callback is deregistered after the ticker has been joined.
    Joined,
    /// The callback is deregistered at once; the ticker notices after its next step.
    NotJoined,
}

/// Serves for ever.
pub async fn serve(ending: Ending) -> io::Result<()> {
    let listener = TcpListener::bind((Ipv4Addr::UNSPECIFIED, PORT)).await?;
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
    let ticker = tokio::spawn(tick(callback.clone(), progress, left.clone()));
    loop {
        tokio::select! {
            biased; // tokio draws the order by itself otherwise, and no seed knows of that
            Some(step) = steps.recv() => say(&mut stream, step).await?,
            asked = stream.read_u8() => if asked? == LEAVE { break },
        }
    }
    left.store(true, Ordering::Relaxed);
    if ending == Ending::Joined {
        ticker.abort();
        let _ = ticker.await;
    }
    callback.deregister();
    say(&mut stream, GONE).await
}

/// Writes and flushes one byte.
pub async fn say(stream: &mut TcpStream, what: u8) -> io::Result<()> {
    stream.write_u8(what).await?;
    stream.flush().await
}

async fn tick(callback: Arc<Registration>, progress: mpsc::UnboundedSender<u8>, left: Arc<AtomicBool>) {
    for step in 0..GONE {
        if left.load(Ordering::Relaxed) {
            return;
        }
        sleep(STEP).await;
        let _call = callback.fire();
        // The subscriber may have left.
        let _ = progress.send(step);
    }
}
