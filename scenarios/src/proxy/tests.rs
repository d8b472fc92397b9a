//! Proxies on the real loopback, each on its own threads, like processes.
//! Nothing is simulated, and no test asserts a duration. The crashes of upstream's builds abort the process, so they are left to the
//! simulation.

use super::backend::run_backend;
use super::build::{Build, Flavour};
use super::config::{Hostgroup, ProxyConfig};
use super::main_loop::{Proxy, TermHandler};
use crate::line_protocol::Answer;
use crate::line_protocol::blocking::Lines;
use crate::loopback::{Addresses, Folder};
use std::thread::{self, JoinHandle};
use std::time::Duration;

const LONG: Duration = Duration::from_secs(30);

/// One proxy's own folder and addresses.
struct Home {
    folder: Folder,
    addresses: Addresses,
}

impl Home {
    fn new(name: &str) -> Self {
        Self { folder: Folder::new(&format!("proxy-{name}")), addresses: Addresses::take() }
    }
}

fn config(build: Build, flavour: Flavour, home: &Home) -> ProxyConfig {
    let mut config = ProxyConfig::new(build, flavour, &*home.folder);
    [config.listen, config.admin_listen, config.http_listen, config.sqlite3_listen, config.clickhouse_listen] =
        home.addresses.several();
    config
}

/// A running proxy.
struct Running {
    config: ProxyConfig,
    term: TermHandler,
    ended: JoinHandle<i32>,
}

fn start(config: ProxyConfig) -> Running {
    let proxy = Proxy::new(config.clone());
    let term = proxy.term_handler();
    Running { config, term, ended: thread::spawn(move || proxy.run()) }
}

impl Running {
    /// Retries until there is an answer; a booting proxy has none.
    fn ask(&self, address: &str, text: &str) -> Answer {
        loop {
            if let Ok(answer) =
                Lines::connect(address, LONG).map_err(Into::into).and_then(|mut lines| lines.query(text, LONG))
            {
                return answer;
            }
            assert!(!self.ended.is_finished(), "the proxy ended while it was asked");
            thread::sleep(Duration::from_millis(20));
        }
    }

    fn admin(&self, text: &str) -> Answer {
        self.ask(&self.config.admin_listen, text)
    }

    fn ended(self) -> i32 {
        self.ended.join().unwrap()
    }
}

fn start_backend(address: String) -> String {
    let listen = address.clone();
    thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(run_backend(&listen, &listen))
    });
    address
}

#[test]
fn a_sound_proxy_forwards_statements_and_shuts_down_slowly() {
    let home = Home::new("forwards");
    let mut config = config(Build::Sound, Flavour::Debug, &home);
    let servers = vec![start_backend(home.addresses.next())];
    config.hostgroups = vec![Hostgroup { writer: 10, reader: 20, group_replication: true, servers }];
    let proxy = start(config);
    for text in ["SELECT 1", "INSERT 1"] {
        assert_eq!(proxy.ask(&proxy.config.listen, text).rows, [[text]]);
    }
    proxy.admin("PROXYSQL SHUTDOWN SLOW");
    assert_eq!(proxy.ended(), 0);
}

#[test]
fn saved_rows_survive_a_restart_and_a_second_term_is_harmless() {
    let home = Home::new("restart");
    let proxy = start(config(Build::Sound, Flavour::Debug, &home));
    for text in ["REPLACE INTO mysql_query_rules 1 ^SELECT 20", "SAVE mysql_query_rules TO DISK", "PROXYSQL RESTART"] {
        proxy.admin(text);
    }
    while proxy.admin("SELECT * FROM mysql_query_rules").rows != [["1", "^SELECT", "20"]] {
        thread::sleep(Duration::from_millis(20));
    }
    proxy.term.term();
    proxy.term.term();
    assert_eq!(proxy.ended(), 0);
}

#[test]
fn a_stop_before_phase_3_succeeds_since_the_pointer_is_nulled() {
    for build in [Build::Patched, Build::Sound] {
        let home = Home::new(&format!("early-{build:?}"));
        let proxy = Proxy::new(config(build, Flavour::Debug, &home));
        proxy.term_handler().term();
        assert_eq!(proxy.run(), 0);
    }
}

#[test]
fn a_release_flavour_exits_at_once_at_term() {
    for build in [Build::Shipped, Build::Patched, Build::Sound] {
        let home = Home::new(&format!("fast-{build:?}"));
        let proxy = start(config(build, Flavour::Release, &home));
        proxy.admin("SELECT * FROM stats_mysql_global");
        proxy.term.term();
        assert_eq!(proxy.ended(), 0);
    }
}

#[test]
fn a_peer_pulls_a_loaded_module() {
    let (home, other) = (Home::new("peer-0"), Home::new("peer-1"));
    let first = config(Build::Sound, Flavour::Release, &home);
    let mut second = config(Build::Sound, Flavour::Debug, &other);
    second.peers = vec![first.admin_listen.clone()];
    let (first, second) = (start(first), start(second));
    first.admin("REPLACE INTO mysql_users alice");
    first.admin("LOAD mysql_users TO RUNTIME");
    while second.admin("SELECT * FROM mysql_users").rows != [["alice"]] {
        thread::sleep(Duration::from_millis(50));
    }
    for proxy in [first, second] {
        proxy.admin("PROXYSQL SHUTDOWN SLOW");
        assert_eq!(proxy.ended(), 0);
    }
}
