//! *nothing-left*: a process that ends normally leaks no thread, task, socket, file, timer or lock that its own code made. A normal
//! end is a return from the main function; a process that calls `exit` leaves everything to the system. It is judged after the run,
//! where symbols are available: a library's own leaks are not the program's.

use crate::model::violation::Violation;
use afterlife_sim::event::{Leak, Seq};
use serde::{Deserialize, Serialize};

pub(crate) const ID: &str = "nothing-left";

/// A leak of a service that ended normally.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ServiceLeak {
    /// The node.
    pub node: String,
    /// The event of the leak.
    pub at: Seq,
    /// The event of the process's end.
    pub ended: Seq,
    /// The kind of leak.
    pub kind: Leak,
    /// The name, path or address; empty if it has none.
    pub what: String,
    /// The call site that made it.
    pub place: u32,
}

/// The violations: one for each kind, call site and process's end. `own` resolves the source line and the file of a call site in
/// the program's own code.
pub(crate) fn judge(leaks: &[ServiceLeak], own: impl Fn(Leak, u32) -> Option<(String, String)>) -> Vec<Violation> {
    let mut found: Vec<(Violation, &ServiceLeak, String, usize)> = Vec::new();
    for leak in leaks {
        let Some((site, file)) = own(leak.kind, leak.place) else { continue };
        let same =
            found.iter_mut().find(|(_, first, at, _)| (first.ended, first.kind, at) == (leak.ended, leak.kind, &site));
        if let Some((_, _, _, count)) = same {
            *count += 1;
            continue;
        }
        let violation = Violation {
            invariant: ID.to_owned(),
            class: kind(leak.kind).to_owned(),
            sites: vec![file],
            subject: format!("a {} of {}", kind(leak.kind), leak.node),
            sentence: String::new(),
            at: leak.at,
            turning: vec![leak.ended],
            origins: Vec::new(),
        };
        found.push((violation, leak, site, 1));
    }
    found
        .into_iter()
        .map(|(violation, leak, site, count)| Violation { sentence: sentence(leak, &site, count), ..violation })
        .collect()
}

fn sentence(leak: &ServiceLeak, site: &str, count: usize) -> String {
    let node = &leak.node;
    let named = if leak.what.is_empty() { String::new() } else { format!(" ({})", leak.what) };
    match (leak.kind, count) {
        (Leak::Thread, 1) => format!("{node} ended normally and leaked a thread{named}, spawned at {site}"),
        (Leak::Thread, _) => format!("{node} ended normally and leaked {count} threads, spawned at {site}"),
        (Leak::Task, 1) => format!("{node} ended normally and leaked a task, spawned at {site}"),
        (Leak::Task, _) => format!("{node} ended normally and leaked {count} tasks, spawned at {site}"),
        (Leak::Lock, _) => format!("{node} ended normally and left a file locked{named}, opened at {site}"),
        (kind, 1) => format!("{node} ended normally and left a {} open{named}, made at {site}", self::kind(kind)),
        (kind, _) => format!("{node} ended normally and left {count} {}s open, made at {site}", self::kind(kind)),
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
        let reported = judge(left, own).into_iter();
        reported.map(|violation| (violation.signature().to_string(), violation.sentence)).collect()
    }

    #[test]
    fn a_leak_of_the_programs_own_code_breaks_it_and_one_of_a_library_does_not() {
        let reported =
            check(&[left(Leak::Task, 1, "", 11), left(Leak::Task, 2, "", 12), left(Leak::Thread, 0, "", 13)]);
        let [(signature, sentence)] = &reported[..] else { panic!("one violation: {reported:?}") };
        assert_eq!(signature, "nothing-left · task · src/a.rs");
        assert_eq!(sentence, "server ended normally and leaked a task, spawned at src/a.rs:1");
    }

    #[test]
    fn leaks_from_one_line_are_one_violation_with_their_count() {
        let reported = check(&[left(Leak::Task, 1, "", 11), left(Leak::Task, 3, "", 12), left(Leak::Task, 1, "", 13)]);
        let sentences: Vec<_> = reported.iter().map(|(_, sentence)| sentence.as_str()).collect();
        assert_eq!(
            sentences,
            [
                "server ended normally and leaked 2 tasks, spawned at src/a.rs:1",
                "server ended normally and leaked a task, spawned at src/a.rs:3",
            ]
        );
    }

    #[test]
    fn each_kind_has_its_sentence() {
        let kinds = [
            left(Leak::Thread, 1, "flusher", 1),
            left(Leak::Socket, 1, "", 2),
            left(Leak::Listener, 1, "0.0.0.0:80", 3),
            left(Leak::File, 1, "/data/log", 4),
            left(Leak::Lock, 1, "/data/lock", 5),
            left(Leak::Timer, 1, "", 6),
        ];
        let reported: Vec<_> = check(&kinds).into_iter().map(|(_, sentence)| sentence).collect();
        assert_eq!(
            reported,
            [
                "server ended normally and leaked a thread (flusher), spawned at src/a.rs:1",
                "server ended normally and left a socket open, made at src/a.rs:1",
                "server ended normally and left a listener open (0.0.0.0:80), made at src/a.rs:1",
                "server ended normally and left a file open (/data/log), made at src/a.rs:1",
                "server ended normally and left a file locked (/data/lock), opened at src/a.rs:1",
                "server ended normally and left a timer open, made at src/a.rs:1",
            ]
        );
    }
}
