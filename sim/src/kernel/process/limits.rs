//! The resource limits of a process, as `getrlimit` and `/proc/self/limits` show them.
//! They cannot be changed.

use crate::kernel::process::node::Node;

const MEBIBYTE: u64 = 1 << 20;

/// A limit that does not limit.
pub(crate) const UNLIMITED: u64 = libc::RLIM_INFINITY;

impl Node {
    /// The limit of a resource (`RLIMIT_NOFILE`), and the highest value that it may be set to.
    pub(crate) fn limit(&self, resource: u32) -> (u64, u64) {
        match resource as _ {
            libc::RLIMIT_NOFILE => {
                let slots_max = self.descriptors().slots_max() as u64;
                (slots_max, slots_max)
            }
            libc::RLIMIT_STACK => (8 * MEBIBYTE, UNLIMITED),
            libc::RLIMIT_CORE => (0, UNLIMITED),
            _ => (UNLIMITED, UNLIMITED),
        }
    }
}
