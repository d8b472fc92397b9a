//! The content of a file at this moment.

use super::paths::is_made_at_open;
use crate::kernel::dispatch::Kernel;
use crate::kernel::sched::thread::ThreadId;

impl Kernel {
    /// The content of a file that is made when it is opened, for the process of this thread; `None` for a file of the disk.
    pub(in crate::kernel::fs) fn made_content(&mut self, me: ThreadId, path: &str) -> Option<Vec<u8>> {
        if !is_made_at_open(path.as_bytes()) {
            return None;
        }
        let text = match path {
            "/proc/sys/kernel/random/uuid" => self.random_uuid(me),
            _ => self.of_process(me, path).or_else(|| self.of_machine(me, path))?,
        };
        Some(text.into_bytes())
    }
}
