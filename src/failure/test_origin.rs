//! The test that made a run: its package, target, path and source file, and the options that it was built with.
//! Records carry it, so it is checked before it becomes part of a command. It finds no file.

use serde::{Deserialize, Serialize};

/// Options of cargo that change a build and name no file. Any other option of a record is refused: it could run any program.
const FLAGS: [&str; 3] = ["--release", "--all-features", "--no-default-features"];
const VALUED: [&str; 2] = ["--profile", "--features"];

/// The origin of a run that a test made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct TestOrigin {
    /// The package.
    pub(crate) package: String,
    /// The target of the package.
    pub(crate) target: TestTarget,
    /// The path, as the test runner writes it: `orders::hold`.
    pub(crate) path: String,
    /// The source file, relative to the package's folder; `None` if it lies elsewhere.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) source: Option<String>,
    /// The options of the build: `--release`, `--features x`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) options: Vec<String>,
}

/// A target that has tests.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum TestTarget {
    /// The library, with its unit tests.
    Lib,
    /// A binary, with its unit tests.
    Bin(String),
    /// A file or folder below `tests`.
    Test(String),
}

impl TestTarget {
    /// The options of cargo that select it.
    pub(crate) fn words(&self) -> Vec<String> {
        match self {
            Self::Lib => vec!["--lib".to_owned()],
            Self::Bin(name) => vec!["--bin".to_owned(), name.clone()],
            Self::Test(name) => vec!["--test".to_owned(), name.clone()],
        }
    }

    fn name(&self) -> Option<&str> {
        match self {
            Self::Lib => None,
            Self::Bin(name) | Self::Test(name) => Some(name),
        }
    }
}

impl TestOrigin {
    /// The words that identify the test among all tests of a workspace.
    pub(crate) fn key(&self) -> String {
        format!("{} {} {}", self.package, self.target.words().join(" "), self.path)
    }

    /// The words after `cargo test` that select the package and the target.
    pub(crate) fn selection(&self) -> Vec<String> {
        let package = ["-p".to_owned(), self.package.clone()];
        package.into_iter().chain(self.target.words()).collect()
    }

    /// Checks an origin that a record has.
    ///
    /// # Errors
    /// The part that no test has.
    pub(crate) fn check(&self) -> Result<(), String> {
        let Self { package, target, path, source, options } = self;
        if !is_name(package) || !target.name().is_none_or(is_name) {
            return Err(format!("no test has the package `{package}` and the target {target:?}"));
        }
        if !path.split("::").all(is_name) {
            return Err(format!("no test has the path `{path}`"));
        }
        if let Some(source) = source.as_ref().filter(|source| !is_source(source)) {
            return Err(format!("no test has the source `{source}`"));
        }
        check_options(options)
    }
}

/// Returns whether this can be the name of a package, a target or a function, and is no option.
fn is_name(text: &str) -> bool {
    !text.is_empty()
        && !text.starts_with('-')
        && text.chars().all(|letter| letter.is_alphanumeric() || "_-#".contains(letter))
}

/// Returns whether this can be a source file inside a package.
fn is_source(text: &str) -> bool {
    let inside = |part: &str| !matches!(part, "" | "." | "..");
    text.ends_with(".rs") && text.split('/').all(inside)
}

fn check_options(options: &[String]) -> Result<(), String> {
    let mut words = options.iter().map(String::as_str);
    while let Some(word) = words.next() {
        let is_value = |value: &str| value.split([',', '/']).all(is_name);
        let is_known = FLAGS.contains(&word) || (VALUED.contains(&word) && words.next().is_some_and(is_value));
        if !is_known {
            return Err(format!("no test is built with `{word}`"));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn origin() -> TestOrigin {
        TestOrigin {
            package: "shop".into(),
            target: TestTarget::Test("orders".into()),
            path: "stock::hold".into(),
            source: Some("tests/orders/stock.rs".into()),
            options: ["--release", "--features", "a,b/c"].map(str::to_owned).to_vec(),
        }
    }

    #[test]
    fn an_origin_selects_its_test() {
        assert_eq!(origin().check(), Ok(()));
        assert_eq!(origin().selection(), ["-p", "shop", "--test", "orders"]);
        assert_eq!(origin().key(), "shop --test orders stock::hold");
        assert_eq!(TestTarget::Lib.words(), ["--lib"]);
        let text = serde_json::to_string(&origin()).expect("it is data");
        assert!(text.contains(r#""target":{"test":"orders"}"#), "{text}");
        assert_eq!(serde_json::from_str::<TestOrigin>(&text).expect("it was written"), origin());
    }

    #[test]
    fn an_origin_that_is_more_than_names_is_refused() {
        let with = |change: &dyn Fn(&mut TestOrigin)| {
            let mut changed = origin();
            change(&mut changed);
            changed.check()
        };
        assert!(with(&|origin| origin.package = "--config=x".into()).is_err());
        assert!(with(&|origin| origin.target = TestTarget::Bin("x; touch y".into())).is_err());
        assert!(with(&|origin| origin.path = "a::$(id)".into()).is_err());
        for source in ["/etc/x.rs", "../x.rs", "src/../../x.rs", "x.toml"] {
            assert!(with(&|origin| origin.source = Some(source.into())).is_err(), "{source}");
        }
        for options in [&["--config", "x"][..], &["--features"], &["--features", "--config=x"], &["--target-dir", "x"]]
        {
            assert!(with(&|origin| origin.options = options.iter().map(|word| (*word).to_owned()).collect()).is_err());
        }
    }
}
