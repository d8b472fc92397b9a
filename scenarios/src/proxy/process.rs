//! The state that all threads of one proxy process share: configuration, flags, log, detached threads and exit code.
//! Upstream has statics for these; in a simulation the proxies share one program's.

use super::build::{Build, Flavour};
use super::config::ProxyConfig;
use super::debug_filters::DebugFilters;
use super::glovars::GloVars;
use super::threads::Detached;
use std::fmt::Arguments;
use std::sync::mpsc::Sender;

/// One proxy's process.
pub(super) struct Process {
    config: ProxyConfig,
    vars: GloVars,
    /// A static of C++, with a destructor.
    debug_filters: DebugFilters,
    detached: Detached,
    /// Receives the exit code: `exit` ends the process at once, from any thread.
    exit: Sender<i32>,
}

impl Process {
    pub(super) fn new(config: ProxyConfig, exit: Sender<i32>) -> Self {
        Self {
            vars: GloVars::new(config.build),
            debug_filters: DebugFilters::new(),
            detached: Detached::new(config.build == Build::Sound),
            exit,
            config,
        }
    }

    pub(super) fn config(&self) -> &ProxyConfig {
        &self.config
    }

    pub(super) fn vars(&self) -> &GloVars {
        &self.vars
    }

    pub(super) fn debug_filters(&self) -> &DebugFilters {
        &self.debug_filters
    }

    /// The threads that upstream detaches.
    pub(super) fn detached(&self) -> &Detached {
        &self.detached
    }

    pub(super) fn is_sound(&self) -> bool {
        self.config.build == Build::Sound
    }

    /// `proxy_debug`: in a debug build every line consults the filters.
    #[track_caller]
    pub(super) fn debug(&self, module: &'static str, line: Arguments<'_>) {
        if self.config.flavour == Flavour::Debug && self.debug_filters.wants(module, line) {
            tracing::debug!("{module}: {line}");
        }
    }

    /// `proxy_info`.
    pub(super) fn info(&self, line: Arguments<'_>) {
        tracing::info!("{line}");
    }

    /// `exit`, or the return of `main`: ends the process, whatever its threads are doing.
    pub(super) fn exit(&self, code: i32) {
        // The receiver is gone only once the process has ended.
        let _ = self.exit.send(code);
    }
}
