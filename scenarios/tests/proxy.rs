//! The proxy's three builds: the reported crashes are found, each by its claim, and replay from their tokens. Behind upstream's fix
//! the crashes that it removes are gone, and the others are found.

mod runner;

use afterlife::{Faults, Sim};
use afterlife_scenarios::proxy::{Build, Flavour, Proxy, ProxyConfig};
use runner::{digest, findings, holds, is_deterministic, output, replays, runner, text};
use serde_json::Value;
use std::sync::OnceLock;
use std::time::Duration;

/// The number of runs that show every reported crash.
const SEEDS: &str = "120";

/// The reported crashes, by the start of their signatures.
const P1: &str = "no-use-before-init · AdminHTTPServer · scenarios/src/proxy/admin.rs";
const P2: &str = "no-use-after-teardown · GloMyMon";
const P3: &str = "always · a socket handed to a session is valid";
const P4: &str = "no-use-after-teardown · debug_filters";

fn shipped() -> &'static [Value] {
    static SHIPPED: OnceLock<Vec<Value>> = OnceLock::new();
    SHIPPED.get_or_init(|| findings("proxy", "shipped", SEEDS, "30"))
}

fn has(findings: &[Value], crash: &str) -> bool {
    findings.iter().any(|finding| text(finding, "signature").starts_with(crash))
}

#[test]
fn every_reported_crash_is_found_in_the_shipped_build() {
    for crash in [P1, P2, P3, P4] {
        assert!(
            has(shipped(), crash),
            "{crash} is not among {:?}",
            shipped().iter().map(|one| text(one, "signature")).collect::<Vec<_>>()
        );
    }
}

#[test]
fn the_patched_build_has_only_the_crashes_that_its_fix_left() {
    let patched = findings("proxy", "patched", SEEDS, "30");
    for (crash, is_left) in [(P1, false), (P2, true), (P3, true), (P4, false)] {
        assert_eq!(
            has(&patched, crash),
            is_left,
            "{crash}: {:?}",
            patched.iter().map(|one| text(one, "signature")).collect::<Vec<_>>()
        );
    }
}

#[test]
fn each_token_replays_in_a_fresh_process() {
    for finding in shipped() {
        replays(finding);
        let (code, page) = output(runner(&["replay", text(finding, "token")]).env("AFTERLIFE_SWITCH", "futex"));
        assert_eq!((code, digest(&page)), (Some(1), finding["digest"].as_str()), "{page}");
    }
}

#[test]
fn the_sound_build_holds() {
    holds("proxy", 40);
}

#[test]
fn every_build_is_deterministic() {
    is_deterministic("proxy");
}

/// Upstream's release flavour exits at TERM with everything still running. That is no defect.
#[afterlife::test(seeds = 40)]
fn a_fast_exit_at_term_is_not_reported(sim: &mut Sim) {
    let mut rng = sim.rng();
    let build = [Build::Shipped, Build::Patched, Build::Sound][rand::RngExt::random_range(&mut rng, 0..3)];
    let proxy = sim.node_main("proxy", move |node| {
        let proxy = Proxy::new(ProxyConfig::new(build, Flavour::Release, "/var/lib/proxysql"));
        let handler = proxy.term_handler();
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build();
            runtime.expect("a process begins with enough descriptors").block_on(node.stopping());
            handler.term();
        });
        proxy.run()
    });
    sim.client("clock", |_| async {
        tokio::time::sleep(Duration::from_secs(8)).await;
        Ok(())
    });
    sim.turn_off("nothing-left");
    let stops =
        Faults::none().stops(Duration::from_secs(1)).starting_at(Duration::ZERO).quiet_after(Duration::from_secs(6));
    sim.faults(proxy, stops.aimed_at("open GloAdmin", 2).aimed_at("phase running", 2));
    sim.sometimes("the proxy restarts", |view| view.restarts() > 0);
}
