//! hyper 1, client and server, HTTP/1.1 and HTTP/2 on the same port, with no other HTTP crate above it.

use crate::row::{Row, Verdict};
use crate::strikes::{kills_and_cuts, ms, secs};
use afterlife::{Ledger, Node, Outcome, Sim};
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::{TokioExecutor, TokioIo};
use std::convert::Infallible;
use std::pin::Pin;
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{sleep, timeout};

pub(crate) const ROW: Row = Row {
    name: "hyper",
    crates: &["hyper", "hyper-util", "http-body-util"],
    does: "a server and two clients of HTTP/1.1 and HTTP/2, connections kept alive and made again",
    verdict: Verdict::Runs(""),
    seeds: 30,
    script,
};

const BODY_BYTES: usize = 20_000; // more than one buffer of a socket's worth

async fn answer(request: Request<Incoming>, life: u16) -> Result<Response<Full<Bytes>>, Infallible> {
    let Ok(body) = request.into_body().collect().await else {
        return Ok(Response::builder().status(StatusCode::BAD_REQUEST).body(Full::default()).expect("a plain answer"));
    };
    let upper = body.to_bytes().to_ascii_uppercase();
    Ok(Response::builder().header("life", life).body(Full::from(upper)).expect("a plain answer"))
}

async fn serve(node: Node, two: bool, port: u16) -> Outcome {
    let listener = TcpListener::bind(("0.0.0.0", port)).await?;
    loop {
        let (stream, _) = listener.accept().await?;
        let service = service_fn(move |request| answer(request, node.incarnation()));
        tokio::spawn(async move {
            // A client that goes away is an error here, and no more than that.
            let _ = match two {
                true => {
                    hyper::server::conn::http2::Builder::new(TokioExecutor::new())
                        .serve_connection(TokioIo::new(stream), service)
                        .await
                }
                false => {
                    hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service).await
                }
            };
        });
    }
}

type Failure = Box<dyn std::error::Error + Send + Sync>;

/// Sends on one connection until that fails or all is said; gives how far it came.
async fn converse(two: bool, mut round: u64, lives: Ledger<(bool, u16)>) -> Result<u64, Failure> {
    let stream = TokioIo::new(TcpStream::connect(("server", if two { 8002 } else { 8001 })).await?);
    let mut sender: Box<dyn FnMut(Request<Full<Bytes>>) -> Answer> = if two {
        let executor = TokioExecutor::new();
        let (mut sender, connection) = hyper::client::conn::http2::handshake(executor, stream).await?;
        tokio::spawn(connection);
        Box::new(move |request| Box::pin(sender.send_request(request)))
    } else {
        let (mut sender, connection) = hyper::client::conn::http1::handshake(stream).await?;
        tokio::spawn(connection);
        Box::new(move |request| Box::pin(sender.send_request(request)))
    };
    while round < ROUNDS {
        let letter = b'a' + (round % 26) as u8;
        let body = Full::from(vec![letter; BODY_BYTES]);
        let request = Request::post("http://server/").header("host", "server").body(body)?;
        let Ok(Ok(answer)) = timeout(secs(2), sender(request)).await else { break };
        assert_eq!(answer.status(), StatusCode::OK);
        let life = answer.headers()["life"].to_str()?.parse()?;
        let Ok(Ok(body)) = timeout(secs(2), answer.into_body().collect()).await else { break };
        assert_eq!(body.to_bytes(), vec![letter.to_ascii_uppercase(); BODY_BYTES]);
        lives.note((two, life));
        round += 1;
        sleep(ms(150)).await;
    }
    Ok(round)
}

type Answer = Pin<Box<dyn Future<Output = hyper::Result<Response<Incoming>>>>>;

const ROUNDS: u64 = 50;

fn script(sim: &mut Sim) {
    let lives = sim.ledger::<(bool, u16)>("answers: HTTP/2 or not, by life");
    let broken = sim.ledger::<&'static str>("connections that broke");
    let server = sim.node("server", |node| async move {
        tokio::try_join!(serve(node, false, 8001), serve(node, true, 8002)).map(drop)
    });
    let clients = [false, true].map(|two| {
        sim.client(if two { "client-http2" } else { "client-http1" }, move |_| async move {
            let mut round = 0;
            while round < ROUNDS {
                match converse(two, round, lives).await {
                    Ok(reached) => round = reached,
                    Err(_) => sleep(ms(100)).await,
                }
                broken.note(if two { "HTTP/2" } else { "HTTP/1.1" });
            }
            Ok(())
        })
    });
    kills_and_cuts(sim, server, clients[0].and(clients[1]));
    sim.eventually("every request is answered in the end", secs(60), move |_| lives.len() >= 2 * ROUNDS);
    sim.sometimes("a second life answers HTTP/1.1", move |_| lives.contains(&(false, 2)));
    sim.sometimes("a second life answers HTTP/2", move |_| lives.contains(&(true, 2)));
    sim.sometimes("a connection breaks", move |_| broken.len() > 2);
}
