//! A token without a record: the test that it is of. Sources are searched first, because building every test takes minutes, and a token
//! may as well be of the workspace's program.

use super::keep::has_function;
use super::listing;
use super::members::{Package, TestBinary, Unbuilt, Workspace};
use crate::failure::test_origin::TestOrigin;
use crate::failure::token::Token;
use crate::model::refusal::Refusal;
use crate::model::verdict::Verdict;
use std::fs;
use std::path::Path;

/// The folders of a package that have tests.
const FOLDERS: [&str; 2] = ["src", "tests"];

/// The test that this token is of. `None` if the workspace's program may know the token.
///
/// # Errors
/// Several tests have its scenario. With the verdict `Unfit`: no test has it, or the tests do not build.
pub(super) fn test_of(
    token: &Token,
    workspace: &Workspace,
    tests: impl FnOnce() -> Result<Vec<TestBinary>, Unbuilt>,
) -> Result<Option<TestOrigin>, Refusal> {
    let name = &token.scenario;
    let none = || {
        let why = format!("no test of this workspace has the scenario `{name}`");
        let next = "`cargo afterlife list` has the tests; check out the code that the token is of";
        Err(Refusal::new(why, next).ending(Verdict::Unfit))
    };
    if !workspace.packages.iter().any(|package| mentions(package, name)) {
        return if workspace.has_program { Ok(None) } else { none() };
    }
    let mut found = Vec::new();
    for binary in tests().map_err(|(why, next)| Refusal::new(why, next).ending(Verdict::Unfit))? {
        let listed = listing::read(binary.file())?;
        let named = listed.into_iter().filter(|test| test.path.rsplit("::").next() == Some(name));
        found.extend(named.map(|test| binary.test(test.path)));
    }
    match found.as_slice() {
        [] if workspace.has_program => Ok(None),
        [] => none(),
        [_] => Ok(found.pop()),
        [first, second, ..] => Err(Refusal::new(
            format!("{} and {} both have a scenario `{name}`", first.key(), second.key()),
            format!("run the one that you mean: AFTERLIFE_REPLAY={token} cargo test {}", first.path),
        )),
    }
}

/// Returns whether a source of a package has a function of this name.
fn mentions(package: &Package, name: &str) -> bool {
    FOLDERS.iter().any(|folder| has_source(&package.folder.join(folder), name))
}

fn has_source(path: &Path, name: &str) -> bool {
    if path.is_dir() && !path.is_symlink() {
        return fs::read_dir(path).into_iter().flatten().flatten().any(|entry| has_source(&entry.path(), name));
    }
    path.extension().is_some_and(|end| end == "rs") && has_function(&fs::read_to_string(path).unwrap_or_default(), name)
}
