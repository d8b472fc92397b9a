//! The engine capabilities that a plan needs.

use super::plan::Plan;
use crate::model::engine::{Engine, Need};

/// The first capability that a plan needs and the engine does not support.
pub(crate) fn lacking(engine: Engine, plan: &Plan) -> Option<Need> {
    plan.injections.iter().map(|injection| injection.fault.need()).find(|need| !engine.has(*need))
}
