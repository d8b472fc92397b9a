//! The descriptor table of a process: the lowest free number, lookup, close.
//! The kinds of description are in files of their own.

use super::description::Parting;
use super::id::DescriptionId;
use crate::event::Seq;
use crate::kernel::Errno;
use crate::kernel::dispatch::Kernel;
use crate::kernel::sched::fiber::own_stack;
use crate::kernel::sched::thread::{State, ThreadId, Wait};

impl Kernel {
    /// Gives a description the lowest free number of its process. If the process has as many descriptors as it may, the
    /// description is closed and the call fails with `EMFILE`.
    pub(crate) fn install(&mut self, id: DescriptionId) -> Result<i32, Errno> {
        self.install_from(id, 0)
    }

    /// The same, but no slot below this one.
    pub(crate) fn install_from(&mut self, id: DescriptionId, lowest: usize) -> Result<i32, Errno> {
        let node = self.process.description(id).ok_or(libc::EBADF)?.node();
        let slot = self.process[node].descriptors_mut().lowest_free(lowest);
        self.install_at(id, slot)
    }

    /// The same, in exactly this slot, which is free.
    pub(crate) fn install_at(&mut self, id: DescriptionId, slot: usize) -> Result<i32, Errno> {
        let opened = own_stack();
        let (description, node) = self.process.description_and_node(id).ok_or(libc::EBADF)?;
        if slot >= node.descriptors().slots_max() {
            if description.is_unreferenced() {
                self.release(id, Parting::Finish);
            }
            return Err(libc::EMFILE);
        }
        description.add_reference();
        let node = description.node();
        let opened = self.process.call_site(&opened);
        Ok(self.process[node].descriptors_mut().set(slot, id, opened))
    }

    /// The description behind a number of the caller's process.
    #[inline]
    pub(crate) fn describe(&self, me: ThreadId, fd: i32) -> Result<DescriptionId, Errno> {
        let node = &self.process[self.sched[me].node()];
        node.descriptors().get(fd).ok_or(libc::EBADF)
    }

    /// `close`.
    pub(crate) fn close(&mut self, me: ThreadId, fd: i32) -> Result<(), Errno> {
        let id = self.describe(me, fd)?;
        let closed = self.process.call_site(&own_stack());
        self.process[self.sched[me].node()].descriptors_mut().close(fd, closed);
        self.release(id, Parting::Finish);
        Ok(())
    }

    /// Drops one reference to a description, and closes it with the last one.
    pub(crate) fn release(&mut self, id: DescriptionId, parting: Parting) {
        let Some(description) = self.process.description_mut(id) else { return };
        if !description.drop_reference() {
            return;
        }
        self.unwatch(id);
        let Some(mut description) = self.process.remove_description(id) else { return };
        for waiter in description.take_waiters() {
            if self.sched[waiter].state() == State::Waiting(Wait::Ready) {
                self.sched.wake(waiter, Seq::NONE);
            }
        }
        self.close_kind(description.node(), id, description.into_kind(), parting);
    }
}
