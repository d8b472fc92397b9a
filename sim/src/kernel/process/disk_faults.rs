//! Faults of a node's disk that concern more than the disk: waiting threads, events, keyed choices.

use crate::event::{NodeId, Seq, What};
use crate::kernel::dispatch::Kernel;
use crate::kernel::fs::disk::DiskFault;
use crate::kernel::sched::choice::{Question, join};

impl Kernel {
    /// Clears a fault of a node's disk, or all of them; threads that waited for the device are woken because of
    /// `cause`.
    pub(crate) fn clear_disk_faults(&mut self, node: NodeId, fault: Option<DiskFault>, cause: Seq) {
        let Some(disk) = self.process.node_mut(node).and_then(|node| node.storage_mut().used_mut()) else { return };
        match fault {
            Some(fault) => disk.clear_fault(fault),
            None => disk.clear_faults(),
        }
        if !disk.has_fault(DiskFault::Stalled) {
            self.device_answers(node, cause);
        }
    }

    /// Removes a file from the media and its name from the directory; processes that have it open keep it.
    pub(crate) fn remove_file(&mut self, node: NodeId, path: &str, cause: Seq) {
        let Some(machine) = self.process.node_mut(node) else { return };
        if machine.disk().remove_for_fault(path.as_bytes()).is_ok() {
            let path = self.recorder.name(path);
            self.emit_at(node, cause, What::EntryChanged { path });
        }
    }

    /// Damages some bytes of a file; their place and value are choices, keyed by the injection.
    pub(crate) fn corrupt_file(&mut self, node: NodeId, path: &str, injection: u32) {
        let choices = self.sched.choices();
        let Some(machine) = self.process.node_mut(node) else { return };
        let who = join(machine.key(), u64::from(injection));
        let _missing = machine
            .disk()
            .corrupt(path.as_bytes(), &mut |ask| choices.below(Question::Damage, who, ask.what as u64, ask.bound));
    }
}
