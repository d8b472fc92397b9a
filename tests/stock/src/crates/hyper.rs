//! hyper 1, client and server, HTTP/1.1 and HTTP/2 on two ports, without another HTTP crate above it.

use crate::faults::{kills_and_link_faults, ms, secs};
use crate::row::{Row, Verdict};
use afterlife::{Ledger, Node, NodeResult, Sim};
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
    does: "a server and two clients of HTTP/1.1 and HTTP/2, with kept-alive and replaced connections",
    verdict: Verdict::Runs(""),
    seeds: 30,
    script,
};

const BODY_BYTES: usize = 20_000; // larger than one socket buffer

async fn answer(request: Request<Incoming>, incarnation: u16) -> Result<Response<Full<Bytes>>, Infallible> {
    let Ok(body) = request.into_body().collect().await else {
        return Ok(Response::builder().status(StatusCode::BAD_REQUEST).body(Full::default()).expect("a plain answer"));
    };
    let upper = body.to_bytes().to_ascii_uppercase();
    Ok(Response::builder().header("boot", incarnation).body(Full::from(upper)).expect("a plain answer"))
}

async fn serve(node: Node, two: bool, port: u16) -> NodeResult {
    let listener = TcpListener::bind(("0.0.0.0", port)).await?;
    loop {
        let (stream, _) = listener.accept().await?;
        let service = service_fn(move |request| answer(request, node.incarnation()));
        tokio::spawn(async move {
            // A client that disconnects is an error here, and nothing more.
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

/// Sends requests on one connection until one fails or all are answered. Returns the next round.
async fn converse(two: bool, mut round: u64, answers: Ledger<(bool, u16)>) -> Result<u64, Failure> {
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
        let incarnation = answer.headers()["boot"].to_str()?.parse()?;
        let Ok(Ok(body)) = timeout(secs(2), answer.into_body().collect()).await else { break };
        assert_eq!(body.to_bytes(), vec![letter.to_ascii_uppercase(); BODY_BYTES]);
        answers.note((two, incarnation));
        round += 1;
        sleep(ms(150)).await;
    }
    Ok(round)
}

type Answer = Pin<Box<dyn Future<Output = hyper::Result<Response<Incoming>>>>>;

const ROUNDS: u64 = 50;

fn script(sim: &mut Sim) {
    let answers = sim.ledger::<(bool, u16)>("answers: HTTP/2 or not, incarnation");
    let broken = sim.ledger::<&'static str>("connections that broke");
    let server = sim.node("server", |node| async move {
        tokio::try_join!(serve(node, false, 8001), serve(node, true, 8002)).map(drop)
    });
    let clients = [false, true].map(|two| {
        sim.client(if two { "client-http2" } else { "client-http1" }, move |_| async move {
            let mut round = 0;
            while round < ROUNDS {
                match converse(two, round, answers).await {
                    Ok(reached) => round = reached,
                    Err(_) => sleep(ms(100)).await,
                }
                broken.note(if two { "HTTP/2" } else { "HTTP/1.1" });
            }
            Ok(())
        })
    });
    kills_and_link_faults(sim, server, clients[0].and(clients[1]));
    sim.eventually("every request is eventually answered", secs(60), move |_| answers.len() >= 2 * ROUNDS);
    sim.sometimes("a second incarnation answers HTTP/1.1", move |_| answers.contains(&(false, 2)));
    sim.sometimes("a second incarnation answers HTTP/2", move |_| answers.contains(&(true, 2)));
    sim.sometimes("a connection breaks", move |_| broken.len() > 2);
}
