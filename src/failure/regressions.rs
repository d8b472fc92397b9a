//! Regressions: a text file beside the code, with one line for each run that broke once and is now run first.
//! It reads and adds lines; it runs nothing.

use crate::failure::token::{Token, TokenError};
use crate::model::refusal::Refusal;
use crate::model::verdict::Verdict;
use crate::scenario::definition::Scenario;
use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

const EXTENSION: &str = "afterlife";

const HEADING: &str =
    "# Runs that broke once, each as a token. They are run before all others: keep this file with the code.\n";

/// A run that broke once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Regression {
    /// The run.
    pub(crate) token: Token,
    /// The line of the file: `tests/shop.afterlife:2`.
    pub(crate) place: String,
}

/// The files that have the regressions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum RegressionFiles {
    /// One file for each scenario, in this folder.
    Folder(PathBuf),
    /// One file for all tests of a source file.
    File {
        /// The file.
        file: PathBuf,
        /// The path of the test, as the test runner writes it: `orders::hold`. Two modules may have tests of the same name.
        test: String,
        /// The source file of the tests.
        source: PathBuf,
    },
    /// No file: the program does not know where its source is.
    Nowhere,
}

impl RegressionFiles {
    /// The folder of this program: the one that the environment names, or `kept` in its package, if cargo started it.
    pub(crate) fn of_this_program(named: Option<&Path>) -> Self {
        let package = || std::env::var_os("CARGO_MANIFEST_DIR").map(|package| Path::new(&package).join("kept"));
        named.map(Path::to_owned).or_else(package).map_or(Self::Nowhere, Self::Folder)
    }

    /// The file of a test, beside its source. The path of the source is relative to the package's folder or to the workspace's.
    pub(crate) fn of_test(package: Option<&Path>, source: &str, test_path: &str) -> Self {
        let found = package.iter().flat_map(|package| package.ancestors()).map(|folder| folder.join(source));
        found
            .filter(|file| file.is_file())
            .map(|source| {
                let (file, test) = (source.with_extension(EXTENSION), test_path.to_owned());
                Self::File { file, test, source }
            })
            .next()
            .unwrap_or(Self::Nowhere)
    }

    /// The file for a scenario.
    pub(crate) fn file(&self, scenario: &str) -> Option<PathBuf> {
        match self {
            Self::Folder(folder) => Some(folder.join(scenario).with_extension(EXTENSION)),
            Self::File { file, .. } => Some(file.clone()),
            Self::Nowhere => None,
        }
    }

    /// The source file of the tests.
    pub(crate) fn source(&self) -> Option<&Path> {
        match self {
            Self::File { source, .. } => Some(source),
            Self::Folder(_) | Self::Nowhere => None,
        }
    }

    /// The test whose lines are read, besides lines that name no test.
    fn test(&self) -> Option<&str> {
        match self {
            Self::File { test, .. } => Some(test),
            Self::Folder(_) | Self::Nowhere => None,
        }
    }

    /// The regressions of a scenario, in the order of their lines. A line that names a test belongs to that test alone; a line
    /// without one belongs to each test of the scenario's name.
    pub(crate) fn read(&self, scenario: &Scenario) -> Result<Vec<Regression>, Refusal> {
        let Some(file) = self.file(scenario.name()) else { return Ok(Vec::new()) };
        let text = match fs::read_to_string(&file) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(unreadable(&file, &error)),
        };
        let mut regressions = Vec::new();
        for (number, line) in text.lines().enumerate() {
            let mut words = words(line);
            let Some(token) = words.next() else { continue };
            let test = words.next();
            let place = format!("{}:{}", here(&file), number + 1);
            let token: Token = token.parse().map_err(|error: TokenError| misfit(&place, &error.to_string(), &error))?;
            if token.scenario == scenario.name() && (test.is_none() || test == self.test()) {
                if !scenario.declared_builds().contains(&token.build) {
                    return Err(of_no_build(&place, &token));
                }
                regressions.push(Regression { token, place });
            } else if self.belongs_here(test) {
                return Err(of_another(&place, &token, scenario.name()));
            }
        }
        Ok(regressions)
    }

    /// Returns whether a line that names this test, or none, can belong to no scenario but the one of this file.
    fn belongs_here(&self, test: Option<&str>) -> bool {
        match self {
            Self::Folder(_) => true,
            Self::File { .. } => test.is_some() && test == self.test(),
            Self::Nowhere => false,
        }
    }

    /// A warning for each line that no test of this source file runs: its test was renamed or removed. Lines of several tests share a
    /// file, so that no test can tell alone; the source can.
    pub(crate) fn warnings(&self, scenario: &Scenario) -> Vec<String> {
        let Self::File { file, source, .. } = self else { return Vec::new() };
        let (Ok(text), Ok(source_text)) = (fs::read_to_string(file), fs::read_to_string(source)) else {
            return Vec::new();
        };
        let is_word = |letter: char| letter.is_alphanumeric() || letter == '_';
        let names: BTreeSet<&str> = source_text.split(|letter| !is_word(letter)).collect();
        let mut warnings = Vec::new();
        for (number, line) in text.lines().enumerate() {
            let Some(token) = words(line).next().and_then(|token| token.parse::<Token>().ok()) else { continue };
            if token.scenario != scenario.name() && !names.contains(token.scenario.as_str()) {
                let (place, source) = (format!("{}:{}", here(file), number + 1), here(source));
                warnings.push(format!("{place} is not run: {source} has no test `{}`", token.scenario));
            }
        }
        warnings
    }

    /// Adds a run with the claim that it broke. Returns the file, and whether the line is new.
    pub(crate) fn add(&self, token: &Token, what: &str) -> Result<(PathBuf, bool), Refusal> {
        let Some(file) = self.file(&token.scenario) else {
            return Err(Refusal::new(
                "the regressions folder of this program is unknown",
                "name a folder with AFTERLIFE_KEPT=DIR, or start the program with cargo",
            ));
        };
        let unwritable = |error: io::Error| {
            Refusal::new(
                format!("cannot write to {}: {error}", file.display()),
                "name another folder with AFTERLIFE_KEPT=DIR",
            )
        };
        let text = match fs::read_to_string(&file) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => HEADING.to_owned(),
            Err(error) => return Err(unreadable(&file, &error)),
        };
        let name = token.to_string();
        let run: Vec<&str> = [name.as_str()].into_iter().chain(self.test()).collect();
        if text.lines().any(|line| words(line).eq(run.iter().copied())) {
            return Ok((file, false));
        }
        let apart = if text.ends_with('\n') { "" } else { "\n" };
        let folder = file.parent().unwrap_or(Path::new("."));
        fs::create_dir_all(folder).map_err(unwritable)?;
        fs::write(&file, format!("{text}{apart}{}\n", line(&name, self.test(), what))).map_err(unwritable)?;
        Ok((file, true))
    }
}

/// The line of a regression: its token, the path of its test if it has one, and the claim that it broke.
fn line(token: &str, test: Option<&str>, what: &str) -> String {
    let test = test.map_or_else(String::new, |test| format!(" {test}"));
    format!("{token}{test}  # {}", what.split_whitespace().collect::<Vec<_>>().join(" "))
}

/// The words of a line before its comment.
fn words(line: &str) -> impl Iterator<Item = &str> {
    line.split('#').next().unwrap_or_default().split_whitespace()
}

fn unreadable(file: &Path, error: &io::Error) -> Refusal {
    Refusal::new(format!("cannot read {}: {error}", file.display()), "fix the file or remove it")
}

/// The error for a line that this code cannot run. A mistyped line is the user's error; any other was valid once.
fn misfit(place: &str, why: &str, error: &TokenError) -> Refusal {
    let refusal = Refusal::new(format!("{place}: {why}"), format!("fix or remove this line: {}", error.next()));
    match error {
        TokenError::OtherVersion { .. } | TokenError::Unreadable { .. } => refusal.ending(Verdict::Unfit),
        _ => refusal,
    }
}

/// A line of another scenario, in a file or for a test that has only one.
fn of_another(place: &str, token: &Token, scenario: &str) -> Refusal {
    Refusal::new(
        format!(
            "{place}: the token is of scenario `{}`, and these are the regressions of `{scenario}`",
            token.scenario
        ),
        "move the line to the file or test of its scenario, or remove it",
    )
}

/// A line of a build that the scenario had once.
fn of_no_build(place: &str, token: &Token) -> Refusal {
    let why =
        format!("{place}: the token is of build `{}`, which {} does not have any more", token.build, token.scenario);
    Refusal::new(why, "remove the line, or find the failure again in another build").ending(Verdict::Unfit)
}

/// A path relative to the current folder, if it is inside it.
pub(crate) fn here(path: &Path) -> String {
    let here = std::env::current_dir().unwrap_or_default();
    path.strip_prefix(here).unwrap_or(path).display().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::build::Build;
    use crate::model::scratch::Folder;

    fn token(seed: u64) -> Token {
        Token {
            scenario: "toy".into(),
            build: Build::DEFAULT,
            engine: crate::model::engine::Engine::Native,
            seed,
            plan: None,
        }
    }

    fn toy() -> Scenario {
        Scenario::new("toy", |_| {})
    }

    #[test]
    fn a_regression_is_one_line_and_is_read_back() {
        let folder = Folder::new();
        let files = RegressionFiles::Folder(folder.path().join("kept"));
        assert_eq!(files.read(&toy()), Ok(Vec::new()));
        for seed in [3, 9, 3] {
            let (_, new) = files.add(&token(seed), "no-spin · a\n · b").expect("the folder can be written to");
            assert_eq!(new, seed == 9 || files.read(&toy()).is_ok_and(|saved| saved.len() == 1));
        }
        let file = files.file("toy").expect("there is a folder");
        let text = fs::read_to_string(file).expect("it was written");
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines[0], HEADING.trim());
        assert_eq!(
            lines[1..],
            [format!("{}  # no-spin · a · b", token(3)), format!("{}  # no-spin · a · b", token(9))]
        );
        let saved = files.read(&toy()).expect("it can be read");
        assert_eq!(saved.iter().map(|saved| saved.token.seed).collect::<Vec<_>>(), [3, 9]);
        assert!(saved[1].place.ends_with("toy.afterlife:3"), "{}", saved[1].place);
    }

    fn of_test(folder: &Folder, test: &str) -> RegressionFiles {
        let [file, source] = ["shop.afterlife", "shop.rs"].map(|name| folder.path().join(name));
        RegressionFiles::File { file, test: test.to_owned(), source }
    }

    fn seeds(files: &RegressionFiles) -> Vec<u64> {
        let regressions = files.read(&toy()).expect("the file can be read");
        regressions.iter().map(|regression| regression.token.seed).collect()
    }

    #[test]
    fn the_file_beside_a_source_has_lines_of_many_scenarios() {
        let folder = Folder::new();
        let files = of_test(&folder, "shop::toy");
        files.add(&token(1), "x").expect("it can be written");
        let other = of_test(&folder, "shop::other");
        other.add(&Token { scenario: "other".into(), ..token(2) }, "x").expect("it can be written");
        assert_eq!(seeds(&files), [1]);
    }

    #[test]
    fn a_line_of_a_test_that_is_no_more_is_warned_of() {
        let folder = Folder::new();
        let files = of_test(&folder, "shop::toy");
        fs::write(folder.path().join("shop.rs"), "fn toy(sim: &mut Sim) {}\nfn other(sim: &mut Sim) {}")
            .expect("it can be written");
        for (scenario, test) in [("toy", "shop::toy"), ("other", "shop::other"), ("othe", "shop::othe")] {
            of_test(&folder, test)
                .add(&Token { scenario: scenario.into(), ..token(1) }, "x")
                .expect("it can be written");
        }
        let [warning] = &files.warnings(&toy())[..] else { panic!("one warning: {:?}", files.warnings(&toy())) };
        assert!(
            warning.contains("shop.afterlife:4 is not run: ") && warning.ends_with("shop.rs has no test `othe`"),
            "{warning}"
        );
    }

    #[test]
    fn a_line_of_another_scenario_is_refused_where_only_one_can_be_meant() {
        let folder = Folder::new();
        let line = format!("{}\n", Token { scenario: "other".into(), ..token(2) });
        let kept = RegressionFiles::Folder(folder.path().to_owned());
        fs::write(folder.path().join("toy.afterlife"), &line).expect("it can be written");
        let test = of_test(&folder, "shop::toy");
        fs::write(folder.path().join("shop.afterlife"), line.replace('\n', " shop::toy\n")).expect("it can be written");
        for files in [kept, test] {
            let refusal = files.read(&toy()).expect_err("the line is wrong");
            assert!(refusal.why.contains("afterlife:1: the token is of scenario `other`"), "{refusal}");
            assert_eq!(refusal.verdict, Verdict::Refused);
        }
    }

    #[test]
    fn a_line_of_a_build_that_is_no_more_is_unfit() {
        let folder = Folder::new();
        let files = RegressionFiles::Folder(folder.path().to_owned());
        files.add(&Token { build: Build::new("shipped"), ..token(2) }, "x").expect("it can be written");
        let refusal = files.read(&toy()).expect_err("the line is wrong");
        assert!(
            refusal.why.ends_with("the token is of build `shipped`, which toy does not have any more"),
            "{refusal}"
        );
        assert_eq!(refusal.verdict, Verdict::Unfit);
    }

    #[test]
    fn tests_of_the_same_name_in_two_modules_have_separate_lines() {
        let folder = Folder::new();
        let (orders, stock) = (of_test(&folder, "orders::toy"), of_test(&folder, "stock::toy"));
        orders.add(&token(1), "x").expect("it can be written");
        stock.add(&token(2), "x").expect("it can be written");
        assert_eq!((seeds(&orders), seeds(&stock)), (vec![1], vec![2]));
        let (_, new) = stock.add(&token(1), "x").expect("it can be written");
        assert!(new, "the same run of another test is another line");
        assert_eq!((seeds(&orders), seeds(&stock)), (vec![1], vec![2, 1]));
    }

    #[test]
    fn a_line_that_names_no_test_belongs_to_each_test_of_its_name() {
        let folder = Folder::new();
        let (orders, stock) = (of_test(&folder, "orders::toy"), of_test(&folder, "stock::toy"));
        let file = orders.file("toy").expect("it is known");
        fs::write(file, format!("{}  # an older afterlife wrote it\n", token(7))).expect("it can be written");
        assert_eq!((seeds(&orders), seeds(&stock)), (vec![7], vec![7]));
    }

    #[test]
    fn a_line_that_cannot_be_run_is_an_error_with_its_place() {
        let folder = Folder::new();
        let file = folder.path().join("shop.afterlife");
        let files = of_test(&folder, "shop::toy");
        let said = |line: &str| {
            fs::write(&file, format!("\n{line}\n")).expect("it can be written");
            let refusal = files.read(&toy()).expect_err("the line is wrong");
            (refusal.verdict, refusal.to_string().replace(&folder.path().display().to_string(), "HERE"))
        };
        let (verdict, text) = said("a2-toy-3-AAAAAA");
        assert_eq!(verdict, Verdict::Refused);
        insta::assert_snapshot!(text, @r"
        error: HERE/shop.afterlife:2: the token's checksum does not match: it is truncated or mistyped
          next: fix or remove this line: copy the token whole, from the line that begins with `replay`
        ");
        let (verdict, text) = said("a9-toy-3-AAAA  # no-spin");
        assert_eq!(verdict, Verdict::Unfit);
        insta::assert_snapshot!(text, @r"
        error: HERE/shop.afterlife:2: the token has version a9, but this code reads a2
          next: fix or remove this line: replay it with the afterlife that wrote a9 tokens, or hunt for it again here
        ");
    }

    #[test]
    fn a_program_that_does_not_know_its_source_says_so() {
        let refusal = RegressionFiles::Nowhere.add(&token(1), "x").expect_err("there is no place");
        assert_eq!(refusal.next, "name a folder with AFTERLIFE_KEPT=DIR, or start the program with cargo");
        assert_eq!(RegressionFiles::Nowhere.read(&toy()), Ok(Vec::new()));
    }

    #[test]
    fn the_regressions_of_a_test_are_beside_its_source() {
        let package = Some(Path::new(env!("CARGO_MANIFEST_DIR")));
        let files = RegressionFiles::of_test(package, "src/failure/regressions.rs", "shop::toy");
        let RegressionFiles::File { file, .. } = files else { panic!("the source exists") };
        assert!(file.ends_with("src/failure/regressions.afterlife"), "{}", file.display());
        assert_eq!(RegressionFiles::of_test(package, "nowhere/at/all.rs", "shop::toy"), RegressionFiles::Nowhere);
    }
}
