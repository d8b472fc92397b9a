//! Lines that a node's program traces, on their way to where they are kept.
//! They pass no door that counts: a run goes the same way whether they are kept or not, unless a line that formats itself waits.

use super::here::{here, kernel};
use crate::kernel::lines::{Place, Source};
use crate::kernel::thread::ThreadId;
use crate::kernel::world::World;
use std::fmt;

/// Keeps a line, if the calling thread belongs to a run that keeps lines.
pub(crate) fn keep(source: Source, target: &str, line: fmt::Arguments<'_>) {
    let Some(me) = here() else { return };
    let begun = kernel(me, |world| world.lines.wanted().then(|| world.lines.begin(place(world, me), source, target)));
    if let Some(begun) = begun {
        // What formats itself is the program's own code, so it runs as that; but the clocks that it reads are not to go on.
        let aside = kernel(me, World::aside);
        let _ = fmt::write(&mut Pieces(me, begun), line);
        kernel(me, |world| world.back(aside));
    }
}

/// Keeps what a thread printed.
pub(super) fn print(world: &mut World, me: ThreadId, errors: bool, text: &[u8]) {
    let place = place(world, me);
    world.lines.print(place, errors, text);
}

fn place(world: &World, me: ThreadId) -> Place {
    let thread = &world.threads[me];
    Place {
        events: world.log.len(),
        time_ns: world.now_ns,
        node: thread.node,
        incarnation: thread.incarnation,
        thread: thread.number,
    }
}

struct Pieces(ThreadId, usize);

impl fmt::Write for Pieces {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        kernel(self.0, |world| world.lines.put(self.1, text));
        Ok(())
    }
}
