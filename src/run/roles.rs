//! The roles of a run's nodes, and which of them have finished.

use crate::scenario::node::Role;
use afterlife_sim::event::NodeId;
use afterlife_sim::{Control, Status};

/// The role of each node, by number.
pub(super) struct Roles(Vec<Role>);

impl Roles {
    pub(super) fn new(roles: Vec<Role>) -> Self {
        Self(roles)
    }

    /// The nodes whose role satisfies a predicate, in order.
    pub(super) fn nodes(&self, is: impl Fn(Role) -> bool) -> impl Iterator<Item = NodeId> {
        (0..self.0.len()).filter(move |index| is(self.0[*index])).map(|index| NodeId(index as u16))
    }

    pub(super) fn is_service(&self, node: NodeId) -> bool {
        self.0.get(usize::from(node.0)) == Some(&Role::Service)
    }

    /// Returns whether the run has a client or a verifier.
    pub(super) fn has_clients(&self) -> bool {
        self.0.iter().any(|role| *role != Role::Service)
    }

    /// The nodes of a role whose process has not ended yet, or not started.
    pub(super) fn unfinished(&self, role: Role, control: &Control<'_>) -> Vec<NodeId> {
        self.nodes(|of| of == role)
            .filter(|node| !matches!(control.status(*node), Status::Down | Status::Off))
            .collect()
    }

    /// Returns whether every process of a role has ended.
    pub(super) fn have_ended(&self, role: Role, control: &Control<'_>) -> bool {
        self.unfinished(role, control).is_empty()
    }

    /// Returns whether no service is about to restart. A service that ended by itself stays down, which is settled too.
    pub(super) fn services_are_settled(&self, control: &Control<'_>) -> bool {
        self.nodes(|role| role == Role::Service).all(|node| match control.status(node) {
            Status::Up => true,
            Status::Down => !control.will_restart(node),
            _ => false,
        })
    }
}
