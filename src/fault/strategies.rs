//! Arbitrary plans, for tests of tokens and of shrinking.
//! It does not draw the plans that a scenario allows: `draw` does.

use super::kind::Fault;
use super::kinds::list::{TAGS, read};
use super::plan::{Injection, Plan};
use super::trigger::{Trigger, When};
use super::wire::{PlanReader, PlanWriter};
use afterlife_sim::event::NodeId;
use proptest::prelude::*;

fn number() -> impl Strategy<Value = u64> {
    prop_oneof![0..3u64, any::<u16>().prop_map(u64::from), any::<u32>().prop_map(u64::from), any::<u64>()]
}

/// Any fault: its fields are read from any numbers that are valid for its kind.
fn fault() -> impl Strategy<Value = Fault> {
    let fields = (any::<[u16; 2]>(), number(), number(), "[a-z é-]{0,24}");
    (0..TAGS, fields).prop_filter_map("numbers that do not fit their fields", |(tag, ([a, b], c, d, text))| {
        let mut writer = PlanWriter::default();
        writer.number(tag).number(a.into()).number(b.into()).number(c).number(d).text(&text);
        let bytes = writer.into_bytes();
        read(&mut PlanReader::new(&bytes)).ok()
    })
}

fn trigger() -> impl Strategy<Value = Trigger> {
    prop_oneof![
        any::<u64>().prop_map(|time_ns| When::At { time_ns }.into()),
        ("[a-z é-]{0,24}", any::<(u16, u32, u64)>()).prop_map(|(edge, (node, nth, after_ns))| When::On {
            edge,
            node: NodeId(node),
            nth,
            after_ns
        }
        .into()),
    ]
}

/// Any plan, sensible or not.
pub(crate) fn plan() -> impl Strategy<Value = Plan> {
    let injection = (trigger(), fault()).prop_map(|(trigger, fault)| Injection { trigger, fault });
    proptest::collection::vec(injection, 0..6).prop_map(|injections| Plan { injections })
}
