//! The nodes that a plan names.

use super::plan::{Injection, Trigger};

/// The highest node number that a plan names, to see whether it still fits its scenario.
pub(crate) fn last_node_named(injections: &[Injection]) -> Option<u16> {
    let triggers = injections.iter().filter_map(|injection| match injection.trigger {
        Trigger::On { node, .. } => Some(node),
        Trigger::At { .. } => None,
    });
    let faults = injections.iter().flat_map(|injection| injection.fault.targets());
    triggers.chain(faults).map(|node| node.0).max()
}
