//! Any plans at all, for tests of what every plan goes through: tokens, shrinking.
//! Plans that a scenario allows are drawn elsewhere.

use super::{DiskTrouble, Fault, FileDamage, Injection, LinkTrouble, Plan, Trigger};
use proptest::prelude::*;

fn fault() -> impl Strategy<Value = Fault> {
    prop_oneof![
        any::<(u16, u64, u64)>().prop_map(|(node, budget_ns, down_ns)| Fault::Stop { node, budget_ns, down_ns }),
        any::<(u16, u64)>().prop_map(|(node, down_ns)| Fault::Kill { node, down_ns }),
        any::<(u16, u64)>().prop_map(|(node, down_ns)| Fault::PowerLoss { node, down_ns }),
        any::<(u16, u16, bool, u64)>().prop_map(|(from, to, one_way, for_ns)| Fault::Partition {
            from,
            to,
            one_way,
            for_ns
        }),
        any::<(u16, u64, u64)>().prop_map(|(node, extra_ns, for_ns)| Fault::SlowDisk { node, extra_ns, for_ns }),
        any::<(u16, u64)>().prop_map(|(node, for_ns)| Fault::Pause { node, for_ns }),
        (any::<(u16, u32, u64)>(), proptest::option::of("[a-z é-]{0,24}"))
            .prop_map(|((node, nth, for_ns), until)| Fault::HoldThread { node, nth, until, for_ns }),
        any::<(u16, u64, u64)>().prop_map(|(node, budget_bytes, for_ns)| Fault::SqueezeMemory {
            node,
            budget_bytes,
            for_ns
        }),
        any::<(u16, i64)>().prop_map(|(node, by_ns)| Fault::StepClock { node, by_ns }),
        any::<(u16, i32, u64)>().prop_map(|(node, ppm, for_ns)| Fault::SkewClock { node, ppm, for_ns }),
        (any::<(u16, u16, u64)>(), link_trouble()).prop_map(|((from, to, for_ns), how)| Fault::DisturbLink {
            from,
            to,
            how,
            for_ns
        }),
        any::<(u16, u16)>().prop_map(|(from, to)| Fault::ResetConnections { from, to }),
        (any::<(u16, u64)>(), disk_trouble()).prop_map(|((node, for_ns), how)| Fault::FailDisk { node, how, for_ns }),
        (any::<(u16, u32)>(), proptest::sample::select(vec![FileDamage::Missing, FileDamage::Corrupt]))
            .prop_map(|((node, nth), how)| Fault::DamageFile { node, how, nth }),
    ]
}

fn link_trouble() -> impl Strategy<Value = LinkTrouble> {
    prop_oneof![
        any::<u64>().prop_map(|extra_ns| LinkTrouble::Slow { extra_ns }),
        any::<u16>().prop_map(|per_mille| LinkTrouble::Lossy { per_mille }),
        Just(LinkTrouble::Hold),
        any::<u16>().prop_map(|per_mille| LinkTrouble::Duplicating { per_mille }),
        any::<u16>().prop_map(|per_mille| LinkTrouble::Reordering { per_mille }),
        any::<u64>().prop_map(|bytes_per_s| LinkTrouble::Narrow { bytes_per_s }),
    ]
}

fn disk_trouble() -> impl Strategy<Value = DiskTrouble> {
    use DiskTrouble::{Full, ReadErrors, Stalled, SyncErrors, WriteErrors};
    proptest::sample::select(vec![ReadErrors, WriteErrors, SyncErrors, Full, Stalled])
}

fn trigger() -> impl Strategy<Value = Trigger> {
    prop_oneof![
        any::<u64>().prop_map(|time_ns| Trigger::At { time_ns }),
        ("[a-z é-]{0,24}", any::<(u16, u32, u64)>()).prop_map(|(edge, (node, nth, after_ns))| Trigger::On {
            edge,
            node,
            nth,
            after_ns
        }),
    ]
}

/// Any plan, sensible or not: what is true of all of them is true of those that are drawn.
pub(crate) fn plan() -> impl Strategy<Value = Plan> {
    let injection = (trigger(), fault()).prop_map(|(trigger, fault)| Injection { trigger, fault });
    proptest::collection::vec(injection, 0..6).prop_map(|injections| Plan { injections })
}
