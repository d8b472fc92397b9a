//! This test binary, started again as cargo starts it, and what it prints.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// An empty folder of this name.
pub(crate) fn folder(name: &str) -> PathBuf {
    let folder: PathBuf = [env!("CARGO_TARGET_TMPDIR"), "attribute", name].iter().collect();
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).expect("the folder of temporary files can be written to");
    folder
}

/// This binary with one test, whose findings are in this folder. No command of afterlife is installed.
pub(crate) fn test(path: &str, out: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(std::env::current_exe().expect("this process has an executable"));
    command.args([path, "--exact"]).args(arguments);
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("AFTERLIFE_")) {
        command.env_remove(name);
    }
    let environment =
        [("NO_COLOR", "1"), ("RUST_BACKTRACE", "1"), ("PATH", "/usr/bin:/bin"), ("CARGO_HOME", "/nowhere")];
    command.envs(environment).env_remove("NEXTEST").env_remove("CARGO_TERM_COLOR").env("AFTERLIFE_OUT", out);
    command
}

/// The output of a command.
pub(crate) fn text(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

/// The output of a command that is run to its end.
pub(crate) fn run(command: &mut Command) -> String {
    text(&command.output().expect("this executable can be started again"))
}

/// The rest of the line that begins with this label.
pub(crate) fn labelled<'a>(report: &'a str, label: &str) -> Option<&'a str> {
    report.lines().find_map(|line| line.trim_start().strip_prefix(label)?.strip_prefix(' ')).map(str::trim_start)
}
