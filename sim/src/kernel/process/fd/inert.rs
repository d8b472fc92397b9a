//! Copies of descriptors that were opened outside the run.

use super::file_description::{Attempt, FileDescription};
use super::kind::Inert;
use crate::event::NodeId;
use crate::kernel::Errno;
use crate::kernel::dispatch::Kernel;
use crate::kernel::due::Blocking;
use crate::kernel::sink::Sink;

impl FileDescription for Inert {
    fn read(kernel: &mut Kernel, attempt: &mut Attempt<'_>, into: &mut impl Sink) -> Result<Blocking<usize>, Errno> {
        attempt.finish_read(kernel, into.len(), Err(libc::EAGAIN), u64::MAX)
    }

    fn write(_kernel: &mut Kernel, _attempt: &mut Attempt<'_>, from: &[u8]) -> Result<Blocking<usize>, Errno> {
        Ok(Blocking::Done(from.len()))
    }

    fn readiness(&self, _kernel: &Kernel) -> u32 {
        0
    }

    fn readable_bytes(&self, _kernel: &Kernel, _node: NodeId) -> Result<usize, Errno> {
        Ok(0)
    }
}
