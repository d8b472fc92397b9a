//! Claims, checked on a log or a record that programs left behind.

mod auditor;
mod names;
mod report;
#[cfg(test)]
mod tests;

pub(crate) use auditor::{Audit, audit, audit_record};
pub(crate) use report::audited;
