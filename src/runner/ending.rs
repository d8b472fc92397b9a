//! The replies of runs whose process died before they could reply.
//! It does not judge runs that ended: their own invariants did.

use crate::invariant::{NO_CRASH, NO_SPIN, NO_UNSUPPORTED_CALL};
use crate::model::role::role_of;
use crate::model::violation::Violation;
use crate::run::request::{Ended, Reply, Request, Unresolved};
use afterlife_sim::event::{Digest, Seq, signal_name};
use afterlife_sim::isolate::{ChildEnd, How, LastWords};
use std::time::Duration;

/// The end of a run, from the end of its process. It counts only if the run's own reply is missing: after a reply, the
/// process is dismantled.
pub(super) fn ended(end: ChildEnd, bound: Duration) -> Ended {
    match end.how {
        How::Exited(code) => match end.words {
            LastWords::Unsupported { subject, text } => Ended::Unsupported { subject, message: text },
            LastWords::Text(message) => Ended::Code { code, message },
        },
        How::Signalled(signal) => Ended::Signal { signal, node: end.node },
        How::Spun => Ended::Spin { node: end.node, bound_ms: bound.as_millis() as u64 },
    }
}

/// The reply of a run that could not reply. Its one violation is its end.
pub(super) fn reply(request: &Request, ended: Ended) -> Reply {
    let violations = violation(&ended).into_iter().collect();
    Reply {
        ended,
        digest: Digest::default(),
        events: 0,
        virtual_ns: 0,
        cpu_ns: 0,
        plan: request.plan.clone().unwrap_or_default(),
        violations,
        sometimes: Vec::new(),
        record: None,
        stack: None,
        unread: Unresolved::default(),
    }
}

/// Adds the violation to the reply of a run that a crash ended, and that could still send its events.
pub(super) fn complete(mut reply: Reply, bound: Duration) -> Reply {
    if let Ended::Spin { bound_ms, .. } = &mut reply.ended {
        *bound_ms = bound.as_millis() as u64;
    }
    if let Some(violation) = violation(&reply.ended) {
        let at = reply.events.checked_sub(1).map_or(Seq::NONE, Seq);
        reply.violations.insert(0, Violation { at, ..violation });
    }
    reply
}

fn violation(ended: &Ended) -> Option<Violation> {
    let (invariant, class, node, sentence) = match ended {
        Ended::Whole => return None,
        Ended::Signal { signal, node } => {
            let (name, meaning) = (signal_name(*signal), signal_meaning(*signal));
            let sentence = format!("{} crashed the whole process with {name}: {meaning}", who(node));
            (NO_CRASH, name, node.as_deref(), sentence)
        }
        Ended::Unsupported { subject, message } => {
            (NO_UNSUPPORTED_CALL, subject.clone(), None, message.trim_start_matches("afterlife: ").to_owned())
        }
        Ended::Code { code, message } => {
            let said = if message.is_empty() { String::new() } else { format!(", saying: {message}") };
            let sentence =
                format!("a node ended the whole process with exit code {code}, past the virtual kernel{said}");
            (NO_CRASH, format!("exit {code}"), None, sentence)
        }
        Ended::Spin { node, bound_ms } => {
            let sentence = format!("{} ran for {} s of real time without blocking", who(node), bound_ms / 1_000);
            (NO_SPIN, "endless loop".to_owned(), node.as_deref(), sentence)
        }
    };
    Some(Violation {
        invariant: invariant.to_owned(),
        subject: node.map_or_else(|| class.clone(), |node| format!("{class} on {node}")),
        class,
        sites: node.map(|node| role_of(node).to_owned()).into_iter().collect(),
        sentence,
        at: Seq::NONE,
        turning: Vec::new(),
    })
}

fn who(node: &Option<String>) -> &str {
    node.as_deref().unwrap_or("a node")
}

/// The meaning of a signal that the process did not handle.
fn signal_meaning(signal: i32) -> &'static str {
    match signal {
        4 => "an illegal instruction",
        5 => "a trap",
        6 => "it called abort",
        7 => "memory that does not exist",
        8 => "an arithmetic error",
        9 => "killed from outside, most likely because memory ran out",
        11 => "an invalid memory access, or a stack overflow",
        15 => "terminated from outside",
        _ => "see signal(7)",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn end(how: How) -> ChildEnd {
        ChildEnd { how, node: Some("master-1".into()), words: LastWords::Text(String::new()) }
    }

    fn said(how: How) -> String {
        let ended = ended(end(how), Duration::from_secs(10));
        let violation = violation(&ended).expect("the run did not end by itself");
        format!("{}\n{}\n{}", violation.signature(), violation.subject, violation.sentence)
    }

    #[test]
    fn every_abnormal_end_of_a_process_is_a_violation_with_a_signature() {
        insta::assert_snapshot!(said(How::Signalled(6)), @r"
        no-crash · SIGABRT · master
        SIGABRT on master-1
        master-1 crashed the whole process with SIGABRT: it called abort
        ");
        insta::assert_snapshot!(said(How::Signalled(34)), @r"
        no-crash · signal 34 · master
        signal 34 on master-1
        master-1 crashed the whole process with signal 34: see signal(7)
        ");
        insta::assert_snapshot!(said(How::Exited(3)), @r"
        no-crash · exit 3
        exit 3
        a node ended the whole process with exit code 3, past the virtual kernel
        ");
        insta::assert_snapshot!(said(How::Spun), @r"
        no-spin · endless loop · master
        endless loop on master-1
        master-1 ran for 10 s of real time without blocking
        ");
    }
}
