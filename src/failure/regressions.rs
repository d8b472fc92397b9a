//! Kept findings: a text file beside the code, one reviewable line for each run that broke once and is run first from then on.
//! It reads and adds lines; it runs nothing.

use crate::failure::token::{Token, TokenError};
use crate::model::refusal::Refusal;
use crate::model::verdict::Verdict;
use crate::scenario::definition::Scenario;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

const EXTENSION: &str = "afterlife";

const HEADING: &str =
    "# Runs that broke once, each as a token. They are run before all others: keep this file with the code.\n";

/// A kept run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Regression {
    /// The run.
    pub(crate) token: Token,
    /// The line of the file: `tests/shop.afterlife:2`.
    pub(crate) place: String,
}

/// Where findings are kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum RegressionFiles {
    /// One file for each scenario, in this folder.
    Folder(PathBuf),
    /// One file for all tests of a source file.
    File(PathBuf),
    /// Nowhere: the program does not know where its source is.
    Nowhere,
}

impl RegressionFiles {
    /// That of this program: the folder that the environment names, or `kept` in its package, if cargo started it.
    pub(crate) fn of_this_program(named: Option<&Path>) -> Self {
        let package = || std::env::var_os("CARGO_MANIFEST_DIR").map(|package| Path::new(&package).join("kept"));
        named.map(Path::to_owned).or_else(package).map_or(Self::Nowhere, Self::Folder)
    }

    /// That of a test, beside its source. Cargo tells the package's folder, and the source is named from there or from the
    /// workspace's.
    pub(crate) fn of_this_test(source: &str) -> Self {
        let package = std::env::var_os("CARGO_MANIFEST_DIR").map(PathBuf::from);
        let found = package.iter().flat_map(|package| package.ancestors()).map(|folder| folder.join(source));
        found
            .filter(|file| file.is_file())
            .map(|file| Self::File(file.with_extension(EXTENSION)))
            .next()
            .unwrap_or(Self::Nowhere)
    }

    /// The file for a scenario.
    pub(crate) fn file(&self, scenario: &str) -> Option<PathBuf> {
        match self {
            Self::Folder(folder) => Some(folder.join(scenario).with_extension(EXTENSION)),
            Self::File(file) => Some(file.clone()),
            Self::Nowhere => None,
        }
    }

    /// The kept runs of a scenario, in the order of their lines.
    pub(crate) fn read(&self, scenario: &Scenario) -> Result<Vec<Regression>, Refusal> {
        let Some(file) = self.file(scenario.name) else { return Ok(Vec::new()) };
        let text = match fs::read_to_string(&file) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(unreadable(&file, &error)),
        };
        let mut kept = Vec::new();
        for (number, line) in text.lines().enumerate() {
            let token = line.split('#').next().unwrap_or_default().trim();
            if token.is_empty() {
                continue;
            }
            let place = format!("{}:{}", here(&file), number + 1);
            let token: Token = token.parse().map_err(|error: TokenError| misfit(&place, &error.to_string(), &error))?;
            if token.scenario == scenario.name {
                kept.push(Regression { token, place });
            }
        }
        Ok(kept)
    }

    /// Adds a run, with what it broke; the file, and whether the line is new.
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
        if text.lines().any(|line| line.split('#').next().is_some_and(|before| before.trim() == name)) {
            return Ok((file, false));
        }
        let apart = if text.ends_with('\n') { "" } else { "\n" };
        let folder = file.parent().unwrap_or(Path::new("."));
        fs::create_dir_all(folder).map_err(unwritable)?;
        fs::write(&file, format!("{text}{apart}{}\n", line(&name, what))).map_err(unwritable)?;
        Ok((file, true))
    }
}

/// The line of a kept run.
pub(crate) fn line(token: &str, what: &str) -> String {
    format!("{token}  # {}", what.split_whitespace().collect::<Vec<_>>().join(" "))
}

fn unreadable(file: &Path, error: &io::Error) -> Refusal {
    Refusal::new(format!("cannot read {}: {error}", file.display()), "fix the file or remove it")
}

/// A line that this code cannot run. A mistyped one is the user's; any other was right once.
fn misfit(place: &str, why: &str, error: &TokenError) -> Refusal {
    let refusal = Refusal::new(format!("{place}: {why}"), format!("fix or remove this line: {}", error.next()));
    match error {
        TokenError::OtherVersion { .. } | TokenError::Unreadable { .. } => refusal.ending(Verdict::Unfit),
        _ => refusal,
    }
}

/// A path as it is best written from here.
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
            build: Build::Sound,
            engine: crate::model::engine::Engine::Native,
            seed,
            plan: None,
        }
    }

    fn toy() -> Scenario {
        Scenario::new("toy", |_| {})
    }

    #[test]
    fn a_kept_run_is_one_line_and_comes_back() {
        let folder = Folder::new();
        let files = RegressionFiles::Folder(folder.path().join("kept"));
        assert_eq!(files.read(&toy()), Ok(Vec::new()));
        for seed in [3, 9, 3] {
            let (_, new) = files.add(&token(seed), "no-spin · a\n · b").expect("the folder can be written to");
            assert_eq!(new, seed == 9 || files.read(&toy()).is_ok_and(|kept| kept.len() == 1));
        }
        let file = files.file("toy").expect("there is a folder");
        let text = fs::read_to_string(file).expect("it was written");
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines[0], HEADING.trim());
        assert_eq!(
            lines[1..],
            [format!("{}  # no-spin · a · b", token(3)), format!("{}  # no-spin · a · b", token(9))]
        );
        let kept = files.read(&toy()).expect("it can be read");
        assert_eq!(kept.iter().map(|kept| kept.token.seed).collect::<Vec<_>>(), [3, 9]);
        assert!(kept[1].place.ends_with("toy.afterlife:3"), "{}", kept[1].place);
    }

    #[test]
    fn the_file_of_a_source_has_lines_of_many_scenarios() {
        let folder = Folder::new();
        let files = RegressionFiles::File(folder.path().join("shop.afterlife"));
        files.add(&token(1), "x").expect("it can be written");
        files.add(&Token { scenario: "other".into(), ..token(2) }, "x").expect("it can be written");
        assert_eq!(files.read(&toy()).map(|kept| kept.len()), Ok(1));
    }

    #[test]
    fn a_line_that_cannot_be_run_is_told_with_its_place() {
        let folder = Folder::new();
        let file = folder.path().join("shop.afterlife");
        let files = RegressionFiles::File(file.clone());
        let said = |line: &str| {
            fs::write(&file, format!("\n{line}\n")).expect("it can be written");
            let refusal = files.read(&toy()).expect_err("the line is wrong");
            (refusal.verdict, refusal.to_string().replace(&folder.path().display().to_string(), "HERE"))
        };
        let (verdict, text) = said("a2-toy-3-AAAAAA");
        assert_eq!(verdict, Verdict::Refused);
        insta::assert_snapshot!(text, @r"
        error: HERE/shop.afterlife:2: the token's checksum does not fit: it is truncated or mistyped
          next: fix or remove this line: copy the token whole, from the line that begins with `replay`
        ");
        let (verdict, text) = said("a9-toy-3-AAAA  # no-spin");
        assert_eq!(verdict, Verdict::Unfit);
        insta::assert_snapshot!(text, @r"
        error: HERE/shop.afterlife:2: the token is of version a9, and this code reads a2
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
    fn a_test_keeps_beside_its_source() {
        let RegressionFiles::File(file) = RegressionFiles::of_this_test("src/failure/regressions.rs") else {
            panic!("cargo says where the package is")
        };
        assert!(file.ends_with("src/failure/regressions.afterlife"), "{}", file.display());
        assert_eq!(RegressionFiles::of_this_test("nowhere/at/all.rs"), RegressionFiles::Nowhere);
    }
}
