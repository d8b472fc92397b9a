//! `keep` for a finding of a test: a line beside the source of the test, wherever in the workspace the command is typed.
//! The record says which test it is; the file is found in the workspace, because records come from elsewhere.

use super::members::Workspace;
use crate::failure::regressions::RegressionFiles;
use crate::failure::test_origin::TestOrigin;
use crate::model::refusal::Refusal;
use std::fs;

/// The next step where a test is not found.
const RUN_IT: &str = "check out the code that the record is of, or run the test again and keep its new finding";

/// The regressions of the test that a record names.
pub(super) fn files(workspace: &Workspace, test: &TestOrigin) -> Result<RegressionFiles, Refusal> {
    let refused = |why: String| Err(Refusal::new(why, RUN_IT));
    let Some(package) = workspace.package(&test.package) else {
        return refused(format!("the test is of the package `{}`, which this workspace does not have", test.package));
    };
    let Some(source) = &test.source else {
        return refused(format!("the source of {} is outside of its package, {}", test.path, test.package));
    };
    let file = package.folder.join(source);
    let inside = file
        .canonicalize()
        .is_ok_and(|file| package.folder.canonicalize().is_ok_and(|folder| file.is_file() && file.starts_with(folder)));
    if !inside {
        return refused(format!("{} has no file {source}, which had the test {}", test.package, test.path));
    }
    let name = test.path.rsplit("::").next().unwrap_or(&test.path);
    if !has_function(&fs::read_to_string(&file).unwrap_or_default(), name) {
        return refused(format!("{} has no test `{name}`", file.display()));
    }
    Ok(RegressionFiles::of_test(Some(&package.folder), source, &test.path))
}

/// Returns whether a source has a function of this name.
pub(super) fn has_function(source: &str, name: &str) -> bool {
    let is_word = |letter: char| letter.is_alphanumeric() || letter == '_' || letter == '#';
    let words: Vec<&str> = source.split(|letter| !is_word(letter)).filter(|word| !word.is_empty()).collect();
    words.windows(2).any(|pair| pair == ["fn", name])
}

#[cfg(test)]
mod tests {
    use super::super::members::Package;
    use super::*;
    use crate::failure::test_origin::TestTarget;
    use crate::model::scratch::Folder;

    fn test(path: &str, source: Option<&str>) -> TestOrigin {
        TestOrigin {
            package: "shop".into(),
            target: TestTarget::Test("orders".into()),
            path: path.into(),
            source: source.map(str::to_owned),
            options: Vec::new(),
        }
    }

    #[test]
    fn a_regression_is_beside_the_source_of_its_test() {
        let scratch = Folder::new();
        let folder = scratch.path().join("crates/shop");
        fs::create_dir_all(folder.join("tests")).expect("the folder is writable");
        fs::write(folder.join("tests/orders.rs"), "#[afterlife::test]\nfn hold(sim: &mut Sim) {}\n").expect("it is");
        fs::write(scratch.path().join("outside.rs"), "fn hold(sim: &mut Sim) {}\n").expect("it is writable");
        let packages = vec![Package { name: "shop".into(), folder: folder.clone() }];
        let workspace = Workspace { packages, ..Workspace::default() };
        let files = |test: &TestOrigin| super::files(&workspace, test);
        let found = files(&test("stock::hold", Some("tests/orders.rs"))).expect("the test is there");
        assert_eq!(found.file("hold"), Some(folder.join("tests/orders.afterlife")));
        let refused = |test: &TestOrigin| files(test).expect_err("there is no such test").why;
        assert!(refused(&test("stock::hol", Some("tests/orders.rs"))).ends_with("orders.rs has no test `hol`"));
        assert!(refused(&test("hold", Some("../../outside.rs"))).starts_with("shop has no file ../../outside.rs"));
        assert!(refused(&test("hold", Some("tests/gone.rs"))).starts_with("shop has no file tests/gone.rs"));
        assert!(refused(&test("hold", None)).ends_with("is outside of its package, shop"));
        let other = TestOrigin { package: "shops".into(), ..test("hold", None) };
        assert!(refused(&other).contains("the package `shops`, which this workspace does not have"));
    }
}
