//! The workspace, as cargo describes it, and the test binaries that cargo builds.

use crate::program::Program;
use crate::refusal::{Refusal, cargo};
use afterlife::workspace::{Package, TestBinary, Workspace};
use serde_json::Value;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Stdio;

/// The option of cargo that names a workspace.
pub(crate) const MANIFEST: &str = "--manifest-path";

/// The metadata of a workspace.
pub(crate) struct Metadata {
    json: Value,
    /// The manifest that the user named, if any.
    manifest: Option<PathBuf>,
}

impl Metadata {
    /// Reads the workspace of this manifest, or of the current folder.
    pub(crate) fn read(manifest: Option<&Path>) -> Result<Self, Refusal> {
        let output = cargo()
            .args(["metadata", "--no-deps", "--format-version", "1"])
            .args(manifest_words(manifest))
            .output()
            .map_err(|error| Refusal::cargo(&error))?;
        if !output.status.success() {
            let errors = String::from_utf8_lossy(&output.stderr);
            let why = errors.lines().find_map(|line| line.strip_prefix("error: ")).unwrap_or("see `cargo metadata`");
            let next = format!("start the command in a workspace, or name one with {MANIFEST}");
            let refusal = Refusal::new(format!("cargo cannot read the workspace: {why}"), next);
            return Err(Refusal { is_unbuilt: true, ..refusal });
        }
        let json = serde_json::from_slice(&output.stdout).map_err(|error| {
            Refusal::new(format!("cannot read cargo's metadata of the workspace: {error}"), "update cargo")
        })?;
        Ok(Self { json, manifest: manifest.map(Path::to_owned) })
    }

    /// The words that name the workspace to cargo.
    pub(crate) fn manifest(&self) -> Vec<OsString> {
        manifest_words(self.manifest.as_deref())
    }

    fn packages(&self) -> impl Iterator<Item = &Value> {
        self.json["packages"].as_array().into_iter().flatten()
    }

    /// The folder that cargo builds into.
    pub(crate) fn target(&self) -> PathBuf {
        self.json["target_directory"].as_str().unwrap_or("target").into()
    }

    /// The packages and the folder of findings.
    pub(crate) fn workspace(&self) -> Workspace {
        let package = |package: &Value| {
            let folder = Path::new(package["manifest_path"].as_str()?).parent()?.to_owned();
            Some(Package { name: package["name"].as_str()?.to_owned(), folder })
        };
        Workspace {
            target: self.target(),
            packages: self.packages().filter_map(package).collect(),
            has_program: self.packages().any(|package| declared_by(package).is_some()),
        }
    }

    /// The one program that a package declares as `[package.metadata.afterlife] runner = "binary"`.
    pub(crate) fn program(&self) -> Result<Program, Refusal> {
        let mut programs: Vec<Program> = self.packages().filter_map(declared_by).collect();
        let names = || programs.iter().map(|program| program.package.as_str()).collect::<Vec<_>>().join(", ");
        match programs.len() {
            1 => Ok(programs.remove(0)),
            0 => Err(Refusal::new(
                "no package of this workspace declares a program with scenarios",
                "run its tests with `cargo test`, or declare a program: `[package.metadata.afterlife]` with \
                 `runner = \"<binary>\"` in its package",
            )),
            _ => Err(Refusal::new(
                format!("several packages of this workspace declare a program with scenarios: {}", names()),
                "run one of them with `cargo run --release -p <package> -- …`",
            )),
        }
    }

    /// Builds the tests of all packages. Returns their binaries.
    pub(crate) fn tests(&self) -> Result<Vec<TestBinary>, Refusal> {
        let output = cargo()
            .args(["test", "--no-run", "--workspace", "--message-format", "json-render-diagnostics"])
            .args(self.manifest())
            .stderr(Stdio::inherit())
            .output()
            .map_err(|error| Refusal::cargo(&error))?;
        if !output.status.success() {
            return Err(Refusal::unbuilt("the tests of the workspace do not build"));
        }
        let text = String::from_utf8_lossy(&output.stdout);
        let messages = text.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        Ok(messages.filter_map(|message| self.test_binary(&message)).collect())
    }

    /// The test binary of a message of cargo, if it is of one.
    fn test_binary(&self, message: &Value) -> Option<TestBinary> {
        if !message["profile"]["test"].as_bool()? {
            return None;
        }
        let file = message["executable"].as_str()?;
        let package = self.packages().find(|package| package["id"] == message["package_id"])?["name"].as_str()?;
        let target = &message["target"];
        TestBinary::new(package, target["kind"][0].as_str()?, target["name"].as_str()?, Path::new(file))
    }
}

/// The words that name a workspace to cargo.
pub(crate) fn manifest_words(manifest: Option<&Path>) -> Vec<OsString> {
    manifest.into_iter().flat_map(|manifest| [MANIFEST.into(), manifest.as_os_str().to_owned()]).collect()
}

fn declared_by(package: &Value) -> Option<Program> {
    let binary = package["metadata"]["afterlife"]["runner"].as_str()?;
    let folder = Path::new(package["manifest_path"].as_str()?).parent()?.to_owned();
    let text = |name: &str| package[name].as_str().map(str::to_owned);
    Some(Program { package: text("name")?, binary: binary.to_owned(), version: text("version")?, folder })
}
