//! Filters of log lines: `info`, `openraft=debug,warn`, `stdout=off,debug`.
//! It reads no environment and prints nothing.

use afterlife_sim::{LogLine, Source};
use std::fmt;
use tracing::{Level, Metadata};
use tracing_subscriber::filter::Targets;

/// The filter of the lines that a record holds.
pub(crate) const RECORDED: &str = "info";

/// Levels, for all targets or for some. Printed lines have the target `stdout` or `stderr`, and the level `info`.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Filter(Targets);

impl Filter {
    /// Reads a filter.
    ///
    /// # Errors
    /// If the text is not a filter.
    pub(crate) fn read(text: &str) -> Result<Self, String> {
        text.parse().map(Self).map_err(|error| format!("`{text}` is not a filter: {error}"))
    }

    /// Returns whether lines from this call site pass.
    pub(crate) fn enables(&self, metadata: &Metadata<'_>) -> bool {
        self.0.would_enable(metadata.target(), metadata.level())
    }

    /// Returns whether this line passes.
    pub(crate) fn lets(&self, line: &LogLine) -> bool {
        let (target, level) = match line.source {
            Source::Stdout | Source::Stderr => (line.source.label(), Level::INFO),
            Source::Error => (&*line.target, Level::ERROR),
            Source::Warn => (&*line.target, Level::WARN),
            Source::Info => (&*line.target, Level::INFO),
            Source::Debug => (&*line.target, Level::DEBUG),
            Source::Trace => (&*line.target, Level::TRACE),
        };
        self.0.would_enable(target, &level)
    }
}

impl fmt::Display for Filter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

/// The next step after a filter that cannot be read.
pub(crate) const LOG_NEXT: &str = "write a level, or targets with levels: `info`, `openraft=debug,warn`";

#[cfg(test)]
mod tests {
    use super::*;
    use afterlife_sim::event::NodeId;

    fn line(source: Source, target: &str) -> LogLine {
        LogLine {
            events: 0,
            time_ns: 0,
            node: NodeId(0),
            incarnation: 1,
            thread: 0,
            source,
            target: target.to_owned(),
            text: String::new(),
        }
    }

    #[test]
    fn a_filter_selects_by_target_and_level_and_printed_lines_have_both() {
        let lets =
            |filter: &str, source, target| Filter::read(filter).expect("it is a filter").lets(&line(source, target));
        assert!(lets("info", Source::Stdout, "") && lets("info", Source::Warn, "app"));
        assert!(!lets("warn", Source::Stderr, "") && !lets("info", Source::Debug, "app"));
        assert!(lets("openraft=debug,warn", Source::Debug, "openraft::core"));
        assert!(!lets("stdout=off,info", Source::Stdout, "") && lets("stdout=off,info", Source::Stderr, ""));
        assert!(Filter::read("==").is_err());
    }
}
