//! The parts that a connection owns while its query runs (upstream's `BlockIO`), and the order in which it drops them.

use super::final_segment::FinalSegment;
use super::mpp_query_coordinator::MppQueryCoordinator;
use super::process_list::ProcessListEntry;
use std::sync::Arc;

/// The parts of one query.
#[derive(Debug, Default)]
pub(super) struct BlockIo {
    /// Streams and pipeline.
    pub(super) final_segment: Option<FinalSegment>,
    pub(super) coordinator: Option<Arc<MppQueryCoordinator>>,
    pub(super) process_list_entry: Option<Arc<ProcessListEntry>>,
}

impl BlockIo {
    /// `BlockIO::reset`. The coordinator goes before the entry, so that its destructor still finds a query status. But if an RPC
    /// handler holds a reference too, this one is not the last, and no destructor runs here.
    pub(super) fn reset(&mut self) {
        self.final_segment = None;
        self.coordinator = None;
        self.process_list_entry = None;
    }
}
