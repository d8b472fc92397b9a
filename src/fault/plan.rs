//! A plan: the injections of one run, as data. The seed draws it, a token contains it, the shrinker reduces it.
//! It does not act: `strike` does.

use super::edge::check_words;
use super::kind::Fault;
use super::kinds::list;
use super::trigger::{Trigger, When};
use super::wire::{PlanReader, PlanWriter, WireError};
use crate::model::engine::{Engine, Need};
use serde::{Deserialize, Serialize};

/// The faults of one run, beyond what the scenario itself does.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// The injections, in the order in which they were drawn; their numbers appear in events.
    pub injections: Vec<Injection>,
}

/// A fault and the trigger of its strike.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Injection {
    /// The moment of the strike.
    pub trigger: Trigger,
    /// The fault.
    pub fault: Fault,
}

impl Injection {
    /// Checks that the injection can ever strike: its edges may exist, and a link has two ends.
    ///
    /// # Errors
    /// If it never can.
    pub(crate) fn check(&self) -> Result<(), String> {
        if let When::On { edge, .. } = self.trigger.when() {
            check_words(edge)?;
        }
        if let Some((_, edge)) = self.fault.lifted_at() {
            check_words(edge)?;
        }
        match self.fault.targets()[..] {
            [a, b] if a == b => Err(format!("`{}` strikes between two nodes, and both are the same", self.fault.id())),
            _ => Ok(()),
        }
    }
}

/// More injections than any plan has: a greater count means damaged bytes.
const INJECTIONS_MAX: u64 = 4_096;

impl Plan {
    /// The first capability that the plan needs and the engine does not support.
    pub(crate) fn unsupported_by(&self, engine: Engine) -> Option<Need> {
        self.injections.iter().map(|injection| injection.fault.need()).find(|need| !engine.has(*need))
    }

    /// The highest node number in the plan, to see whether the plan still fits its scenario.
    pub(crate) fn last_node(&self) -> Option<u16> {
        let triggers = self.injections.iter().filter_map(|injection| match *injection.trigger.when() {
            When::On { node, .. } => Some(node),
            When::At { .. } => None,
        });
        let faults = self.injections.iter().flat_map(|injection| injection.fault.targets());
        triggers.chain(faults).map(|node| node.0).max()
    }

    /// The plan as bytes, for a token.
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut to = PlanWriter::default();
        to.number(self.injections.len() as u64);
        for Injection { trigger, fault } in &self.injections {
            trigger.write(&mut to);
            fault.write(&mut to);
        }
        to.into_bytes()
    }

    /// Reads all of these bytes as a plan.
    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, WireError> {
        let mut from = PlanReader::new(bytes);
        let count = from.number()?;
        if count > INJECTIONS_MAX {
            return Err(WireError::new(format!("{count} injections, more than any plan has")));
        }
        let mut injections = Vec::new();
        for _ in 0..count {
            injections.push(Injection { trigger: Trigger::read(&mut from)?, fault: list::read(&mut from)? });
        }
        from.end()?;
        Ok(Self { injections })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fault::strategies::plan;
    use proptest::prelude::*;

    #[test]
    fn damaged_bytes_are_refused_with_a_reason() {
        let refused = |bytes: &[u8]| Plan::decode(bytes).unwrap_err().to_string();
        assert_eq!(refused(&[1, 0, 5, 99]), "fault number 99");
        assert_eq!(refused(&[1, 7]), "trigger number 7");
        assert_eq!(refused(&[0, 0]), "1 bytes after the end");
        assert_eq!(refused(&[0xff, 0x7f]), "16383 injections, more than any plan has");
    }

    proptest! {
        #[test]
        fn every_plan_round_trips_through_bytes_and_json(plan in plan()) {
            prop_assert_eq!(&Plan::decode(&plan.encode()).unwrap(), &plan);
            let json = serde_json::to_string(&plan).unwrap();
            prop_assert_eq!(serde_json::from_str::<Plan>(&json).unwrap(), plan);
        }
    }
}
