//! The watches of the topology's client: etcd2topo's goroutine that passes events on, and the streams that a close
//! waits for.

use super::build::Build;
use super::context::Context;
use super::topo_rpc::{TopoError, TopoReply, TopoRequest};
use crate::line_protocol::Lines;
use crate::rt::{select, sync::mpsc, task, time};
use afterlife_probe::Channel;
use std::io;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

/// The delay before a watch reconnects.
const REWATCH_DELAY: Duration = Duration::from_millis(500);
/// The longest wait of a close for the watches' streams.
const STREAMS_END_WITHIN: Duration = Duration::from_secs(2);

/// An event of a watch: a new value, or the error that ends it.
pub(super) type WatchEvent = Result<String, TopoError>;

/// A watch: its events, the context that cancels it, and its goroutine if its end is awaited.
pub(super) struct Watch {
    pub(super) events: mpsc::Receiver<WatchEvent>,
    pub(super) cancel: Context,
    pub(super) ended: Option<task::JoinHandle<()>>,
}

/// The streams of watches that have not ended.
#[derive(Debug, Default)]
pub(super) struct Streams {
    count: Mutex<usize>,
    ended: Condvar,
}

impl Streams {
    /// Waits until all have ended, but no longer than a close may take.
    pub(super) fn wait_for_end(&self) {
        let count = self.count.lock().unwrap_or_else(PoisonError::into_inner);
        let _ = self.ended.wait_timeout_while(count, STREAMS_END_WITHIN, |count| *count > 0);
    }
}

/// One open stream.
pub(super) struct Stream(Arc<Streams>);

impl Stream {
    pub(super) fn of(streams: &Arc<Streams>) -> Self {
        *streams.count.lock().unwrap_or_else(PoisonError::into_inner) += 1;
        Self(Arc::clone(streams))
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        *self.0.count.lock().unwrap_or_else(PoisonError::into_inner) -= 1;
        self.0.ended.notify_all();
    }
}

/// The goroutine of a watch.
pub(super) struct Watching {
    pub(super) address: String,
    pub(super) path: String,
    pub(super) build: Build,
    pub(super) running: Context,
    pub(super) cancel: Context,
    pub(super) events: mpsc::Sender<WatchEvent>,
}

impl Watching {
    /// Passes events on until the watch is cancelled or its client is closed. In etcd2topo, a closed client makes it
    /// return without an error event: the channel closes, and its reader is not notified.
    pub(super) async fn run(self, mut connection: Lines, stream: Stream) {
        let channel = Channel::open("shard watch");
        loop {
            select! {
                () = self.running.done() => {
                    if self.build == Build::Sound {
                        self.send_end(&channel, TopoError::Closed).await;
                    }
                    break;
                }
                () = self.cancel.done() => {
                    self.send_end(&channel, TopoError::Timeout).await;
                    break;
                }
                received = connection.receive::<TopoReply>() => match received {
                    Ok(Some(TopoReply::Value { value, .. })) => {
                        // A reader that has gone has also cancelled.
                        let _ = self.events.send(Ok(value)).await;
                    }
                    _ => self.reconnect(&mut connection).await,
                },
            }
        }
        channel.close();
        drop(self.events);
        if self.build != Build::Sound {
            // The stream ends once the server has seen its end, and the client's close waits for that.
            let _ = connection.finish().await;
        }
        drop(connection);
        drop(stream);
    }

    async fn send_end(&self, channel: &Channel, error: TopoError) {
        let _ = self.events.send(Err(error)).await;
        channel.notified();
    }

    /// Reconnects, as etcd's client does by itself.
    async fn reconnect(&self, connection: &mut Lines) {
        let connecting = async {
            time::sleep(REWATCH_DELAY).await;
            let mut again = Lines::connect(&self.address).await?;
            again.send(&TopoRequest::Watch { path: self.path.clone() }).await?;
            io::Result::Ok(again)
        };
        select! {
            () = self.running.done() => {}
            () = self.cancel.done() => {}
            connected = connecting => if let Ok(again) = connected {
                *connection = again;
            },
        }
    }
}
