//! Doors that are not there yet: the run ends at once, naming the symbol and its caller.
//! They never guess an answer.

use super::here::here;
use crate::real;

/// The exit code of a run that met a door that is not there: `EX_UNAVAILABLE` of sysexits.
pub(crate) const EXIT_CODE: i32 = 69;

/// Ends the run: this door is not there.
#[cold]
pub(super) fn missing(symbol: &str, why: &str) -> ! {
    refuse(&format!("the door `{symbol}` is not there yet: {why}"))
}

/// Ends the run, saying why and from where.
#[cold]
pub(crate) fn refuse(what: &str) -> ! {
    let me = here();
    if let Some(me) = me {
        // The caller's stack is read with the real files, so this thread counts as outside from here on.
        super::here::kernel(me, |world| {
            let node = world.nodes.get(usize::from(world.threads[me].node.0)).map_or("?", |node| &node.name);
            let text = format!("afterlife: {what}\n  on {node}, called from:\n{}", caller());
            crate::engine::last_words(&text);
            real::say(&text);
            real::exit_now(EXIT_CODE)
        })
    } else {
        let text = format!("afterlife: {what}\n  called from:\n{}", caller());
        crate::engine::last_words(&text);
        real::say(&text);
        real::exit_now(EXIT_CODE)
    }
}

/// The stack below the door, without the door's own frames.
fn caller() -> String {
    const FRAMES_MAX: usize = 24; // lines, two to a frame
    let stack = std::backtrace::Backtrace::force_capture().to_string();
    let own = |line: &&str| line.contains("afterlife_sim::abi") || line.contains("std::backtrace");
    let lines: Vec<&str> = stack.lines().collect();
    let begin = lines.iter().rposition(|line| own(line)).map_or(0, |last| last + 2);
    lines[begin.min(lines.len())..].iter().take(FRAMES_MAX).map(|line| format!("  {line}\n")).collect()
}
