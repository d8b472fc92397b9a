//! A test with a scenario, as `#[afterlife::test]` describes it, and what the running process knows about it besides.
//! It runs nothing.

use super::invocation::Invocation;
use crate::failure::regressions::RegressionFiles;
use crate::failure::test_origin::{TestOrigin, TestTarget};
use crate::report::{Paste, TestCommands, Tool};
use std::env;
use std::fs;
use std::path::{Path, PathBuf};

/// A test, as its crate was compiled.
#[derive(Clone, Copy, Debug)]
pub struct Test {
    /// Its module path and name, with the crate: `orders::stock::hold`.
    pub path: &'static str,
    /// Its source file, as `file!()` names it.
    pub source: &'static str,
    /// The package's name, if cargo compiled it.
    pub package: Option<&'static str>,
    /// The package's folder, if cargo compiled it.
    pub folder: Option<&'static str>,
    /// The name of the binary whose unit test it is.
    pub binary: Option<&'static str>,
    /// True for a target below `tests`.
    pub is_integration: bool,
    /// The description that `cargo afterlife list` finds in the file of the test binary.
    pub listing: &'static str,
}

impl Test {
    /// The path for the test runner: without the crate.
    pub(super) fn path(&self) -> &'static str {
        self.path.split_once("::").map_or(self.path, |(_, path)| path)
    }

    /// The name of the crate.
    fn crate_name(&self) -> &'static str {
        self.path.split_once("::").map_or(self.path, |(name, _)| name)
    }

    /// The package's folder: the one that cargo gives to the process, or the one in which the test was compiled.
    fn package_folder(&self) -> Option<PathBuf> {
        env::var_os("CARGO_MANIFEST_DIR").map(PathBuf::from).or_else(|| self.folder.map(PathBuf::from))
    }

    /// The regressions of its source file.
    pub(super) fn regressions(&self) -> RegressionFiles {
        RegressionFiles::of_test(self.package_folder().as_deref(), self.source, self.path())
    }

    /// The origin of its findings; `None` if cargo did not build it.
    pub(super) fn origin(&self, invocation: &Invocation) -> Option<TestOrigin> {
        let folder = self.package_folder()?;
        let package = env::var("CARGO_PKG_NAME").ok().or_else(|| self.package.map(str::to_owned))?;
        let target = match self.binary {
            Some(name) => TestTarget::Bin(name.to_owned()),
            None if self.is_integration => TestTarget::Test(target_name(&folder, self.crate_name())),
            None => TestTarget::Lib,
        };
        let source = self.regressions().source().and_then(|source| {
            let inside = source.strip_prefix(&folder).ok()?;
            Some(inside.to_str()?.to_owned())
        });
        Some(TestOrigin { package, target, path: self.path().to_owned(), source, options: invocation.build_options() })
    }

    /// The commands that a failure of it proposes. Its findings are in the folder `root`.
    pub(super) fn paste(&self, origin: Option<&TestOrigin>, root: &Path, invocation: &Invocation) -> Paste {
        let folder = invocation.folder();
        let shown = |path: &Path| path.strip_prefix(&folder).unwrap_or(path).display().to_string();
        let expected = self.package_folder().map(|package| usual_root(&package, &folder));
        let tool = Tool {
            called: "cargo afterlife".to_owned(),
            out: Some(root).filter(|root| Some(*root) != expected.as_deref()).map(shown),
            manifest: invocation.manifest(),
        };
        let selection = origin.iter().flat_map(|origin| origin.selection()).chain(invocation.options());
        let file = self.regressions().file(self.path());
        Paste::Test(TestCommands {
            path: self.path().to_owned(),
            selection: selection.collect(),
            tool: Some(tool).filter(|_| is_installed()),
            regressions: file.as_deref().map(shown),
            folder: Some(folder),
        })
    }
}

/// The name of the target below `tests` whose crate has this name. Cargo replaces `-` by `_` in names of crates; without a file
/// that tells, the name is a pattern for cargo.
fn target_name(package: &Path, crate_name: &str) -> String {
    let entries = fs::read_dir(package.join("tests")).into_iter().flatten().flatten();
    let names = entries.filter_map(|entry| Some(entry.path().file_stem()?.to_str()?.to_owned()));
    let mut matching: Vec<String> = names.filter(|name| name.replace('-', "_") == crate_name).collect();
    matching.sort();
    matching.dedup();
    match matching.as_slice() {
        [name] => name.clone(),
        _ => crate_name.replace('_', "[_-]"),
    }
}

/// The folder in which `cargo afterlife` looks for findings, if it is started in this folder.
fn usual_root(package: &Path, folder: &Path) -> PathBuf {
    let target = env::var_os("CARGO_TARGET_DIR").map(|target| folder.join(target));
    target.unwrap_or_else(|| workspace(package).join("target")).join("afterlife")
}

/// The folder of a package's workspace: the nearest whose manifest has a workspace, or else the package's own.
fn workspace(package: &Path) -> &Path {
    let has_workspace = |folder: &&Path| {
        let manifest = fs::read_to_string(folder.join("Cargo.toml")).unwrap_or_default();
        manifest.lines().any(|line| line.starts_with("[workspace]") || line.starts_with("[workspace."))
    };
    package.ancestors().find(has_workspace).unwrap_or(package)
}

/// Returns whether cargo finds the command `cargo afterlife`.
fn is_installed() -> bool {
    let home = env::var_os("CARGO_HOME").map(PathBuf::from);
    let home = home.or_else(|| env::var_os("HOME").map(|home| Path::new(&home).join(".cargo")));
    let path = env::var_os("PATH").unwrap_or_default();
    let mut folders = env::split_paths(&path).chain(home.map(|home| home.join("bin")));
    folders.any(|folder| folder.join("cargo-afterlife").is_file())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::scratch::Folder;

    const TEST: Test = Test {
        path: "test_orders::stock::hold",
        source: "tests/test-orders/stock.rs",
        package: Some("shop"),
        folder: None,
        binary: None,
        is_integration: true,
        listing: "",
    };

    #[test]
    fn a_target_has_the_name_that_cargo_knows() {
        let folder = Folder::new();
        fs::create_dir_all(folder.path().join("tests/test-orders")).expect("the folder is writable");
        assert_eq!(target_name(folder.path(), TEST.crate_name()), "test-orders");
        assert_eq!(target_name(folder.path(), "declared_elsewhere"), "declared[_-]elsewhere");
        assert_eq!((TEST.path(), TEST.crate_name()), ("stock::hold", "test_orders"));
    }

    #[test]
    fn a_workspace_is_the_nearest_manifest_that_says_so() {
        let folder = Folder::new();
        let package = folder.path().join("crates/shop");
        fs::create_dir_all(&package).expect("the folder is writable");
        fs::write(package.join("Cargo.toml"), "[package]\nname = \"shop\"\n").expect("it is writable");
        assert_eq!(workspace(&package), package);
        fs::write(folder.path().join("Cargo.toml"), "[workspace]\n").expect("it is writable");
        assert_eq!(workspace(&package), folder.path());
    }
}
