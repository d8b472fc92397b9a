//! Plans as proptest strategies: cases hold, and a failing plan is shrunk to the necessary injections.
//! Shrinking itself has unit tests.

use afterlife::{Fault, Faults, NodeId, Planned, Sim};
use proptest::prelude::*;
use proptest::test_runner::{TestError, TestRunner};
use std::time::Duration;

fn a_server_that_restarts(sim: &mut Sim) {
    let server = sim.node("server", |node| async move {
        node.stopping().await;
        Ok(())
    });
    sim.client("clock", |_| async {
        tokio::time::sleep(Duration::from_secs(5)).await;
        Ok(())
    });
    sim.faults(server, Faults::lifecycle().quiet_after(Duration::from_secs(4)));
}

/// The defect shows in the third incarnation.
fn a_server_that_may_restart_once(sim: &mut Sim) {
    let server = sim.node("server", |node| async move {
        assert!(node.incarnation() < 3, "the third incarnation");
        node.stopping().await;
        Ok(())
    });
    sim.client("clock", |_| async {
        tokio::time::sleep(Duration::from_secs(30)).await;
        Ok(())
    });
    sim.faults(server, Faults::none().kills().at_most(5).quiet_after(Duration::from_secs(20)));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(8))]
    #[test]
    fn a_case_is_a_run(run in afterlife::plans!(a_server_that_restarts)) {
        prop_assert!(run.plan().injections.len() <= 4);
        run.holds()?;
    }
}

#[test]
fn a_failing_plan_is_shrunk_to_the_necessary_injections() {
    let plans = afterlife::plans!(a_server_that_may_restart_once);
    let config = ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(64) };
    let failed = TestRunner::new(config).run(&plans, |run: Planned| Ok(run.holds()?));
    let Err(TestError::Fail(why, run)) = failed else {
        panic!("a third incarnation is drawn in some case: {failed:?}")
    };
    assert!(why.message().starts_with("no-silent-panic: "), "{why}");
    let kill = Fault::kill(NodeId(0), Duration::ZERO);
    let kills = run.plan().injections.iter().filter(|injection| injection.fault == kill).count();
    assert_eq!((kills, run.plan().injections.len()), (2, 2), "{run:?}");
    assert_eq!(run.holds(), run.holds());
}
