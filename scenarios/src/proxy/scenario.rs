//! The proxy as a scenario: a cluster of proxies under load, in front of a replicating group, with stops at any phase.
//! It knows the proxy by its entry points only.

use super::{Flavour, Hostgroup, Proxy, ProxyConfig, run_backend};
use crate::line_protocol::Lines;
use crate::rt::net::TcpStream;
use crate::rt::time;
use afterlife::{Build, Faults, Group, Node, Rng, Scenario, Sim, Supervisor};
use rand::RngExt;
use std::collections::BTreeMap;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// The scenario, in its three builds.
pub fn scenario() -> Scenario {
    Scenario::new("proxy", script)
        .about("ProxySQL: a proxy that stops deletes what its own threads still use, or what it never made")
        .builds(&Build::ALL)
        .seeds(2_000)
        .issue("sysown/proxysql#4542")
        .breaks(&[(Build::Shipped, BEFORE_INIT), (Build::Patched, AFTER_TEARDOWN)])
        .variants(super::variants::VARIANTS)
}

/// The reported crash of the HTTP server's destructor, and what is left of the monitor's after upstream's fix.
const BEFORE_INIT: &str = "no-use-before-init";
const AFTER_TEARDOWN: &str = "no-use-after-teardown";

const BACKENDS: usize = 3;
/// The number of rounds of each client, and the descriptors of a proxy: with a few more connections than usual it has none left.
const STATEMENTS: usize = 60;
const COMMANDS: usize = 60;
const PAGES: usize = 30;
const DESCRIPTORS: usize = 160;
const STORM: usize = 140;
/// The end of the time in which faults strike.
const QUIET: Duration = Duration::from_secs(10);
/// How long a client waits for one answer.
const PATIENCE: Duration = Duration::from_secs(3);

const fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

crate::release::named_as!(super::Build);

/// The configuration of one proxy of a cluster.
fn config(
    release: super::Build,
    flavour: Flavour,
    index: usize,
    proxies: usize,
    group_replication: bool,
) -> ProxyConfig {
    let mut config = ProxyConfig::new(release, flavour, "/var/lib/proxysql");
    config.peers = (0..proxies).filter(|peer| *peer != index).map(|peer| format!("proxy-{peer}:6032")).collect();
    let servers = (0..BACKENDS).map(|server| format!("mysql-{server}:3306")).collect();
    config.hostgroups = vec![Hostgroup { writer: 10, reader: 20, group_replication, servers }];
    config
}

/// One proxy's process: its main thread, and a thread that stands for whichever a signal would interrupt.
pub(crate) fn run_node(node: Node, config: ProxyConfig) -> i32 {
    let proxy = Proxy::new(config);
    let handler = proxy.term_handler();
    let signals = move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build();
        runtime.expect("a process begins with enough descriptors").block_on(async {
            let mut stops = node.stops();
            loop {
                stops.next().await;
                handler.term();
            }
        });
    };
    std::thread::Builder::new()
        .name("signals".to_owned())
        .spawn(signals)
        .expect("a process begins with enough threads");
    proxy.run()
}

fn script(sim: &mut Sim) {
    let release = super::Build::from(sim.build());
    let mut rng = sim.rng();
    let flavour = if rng.random_range(0..3) > 0 { Flavour::Debug } else { Flavour::Release };
    let group_replication = rng.random_range(0..4) > 0;
    let count = match rng.random_range(0..32) {
        0 => 9,
        1..4 => 5,
        _ => 3,
    };
    let proxy = |sim: &mut Sim, index: usize| {
        sim.program(&format!("proxy-{index}"), move |node| {
            run_node(node, config(release, flavour, index, count, group_replication))
        })
    };
    let first = proxy(sim, 0);
    let proxies = (1..count).fold(first, |all, index| all.and(proxy(sim, index)));
    let backends = sim.nodes("mysql", BACKENDS, |_| async { Ok(run_backend("0.0.0.0:3306", "mysql-0:3306").await?) });
    sim.descriptors(proxies, DESCRIPTORS);
    sim.supervise(proxies, Supervisor::always().delay(ms(500)));

    for index in 0..2 {
        sim.client(&format!("app-{index}"), move |node| async move {
            app(node, index, count).await;
            Ok(())
        });
    }
    sim.client("operator", move |node| async move {
        operator(node, count).await;
        Ok(())
    });
    sim.client("dashboard", move |node| async move {
        dashboard(node, count).await;
        Ok(())
    });
    if rng.random_range(0..4) == 0 {
        sim.client("storm", move |node| async move {
            storm(node, count).await;
            Ok(())
        });
    }

    // A thread that is there when the process exits is upstream's way, and a fast TERM leaves all of them: what is claimed is that
    // none of them uses what is gone.
    sim.without("nothing-left");
    faults(sim, proxies, backends);
    sim.time_limit(Duration::from_secs(120));
    sim.sometimes("a proxy restarts", |view| view.restarts() > 0);
}

fn faults(sim: &mut Sim, proxies: Group, backends: Group) {
    let budget = Duration::from_secs(30);
    let lives = Faults::none()
        .stops(budget)
        .repeated_stops(budget, ms(1_000))
        .kills()
        .resets()
        .slow_disks(ms(10), ms(500), ms(5_000))
        .down(ms(100), ms(2_000))
        .aimed_at("open GloAdmin", 2)
        .aimed_at("phase booting3", 2)
        .aimed_at("phase running", 2)
        .aimed_at("phase stopping", 1)
        .aimed_at("phase freeing", 2)
        .from(Duration::ZERO)
        .quiet_after(QUIET)
        .at_most(4);
    sim.faults(proxies, lives);
    // A backend that cannot be reached, for as long as a shutdown or a few checks take.
    sim.faults(proxies.and(backends), Faults::none().partitions().resets().from(ms(500)).quiet_after(QUIET).at_most(3));
}

/// An application: statements over one session, which it opens again elsewhere when it fails.
async fn app(node: Node, index: usize, proxies: usize) {
    let mut rng = node.rng();
    let mut session: Option<Lines> = None;
    let mut turn = index;
    for number in 0..STATEMENTS {
        if session.is_none() {
            turn += 1;
            let address = format!("proxy-{}:6033", turn % proxies);
            session = time::timeout(PATIENCE, Lines::connect(&address)).await.ok().and_then(Result::ok);
        }
        if let Some(lines) = &mut session {
            let text = if number % 3 == 0 { format!("INSERT {number}") } else { format!("SELECT {number}") };
            let asked = time::timeout(PATIENCE, lines.query(None, &text)).await;
            if !matches!(asked, Ok(Ok(_))) {
                session = None;
            }
        }
        time::sleep(ms(rng.random_range(20..200))).await;
    }
}

/// An operator: statistics, changed rules, and now and then a stop or a restart of a proxy.
async fn operator(node: Node, proxies: usize) {
    let mut rng = node.rng();
    let mut sessions: BTreeMap<usize, Lines> = BTreeMap::new();
    for number in 0..COMMANDS {
        let proxy = rng.random_range(0..proxies);
        let session = match sessions.remove(&proxy) {
            Some(session) => Some(session),
            None => {
                let address = format!("proxy-{proxy}:6032");
                time::timeout(PATIENCE, Lines::connect(&address)).await.ok().and_then(Result::ok)
            }
        };
        if let Some(mut session) = session {
            let mut answers = true;
            for command in commands(&mut rng, number) {
                let asked = time::timeout(PATIENCE, session.query(None, &command)).await;
                answers = answers && matches!(asked, Ok(Ok(_)));
            }
            if answers {
                sessions.insert(proxy, session);
            }
        }
        time::sleep(ms(rng.random_range(20..300))).await;
    }
}

fn commands(rng: &mut Rng, number: usize) -> Vec<String> {
    let texts: &[&str] = match rng.random_range(0..24) {
        0 => &["PROXYSQL SHUTDOWN SLOW"],
        1 => &["PROXYSQL RESTART"],
        2 => &["SET admin-web_enabled false", "LOAD admin_variables TO RUNTIME"],
        3..6 => &["SET admin-web_enabled true", "LOAD admin_variables TO RUNTIME"],
        6..9 => {
            let rule = format!("REPLACE INTO mysql_query_rules {number} ^SELECT 20");
            let load = "LOAD mysql_query_rules TO RUNTIME".to_owned();
            return vec![rule, load, "SAVE mysql_query_rules TO DISK".to_owned()];
        }
        _ => &["SELECT * FROM stats_mysql_global"],
    };
    texts.iter().map(|text| (*text).to_owned()).collect()
}

/// A dashboard that looks at one proxy after the other.
async fn dashboard(node: Node, proxies: usize) {
    let mut rng = node.rng();
    for number in 0..PAGES {
        let address = format!("proxy-{}:6080", number % proxies);
        // What it shows when there is no answer is its own affair.
        let _ = time::timeout(PATIENCE, page(&address)).await;
        time::sleep(ms(rng.random_range(100..400))).await;
    }
}

async fn page(address: &str) -> std::io::Result<()> {
    let mut stream = TcpStream::connect(address).await?;
    stream.write_all(b"GET /stats HTTP/1.1\r\nhost: proxy\r\nconnection: close\r\n\r\n").await?;
    stream.read_to_end(&mut Vec::new()).await.map(drop)
}

/// Something that opens admin connections and forgets about them, until a proxy has no descriptor left.
async fn storm(node: Node, proxies: usize) {
    let mut rng = node.rng();
    time::sleep(ms(rng.random_range(1_000..8_000))).await;
    let address = format!("proxy-{}:6032", rng.random_range(0..proxies));
    let mut open = Vec::new();
    for _ in 0..STORM {
        match time::timeout(ms(200), TcpStream::connect(&address)).await {
            Ok(Ok(stream)) => open.push(stream),
            _ => break,
        }
    }
    time::sleep(ms(rng.random_range(500..3_000))).await;
}
