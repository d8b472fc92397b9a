//! tonic over its own transport, with messages by prost. The service is written by hand, since no protoc runs at build
//! time.

use crate::faults::{kills_and_link_faults, ms, secs};
use crate::row::{Row, Verdict};
use afterlife::Sim;
use std::convert::Infallible;
use std::future::Ready;
use std::net::SocketAddr;
use std::task::{Context, Poll};
use tokio::time::sleep;
use tonic::body::Body;
use tonic::transport::{Channel, Endpoint, Server};
use tonic::{Code, Request, Response, Status};
use tonic_prost::ProstCodec;
use tower::service_fn;

pub(crate) const ROW: Row = Row {
    name: "tonic",
    crates: &["tonic", "tonic-prost", "prost", "h2"],
    does: "a gRPC service and two clients over HTTP/2 with keep-alive pings, deadlines and a channel that reconnects by itself",
    verdict: Verdict::Runs(""),
    seeds: 30,
    script,
};

#[derive(Clone, PartialEq, prost::Message)]
struct Sum {
    #[prost(uint64, repeated, tag = "1")]
    numbers: Vec<u64>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct Total {
    #[prost(uint64, tag = "1")]
    total: u64,
    #[prost(uint32, tag = "2")]
    incarnation: u32,
}

/// The code that protoc would generate for `service Adder { rpc Add(Sum) returns (Total); }`, on the server's side.
#[derive(Clone)]
struct Adder {
    incarnation: u32,
}

impl tower::Service<hyper::Request<Body>> for Adder {
    type Response = hyper::Response<Body>;
    type Error = Infallible;
    type Future = std::pin::Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: hyper::Request<Body>) -> Self::Future {
        let incarnation = self.incarnation;
        Box::pin(async move {
            let add = service_fn(move |sum: Request<Sum>| -> Ready<Result<Response<Total>, Status>> {
                let total = sum.get_ref().numbers.iter().sum();
                std::future::ready(match request_is_known(&sum) {
                    true => Ok(Response::new(Total { total, incarnation })),
                    false => Err(Status::invalid_argument("nothing to add")),
                })
            });
            Ok(tonic::server::Grpc::new(ProstCodec::<Total, Sum>::default()).unary(add, request).await)
        })
    }
}

fn request_is_known(sum: &Request<Sum>) -> bool {
    !sum.get_ref().numbers.is_empty()
}

/// The same on the client's side.
async fn add(channel: &Channel, numbers: Vec<u64>) -> Result<Total, Status> {
    let mut grpc = tonic::client::Grpc::new(channel.clone());
    grpc.ready().await.map_err(|error| Status::unavailable(error.to_string()))?;
    let path = hyper::http::uri::PathAndQuery::from_static("/math.Adder/Add");
    Ok(grpc.unary(Request::new(Sum { numbers }), path, ProstCodec::<Sum, Total>::default()).await?.into_inner())
}

fn script(sim: &mut Sim) {
    let added = sim.ledger::<(u32, u64)>("answers: incarnation, round");
    let failed = sim.ledger::<String>("calls that failed");
    let server = sim.node("adder", |node| async move {
        let address = SocketAddr::from(([0, 0, 0, 0], 50_051));
        let adder = Adder { incarnation: node.incarnation().into() };
        Server::builder().http2_keepalive_interval(Some(secs(1))).serve(address, adder).await?;
        Ok(())
    });
    let clients = [0, 1].map(|index| {
        sim.client(&format!("client-{index}"), move |_| async move {
            let endpoint = Endpoint::from_static("http://adder:50051")
                .connect_timeout(secs(1))
                .timeout(secs(2))
                .http2_keep_alive_interval(secs(1))
                .keep_alive_timeout(secs(1));
            let channel = endpoint.connect_lazy();
            for round in 0..40 {
                match add(&channel, (0..=round).collect()).await {
                    Ok(Total { total, incarnation }) => {
                        assert_eq!(total, round * (round + 1) / 2);
                        added.note((incarnation, round));
                    }
                    Err(status) => failed.note(format!("{:?}", status.code())),
                }
                sleep(ms(150)).await;
            }
            while add(&channel, Vec::new()).await.expect_err("there is nothing to add").code() != Code::InvalidArgument
            {
                sleep(ms(100)).await;
            }
            Ok(())
        })
    });
    kills_and_link_faults(sim, server, clients[0].and(clients[1]));
    sim.sometimes("a second incarnation answers over the same channel", move |_| added.contains(&(2, 39)));
    sim.sometimes("a call fails", move |_| !failed.is_empty());
}
