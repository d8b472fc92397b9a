//! Log lines that a node's program traces or prints, on their way to the record.
//! They are no scheduling points: a run is the same whether they are kept or not, unless formatting a line waits.

use super::current::{here, kernel};
use crate::kernel::dispatch::Kernel;
use crate::kernel::process::output::{LogSite, Source};
use crate::kernel::sched::thread::ThreadId;
use std::fmt;

/// Keeps a line, if the calling thread belongs to a run that keeps lines.
pub(crate) fn keep(source: Source, target: &str, line: fmt::Arguments<'_>) {
    let Some(me) = here() else { return };
    let begun = kernel(me, |kernel| {
        kernel.process.output().wanted().then(|| {
            let site = call_site(kernel, me);
            kernel.process.output_mut().begin(site, source, target)
        })
    });
    if let Some(begun) = begun {
        // Formatting is the program's own code and runs as that, but the clocks that it reads must not advance.
        let suspension = kernel(me, Kernel::suspend_run);
        let _ = fmt::write(&mut Pieces(me, begun), line);
        kernel(me, |kernel| kernel.resume_run(suspension));
    }
}

/// Keeps the text that a thread printed.
pub(crate) fn print(kernel: &mut Kernel, me: ThreadId, errors: bool, text: &[u8]) {
    let site = call_site(kernel, me);
    kernel.process.output_mut().print(site, errors, text);
}

fn call_site(kernel: &Kernel, me: ThreadId) -> LogSite {
    let thread = &kernel.sched[me];
    LogSite {
        events: kernel.recorder.len(),
        time_ns: kernel.sched.now_ns(),
        node: thread.node(),
        incarnation: thread.incarnation(),
        thread: thread.number(),
    }
}

struct Pieces(ThreadId, usize);

impl fmt::Write for Pieces {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        kernel(self.0, |kernel| kernel.process.output_mut().put(self.1, text));
        Ok(())
    }
}
