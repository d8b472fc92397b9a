//! The outcome of an injection in one run, as data: it struck, met nothing, or its moment never came.
//! Accounts count outcomes; the injector of a run determines them.

use afterlife_sim::event::NodeId;
use serde::{Deserialize, Serialize};

/// The reason why a strike met nothing. Such a strike changes nothing and is no event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub(crate) enum Miss {
    /// The process was not running, and no restart was due.
    Down,
    /// The process was not running until faults were over.
    DownToTheEnd,
    /// The machine had no power already.
    NoPower,
    /// The node had no file.
    NoFile,
    /// The node had no file with content.
    NoContent,
    /// Both ends of the link are the same node.
    OneNode,
    /// No connection was open between the nodes.
    NoConnection,
    /// The process had no thread that can be held.
    NoThread,
    /// Another fault had at least the same effect, for at least as long.
    Covered,
    /// The figure of the fault is zero.
    Zero,
}

impl Miss {
    /// The reason in a few words.
    pub(crate) fn words(self) -> &'static str {
        match self {
            Self::Down => "the process was down",
            Self::DownToTheEnd => "the process was down until faults were over",
            Self::NoPower => "the machine had no power",
            Self::NoFile => "there was no file",
            Self::NoContent => "there was no file with content",
            Self::OneNode => "both ends are the same node",
            Self::NoConnection => "no connection was open",
            Self::NoThread => "there was no thread to hold",
            Self::Covered => "another fault had the same effect already",
            Self::Zero => "its figure is zero",
        }
    }
}

/// The effect of one strike.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Effect {
    /// The fault met nothing.
    Nothing(Miss),
    /// The fault struck, and nothing has to be lifted.
    Done,
    /// The fault struck, and must be lifted after this many nanoseconds.
    Lasting(u64),
}

/// The result of one injection in one run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum InjectionResult {
    /// The fault struck.
    Struck,
    /// The moment came, and the fault met nothing.
    MetNothing(Miss),
    /// The trigger's edge did not come often enough while faults could strike.
    EdgeNeverCame {
        /// The edge, in the words of the trigger.
        edge: String,
        /// The node of the trigger.
        node: NodeId,
        /// The number of times that the edge came, which is less than the trigger's `nth`.
        came: u32,
    },
    /// The run, or the time of faults, ended first.
    NotReached,
}

impl InjectionResult {
    /// The result in a few words.
    pub(crate) fn words(&self, name: &dyn Fn(NodeId) -> String) -> String {
        match self {
            Self::Struck => "struck".to_owned(),
            Self::MetNothing(miss) => format!("met nothing: {}", miss.words()),
            Self::EdgeNeverCame { edge, node, came: 0 } => format!("`{edge}` never came on {}", name(*node)),
            Self::EdgeNeverCame { edge, node, came } => format!("`{edge}` came only {came}× on {}", name(*node)),
            Self::NotReached => "the run ended first".to_owned(),
        }
    }
}

/// The outcome of one injection in one run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct InjectionOutcome {
    /// The stable name of the fault's kind: `slow-disk`.
    pub(crate) kind: String,
    /// The result.
    pub(crate) result: InjectionResult,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_result_has_words_and_survives_its_bytes() {
        let edge = |came| InjectionResult::EdgeNeverCame { edge: "open db".to_owned(), node: NodeId(1), came };
        let met_nothing = InjectionResult::MetNothing(Miss::NoConnection);
        let all = [InjectionResult::Struck, met_nothing, edge(0), edge(2), InjectionResult::NotReached];
        let words = all.each_ref().map(|result| result.words(&|node| format!("node-{}", node.0)));
        assert_eq!(
            words.each_ref().map(String::as_str),
            [
                "struck",
                "met nothing: no connection was open",
                "`open db` never came on node-1",
                "`open db` came only 2× on node-1",
                "the run ended first"
            ]
        );
        for result in all {
            let outcome = InjectionOutcome { kind: "kill".to_owned(), result };
            let bytes = postcard::to_allocvec(&outcome).expect("outcomes are plain data");
            assert_eq!(postcard::from_bytes::<InjectionOutcome>(&bytes), Ok(outcome));
        }
    }
}
