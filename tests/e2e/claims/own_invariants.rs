//! Invariants of a user's own: they break, are shrunk and replay as the built-in ones do.

use crate::harness::{Module, campaign, campaign_holds, cli, scenarios, trials};
use afterlife::{Break, EventKind, Faults, Invariant, Moment, ObservedEvent, Sim, probe};
use std::thread::sleep;
use std::time::Duration;

pub(crate) fn module() -> Module {
    let scenarios = scenarios![
        a_lease_without_a_fence,
        a_lease_with_the_invariant_off,
        a_lease_with_a_known_issue,
        two_invariants_with_one_id,
    ];
    let trials = trials![
        a_users_invariant_breaks_is_shrunk_and_replays,
        a_users_invariant_can_be_turned_off_and_have_known_issues,
        two_invariants_of_one_id_are_refused_with_their_call_site,
    ];
    Module::new(scenarios, trials)
}

/// A holder that ends gives its lease up: no process starts while the lease of an earlier one is held.
#[derive(Default)]
struct LeaseIsGivenUp {
    held: Option<Moment>,
}

impl Invariant for LeaseIsGivenUp {
    fn id(&self) -> &str {
        "lease-is-given-up"
    }

    fn observe(&mut self, event: &ObservedEvent<'_>) -> Option<Break> {
        match event.kind() {
            EventKind::Phase { name: "holds the lease" } => {
                self.held = Some(event.moment());
                None
            }
            EventKind::Phase { name: "gave the lease up" } => {
                self.held = None;
                None
            }
            EventKind::Started if event.node_name() == "holder" => {
                let held = self.held.take()?;
                let sentence = format!("{} starts while its lease is held, {:?} in", event.node_name(), event.time());
                Some(Break::new(sentence).on("lease").because_of(held))
            }
            _ => None,
        }
    }
}

fn holder(sim: &mut Sim) {
    let holder = sim.node_main("holder", |_| {
        loop {
            sleep(Duration::from_millis(500));
            probe::phase("holds the lease");
            sleep(Duration::from_millis(100));
            probe::phase("gave the lease up");
        }
    });
    let bystanders = sim.nodes("bystander", 2, |_| std::future::pending());
    sim.client_main("client", |_| {
        sleep(Duration::from_secs(12));
        0
    });
    sim.faults(holder.and(bystanders), Faults::none().kills().at_most(6).quiet_after(Duration::from_secs(10)));
}

fn a_lease_without_a_fence(sim: &mut Sim) {
    sim.invariant(LeaseIsGivenUp::default());
    holder(sim);
}

fn a_lease_with_the_invariant_off(sim: &mut Sim) {
    sim.invariant(LeaseIsGivenUp::default());
    sim.turn_off("lease-is-given-up");
    holder(sim);
}

fn a_lease_with_a_known_issue(sim: &mut Sim) {
    sim.invariant(LeaseIsGivenUp::default());
    sim.known_issue("lease-is-given-up", &["lease", "holder starts"]);
    holder(sim);
}

fn two_invariants_with_one_id(sim: &mut Sim) {
    sim.invariant(LeaseIsGivenUp::default());
    sim.invariant(LeaseIsGivenUp::default());
    holder(sim);
}

fn a_users_invariant_breaks_is_shrunk_and_replays() {
    let output = campaign("a_lease_without_a_fence", "200");
    assert_eq!(output.code, 1, "{output:?}");
    let finding = output.finding();
    assert_eq!(finding["invariant"], "lease-is-given-up");
    assert_eq!(finding["signature"], "lease-is-given-up · lease");
    assert_eq!(finding["injections"], 1, "it takes one kill: {finding}");
    let replayed = cli(&["replay", finding["token"].as_str().expect("a token")]);
    assert_eq!(replayed.code, 1, "{replayed:?}");
    assert!(replayed.out.starts_with("✗ broken: lease is given up"), "{}", replayed.out);
    assert!(replayed.out.contains("holder starts while its lease is held"), "{}", replayed.out);
}

fn a_users_invariant_can_be_turned_off_and_have_known_issues() {
    campaign_holds("a_lease_with_the_invariant_off");
    campaign_holds("a_lease_with_a_known_issue");
}

fn two_invariants_of_one_id_are_refused_with_their_call_site() {
    let output = cli(&["run", "two_invariants_with_one_id", "--seeds", "1"]);
    assert_eq!(output.code, 2, "{output:?}");
    assert!(output.err.contains("two invariants have the id `lease-is-given-up`"), "{}", output.err);
    assert!(output.err.contains("tests/e2e/claims/own_invariants.rs:"), "{}", output.err);
}
