//! The progress bar of a campaign on a terminal: a pseudo-terminal of the host, of some width.

use crate::harness::{Module, command, scenarios, trials};
use afterlife::Sim;
use std::fs::File;
use std::io::Read;
use std::os::fd::{FromRawFd, OwnedFd};
use std::process::Stdio;
use std::time::Duration;

pub(crate) fn module() -> Module {
    let scenarios = scenarios![sleeps_a_second];
    let trials = trials![
        a_bar_fits_a_terminal_of_60_columns,
        a_bar_fills_a_terminal_of_160_columns,
        the_columns_of_the_environment_count_more_than_the_terminals,
    ];
    Module::new(scenarios, trials)
}

fn sleeps_a_second(sim: &mut Sim) {
    sim.client_main("client", |_| {
        std::thread::sleep(Duration::from_secs(1));
        0
    });
}

/// Both ends of a terminal of this width: what is drawn, and the program's.
fn terminal(columns: u16) -> (File, OwnedFd) {
    let size = libc::winsize { ws_row: 24, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 };
    let (mut shown, mut own) = (-1, -1);
    // SAFETY: openpty(3) writes two descriptors, which nobody else owns, and reads one size; a terminal needs no name and no settings.
    unsafe {
        let made = libc::openpty(&mut shown, &mut own, std::ptr::null_mut(), std::ptr::null(), &size);
        assert_eq!(made, 0, "{}", std::io::Error::last_os_error());
        (File::from_raw_fd(shown), OwnedFd::from_raw_fd(own))
    }
}

/// Everything that a campaign draws on a terminal of this width, without control sequences.
fn drawn(columns: u16, variable: Option<&str>) -> Vec<String> {
    let (mut shown, own) = terminal(columns);
    let mut run = command(&["run", "sleeps_a_second", "--seeds", "0..600", "--jobs", "1"]);
    run.env_remove("CI").env_remove("COLUMNS").env("TERM", "xterm").stdin(Stdio::null()).stdout(Stdio::null());
    if let Some(columns) = variable {
        run.env("COLUMNS", columns);
    }
    let mut campaign = run.stderr(own).spawn().expect("this executable can be started again");
    // The terminal ends with its last owner, which is not this process.
    drop(run);
    let (mut bytes, mut part) = (Vec::new(), [0; 4_096]);
    while let Ok(count @ 1..) = shown.read(&mut part) {
        bytes.extend_from_slice(&part[..count]);
    }
    assert!(campaign.wait().expect("it ends").success());
    let text = String::from_utf8(bytes).expect("a bar is text");
    text.split(['\r', '\n']).map(plain).filter(|line| !line.is_empty()).collect()
}

/// A line without control sequences: an escape, a bracket, and whatever comes before the next letter.
fn plain(line: &str) -> String {
    let mut pieces = line.split("\u{1b}[");
    let first = pieces.next().unwrap_or_default().to_owned();
    let rest = pieces.map(|piece| piece.trim_start_matches(|sign: char| !sign.is_ascii_alphabetic()).get(1..));
    rest.flatten().fold(first, |text, piece| text + piece).trim_end().to_owned()
}

fn widest(lines: &[String]) -> usize {
    assert!(lines.iter().any(|line| line.contains(" of 600")), "{lines:?}");
    lines.iter().map(|line| line.chars().count()).max().unwrap_or_default()
}

fn a_bar_fits_a_terminal_of_60_columns() {
    let lines = drawn(60, None);
    assert!(widest(&lines) <= 60, "{lines:?}");
}

fn a_bar_fills_a_terminal_of_160_columns() {
    let lines = drawn(160, None);
    assert!((120..=160).contains(&widest(&lines)), "{lines:?}");
}

fn the_columns_of_the_environment_count_more_than_the_terminals() {
    let lines = drawn(160, Some("70"));
    assert!(widest(&lines) <= 70, "{lines:?}");
}
