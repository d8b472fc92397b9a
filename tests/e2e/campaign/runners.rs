//! The conversation between a campaign and its runner processes survives anything that programs do to standard streams and
//! executables.

use crate::harness::{Module, cli, command, scenarios, trials};
use afterlife::Sim;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

pub(crate) fn module() -> Module {
    let scenarios = scenarios![talks_on_every_stream, sleeps_for_a_second];
    Module::new(scenarios, trials![a_scenario_may_use_standard_streams, a_runner_of_another_build_is_refused])
}

fn sleeps_for_a_second(sim: &mut Sim) {
    sim.client_main("client", |_| {
        std::thread::sleep(Duration::from_secs(1));
        0
    });
}

/// Runs outside of the simulation, as the functions of scenarios do.
fn talks_on_every_stream(sim: &mut Sim) {
    println!("a line on standard output");
    let noise = [0xff; 64];
    for stream in [libc::STDIN_FILENO, libc::STDOUT_FILENO] {
        // SAFETY: write(2) reads `noise`, which is as long as it says. Any descriptor may be passed to it and to close(2), and
        // nothing in a runner's child uses these two.
        unsafe {
            libc::write(stream, noise.as_ptr().cast(), noise.len());
            libc::close(stream);
        }
    }
    sleeps_for_a_second(sim);
}

fn a_scenario_may_use_standard_streams() {
    let run = cli(&["run", "talks_on_every_stream", "--seeds", "20", "--report", "json"]);
    assert_eq!(run.code, 0, "{run:?}");
}

/// A copy of this executable at a path. A copy that replaces another one is a file of its own, as a linker's output is.
fn install(at: &Path) {
    let draft = at.with_extension("new");
    fs::copy(std::env::current_exe().expect("this process has an executable"), &draft).expect("the disk has space");
    fs::rename(&draft, at).expect("it is the same folder");
}

fn a_runner_of_another_build_is_refused() {
    let folder: PathBuf = [env!("CARGO_TARGET_TMPDIR"), "another_build"].iter().collect();
    fs::create_dir_all(&folder).expect("the folder of temporary files can be written to");
    let program = folder.join("program");
    install(&program);
    let words = ["run", "sleeps_for_a_second", "--seeds", "100000", "--jobs", "1", "--report", "json"];
    let usual = command(&words);
    let mut copied = Command::new(&program);
    copied.args(words).envs(usual.get_envs().filter_map(|(name, value)| Some((name, value?))));
    let campaign = copied.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().expect("the copy can be started");
    std::thread::sleep(Duration::from_millis(500));
    install(&program);
    // One run in a hundred is repeated in a fresh process.
    let begun = Instant::now();
    let ended = campaign.wait_with_output().expect("it ends");
    fs::remove_dir_all(&folder).expect("it was written above");
    let said = String::from_utf8_lossy(&ended.stderr);
    assert!(said.contains("the runner process is another build of this program"), "{said}");
    assert_eq!(ended.status.code(), Some(2), "{said}");
    assert!(begun.elapsed() < Duration::from_secs(60), "{:?}", begun.elapsed());
}
