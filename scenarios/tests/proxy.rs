//! The promise on the proxy: its reported crashes are found, each by its claim, and had again from their tokens.
//! What upstream's fix removes is not found behind it, and what it leaves open is.

use afterlife::{Faults, Sim};
use afterlife_scenarios::proxy::{Build, Flavour, Proxy, ProxyConfig};
use serde_json::Value;
use std::path::PathBuf;
use std::process::{Command, Output};
use std::sync::OnceLock;
use std::time::Duration;

/// So many runs show every reported crash.
const SEEDS: &str = "120";

/// The reported crashes, by the beginning of their signatures.
const P1: &str = "no-use-before-init · AdminHTTPServer";
const P2: &str = "no-use-after-teardown · GloMyMon";
const P3: &str = "always · a socket handed to a session is valid";
const P4: &str = "no-use-after-teardown · debug_filters";

/// The runner, writing into a folder of this test's own.
fn runner(words: &[&str]) -> Command {
    let out: PathBuf = [env!("CARGO_TARGET_TMPDIR"), "proxy", &words.join("_").replace('/', "-")].iter().collect();
    let mut command = Command::new(env!("CARGO_BIN_EXE_afterlife"));
    command.args(words).env("AFTERLIFE_OUT", out).env("NO_COLOR", "1");
    // Plans as they were drawn: how they shrink is tested where the shrinker is.
    command.env("AFTERLIFE_SHRINK", "0");
    command
}

fn said(command: &mut Command) -> (Option<i32>, String) {
    let Output { status, stdout, stderr } = command.output().expect("the runner starts");
    let text = |bytes| String::from_utf8(bytes).expect("a report is text");
    assert_eq!(text(stderr), "");
    (status.code(), text(stdout))
}

/// What a campaign in this build found.
fn findings(build: &str) -> Vec<Value> {
    let words = ["run", "proxy", "--build", build, "--seeds", SEEDS, "--max-failures", "30", "--report", "json"];
    let (code, out) = said(&mut runner(&words));
    assert_eq!(code, Some(1), "{out}");
    let lines = out.lines().map(|line| serde_json::from_str::<Value>(line).expect("a line is JSON"));
    lines.filter(|line| line["kind"] == "finding").collect()
}

fn shipped() -> &'static [Value] {
    static SHIPPED: OnceLock<Vec<Value>> = OnceLock::new();
    SHIPPED.get_or_init(|| findings("shipped"))
}

fn signature(finding: &Value) -> &str {
    finding["signature"].as_str().expect("a finding has a signature")
}

fn has(findings: &[Value], crash: &str) -> bool {
    findings.iter().any(|finding| signature(finding).starts_with(crash))
}

#[test]
fn every_reported_crash_is_found_in_the_shipped_build() {
    for crash in [P1, P2, P3, P4] {
        assert!(
            has(shipped(), crash),
            "{crash} is not among {:?}",
            shipped().iter().map(signature).collect::<Vec<_>>()
        );
    }
}

#[test]
fn the_patched_build_has_what_its_fix_left_open_and_no_more() {
    let patched = findings("patched");
    for (crash, is_left) in [(P1, false), (P2, true), (P3, true), (P4, false)] {
        assert_eq!(has(&patched, crash), is_left, "{crash}: {:?}", patched.iter().map(signature).collect::<Vec<_>>());
    }
}

#[test]
fn each_token_is_the_same_run_in_a_fresh_process() {
    for finding in shipped() {
        let token = finding["token"].as_str().expect("a finding has a token");
        for baton in ["", "futex"] {
            let mut replay = runner(&["replay", token]);
            let (code, page) = said(if baton.is_empty() { &mut replay } else { replay.env("AFTERLIFE_BATON", baton) });
            let digest = page.lines().find_map(|line| line.trim().strip_prefix("digest "));
            assert_eq!((code, digest), (Some(1), finding["digest"].as_str()), "{}", signature(finding));
        }
    }
}

#[test]
fn the_sound_build_holds() {
    let (code, out) = said(&mut runner(&["run", "proxy", "--build", "sound", "--seeds", "40", "--report", "json"]));
    assert_eq!(code, Some(0), "{out}");
}

#[test]
fn every_build_runs_one_seed_one_way() {
    let (code, out) = said(&mut runner(&["check", "proxy", "--pairs", "2"]));
    assert_eq!(code, Some(0), "{out}");
}

/// Upstream's release build exits at TERM with everything still running: that is no fault.
#[afterlife::test(seeds = 40)]
fn a_fast_exit_at_term_is_not_reported(sim: &mut Sim) {
    let mut rng = sim.rng();
    let build = [Build::Shipped, Build::Patched, Build::Sound][rand::RngExt::random_range(&mut rng, 0..3)];
    let proxy = sim.program("proxy", move |node| {
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
    sim.without("nothing-left");
    let stops = Faults::none().stops(Duration::from_secs(1)).from(Duration::ZERO).quiet_after(Duration::from_secs(6));
    sim.faults(proxy, stops.aimed_at("open GloAdmin", 2).aimed_at("phase running", 2));
    sim.sometimes("the proxy restarts", |view| view.restarts() > 0);
}
