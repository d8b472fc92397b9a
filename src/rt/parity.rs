//! The functions that portable scenarios may use. They must compile for every engine.
//! Nothing here is ever called.

#![allow(dead_code, reason = "compiling it is the check")]

#[cfg(not(madsim))]
use super::net::UdpSocket;
#[cfg(not(madsim))]
use super::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use super::net::{TcpListener, TcpStream, lookup_host};
use super::{process, select, spawn, sync, task, time};
use std::io;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

/// A stream can be read and written, and moves between tasks.
fn stream<T: AsyncRead + AsyncWrite + Unpin + Send + 'static>(stream: T) -> T {
    stream
}

/// So can its halves.
#[cfg(not(madsim))]
fn halves<R: AsyncRead + Unpin + Send + 'static, W: AsyncWrite + Unpin + Send + 'static>(halves: (R, W)) -> (R, W) {
    halves
}

async fn a_server(address: &str) -> io::Result<SocketAddr> {
    let listener: TcpListener = TcpListener::bind(address).await?;
    let (accepted, _): (TcpStream, SocketAddr) = listener.accept().await?;
    let (mut from, mut to) = tokio::io::split(stream(accepted));
    spawn(async move {
        while let Ok(number) = from.read_u32().await {
            // madsim sends only flushed data.
            if to.write_u32(number).await.is_err() || to.flush().await.is_err() {
                break;
            }
        }
    });
    listener.local_addr()
}

async fn a_client(address: &str) -> io::Result<(SocketAddr, SocketAddr)> {
    let mut connected = TcpStream::connect(address).await?;
    connected.set_nodelay(true)?;
    connected.write_all(b"1234").await?;
    connected.flush().await?;
    connected.read_exact(&mut [0; 4]).await?;
    Ok((connected.local_addr()?, connected.peer_addr()?))
}

/// madsim's streams have no owned halves, no shutdown of one direction, and no `try_` methods.
#[cfg(not(madsim))]
async fn one_of_two_halves_ends(address: &str) -> io::Result<()> {
    let mut connected = TcpStream::connect(address).await?;
    connected.writable().await?;
    let _sent: usize = connected.try_write(b"1234")?;
    let mut answer = [0; 4];
    let _peeked: usize = connected.peek(&mut answer).await?;
    connected.read_exact(&mut answer).await?;
    let (from, mut to): (OwnedReadHalf, OwnedWriteHalf) = halves(connected.into_split());
    to.shutdown().await?;
    drop(from.reunite(to));
    Ok(())
}

/// madsim's methods take the address first.
#[cfg(not(madsim))]
async fn datagrams(address: &str) -> io::Result<SocketAddr> {
    let socket = UdpSocket::bind(address).await?;
    let _sent: usize = socket.send_to(b"1234", "other:1").await?;
    let (_received, from): (usize, SocketAddr) = socket.recv_from(&mut [0; 4]).await?;
    Ok(from)
}

async fn the_rest() -> io::Result<()> {
    let _first: Option<SocketAddr> = lookup_host(("other", 1)).await?.next();
    let (sender, mut receiver) = sync::mpsc::channel::<time::Instant>(1);
    let sending = task::spawn(async move { sender.send(time::Instant::now()).await });
    select! {
        _ = receiver.recv() => {}
        () = time::sleep(Duration::from_secs(1)) => sending.abort(),
    }
    let blocking: Result<u32, tokio::task::JoinError> = task::spawn_blocking(|| 1).await;
    let mut tick = time::interval_at(time::Instant::now() + Duration::from_secs(1), Duration::from_secs(1));
    tick.tick().await;
    drop(time::timeout(Duration::from_secs(1), task::yield_now()).await);
    drop(blocking);
    Ok(())
}

fn ends(code: Option<i32>) {
    match code {
        Some(code) => process::exit(code),
        None => process::abort(),
    }
}
