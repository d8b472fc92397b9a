//! A progress bar on standard error while a campaign runs, for a person at a terminal.
//! In CI and in a pipe there is none.

use crate::model::visible::visible;
use crate::report::{Progress, count, plural, wide};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::io::IsTerminal;

/// A progress bar, or nothing.
#[derive(Debug, Default)]
pub(super) struct Bar {
    shown: bool,
    bar: Option<ProgressBar>,
}

impl Bar {
    /// A bar if standard error is a terminal outside CI.
    pub(super) fn on_terminal() -> Self {
        Self { shown: std::io::stderr().is_terminal() && std::env::var_os("CI").is_none(), bar: None }
    }
}

impl Progress for Bar {
    fn begin(&mut self, name: &str, runs: Option<u64>) {
        if !self.shown {
            return;
        }
        let columns = std::env::var("COLUMNS").ok().and_then(|columns| columns.parse().ok());
        let style = ProgressStyle::with_template(&template(name, runs, columns))
            .unwrap_or_else(|_| ProgressStyle::default_bar());
        let bar = ProgressBar::with_draw_target(runs, ProgressDrawTarget::stderr_with_hz(10));
        bar.set_style(style.progress_chars("━╸ "));
        bar.set_prefix(visible(name).into_owned());
        self.bar = Some(bar);
    }

    fn set(&self, runs: u64, findings: usize) {
        if let Some(bar) = &self.bar {
            bar.set_position(runs);
            if findings > 0 {
                bar.set_message(plural(findings as u64, "finding"));
            }
        }
    }

    fn aside(&self, write: &mut dyn FnMut()) {
        match &self.bar {
            Some(bar) => bar.suspend(write),
            None => write(),
        }
    }

    fn end(&mut self) {
        if let Some(bar) = self.bar.take() {
            bar.finish_and_clear();
        }
    }
}

/// The columns of the message after the counts, and of the gaps.
const MESSAGE: usize = 24;

/// The line of a bar. The bar takes what the terminal leaves: `COLUMNS` if it is set, else the width that the terminal has at the time.
fn template(name: &str, runs: Option<u64>, columns: Option<usize>) -> String {
    let Some(runs) = runs else { return "  {prefix}  {spinner} {human_pos}  {msg}".to_owned() };
    let rest = 2 + wide(name) + 2 + 2 * wide(&count(runs)) + " of ".len() + MESSAGE;
    let bar = match columns.map(|columns| columns.saturating_sub(rest)) {
        None => "{wide_bar} ".to_owned(),
        Some(0) => String::new(),
        Some(columns) => format!("{{bar:{columns}}} "),
    };
    format!("  {{prefix}}  {bar}{{human_pos}} of {{human_len}}  {{msg}}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bar_takes_the_columns_that_are_left() {
        let bar = |columns| template("raft-master shipped", Some(1_000), columns);
        assert_eq!(bar(Some(80)), "  {prefix}  {bar:19} {human_pos} of {human_len}  {msg}");
        assert_eq!(bar(Some(160)), "  {prefix}  {bar:99} {human_pos} of {human_len}  {msg}");
        assert_eq!(bar(Some(60)), "  {prefix}  {human_pos} of {human_len}  {msg}");
        assert_eq!(bar(None), "  {prefix}  {wide_bar} {human_pos} of {human_len}  {msg}");
    }
}
