//! `cargo afterlife new NAME`: a package with an axum service that has a bug in its shutdown, and the test that finds it.
//! `cargo new` makes the package, so names, version control and workspaces are treated as there.

use crate::refusal::{Refusal, cargo};
use std::ffi::OsString;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// The files, by their paths in the package. [`NAME`] stands for the name of its library.
const FILES: [(&str, &str); 3] = [
    ("src/lib.rs", include_str!("template/src/lib.rs")),
    ("src/main.rs", include_str!("template/src/main.rs")),
    ("tests/restart.rs", include_str!("template/tests/restart.rs")),
];

/// The name of the library in the templates.
const NAME: &str = "package_name";

/// The lines that follow `[dependencies]`. [`AFTERLIFE`] stands for afterlife's own source.
const DEPENDENCIES: &str = include_str!("template/dependencies.toml");

/// The source of afterlife in [`DEPENDENCIES`].
const AFTERLIFE: &str = "AFTERLIFE";

/// The profile, which cargo reads from the root of a workspace only.
const PROFILE: &str = include_str!("template/profile.toml");

/// The folder from which this program was built.
const SOURCE: &str = env!("CARGO_MANIFEST_DIR");

/// The step after every usage error.
const USAGE: &str = "write `cargo afterlife new NAME`; NAME is the folder to make, and names the package";

/// Carries out `new` with the words that follow it.
pub(crate) fn new(words: &[OsString]) -> Result<(), Refusal> {
    let folder = match words {
        [word] if !word.to_string_lossy().starts_with('-') => PathBuf::from(word),
        [] => return Err(Refusal::new("`new` needs the name of the package", USAGE)),
        _ => return Err(Refusal::new("`new` takes one name and no option", USAGE)),
    };
    make(&folder)?;
    let library = library(&folder)?;
    for (path, text) in FILES {
        write(&folder.join(path), &text.replace(NAME, &library))?;
    }
    let root = is_root(&folder)?;
    let manifest = folder.join("Cargo.toml");
    let mut text = fs::read_to_string(&manifest).map_err(|error| failed(&manifest, &error))?;
    text += &DEPENDENCIES.replace(AFTERLIFE, &source(Path::new(SOURCE)));
    if root {
        text += PROFILE;
    }
    write(&manifest, &text)?;
    let shown = folder.display();
    let mut lines = format!("created {shown}: a service with a bug in its shutdown, and a test that finds it\n");
    lines += &format!("  run       cd {shown} && cargo test\n");
    lines += &format!("  service   {shown}/src/lib.rs\n  scenario  {shown}/tests/restart.rs\n");
    if !root {
        lines += "  next      add these lines to the Cargo.toml of the workspace:\n";
        lines.extend(PROFILE.lines().skip(1).map(|line| format!("            {line}\n")));
    }
    io::stdout()
        .write_all(lines.as_bytes())
        .map_err(|error| Refusal::new(format!("cannot write to standard output: {error}"), "check where it leads"))
}

/// Makes an empty library package. Cargo prints its own errors.
fn make(folder: &Path) -> Result<(), Refusal> {
    let made = cargo().args(["new", "--lib", "--quiet"]).arg(folder).status();
    match made.map_err(|error| Refusal::cargo(&error))?.success() {
        true => Ok(()),
        false => {
            Err(Refusal::new(format!("cargo could not make the package {}", folder.display()), "fix the error above"))
        }
    }
}

/// The name of the package's library.
fn library(folder: &Path) -> Result<String, Refusal> {
    let name = folder.file_name().map(|name| name.to_string_lossy().replace('-', "_"));
    name.ok_or_else(|| Refusal::new(format!("{} names no folder", folder.display()), USAGE))
}

/// Returns whether the package is the root of its workspace.
fn is_root(folder: &Path) -> Result<bool, Refusal> {
    let mut command = cargo();
    command.args(["locate-project", "--workspace", "--message-format", "plain"]).current_dir(folder);
    let output = command.output().map_err(|error| Refusal::cargo(&error))?;
    let root = PathBuf::from(String::from_utf8_lossy(&output.stdout).trim());
    let manifest = folder.join("Cargo.toml");
    let own = manifest.canonicalize().map_err(|error| failed(&manifest, &error))?;
    Ok(root == own)
}

/// The value of `afterlife = …` in a manifest: the checkout from which this program was built, or else its version on the registry.
fn source(folder: &Path) -> String {
    let from_registry = folder.components().any(|part| part.as_os_str() == "registry");
    if !from_registry && folder.join("Cargo.toml").exists() {
        format!("{{ path = {:?} }}", folder.display().to_string())
    } else {
        format!("{:?}", env!("CARGO_PKG_VERSION"))
    }
}

fn write(path: &Path, text: &str) -> Result<(), Refusal> {
    let folder = path.parent().unwrap_or(Path::new(""));
    fs::create_dir_all(folder).and_then(|()| fs::write(path, text)).map_err(|error| failed(path, &error))
}

fn failed(path: &Path, error: &io::Error) -> Refusal {
    Refusal::new(format!("{}: {error}", path.display()), "check that the folder is writable")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn afterlife_comes_from_its_checkout_or_else_from_the_registry() {
        assert_eq!(source(Path::new(SOURCE)), format!("{{ path = \"{SOURCE}\" }}"));
        let version = format!("\"{}\"", env!("CARGO_PKG_VERSION"));
        assert_eq!(source(Path::new("/no/such/checkout")), version);
        assert_eq!(source(Path::new("/home/x/.cargo/registry/src/index/afterlife-0.1.0")), version);
    }

    #[test]
    fn the_template_is_a_test_of_25_lines() {
        let test = FILES[2].1;
        let body = test.lines().skip_while(|line| !line.starts_with("#[afterlife::test"));
        assert!(body.clone().count() <= 26, "{}", body.count());
        assert!(FILES.iter().all(|(_, text)| !text.contains(AFTERLIFE)) && test.contains(NAME));
    }

    #[test]
    fn words_that_are_no_name_are_refused() {
        for words in [&[][..], &["--lib".into()], &["a".into(), "b".into()]] {
            assert!(new(words).is_err_and(|refusal| refusal.next == USAGE), "{words:?}");
        }
    }
}
