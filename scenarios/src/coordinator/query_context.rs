//! What a query's parts share: upstream's query `Context`. Whoever has a reference keeps it.
//! It owns nothing that a query's end tears down: what it has of those are a callback and a weak reference.

use super::output::ProgressCallback;
use super::process_list::{ProcessListEntry, RawQueryStatus};
use super::rpc::QueryKey;
use super::server::Server;
use super::statement::Select;
use std::fmt;
use std::sync::{Arc, Weak};

/// One query's context.
pub(super) struct QueryContext {
    pub(super) server: Arc<Server>,
    pub(super) key: QueryKey,
    pub(super) select: Select,
    /// The connection's, and "previous" to the coordinator's own.
    pub(super) progress_callback: ProgressCallback,
    /// `getProcessListElement`, until #1602.
    pub(super) process_list_element: RawQueryStatus,
    /// `getProcessListEntry`, since then.
    pub(super) process_list_entry: Weak<ProcessListEntry>,
}

impl fmt::Debug for QueryContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("QueryContext").field("key", &self.key).field("select", &self.select).finish_non_exhaustive()
    }
}
