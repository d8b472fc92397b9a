//! The progress of a campaign, as a person at a terminal sees it. It shows nothing that the report does not say.
//! The bar is in the command line's folder; a test has none.

/// A display of progress that shares the terminal with the pages of a campaign.
pub(crate) trait Progress {
    /// A campaign begins. `runs` is `None` if time ends it.
    fn begin(&mut self, name: &str, runs: Option<u64>);
    /// So many runs have ended.
    fn set(&self, runs: u64, findings: usize);
    /// Calls `write` while the display does not use the terminal.
    fn aside(&self, write: &mut dyn FnMut());
    /// The campaign has ended.
    fn end(&mut self);
}

/// No display of progress.
#[derive(Debug)]
pub(crate) struct NoProgress;

impl Progress for NoProgress {
    fn begin(&mut self, _: &str, _: Option<u64>) {}

    fn set(&self, _: u64, _: usize) {}

    fn aside(&self, write: &mut dyn FnMut()) {
        write();
    }

    fn end(&mut self) {}
}
