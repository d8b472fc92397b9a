//! The command that started this test: the folder in which it was typed, and the options of cargo that it had. Both are read from the
//! parent process, so that a command of a report works where the report was printed.
//! A test that nobody started with cargo has neither.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};

/// Options that change the build.
const BUILD_FLAGS: [&str; 3] = ["--release", "--all-features", "--no-default-features"];
const BUILD_VALUES: [&str; 2] = ["--profile", "--features"];

/// Options that decide where cargo reads and writes.
const PLACE_FLAGS: [&str; 3] = ["--locked", "--offline", "--frozen"];
const PLACE_VALUES: [&str; 4] = ["--target", "--target-dir", "--config", MANIFEST];

const MANIFEST: &str = "--manifest-path";

/// A command of cargo.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Invocation {
    /// The folder in which it was typed, if known.
    folder: Option<PathBuf>,
    /// The options with their values, in the long form.
    options: Vec<(String, Option<String>)>,
}

impl Invocation {
    /// The command that started this process.
    pub(super) fn of_this_process() -> Self {
        let parent = PathBuf::from(format!("/proc/{}", std::os::unix::process::parent_id()));
        let line = fs::read(parent.join("cmdline")).unwrap_or_default();
        let words = line.split(|byte| *byte == 0).map(|word| String::from_utf8_lossy(word).into_owned());
        Self::read(&words.collect::<Vec<_>>(), fs::read_link(parent.join("cwd")).ok())
    }

    /// Reads the words of a command. Only `cargo test` and `cargo nextest run` are known.
    fn read(words: &[String], folder: Option<PathBuf>) -> Self {
        let program = words.first().and_then(|word| Path::new(word).file_name()).unwrap_or_default();
        let is_nextest = program == "cargo-nextest";
        if program != "cargo" && !is_nextest {
            return Self::default();
        }
        let mut words = words.iter().skip(1).map(String::as_str).take_while(|word| *word != "--");
        let mut options = Vec::new();
        while let Some(word) = words.next() {
            let (name, value) = match word.split_once('=') {
                Some((name, value)) if name.starts_with("--") => (name, Some(value.to_owned())),
                _ => match word.strip_prefix("-F") {
                    Some(features) if !features.is_empty() => ("-F", Some(features.to_owned())),
                    _ => (word, None),
                },
            };
            let name = match (name, is_nextest) {
                ("-r", _) => "--release",
                ("-F", _) => "--features",
                ("--cargo-profile", true) => "--profile",
                // A profile of nextest's own.
                ("--profile", true) => continue,
                (name, _) => name,
            };
            if BUILD_FLAGS.contains(&name) || PLACE_FLAGS.contains(&name) {
                options.push((name.to_owned(), None));
            } else if BUILD_VALUES.contains(&name) || PLACE_VALUES.contains(&name) {
                let value = value.or_else(|| words.next().map(str::to_owned));
                options.extend(value.map(|value| (name.to_owned(), Some(value))));
            }
        }
        Self { folder, options }
    }

    /// The folder in which the user types commands. Cargo starts a test in the folder of its package.
    pub(super) fn folder(&self) -> PathBuf {
        self.folder.clone().or_else(|| env::current_dir().ok()).unwrap_or_default()
    }

    /// The manifest, if the command named one.
    pub(super) fn manifest(&self) -> Option<String> {
        self.options.iter().find(|(name, _)| name == MANIFEST).and_then(|(_, value)| value.clone())
    }

    /// All options, as words.
    pub(super) fn options(&self) -> Vec<String> {
        words(self.options.iter())
    }

    /// The options that change the build and name no file of this machine, as words.
    pub(super) fn build_options(&self) -> Vec<String> {
        let is_of_build = |name: &str| BUILD_FLAGS.contains(&name) || BUILD_VALUES.contains(&name);
        words(self.options.iter().filter(|(name, _)| is_of_build(name)))
    }
}

fn words<'a>(options: impl Iterator<Item = &'a (String, Option<String>)>) -> Vec<String> {
    options.flat_map(|(name, value)| [name.clone()].into_iter().chain(value.clone())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(line: &str) -> Invocation {
        Invocation::read(&line.split(' ').map(str::to_owned).collect::<Vec<_>>(), Some("/src".into()))
    }

    #[test]
    fn options_that_a_replay_needs_are_kept() {
        let typed =
            read("/bin/cargo test -p shop -r -Ffast --features=a,b --manifest-path ../x/Cargo.toml hold -- --release");
        let all = "--release --features fast --features a,b --manifest-path ../x/Cargo.toml";
        assert_eq!(typed.options().join(" "), all);
        assert_eq!(typed.build_options().join(" "), "--release --features fast --features a,b");
        assert_eq!(typed.manifest().as_deref(), Some("../x/Cargo.toml"));
        assert_eq!(typed.folder(), Path::new("/src"));
    }

    #[test]
    fn nextest_has_profiles_of_its_own() {
        let typed = read("/bin/cargo-nextest nextest run --profile ci --cargo-profile fast --locked");
        assert_eq!(typed.options().join(" "), "--profile fast --locked");
    }

    #[test]
    fn a_test_that_cargo_did_not_start_has_no_options() {
        assert_eq!(read("gdb --features x"), Invocation::default());
        assert_eq!(Invocation::read(&[], None).folder(), env::current_dir().expect("there is one"));
    }
}
