//! Stop descriptors: eventfds that become readable when a stop of their process is requested.

use super::id::DescriptionId;
use super::kind::{EventCounter, Kind};
use super::readiness::IN;
use crate::event::Seq;
use crate::kernel::Errno;
use crate::kernel::dispatch::Kernel;
use crate::kernel::sched::thread::ThreadId;

impl Kernel {
    /// Opens a stop descriptor. Each read takes one request, those from before included.
    pub(crate) fn open_stop_descriptor(&mut self, me: ThreadId) -> Result<i32, Errno> {
        let node = self.sched[me].node();
        let counter = EventCounter::new(self.process[node].stops().count(), true);
        let id = self.process.open(node, true, Kind::Event(counter));
        self.process[node].stops_mut().watch(id);
        self.install(id)
    }

    /// Notifies stop descriptors of one more request.
    pub(crate) fn notify_stop(&mut self, watchers: &[DescriptionId], request: Seq) {
        for id in watchers {
            if let Some(counter) = self.process.event(*id) {
                // A full counter is readable as well.
                let _ = counter.add(1);
            }
            self.notify(*id, IN, request);
        }
    }
}
