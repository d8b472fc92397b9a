//! The engine capability that each fault needs.

use super::plan::{DiskTrouble, Fault, LinkTrouble, Plan};
use crate::model::engine::{Engine, Need};

/// The capability that a fault needs.
pub(crate) fn need_of(fault: &Fault) -> Need {
    match fault {
        Fault::Stop { .. } => Need::Stops,
        Fault::Kill { .. } => Need::Kills,
        Fault::PowerLoss { .. } => Need::PowerLoss,
        Fault::Partition { one_way: false, .. } => Need::Partitions,
        Fault::Partition { one_way: true, .. } => Need::OneWayPartitions,
        Fault::DisturbLink { how: LinkTrouble::Hold, .. } => Need::Holds,
        Fault::DisturbLink { how: LinkTrouble::Slow { .. }, .. } => Need::SlowLinks,
        Fault::DisturbLink { .. } => Need::BadLinks,
        Fault::ResetConnections { .. } => Need::Resets,
        Fault::Pause { .. } => Need::Pauses,
        Fault::HoldThread { .. } => Need::HeldThreads,
        Fault::SlowDisk { .. } | Fault::FailDisk { how: DiskTrouble::Stalled, .. } => Need::SlowDisks,
        Fault::FailDisk { .. } | Fault::DamageFile { .. } => Need::Disks,
        Fault::StepClock { .. } => Need::ClockSteps,
        Fault::SkewClock { .. } => Need::ClockDrift,
        Fault::SqueezeMemory { .. } => Need::Memory,
    }
}

/// The first capability that a plan needs and the engine does not support.
pub(crate) fn lacking(engine: Engine, plan: &Plan) -> Option<Need> {
    plan.injections.iter().map(|injection| need_of(&injection.fault)).find(|need| !engine.has(*need))
}
