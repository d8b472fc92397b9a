//! `cargo afterlife` in a workspace without a program: it shows, keeps, groups and replays the findings of tests, and lists the tests.
//! The workspace has the sources of a test of this binary, and nothing of it is compiled.

use crate::started::{folder, labelled, run, test, text};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// A test that breaks, whose source is in the workspace, too.
const BROKEN: &str = "regressions::with_a_regression::a_server_has_one_incarnation";
const SOURCE: &str = "crates/shop/tests/attribute/regressions";

/// A workspace with the package `shop` in a folder below it, and a finding of its test.
struct Workspace {
    root: PathBuf,
    id: String,
    token: String,
}

impl Workspace {
    fn new(name: &str) -> Self {
        let root = folder(name);
        let package = root.join("crates/shop");
        fs::create_dir_all(package.join("tests/attribute")).expect("the folder is writable");
        fs::create_dir_all(root.join("crates/stock/src")).expect("the folder is writable");
        let manifest = |name: &str| format!("[package]\nname = \"{name}\"\nedition = \"2024\"\n");
        let files = [
            ("Cargo.toml", "[workspace]\nmembers = [\"crates/*\"]\nresolver = \"3\"\n".to_owned()),
            ("crates/shop/Cargo.toml", manifest("shop")),
            ("crates/shop/tests/attribute/main.rs", "mod regressions;\n".to_owned()),
            ("crates/stock/Cargo.toml", manifest("stock")),
            ("crates/stock/src/lib.rs", String::new()),
        ];
        for (path, text) in files {
            fs::write(root.join(path), text).expect("the folder is writable");
        }
        let own: PathBuf = [env!("CARGO_MANIFEST_DIR"), "tests/attribute/regressions"].iter().collect();
        for extension in ["rs", "afterlife"] {
            let to = root.join(SOURCE).with_extension(extension);
            fs::copy(own.with_extension(extension), to).expect("the folder is writable");
        }
        let report = run(test(BROKEN, &root.join("target/afterlife"), &["--show-output"])
            .env("CARGO_MANIFEST_DIR", &package)
            .env("CARGO_PKG_NAME", "shop")
            .current_dir(&package));
        let record = labelled(&report, "record").unwrap_or_else(|| panic!("{report}"));
        let id = record.rsplit('/').next().unwrap_or_default().to_owned();
        let replay = labelled(&report, "replay").unwrap_or_default();
        let token = replay.split([' ', '=']).nth(1).unwrap_or_default().to_owned();
        Self { root, id, token }
    }

    /// `cargo afterlife` in a folder of it.
    fn afterlife(&self, folder: &str, words: &[&str]) -> Output {
        let mut command = afterlife(&self.root.join(folder));
        command.args(words).output().expect("the command can be started")
    }

    fn regressions(&self) -> String {
        fs::read_to_string(self.root.join(SOURCE).with_extension("afterlife")).unwrap_or_default()
    }
}

fn afterlife(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_cargo-afterlife"));
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("AFTERLIFE_")) {
        command.env_remove(name);
    }
    command.arg("afterlife").current_dir(folder).env("NO_COLOR", "1").env_remove("CARGO_TARGET_DIR");
    command
}

#[test]
fn a_finding_of_a_test_is_kept_beside_its_source_from_any_folder() {
    let workspace = Workspace::new("kept");
    fs::remove_file(workspace.root.join(SOURCE).with_extension("afterlife")).expect("it was copied");
    for (folder, said) in [("crates/stock/src", "added to "), ("", "already in "), ("crates/shop/tests", "already in ")]
    {
        let kept = workspace.afterlife(folder, &["keep", &workspace.id]);
        assert!(kept.status.success() && text(&kept).contains(said), "{folder}: {kept:?}");
    }
    let kept = workspace.regressions();
    let lines: Vec<&str> = kept.lines().filter(|line| !line.starts_with('#')).collect();
    let expected = format!("{} {BROKEN}  # no-silent-panic", workspace.token);
    assert!(lines.len() == 1 && lines[0].starts_with(&expected), "{kept}");
    // The token of the finding and a manifest elsewhere are as good as its id.
    let manifest = workspace.root.join("Cargo.toml");
    let out = workspace.root.join("target/afterlife");
    let mut elsewhere = afterlife(Path::new("/"));
    elsewhere.args(["keep", &workspace.token, "--out"]).arg(out).arg("--manifest-path").arg(manifest);
    let kept = run(&mut elsewhere);
    assert!(kept.contains("already in "), "{kept}");
}

#[test]
fn a_finding_without_its_test_is_refused() {
    let workspace = Workspace::new("refused");
    let before = workspace.regressions();
    let source = workspace.root.join(SOURCE).with_extension("rs");
    let refused = |why: &str| {
        let kept = workspace.afterlife("", &["keep", &workspace.id]);
        assert!(kept.status.code() == Some(2) && text(&kept).contains(why), "{why}: {kept:?}");
        assert_eq!(text(&kept).lines().count(), 2, "{kept:?}");
    };
    fs::write(&source, "fn another_test() {}\n").expect("it is writable");
    refused("has no test `a_server_has_one_incarnation`");
    fs::remove_file(&source).expect("it was written");
    refused("shop has no file tests/attribute/regressions.rs");
    let unknown = workspace.afterlife("", &["keep", "00000000"]);
    assert!(
        unknown.status.code() == Some(2) && text(&unknown).contains("there is no finding `00000000`"),
        "{unknown:?}"
    );
    assert_eq!(workspace.regressions(), before);
}

#[test]
fn records_of_tests_are_shown_and_grouped_from_any_folder() {
    let workspace = Workspace::new("shown");
    let replay = format!("AFTERLIFE_REPLAY={} cargo test -p shop --test attribute {BROKEN} -- ", workspace.token);
    for folder in ["", "crates/stock/src"] {
        let shown = text(&workspace.afterlife(folder, &["show", &workspace.id]));
        assert!(labelled(&shown, "replay").is_some_and(|line| line.starts_with(&replay)), "{shown}");
        assert_eq!(labelled(&shown, "keep"), Some(&*format!("cargo afterlife keep {}", workspace.id)), "{shown}");
        let grouped = text(&workspace.afterlife(folder, &["triage"]));
        assert!(grouped.contains("1 signature in 1 record"), "{grouped}");
        assert!(labelled(&grouped, "replay").is_some_and(|line| line.starts_with(&replay)), "{grouped}");
    }
    let json = workspace.afterlife("crates/shop", &["show", "last", "--format", "json"]);
    let first = text(&json).lines().next().unwrap_or_default().to_owned();
    assert!(first.contains(r#""test":{"package":"shop","target":{"test":"attribute"}"#), "{first}");
    let record = workspace.afterlife("", &["audit", &labelled_record(&workspace)]);
    assert!(record.status.code() == Some(1) && text(&record).contains("server panicked"), "{record:?}");
}

fn labelled_record(workspace: &Workspace) -> String {
    let shown = text(&workspace.afterlife("", &["show", "last"]));
    labelled(&shown, "record").unwrap_or_default().to_owned()
}

/// A program in place of cargo that builds nothing: it has the metadata of cargo itself, and says that this binary was built.
fn cargo_that_built_this_binary(folder: &Path) -> PathBuf {
    let own = std::env::current_exe().expect("this process has an executable");
    let id = r#"$("$REAL" metadata --no-deps --format-version 1 | sed 's/.*"id":"\([^"]*shop[^"]*\)".*/\1/')"#;
    let message = r#"{"profile":{"test":true},"target":{"kind":["test"],"name":"attribute"},"executable":"OWN","package_id":"'"$id"'"}"#;
    let message = message.replace("OWN", &own.display().to_string());
    let script = format!(
        "#!/bin/sh\nif [ \"$1\" = metadata ]; then exec \"$REAL\" \"$@\"; fi\n\
         if [ \"$2\" != --no-run ]; then echo \"${{AFTERLIFE_KEEP:+keeps }}$AFTERLIFE_REPLAY $*\"; exit 7; fi\n\
         id={id}\necho '{message}'\n"
    );
    let cargo = folder.join("cargo-in-its-place");
    fs::write(&cargo, script).expect("the folder is writable");
    fs::set_permissions(&cargo, fs::Permissions::from_mode(0o755)).expect("it was written");
    cargo
}

#[test]
fn tests_are_listed_and_findings_replayed_by_their_tests() {
    let workspace = Workspace::new("listed");
    let cargo = cargo_that_built_this_binary(&workspace.root);
    let real = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let afterlife = |words: &[&str]| {
        let mut command = afterlife(&workspace.root.join("crates/shop"));
        command.args(words).env("CARGO", &cargo).env("REAL", &real).output().expect("the command can be started")
    };
    let listed = text(&afterlife(&["list"]));
    for path in [BROKEN, "regressions::without_a_regression::a_server_has_one_incarnation"] {
        assert!(listed.lines().any(|line| line == path), "{path}: {listed}");
    }
    let (_, after) = listed.split_once("reporter::a_client_ends\n").unwrap_or_else(|| panic!("{listed}"));
    let place = after.lines().next().unwrap_or_default();
    let expected = "  shop --test attribute  tests/attribute/reporter.rs:";
    assert!(place.starts_with(expected) && place.ends_with("  5 runs"), "{listed}");
    let replayed = afterlife(&["replay", &workspace.id]);
    let expected = format!("{} test -p shop --test attribute {BROKEN} -- --exact --nocapture\n", workspace.token);
    assert_eq!((replayed.status.code(), text(&replayed)), (Some(7), expected));
    let run = afterlife(&["run"]);
    assert!(run.status.code() == Some(2) && text(&run).contains("declares a program with scenarios"), "{run:?}");
}

/// A test whose scenario no other test has, and its token.
const TALKS: &str = "reports::broken::a_service_that_talks";

fn token_of_talks() -> String {
    let report = run(&mut test(TALKS, &folder("token"), &["--show-output"]));
    let replay = labelled(&report, "replay").unwrap_or_else(|| panic!("{report}"));
    replay.split([' ', '=']).nth(1).unwrap_or_default().to_owned()
}

#[test]
fn a_token_without_its_record_is_replayed_and_kept_by_its_test() {
    let workspace = Workspace::new("tokens");
    let cargo = cargo_that_built_this_binary(&workspace.root);
    let real = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let afterlife = |words: &[&str]| {
        let mut command = afterlife(&workspace.root.join("crates/stock"));
        command.args(words).env("CARGO", &cargo).env("REAL", &real).output().expect("the command can be started")
    };
    fs::remove_dir_all(workspace.root.join("target/afterlife")).expect("it was copied");
    let token = token_of_talks();
    let refused = |words: &[&str], why: &str| {
        let refused = afterlife(words);
        assert!(refused.status.code() == Some(2) && text(&refused).contains(why), "{why}: {refused:?}");
    };
    refused(&["keep", &token], "no test of this workspace has the scenario `a_service_that_talks`");
    assert_eq!(afterlife(&["replay", &token]).status.code(), Some(125), "`git bisect run` skips this code");
    // The scenario of this token is that of two tests.
    refused(&["replay", &workspace.token], "regressions::without_a_regression::a_server_has_one_incarnation both have");
    let source: PathBuf = [env!("CARGO_MANIFEST_DIR"), "tests/attribute/reports.rs"].iter().collect();
    let package = workspace.root.join("crates/shop");
    fs::copy(source, package.join("tests/attribute/reports.rs")).expect("the folder is writable");
    let started = format!("{token} test -p shop --test attribute {TALKS} -- --exact --nocapture\n");
    let replayed = afterlife(&["replay", &token]);
    assert_eq!((replayed.status.code(), text(&replayed)), (Some(7), started.clone()));
    let kept = afterlife(&["keep", &token]);
    assert_eq!((kept.status.code(), text(&kept)), (Some(7), format!("keeps {started}")));
    refused(&["replay", &token, "--until", "1s"], "--until needs a program with scenarios");
}

#[test]
fn a_test_keeps_a_run_that_breaks_it() {
    let package = folder("keeps");
    fs::create_dir_all(package.join("tests/attribute")).expect("the folder is writable");
    fs::write(package.join("tests/attribute/reports.rs"), "").expect("the folder is writable");
    let keep = |token: Option<&str>| {
        let mut command = test(TALKS, &package, &["--show-output"]);
        command.env("CARGO_MANIFEST_DIR", &package).env("AFTERLIFE_KEEP", "1").current_dir(&package);
        command.envs(token.map(|token| ("AFTERLIFE_REPLAY", token)));
        run(&mut command)
    };
    let token = token_of_talks();
    for said in ["added to ", "already in "] {
        let kept = keep(Some(&token));
        assert!(kept.contains(said) && kept.contains("reports.afterlife"), "{kept}");
    }
    let lines = fs::read_to_string(package.join("tests/attribute/reports.afterlife")).expect("it was written");
    assert_eq!(lines.lines().filter(|line| line.starts_with(&format!("{token} {TALKS}  # "))).count(), 1, "{lines}");
    let alone = keep(None);
    assert!(alone.contains("AFTERLIFE_KEEP keeps the run of a token, and there is none"), "{alone}");
}

/// A repository whose commits have these texts in the file `state`, each commit with its text as its message.
fn repository(folder: &Path, states: &[&str]) {
    let git = |words: &[&str]| {
        let mut git = Command::new("git");
        git.args(["-c", "user.name=a", "-c", "user.email=a@b", "-c", "commit.gpgsign=false"]).args(words);
        let output = git.current_dir(folder).output().expect("git is there: it brought this code");
        assert!(output.status.success(), "{words:?}: {output:?}");
    };
    git(&["init", "--quiet"]);
    git(&["add", "Cargo.toml", "crates"]);
    for state in states {
        fs::write(folder.join("state"), state).expect("it is writable");
        git(&["add", "state"]);
        git(&["commit", "--quiet", "--message", state]);
    }
}

#[test]
fn a_bisection_passes_over_commits_that_do_not_build() {
    let workspace = Workspace::new("bisected");
    let states = ["good 1", "good 2", "bad 3", "unbuilt 4", "unbuilt 5", "bad 6", "bad 7"];
    repository(&workspace.root, &states[..]);
    let cargo = workspace.root.join("target/cargo");
    let script = "#!/bin/sh\nif [ \"$1\" = metadata ]; then exec \"$REAL\" \"$@\"; fi\n\
                  case \"$(cat state) $2\" in unbuilt*--no-run) exit 101;; *--no-run) exit 0;; good*) exit 0;; *) exit 101;; esac\n";
    fs::write(&cargo, script).expect("the folder is writable");
    fs::set_permissions(&cargo, fs::Permissions::from_mode(0o755)).expect("it was written");
    let real = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let git = |words: &[&str]| {
        let mut git = Command::new("git");
        git.args(words).current_dir(&workspace.root).env("CARGO", &cargo).env("REAL", &real);
        text(&git.output().expect("git is there"))
    };
    git(&["bisect", "start", "HEAD", "HEAD~6"]);
    let log = git(&["bisect", "run", env!("CARGO_BIN_EXE_cargo-afterlife"), "replay", &workspace.id]);
    assert!(log.contains("the test does not build") && log.contains("is the first bad commit"), "{log}");
    assert_eq!(git(&["log", "-1", "--format=%s", "bisect/bad"]), "bad 3\n");
}
