//! Node names, resolved as any program resolves a host name.
//! Routing is tested with TCP and UDP.

use crate::harness::{Module, campaigns};
use afterlife::Sim;
use std::net::{IpAddr, ToSocketAddrs};

pub(crate) fn module() -> Module {
    Module::campaigns(campaigns![
        a_node_resolves_by_its_name_only: 3,
    ])
}

fn a_node_resolves_by_its_name_only(sim: &mut Sim) {
    sim.allow_misconfiguration();
    sim.node("store-0", |node| async move {
        node.stopping().await;
        Ok(())
    });
    sim.client("client", |node| async move {
        let found: Vec<_> = tokio::net::lookup_host("store-0:7000").await?.collect();
        assert!(found.iter().all(|address| address.port() == 7000));
        assert_eq!(found.iter().filter(|address| address.is_ipv4()).count(), 1);
        assert_eq!(found.iter().filter(|address| address.is_ipv6()).count(), 1);
        let blocking: Vec<_> = ("store-0", 7000).to_socket_addrs()?.collect();
        assert_eq!(found, blocking);

        let mut own = tokio::net::lookup_host((node.name(), 1)).await?;
        assert!(own.all(|address| !found.iter().any(|other| other.ip() == address.ip())));

        let mut loopback = tokio::net::lookup_host("localhost:1").await?;
        assert!(loopback.all(|address| address.ip().is_loopback()));
        let numeric: Vec<_> = tokio::net::lookup_host("10.9.8.7:1").await?.map(|address| address.ip()).collect();
        assert_eq!(numeric, [IpAddr::from([10, 9, 8, 7])]);

        for unknown in ["store-1:1", "store:1", "example.com:80"] {
            assert!(tokio::net::lookup_host(unknown).await.is_err(), "{unknown} is no node of this run");
            assert!(unknown.to_socket_addrs().is_err(), "{unknown} is no node of this run");
        }
        Ok(())
    });
}
