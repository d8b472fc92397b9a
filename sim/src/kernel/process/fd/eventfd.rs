//! eventfd: a counter as a descriptor.

use super::description::Parting;
use super::file_description::{Attempt, FileDescription};
use super::id::DescriptionId;
use super::kind::EventCounter;
use super::readiness::{IN, OUT};
use crate::event::{NodeId, Seq};
use crate::kernel::Errno;
use crate::kernel::dispatch::Kernel;
use crate::kernel::due::Blocking;
use crate::kernel::sink::Sink;

impl FileDescription for EventCounter {
    fn read(kernel: &mut Kernel, attempt: &mut Attempt<'_>, into: &mut impl Sink) -> Result<Blocking<usize>, Errno> {
        let len = into.len();
        let id = attempt.id();
        let outcome = if len < 8 {
            Err(libc::EINVAL)
        } else {
            kernel.process.event(id).ok_or(libc::EBADF)?.take().map(|value| {
                into.put(0, &value.to_ne_bytes());
                kernel.notify(id, OUT, Seq::NONE);
                8
            })
        };
        attempt.finish_read(kernel, len, outcome, u64::MAX)
    }

    fn write(kernel: &mut Kernel, attempt: &mut Attempt<'_>, from: &[u8]) -> Result<Blocking<usize>, Errno> {
        let (me, id) = (attempt.me(), attempt.id());
        let outcome = match from.first_chunk().map(|bytes| u64::from_ne_bytes(*bytes)) {
            None | Some(u64::MAX) => Err(libc::EINVAL),
            Some(value) => kernel.process.event(id).ok_or(libc::EBADF)?.add(value).map(|()| {
                kernel.leave_uncounted(me);
                let cause = kernel.sched[me].cause();
                kernel.notify(id, IN, cause);
                8
            }),
        };
        attempt.finish_write(kernel, outcome, u64::MAX)
    }

    #[inline]
    fn readiness(&self, _kernel: &Kernel) -> u32 {
        (if self.is_zero() { 0 } else { IN }) | if self.is_full() { 0 } else { OUT }
    }

    #[inline]
    fn is_external(&self) -> bool {
        false
    }

    fn close(self, kernel: &mut Kernel, node: NodeId, id: DescriptionId, _parting: Parting) {
        kernel.process[node].stops_mut().unwatch(id);
    }
}
