//! Unsupported calls: the run ends at once with the symbol and its caller.
//! No answer is ever guessed.

use super::current::here;
use crate::host::last_words::{EXIT_UNSUPPORTED, LastWords};
use crate::host::system;

/// Ends the run: the simulation does not support this call.
#[cold]
pub(crate) fn missing(symbol: &str, why: &str) -> ! {
    refuse_about(symbol, &format!("the call `{symbol}` is not supported: {why}"))
}

/// Ends the run with a reason. Findings are grouped by its text before the first colon.
#[cold]
pub(crate) fn refuse(what: &str) -> ! {
    refuse_about(what.split(':').next().unwrap_or_default(), what)
}

/// Ends the run with a reason that is about this subject.
#[cold]
pub(crate) fn refuse_about(subject: &str, what: &str) -> ! {
    if let Some(me) = here() {
        // The caller's stack is read with real files, so this thread counts as outside from now on.
        super::current::kernel(me, |kernel| {
            let node = kernel.process.node(kernel.sched[me].node()).map_or("?", |node| node.name());
            end(subject, format!("afterlife: {what}\n  on {node}, called from:\n{}", caller()))
        })
    } else {
        end(subject, format!("afterlife: {what}\n  called from:\n{}", caller()))
    }
}

fn end(subject: &str, text: String) -> ! {
    system::write_stderr(&text);
    crate::host::status::leave(&LastWords::Unsupported { subject: subject.to_owned(), text });
    system::exit_now(EXIT_UNSUPPORTED)
}

/// The stack below the interposed function, without that function's own frames.
pub(crate) fn caller() -> String {
    const FRAMES_MAX: usize = 24; // lines, two to a frame
    let stack = std::backtrace::Backtrace::force_capture().to_string();
    let own = |line: &&str| {
        line.contains("afterlife_sim::libc") || line.contains("sim/src/libc/") || line.contains("std::backtrace")
    };
    let lines: Vec<&str> = stack.lines().collect();
    // A frame is its symbol and, where that is known, its line. The interposed functions are the first frames of this folder from
    // the top; the start of the thread, at the bottom, belongs to it as well.
    let (mut begin, mut met) = (0, false);
    while begin < lines.len() {
        let has_line = lines.get(begin + 1).is_some_and(|line| line.trim_start().starts_with("at "));
        let end = begin + 1 + usize::from(has_line);
        let of_a_call = lines[begin..end].iter().any(own);
        if met && !of_a_call {
            break;
        }
        met |= of_a_call;
        begin = end;
    }
    // Without a frame of this folder, as in a program whose symbols are gone, the whole stack is shown.
    let begin = if met { begin.min(lines.len()) } else { 0 };
    lines[begin..].iter().take(FRAMES_MAX).map(|line| format!("  {line}\n")).collect()
}
