//! The context that the parts of one query share (upstream's query `Context`). Every part that holds a reference keeps it alive.
//! It owns nothing that the query's end tears down: of those it has a callback and a weak reference.

use super::output::ProgressCallback;
use super::process_list::{ProcessListEntry, RawQueryStatus};
use super::rpc::QueryKey;
use super::shared_context::SharedContext;
use super::statement::Select;
use std::fmt;
use std::sync::{Arc, Weak};

/// One query's context.
pub(super) struct QueryContext {
    pub(super) shared: Arc<SharedContext>,
    pub(super) key: QueryKey,
    pub(super) select: Select,
    /// The connection's callback, the "previous" one to the coordinator's own.
    pub(super) progress_callback: ProgressCallback,
    /// `getProcessListElement`, used until #1602.
    pub(super) process_list_element: RawQueryStatus,
    /// `getProcessListEntry`, used since then.
    pub(super) process_list_entry: Weak<ProcessListEntry>,
}

impl fmt::Debug for QueryContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("QueryContext").field("key", &self.key).field("select", &self.select).finish_non_exhaustive()
    }
}
