//! The machine of a node: its kernel, processors and memory, as system calls and `/proc` show them.
//! All machines of a run are alike but for their memory, whatever the real one is.

use crate::kernel::process::node::Node;

/// The release of the kernel.
pub(crate) const RELEASE: &str = "6.1.0";

/// The version of the kernel.
pub(crate) const VERSION: &str = "#1 SMP";

/// The number of processors, by which tokio sizes its pools. The real number differs between hosts.
pub(crate) const PROCESSORS: usize = 4;

/// The bytes of a page of memory.
pub(crate) const MEMORY_PAGE_BYTES: u64 = 4_096;

/// The unit of processor time in `/proc`, by second.
pub(crate) const TICKS_PER_SECOND: u64 = 100;

/// The memory of a machine without a budget.
const MEMORY_BYTES: u64 = 4 << 30;

/// The memory that counts as used without a budget: what a program allocates differs between debug and release builds, and only
/// the digest of a scenario with a budget may.
const USED_BYTES: u64 = 16 << 20;

impl Node {
    /// The machine's memory in bytes.
    pub(crate) fn memory_bytes(&self) -> u64 {
        self.memory().budget().unwrap_or(MEMORY_BYTES)
    }

    /// The bytes of memory that nobody uses.
    pub(crate) fn free_memory_bytes(&self) -> u64 {
        match self.memory().budget() {
            Some(_) => self.memory().available(),
            None => MEMORY_BYTES / 2,
        }
    }

    /// The bytes of memory that the process uses, and the most that it used at any time.
    pub(crate) fn used_memory_bytes(&self) -> (u64, u64) {
        self.memory().used().unwrap_or((USED_BYTES, USED_BYTES))
    }
}
