//! The packages of a workspace, and its test binaries.

use crate::failure::test_origin::{TestOrigin, TestTarget};
use std::path::{Path, PathBuf};

/// A reason why the tests cannot be built, and the next step.
pub(super) type Unbuilt = (String, String);

/// A workspace of cargo.
#[derive(Clone, Debug, Default)]
pub struct Workspace {
    /// The folder that cargo builds into, where tests and programs write their findings.
    pub target: PathBuf,
    /// The packages.
    pub packages: Vec<Package>,
    /// True if a package declares a program with scenarios.
    pub has_program: bool,
}

/// A package of a workspace.
#[derive(Clone, Debug)]
pub struct Package {
    /// Its name.
    pub name: String,
    /// Its folder.
    pub folder: PathBuf,
}

/// A test binary.
#[derive(Clone, Debug)]
pub struct TestBinary {
    /// The package.
    package: String,
    /// The target.
    target: TestTarget,
    /// The file.
    file: PathBuf,
}

impl Workspace {
    /// The folder of findings.
    pub(super) fn root(&self) -> PathBuf {
        self.target.join("afterlife")
    }

    /// The package of this name.
    pub(super) fn package(&self, name: &str) -> Option<&Package> {
        self.packages.iter().find(|package| package.name == name)
    }
}

impl TestBinary {
    /// The test binary of a target of this kind and name, as cargo calls them; `None` for targets without unit tests of their own.
    pub fn new(package: &str, kind: &str, name: &str, file: &Path) -> Option<Self> {
        let target = match kind {
            "bin" => TestTarget::Bin(name.to_owned()),
            "test" => TestTarget::Test(name.to_owned()),
            "lib" | "rlib" | "dylib" | "cdylib" | "staticlib" => TestTarget::Lib,
            _ => return None,
        };
        Some(Self { package: package.to_owned(), target, file: file.to_owned() })
    }

    /// The package and the target, as cargo's options name them.
    pub(super) fn name(&self) -> String {
        format!("{} {}", self.package, self.target.words().join(" "))
    }

    /// A test of it, by its path.
    pub(super) fn test(&self, path: String) -> TestOrigin {
        let Self { package, target, .. } = self.clone();
        TestOrigin { package, target, path, source: None, options: Vec::new() }
    }

    /// The file.
    pub(super) fn file(&self) -> &Path {
        &self.file
    }
}
