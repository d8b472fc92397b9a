//! What a query's connection owns while the query runs: upstream's `BlockIO`, and the order in which it lets go.

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
    /// `BlockIO::reset`. The coordinator goes before the entry, so that its destructor finds a query status; but if an RPC
    /// handler has a reference, too, this is not its last one, and no destructor runs here.
    pub(super) fn reset(&mut self) {
        self.final_segment = None;
        self.coordinator = None;
        self.process_list_entry = None;
    }
}
