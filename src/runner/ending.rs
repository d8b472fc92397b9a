//! The replies of runs whose process died before they could reply.
//! It does not judge runs that ended: their own invariants did.

use super::protocol::BOUNDS;
use crate::failure::symbols;
use crate::invariant::{NO_CRASH, NO_DEADLOCK, NO_SPIN, NO_UNSUPPORTED_CALL};
use crate::model::role::role_of;
use crate::model::violation::Violation;
use crate::run::request::{Ended, Reply, Request};
use afterlife_sim::event::{Seq, signal_name};
use afterlife_sim::isolate::{ChildEnd, How, LastWords};
use serde::{Deserialize, Serialize};

/// The end of a run's process, as its runner reports it. It counts only if the run's own reply is missing: after that, the process
/// is dismantled.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct End {
    /// The end.
    pub(super) ended: Ended,
    /// The stack of the thread that the watchdog or a signal ended, if it is known.
    pub(super) stack: Option<String>,
}

/// The end of a run, from the end of its process.
pub(super) fn ended(end: ChildEnd) -> End {
    let ChildEnd { how, node, words, frames } = end;
    let text = match words {
        LastWords::Unsupported { subject, text } if matches!(how, How::Exited(_)) => {
            return End { ended: Ended::Unsupported { subject, message: text }, stack: None };
        }
        LastWords::Unsupported { text, .. } | LastWords::Text(text) => text,
    };
    let ended = match how {
        How::Exited(code) => return End { ended: Ended::Code { code, message: text }, stack: None },
        How::Signalled(signal) => Ended::Signal { signal, node },
        How::Spun => Ended::Spin { node, bound_ms: BOUNDS.cpu.as_millis() as u64 },
        How::Slept => Ended::Asleep { node, bound_ms: BOUNDS.asleep.as_millis() as u64 },
    };
    // A child that holds the allocator's lock leaves addresses only. They are this process's addresses, too.
    let stack = if text.is_empty() { symbols::text(&frames) } else { text };
    End { ended, stack: Some(stack).filter(|stack| !stack.is_empty()) }
}

/// The reply of a run that could not reply. Its one violation is its end.
pub(super) fn reply(request: &Request, End { ended, stack }: End) -> Reply {
    let violations = violation(&ended).into_iter().collect();
    let plan = request.plan.clone().unwrap_or_default();
    Reply { ended, violations, stack, ..Reply::not_run(plan) }
}

/// Adds the violation to the reply of a run that a crash ended, and that could still send its events.
pub(super) fn complete(mut reply: Reply) -> Reply {
    match &mut reply.ended {
        Ended::Spin { bound_ms, .. } => *bound_ms = BOUNDS.cpu.as_millis() as u64,
        Ended::Asleep { bound_ms, .. } => *bound_ms = BOUNDS.asleep.as_millis() as u64,
        _ => {}
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
            let sentence = format!("{} ran for {} s of processor time without a call", who(node), bound_ms / 1_000);
            (NO_SPIN, "endless loop".to_owned(), node.as_deref(), sentence)
        }
        Ended::Asleep { node, bound_ms } => {
            let sentence = format!(
                "while {} ran, the run slept for {} s of real time: it waits for a lock or a call that the simulation does not \
                control, and its stack says where",
                who(node),
                bound_ms / 1_000
            );
            (NO_DEADLOCK, "real wait".to_owned(), node.as_deref(), sentence)
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
        origins: Vec::new(),
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
        ChildEnd { how, node: Some("master-1".into()), words: LastWords::Text(String::new()), frames: Vec::new() }
    }

    fn said(how: How) -> String {
        let violation = violation(&ended(end(how)).ended).expect("the run did not end by itself");
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
        master-1 ran for 5 s of processor time without a call
        ");
        insta::assert_snapshot!(said(How::Slept), @r"
        no-deadlock · real wait · master
        real wait on master-1
        while master-1 ran, the run slept for 5 s of real time: it waits for a lock or a call that the simulation does not control, and its stack says where
        ");
    }

    #[test]
    fn last_words_of_a_killed_process_are_its_stack() {
        let words = LastWords::Text("master-1, incarnation 1\n  loops".to_owned());
        let ended = ended(ChildEnd { words, ..end(How::Spun) });
        assert_eq!(ended.stack.as_deref(), Some("master-1, incarnation 1\n  loops"));
    }

    #[test]
    fn addresses_stand_for_a_stack_where_there_are_no_words() {
        // As a return address is: behind the first instruction.
        let frames = vec![addresses_stand_for_a_stack_where_there_are_no_words as *const () as usize + 1];
        let stack = ended(ChildEnd { frames, ..end(How::Slept) }).stack.unwrap_or_default();
        assert!(stack.contains("addresses_stand_for_a_stack"), "{stack}");
    }
}
