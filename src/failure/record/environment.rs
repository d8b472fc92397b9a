//! The environment of a run, besides its program and its token: system, machine, build of the harness, settings.
//! It contains no folder, and no variable but afterlife's own.

use crate::model::env::SWITCH;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fs;

/// The environment in which a record was written.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Environment {
    /// The operating system: `linux`.
    pub(crate) os: String,
    /// Its kernel's release.
    pub(crate) kernel: String,
    /// The machine's architecture: `x86_64`.
    pub(crate) arch: String,
    /// The processor's model: libraries select code by it.
    pub(crate) processor: String,
    /// The profile of the harness's build: `debug` or `release`.
    pub(crate) profile: String,
    /// The kind of context switch: `user-space` or `futex`.
    pub(crate) context_switch: String,
    /// The variables that change the execution of runs, if they were set.
    pub(crate) settings: BTreeMap<String, String>,
}

impl Environment {
    /// The environment of this process.
    pub(crate) fn of_this_process() -> Self {
        let text = |path: &str| fs::read_to_string(path).unwrap_or_default();
        let processors = text("/proc/cpuinfo");
        let model = processors.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
        Self {
            os: std::env::consts::OS.to_owned(),
            kernel: text("/proc/sys/kernel/osrelease").trim().to_owned(),
            arch: std::env::consts::ARCH.to_owned(),
            processor: model.map(|(_, model)| model.to_owned()).unwrap_or_default(),
            profile: if cfg!(debug_assertions) { "debug" } else { "release" }.to_owned(),
            context_switch: afterlife_sim::context_switch().to_owned(),
            settings: std::env::var(SWITCH).ok().map(|value| (SWITCH.to_owned(), value)).into_iter().collect(),
        }
    }

    /// The differences from another environment, in words.
    pub(crate) fn differences(&self, other: &Self) -> Vec<String> {
        let fields = [
            ("system", &self.os, &other.os),
            ("kernel", &self.kernel, &other.kernel),
            ("architecture", &self.arch, &other.arch),
            ("processor", &self.processor, &other.processor),
            ("profile", &self.profile, &other.profile),
            ("context switch", &self.context_switch, &other.context_switch),
        ];
        let differ = fields.into_iter().filter(|(_, here, there)| here != there);
        differ.map(|(what, here, there)| format!("{what} {here}, not {there}")).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::super::program::Program;
    use super::*;

    #[test]
    fn an_environment_names_no_folder_and_no_user() {
        let (environment, program) = (Environment::of_this_process(), Program::of_this_process());
        assert_eq!(environment.os, "linux");
        assert!(!environment.kernel.is_empty() && program.bytes > 0, "{environment:?} {program:?}");
        let text = serde_json::to_string(&(environment, program)).expect("it is data");
        for name in ["HOME", "USER", "PWD"] {
            let value = std::env::var(name).unwrap_or_default();
            assert!(value.len() < 5 || !text.contains(&value), "{name} is in {text}");
        }
    }
}
