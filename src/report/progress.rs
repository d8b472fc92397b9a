//! A bar on standard error while a campaign runs, for a person who waits in front of a terminal.
//! It is not there in CI, in a pipe or in a test, and nothing is said by it alone.

use super::measure::plural;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::io::IsTerminal;

/// A bar, or nothing.
#[derive(Debug, Default)]
pub(crate) struct Progress {
    shown: bool,
    bar: Option<ProgressBar>,
}

impl Progress {
    /// A bar if standard error is a terminal that somebody looks at.
    pub(crate) fn on_terminal() -> Self {
        Self { shown: std::io::stderr().is_terminal() && std::env::var_os("CI").is_none(), bar: None }
    }

    /// A campaign of so many runs begins; `None` if time ends it.
    pub(super) fn begin(&mut self, what: String, runs: Option<u64>) {
        if !self.shown {
            return;
        }
        let template = match runs {
            Some(_) => "  {prefix}  {bar:24} {human_pos} of {human_len}  {msg}",
            None => "  {prefix}  {spinner} {human_pos}  {msg}",
        };
        let style = ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
        let bar = ProgressBar::with_draw_target(runs, ProgressDrawTarget::stderr_with_hz(10));
        bar.set_style(style.progress_chars("━╸ "));
        bar.set_prefix(what);
        self.bar = Some(bar);
    }

    /// So many runs are done.
    pub(super) fn set(&self, runs: u64, findings: usize) {
        if let Some(bar) = &self.bar {
            bar.set_position(runs);
            if findings > 0 {
                bar.set_message(plural(findings as u64, "finding"));
            }
        }
    }

    /// Writes past the bar.
    pub(super) fn aside(&self, write: impl FnOnce()) {
        match &self.bar {
            Some(bar) => bar.suspend(write),
            None => write(),
        }
    }

    /// Takes the bar away.
    pub(super) fn end(&mut self) {
        if let Some(bar) = self.bar.take() {
            bar.finish_and_clear();
        }
    }
}
