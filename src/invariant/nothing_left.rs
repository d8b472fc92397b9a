//! A process that ends in order leaves nothing behind: no thread, task, socket, file, timer or lock that its own code made.
//! In order is to return from its main function; who calls `exit` leaves on the spot, and all else to the system.
//! It is judged after the run, where symbols are at hand: what a library keeps for itself is no forgetting of the program's.

use crate::model::violation::Violation;
use afterlife_sim::event::{Leak, Seq};
use serde::{Deserialize, Serialize};

pub(crate) const ID: &str = "nothing-left";

/// One thing that a service left behind that ended in order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ServiceLeak {
    /// Whose it was.
    pub node: String,
    /// The event that tells of it.
    pub at: Seq,
    /// The process's end.
    pub ended: Seq,
    /// What it was.
    pub kind: Leak,
    /// Its name, path or address, if it has one.
    pub what: String,
    /// Where it was made.
    pub place: u32,
}

/// One violation for each kind, call site and process's end. `own` gives the site and the file of a call site that is the program's
/// own code.
pub(crate) fn judge(left: &[ServiceLeak], own: impl Fn(Leak, u32) -> Option<(String, String)>) -> Vec<Violation> {
    let mut found: Vec<(Violation, &ServiceLeak, String, usize)> = Vec::new();
    for it in left {
        let Some((site, file)) = own(it.kind, it.place) else { continue };
        let again =
            found.iter_mut().find(|(_, first, at, _)| (first.ended, first.kind, at) == (it.ended, it.kind, &site));
        if let Some((_, _, _, count)) = again {
            *count += 1;
            continue;
        }
        let violation = Violation {
            invariant: ID.to_owned(),
            class: kind(it.kind).to_owned(),
            sites: vec![file],
            subject: format!("a {} of {}", kind(it.kind), it.node),
            sentence: String::new(),
            at: it.at,
            turning: vec![it.ended],
        };
        found.push((violation, it, site, 1));
    }
    let told = found
        .into_iter()
        .map(|(violation, it, site, count)| Violation { sentence: sentence(it, &site, count), ..violation });
    told.collect()
}

fn sentence(it: &ServiceLeak, site: &str, count: usize) -> String {
    let node = &it.node;
    let named = if it.what.is_empty() { String::new() } else { format!(" ({})", it.what) };
    match (it.kind, count) {
        (Leak::Thread, 1) => format!("{node} ended in order and left a thread behind{named}, spawned at {site}"),
        (Leak::Thread, _) => format!("{node} ended in order and left {count} threads behind, spawned at {site}"),
        (Leak::Task, 1) => format!("{node} ended in order and left a task behind, spawned at {site}"),
        (Leak::Task, _) => format!("{node} ended in order and left {count} tasks behind, spawned at {site}"),
        (Leak::Lock, _) => format!("{node} ended in order and left a file locked{named}, opened at {site}"),
        (kind, 1) => format!("{node} ended in order and left a {} open{named}, made at {site}", self::kind(kind)),
        (kind, _) => format!("{node} ended in order and left {count} {}s open, made at {site}", self::kind(kind)),
    }
}

fn kind(kind: Leak) -> &'static str {
    match kind {
        Leak::Thread => "thread",
        Leak::Task => "task",
        Leak::Socket => "socket",
        Leak::Listener => "listener",
        Leak::File => "file",
        Leak::Lock => "lock",
        Leak::Timer => "timer",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn left(kind: Leak, place: u32, what: &str, at: u64) -> ServiceLeak {
        ServiceLeak { node: "server".into(), at: Seq(at), ended: Seq(10), kind, what: what.into(), place }
    }

    /// Odd places are the program's own.
    fn check(left: &[ServiceLeak]) -> Vec<(String, String)> {
        let own = |_: Leak, place: u32| (place % 2 == 1).then(|| (format!("src/a.rs:{place}"), "src/a.rs".to_owned()));
        let told = judge(left, own).into_iter();
        told.map(|violation| (violation.signature().to_string(), violation.sentence)).collect()
    }

    #[test]
    fn what_the_programs_own_code_left_breaks_it_and_what_a_library_keeps_does_not() {
        let told = check(&[left(Leak::Task, 1, "", 11), left(Leak::Task, 2, "", 12), left(Leak::Thread, 0, "", 13)]);
        let [(signature, sentence)] = &told[..] else { panic!("one violation: {told:?}") };
        assert_eq!(signature, "nothing-left · task · src/a.rs");
        assert_eq!(sentence, "server ended in order and left a task behind, spawned at src/a.rs:1");
    }

    #[test]
    fn what_came_from_one_line_is_counted_and_told_once() {
        let told = check(&[left(Leak::Task, 1, "", 11), left(Leak::Task, 3, "", 12), left(Leak::Task, 1, "", 13)]);
        let sentences: Vec<_> = told.iter().map(|(_, sentence)| sentence.as_str()).collect();
        assert_eq!(
            sentences,
            [
                "server ended in order and left 2 tasks behind, spawned at src/a.rs:1",
                "server ended in order and left a task behind, spawned at src/a.rs:3",
            ]
        );
    }

    #[test]
    fn each_kind_says_what_it_is() {
        let kinds = [
            left(Leak::Thread, 1, "flusher", 1),
            left(Leak::Socket, 1, "", 2),
            left(Leak::Listener, 1, "0.0.0.0:80", 3),
            left(Leak::File, 1, "/data/log", 4),
            left(Leak::Lock, 1, "/data/lock", 5),
            left(Leak::Timer, 1, "", 6),
        ];
        let told: Vec<_> = check(&kinds).into_iter().map(|(_, sentence)| sentence).collect();
        assert_eq!(
            told,
            [
                "server ended in order and left a thread behind (flusher), spawned at src/a.rs:1",
                "server ended in order and left a socket open, made at src/a.rs:1",
                "server ended in order and left a listener open (0.0.0.0:80), made at src/a.rs:1",
                "server ended in order and left a file open (/data/log), made at src/a.rs:1",
                "server ended in order and left a file locked (/data/lock), opened at src/a.rs:1",
                "server ended in order and left a timer open, made at src/a.rs:1",
            ]
        );
    }
}
