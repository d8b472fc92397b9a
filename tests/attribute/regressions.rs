//! A regression in `regressions.afterlife` fails the test that it names: no seed of the test's own breaks it.
//! The command `keep` is tested with the command line.

use afterlife::{Build, Fault, Injection, NodeId, Plan, Sim, Token, Trigger};
use std::time::Duration;

/// Draws no faults, so only a regression has a second incarnation.
fn a_server_that_starts_once(sim: &mut Sim) {
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

mod with_a_regression {
    #[afterlife::test(seeds = 2)]
    #[should_panic(expected = "a_server_has_one_incarnation does not hold")]
    fn a_server_has_one_incarnation(sim: &mut afterlife::Sim) {
        super::a_server_that_starts_once(sim);
    }
}

/// A test of the same name in another module, which the regression does not break.
mod without_a_regression {
    #[afterlife::test(seeds = 2)]
    fn a_server_has_one_incarnation(sim: &mut afterlife::Sim) {
        super::a_server_that_starts_once(sim);
    }
}

#[test]
fn the_regression_is_a_kill_of_the_server() {
    let kill =
        Injection { trigger: Trigger::at(Duration::from_secs(1)), fault: Fault::kill(NodeId(0), Duration::ZERO) };
    let scenario = "a_server_has_one_incarnation".to_owned();
    let token = Token {
        scenario,
        build: Build::DEFAULT,
        engine: afterlife::Engine::PORTABLE,
        seed: 0,
        plan: Some(Plan { injections: vec![kill] }),
    };
    let test = "regressions::with_a_regression::a_server_has_one_incarnation";
    let kept = include_str!("regressions.afterlife");
    let lines: Vec<&str> = kept.lines().filter(|line| !line.starts_with('#')).collect();
    assert_eq!(lines, [format!("{token} {test}  # no-silent-panic: another incarnation")]);
}
