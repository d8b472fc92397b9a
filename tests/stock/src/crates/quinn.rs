//! quinn: QUIC over UDP with TLS by rustls and ring, a certificate by rcgen, and streams that survive lost packets.

use crate::faults::{early, kills_and_link_faults, ms, secs};
use crate::row::{Row, Verdict};
use afterlife::{Faults, NodeResult, Sim};
use quinn::rustls::RootCertStore;
use quinn::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use quinn::{ClientConfig, Connection, Endpoint, ServerConfig, TransportConfig};
use std::net::{Ipv4Addr, SocketAddr, ToSocketAddrs};
use std::sync::Arc;
use tokio::time::sleep;

pub(crate) const ROW: Row = Row {
    name: "quinn",
    crates: &["quinn", "rustls", "ring", "rcgen"],
    does: "a QUIC server and two clients: TLS handshakes, a stream for each request, idle timeouts, new connections",
    verdict: Verdict::Runs(""),
    seeds: 20,
    script,
};

fn transport() -> Arc<TransportConfig> {
    let mut transport = TransportConfig::default();
    transport.max_idle_timeout(Some(secs(2).try_into().expect("a short time"))).keep_alive_interval(Some(ms(500)));
    Arc::new(transport)
}

async fn serve(certificate: CertificateDer<'static>, key: PrivateKeyDer<'static>, incarnation: u16) -> NodeResult {
    let mut config = ServerConfig::with_single_cert(vec![certificate], key)?;
    config.transport_config(transport());
    let endpoint = Endpoint::server(config, SocketAddr::from((Ipv4Addr::UNSPECIFIED, 4433)))?;
    while let Some(incoming) = endpoint.accept().await {
        tokio::spawn(async move {
            let connection = incoming.await?;
            loop {
                let (mut send, mut receive) = connection.accept_bi().await?;
                tokio::spawn(async move {
                    let mut answer = receive.read_to_end(1 << 20).await?;
                    answer.reverse();
                    answer.extend(incarnation.to_be_bytes());
                    send.write_all(&answer).await?;
                    send.finish()?;
                    Ok::<_, Box<dyn std::error::Error + Send + Sync>>(())
                });
            }
            #[allow(unreachable_code, reason = "it gives the block's error type")]
            Ok::<_, quinn::ConnectionError>(())
        });
    }
    Ok(())
}

/// Sends one request, larger than a packet. Returns the incarnation that answered.
async fn ask(connection: &Connection, round: u32) -> Result<u16, Box<dyn std::error::Error + Send + Sync>> {
    let question: Vec<u8> = round.to_be_bytes().repeat(2_000);
    let (mut send, mut receive) = connection.open_bi().await?;
    send.write_all(&question).await?;
    send.finish()?;
    let mut answer = receive.read_to_end(1 << 20).await?;
    let incarnation = answer.split_off(question.len());
    answer.reverse();
    assert_eq!(answer, question);
    Ok(u16::from_be_bytes([incarnation[0], incarnation[1]]))
}

fn script(sim: &mut Sim) {
    let answered = sim.ledger::<(u16, u32)>("answers: incarnation, round");
    let broken = sim.ledger::<String>("connections that ended");
    let pair = rcgen::generate_simple_self_signed(["server".to_owned()]).expect("a certificate");
    let (certificate, key) = (pair.cert.der().clone(), pair.signing_key.serialize_der());
    let server_certificate = certificate.clone();
    let server = sim.node("server", move |node| {
        let key = PrivateKeyDer::try_from(key.clone()).expect("the key is whole");
        serve(server_certificate.clone(), key, node.incarnation())
    });
    let clients = [0, 1].map(|index| {
        let certificate = certificate.clone();
        sim.client(&format!("client-{index}"), move |_| {
            let mut roots = RootCertStore::empty();
            roots.add(certificate.clone()).expect("the certificate is whole");
            async move {
                let mut config = ClientConfig::with_root_certificates(Arc::new(roots))?;
                config.transport_config(transport());
                let mut endpoint = Endpoint::client(SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0)))?;
                endpoint.set_default_client_config(config);
                let address =
                    ("server", 4433).to_socket_addrs()?.find(SocketAddr::is_ipv4).expect("the server has an address");
                let mut round = 0;
                while round < 30 {
                    let connection = match endpoint.connect(address, "server")?.await {
                        Ok(connection) => connection,
                        Err(error) => {
                            broken.note(error.to_string());
                            continue;
                        }
                    };
                    while round < 30 {
                        let Ok(incarnation) = ask(&connection, round).await else { break };
                        answered.note((incarnation, round));
                        round += 1;
                        sleep(ms(200)).await;
                    }
                    if let Some(why) = connection.close_reason() {
                        broken.note(why.to_string());
                    }
                }
                endpoint.close(0u32.into(), b"done");
                endpoint.wait_idle().await;
                Ok(())
            }
        })
    });
    kills_and_link_faults(sim, server, clients[0].and(clients[1]));
    let datagrams = Faults::none().duplicated_datagrams(200, secs(5)).reordered_datagrams(200, secs(5));
    sim.faults(server.and(clients[0]).and(clients[1]), early(datagrams));
    sim.eventually("every request is answered", secs(120), move |_| answered.len() >= 60);
    sim.sometimes("a second incarnation answers", move |_| answered.contains(&(2, 29)));
    sim.sometimes("a connection ends", move |_| !broken.is_empty());
}
