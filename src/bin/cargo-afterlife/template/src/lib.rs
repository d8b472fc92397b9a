//! An order service: `POST /orders/7` takes order 7, and `GET /orders` lists all orders.

use axum::Router;
use axum::extract::{Path, State};
use axum::routing::{get, post};
use std::fs::{self, File};
use std::io::{self, Write};
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

const BOOK: &str = "/orders";

/// Serves on port 8080 until SIGTERM. Then requests in flight are finished, and no new ones are accepted.
pub async fn serve() -> io::Result<()> {
    let (orders, queue) = unbounded_channel();
    tokio::spawn(write(queue));

    let app = Router::new().route("/orders", get(list)).route("/orders/{id}", post(take)).with_state(orders);
    let listener = TcpListener::bind("0.0.0.0:8080").await?;
    let mut stop = signal(SignalKind::terminate())?;
    let stopped = async move { _ = stop.recv().await };
    axum::serve(listener, app).with_graceful_shutdown(stopped).await
}

async fn list() -> String {
    fs::read_to_string(BOOK).unwrap_or_default()
}

async fn take(Path(id): Path<u32>, State(orders): State<UnboundedSender<u32>>) {
    orders.send(id).expect("the writer reads until the last sender is gone");
}

/// Writes the orders of 50 ms at a time, because each sync costs as much as one order or a hundred.
async fn write(mut queue: UnboundedReceiver<u32>) -> io::Result<()> {
    let mut book = File::options().create(true).append(true).open(BOOK)?;
    let mut batch = Vec::new();
    while queue.recv_many(&mut batch, 100).await > 0 {
        tokio::time::sleep(Duration::from_millis(50)).await;
        while let Ok(id) = queue.try_recv() {
            batch.push(id);
        }
        let lines: String = batch.drain(..).map(|id| format!("{id}\n")).collect();
        book.write_all(lines.as_bytes())?;
        book.sync_data()?;
    }
    Ok(())
}
