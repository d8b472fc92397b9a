//! Edges of lifetimes, in the words that triggers and stories share: `open metadata-db`, `phase ready`.
//! It names edges; the injector waits for them.

use crate::model::nearest::nearest;
use afterlife_sim::event::{Name, ProbeEvent, What};

/// The edge of a lifetime that an event marks, if faults can be aimed at it.
pub(crate) fn edge_of(what: &What) -> Option<Edge> {
    let (verb, name) = match *what {
        What::Started => ("start", Name::NONE),
        What::StopRequested { .. } => ("stop requested", Name::NONE),
        What::StopRepeated => ("stop repeated", Name::NONE),
        What::ResourceOpened { name, .. } => ("open", name),
        What::ResourceUsed { name, .. } => ("use", name),
        What::ResourceClosed { name, .. } => ("close", name),
        What::Phase { name, .. } => ("phase", name),
        What::Reached { name, .. } => ("reach", name),
        What::FileSynced { path, .. } => ("sync", path),
        What::EntryChanged { path } => ("change", path),
        What::DiskFailed { path, .. } => ("disk failure", path),
        What::Noted { ledger, .. } => ("note", ledger),
        What::Completed { ledger, .. } => ("complete", ledger),
        What::Probe { step, name, .. } => (verb(step), name),
        _ => return None,
    };
    Some(Edge { verb, name })
}

/// An edge of a lifetime: an action and its object.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Edge {
    verb: &'static str,
    name: Name,
}

impl Edge {
    /// Returns whether it is the edge with these words: `open metadata-db`.
    pub(crate) fn is<'a>(&self, words: &str, text: impl Fn(Name) -> &'a str) -> bool {
        match words.strip_prefix(self.verb) {
            Some("") => self.name == Name::NONE,
            Some(rest) => rest.strip_prefix(' ').is_some_and(|name| name == text(self.name)),
            None => false,
        }
    }
}

/// Declares the verb of each probe event.
macro_rules! probe_verbs {
    ($($step:ident $verb:literal,)*) => {
        /// The verb of a probe event.
        fn verb(step: ProbeEvent) -> &'static str {
            match step {
                $(ProbeEvent::$step => $verb,)*
            }
        }

        /// The verbs of all probe events.
        const PROBE_VERBS: &[&str] = &[$($verb),*];
    };
}

probe_verbs! {
    Declared "declare",
    Opening "begin to open",
    Borrowed "hold",
    Returned "let go",
    Registered "register",
    CallBegan "call",
    CallEnded "return",
    Deregistering "begin to deregister",
    Deregistered "deregister",
    EpochBegan "begin",
    Advanced "advance",
    Effect "effect",
    ScopeOpened "own",
    TaskQueued "queue",
    TaskBegan "run",
    TaskCancelled "cancel",
    TaskEnded "end",
    Joined "join",
    ScopeClosed "disown",
    SlotsMade "count",
    SlotTaken "take",
    SlotReturned "give back",
    SlotsCounted "show",
    ProgressBegan "begin",
    ItemVerified "verify",
    ProgressReported "report",
    ProgressDone "complete",
    ChannelOpened "open",
    ChannelNotified "tell",
    ChannelClosed "close",
    EntryMade "enter",
    EntryRemoved "remove",
    Buggified "misbehave",
}

/// The verbs of all other events.
const OTHER_VERBS: [&str; 12] = [
    "start",
    "stop requested",
    "stop repeated",
    "open",
    "use",
    "close",
    "phase",
    "reach",
    "sync",
    "change",
    "disk failure",
    "note",
];

/// Checks that some edge may have these words: they begin with the verb of one.
///
/// # Errors
/// If none has, with the nearest verb.
pub(crate) fn check_words(words: &str) -> Result<(), String> {
    let verbs = || OTHER_VERBS.iter().chain(PROBE_VERBS).copied();
    let begins = |verb: &str| words.strip_prefix(verb).is_some_and(|rest| rest.is_empty() || rest.starts_with(' '));
    if verbs().any(begins) {
        return Ok(());
    }
    let next = match nearest_words(words, verbs) {
        Some(near) => format!("did you mean `{near}`?"),
        None => "an edge begins with a verb, such as `open`, `use`, `close`, `phase`, `note` or `sync`".to_owned(),
    };
    Err(format!("`{words}` is no edge of a lifetime: {next}"))
}

/// The same words with the nearest verb, if one is near.
fn nearest_words<'a, V: Iterator<Item = &'static str>>(words: &'a str, verbs: impl Fn() -> V) -> Option<String> {
    let parts: Vec<&'a str> = words.split(' ').collect();
    (1..=parts.len().min(3)).rev().find_map(|count| {
        let begun = parts[..count].join(" ");
        let near = nearest(&begun, verbs().filter(|verb| verb.split(' ').count() == count)).first().copied()?;
        let rest = parts[count..].iter().map(|part| format!(" {part}")).collect::<String>();
        Some(format!("{near}{rest}"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_that_no_edge_can_have_are_refused_with_the_nearest() {
        let refused = |words| check_words(words).expect_err("no edge has these words");
        assert_eq!(refused("opened db"), "`opened db` is no edge of a lifetime: did you mean `open db`?");
        assert_eq!(
            refused("disk falure /db"),
            "`disk falure /db` is no edge of a lifetime: did you mean `disk failure /db`?"
        );
        assert_eq!(
            refused("evaporate"),
            "`evaporate` is no edge of a lifetime: an edge begins with a verb, such as `open`, `use`, `close`, `phase`, \
                `note` or `sync`"
        );
    }

    #[test]
    fn every_verb_begins_an_edge() {
        for verb in OTHER_VERBS.iter().chain(PROBE_VERBS) {
            assert_eq!((check_words(verb), check_words(&format!("{verb} a b"))), (Ok(()), Ok(())));
        }
    }

    #[test]
    fn every_edge_begins_with_a_known_verb() {
        let (name, none) = (Name(1), Name::NONE);
        let all = [
            What::Started,
            What::StopRequested { budget_ns: 0 },
            What::StopRepeated,
            What::Reached { name, site: none },
            What::EntryChanged { path: name },
        ];
        for edge in all.iter().filter_map(edge_of) {
            assert!(OTHER_VERBS.contains(&edge.verb), "{edge:?}");
        }
    }
}
