//! The environment variables that more than one folder reads.

/// Marks a process as a runner.
pub(crate) const RUNNER: &str = "AFTERLIFE_RUNNER";

/// Selects the context switch: `user-space` or `futex`. Neither changes a run.
pub(crate) const SWITCH: &str = "AFTERLIFE_SWITCH";
