//! A progress bar on standard error while a campaign runs, for a person at a terminal.
//! In CI, in a pipe and in a test there is none. It shows nothing that the report does not say.

use super::measure::plural;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::io::IsTerminal;

/// A progress bar, or nothing.
#[derive(Debug, Default)]
pub(crate) struct Progress {
    shown: bool,
    bar: Option<ProgressBar>,
}

impl Progress {
    /// A bar if standard error is a terminal outside CI.
    pub(crate) fn on_terminal() -> Self {
        Self { shown: std::io::stderr().is_terminal() && std::env::var_os("CI").is_none(), bar: None }
    }

    /// Shows the bar of a campaign. `runs` is `None` if time ends it.
    pub(super) fn begin(&mut self, name: String, runs: Option<u64>) {
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
        bar.set_prefix(name);
        self.bar = Some(bar);
    }

    /// Moves the bar.
    pub(super) fn set(&self, runs: u64, findings: usize) {
        if let Some(bar) = &self.bar {
            bar.set_position(runs);
            if findings > 0 {
                bar.set_message(plural(findings as u64, "finding"));
            }
        }
    }

    /// Writes without disturbing the bar.
    pub(super) fn aside(&self, write: impl FnOnce()) {
        match &self.bar {
            Some(bar) => bar.suspend(write),
            None => write(),
        }
    }

    /// Removes the bar.
    pub(super) fn end(&mut self) {
        if let Some(bar) = self.bar.take() {
            bar.finish_and_clear();
        }
    }
}
