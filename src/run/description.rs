//! The description of a run by its scenario's function, before anything runs. A mistake in it, or a panic, refuses the run.

use crate::model::build::Build;
use crate::model::refusal::Refusal;
use crate::scenario::definition::Scenario;
use crate::scenario::description::Description;
use std::cell::{Cell, RefCell};
use std::panic::{AssertUnwindSafe, catch_unwind};

/// The next step after any mistake of a scenario.
const NEXT: &str = "correct the scenario at this line, and build again";

thread_local! {
    static UNDER_WAY: Cell<bool> = const { Cell::new(false) };
    static PANIC: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// Lets the scenario's function describe a run.
///
/// # Errors
/// If the function panics, or asks for something that does not exist or that the engine does not support.
pub(crate) fn describe(scenario: &Scenario, build: Build, seed: u64) -> Result<Description, Refusal> {
    UNDER_WAY.set(true);
    let described = catch_unwind(AssertUnwindSafe(|| scenario.describe(build, seed)));
    UNDER_WAY.set(false);
    let refused = |why: String| Refusal::new(format!("the scenario `{}` cannot be run: {why}", scenario.name()), NEXT);
    match described {
        Ok(described) => described.map_err(refused),
        Err(_) => Err(refused(PANIC.take().unwrap_or_else(|| "its function panicked".to_owned()))),
    }
}

/// Returns whether the calling thread is in a scenario's function.
pub(super) fn is_under_way() -> bool {
    UNDER_WAY.get()
}

/// Records a panic of the scenario's function.
pub(super) fn note(site: &str, message: &str) {
    PANIC.set(Some(format!("{site}: {message}")));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::sim::Sim;

    #[test]
    fn a_mistake_refuses_the_scenario_by_name() {
        fn twins(sim: &mut Sim) {
            sim.node_main("twin", |_| 0);
            sim.node_main("twin", |_| 0);
        }
        let refused = describe(&Scenario::new("twins", twins), Build::DEFAULT, 0).err().expect("a name is taken");
        assert!(refused.why.starts_with("the scenario `twins` cannot be run: src/run/description.rs:"), "{refused}");
    }

    #[test]
    fn a_panic_refuses_the_scenario_with_its_line() {
        fn panics(_: &mut Sim) {
            // As the panic hook of a run does.
            note("a.rs:7", "assertion failed: false");
            std::panic::resume_unwind(Box::new(()));
        }
        let refused = describe(&Scenario::new("panics", panics), Build::DEFAULT, 0).err().expect("it panics");
        assert_eq!(refused.why, "the scenario `panics` cannot be run: a.rs:7: assertion failed: false");
        assert!(!is_under_way());
    }
}
