//! Claims checked on a log or a record.
//!
//! ```text
//! auditor   lines to events, events to violations     names   the names and numbers of a log     report   the result as text
//! ```

mod auditor;
mod names;
mod report;
#[cfg(test)]
mod tests;

pub(crate) use auditor::{Audit, audit, audit_record};
pub(crate) use report::audited;
