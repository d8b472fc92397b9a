//! Lines that a node's program traces, on their way to where they are kept.
//! They pass no door: a run goes the same way whether they are kept or not.

use super::here::{here, kernel};
use std::fmt;

/// Keeps a line, if the calling thread belongs to a run that keeps lines.
pub(crate) fn keep(line: fmt::Arguments<'_>) {
    let Some(me) = here() else { return };
    let begun = kernel(me, |world| {
        let wanted = world.lines.wanted();
        if wanted {
            let thread = &world.threads[me];
            let place = (thread.node, thread.incarnation, thread.number);
            world.lines.begin(world.log.len(), world.now_ns, place);
        }
        wanted
    });
    if begun {
        // What formats itself is the program's own code, so it runs as that.
        let _ = fmt::write(&mut Pieces(me), line);
    }
}

struct Pieces(crate::kernel::thread::ThreadId);

impl fmt::Write for Pieces {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        kernel(self.0, |world| world.lines.put(text));
        Ok(())
    }
}
