//! A regression in `regressions.afterlife` fails this test: no seed of its own breaks it.
//! The command `keep` is tested with the command line.

use afterlife::{Build, Fault, Injection, NodeId, Plan, Sim, Token, Trigger};
use std::time::Duration;

/// Draws no faults, so only the regression has a second incarnation.
#[afterlife::test(seeds = 2)]
#[should_panic(expected = "a_server_has_one_incarnation does not hold")]
fn a_server_has_one_incarnation(sim: &mut Sim) {
    sim.node("server", |node| async move {
        assert_eq!(node.incarnation(), 1, "another incarnation");
        node.stopping().await;
        Ok(())
    });
    sim.client("clock", |_| async {
        tokio::time::sleep(Duration::from_secs(3)).await;
        Ok(())
    });
}

#[test]
fn the_regression_is_a_kill_of_the_server() {
    let kill =
        Injection { trigger: Trigger::at(Duration::from_secs(1)), fault: Fault::kill(NodeId(0), Duration::ZERO) };
    let scenario = "a_server_has_one_incarnation".to_owned();
    let token = Token {
        scenario,
        build: Build::Sound,
        engine: afterlife::Engine::PORTABLE,
        seed: 0,
        plan: Some(Plan { injections: vec![kill] }),
    };
    let kept = include_str!("regressions.afterlife");
    let lines: Vec<&str> = kept.lines().filter(|line| !line.starts_with('#')).collect();
    assert_eq!(lines, [format!("{token}  # no-silent-panic: another incarnation")]);
}
