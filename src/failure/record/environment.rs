//! What a run depends on beside its program and its token: the system, the machine, how the harness was built and told to run.
//! It names no variable that afterlife does not know, and no folder.

use super::format::Program;
use crate::runner::BATON;
use afterlife_sim::choice::join;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Read;
use std::sync::OnceLock;

/// Where a record was written.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Environment {
    /// The operating system: `linux`.
    pub(crate) os: String,
    /// Its kernel's release.
    pub(crate) kernel: String,
    /// The machine's architecture: `x86_64`.
    pub(crate) arch: String,
    /// The processor's model: libraries choose code by it.
    pub(crate) processor: String,
    /// How the harness was built: `debug` or `release`.
    pub(crate) profile: String,
    /// How the baton passes: `switch` or `futex`.
    pub(crate) baton: String,
    /// Variables that change how runs are carried out, if they were set.
    pub(crate) settings: BTreeMap<String, String>,
}

impl Environment {
    /// That of this process.
    pub(crate) fn of_this_process() -> Self {
        let text = |path: &str| fs::read_to_string(path).unwrap_or_default();
        let processors = text("/proc/cpuinfo");
        let model = processors.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
        Self {
            os: std::env::consts::OS.to_owned(),
            kernel: text("/proc/sys/kernel/osrelease").trim().to_owned(),
            arch: std::env::consts::ARCH.to_owned(),
            processor: model.map(|(_, model)| model.to_owned()).unwrap_or_default(),
            profile: if cfg!(debug_assertions) { "debug" } else { "release" }.to_owned(),
            baton: afterlife_sim::passing().to_owned(),
            settings: std::env::var(BATON).ok().map(|value| (BATON.to_owned(), value)).into_iter().collect(),
        }
    }

    /// What is otherwise here than there, in words.
    pub(crate) fn differences(&self, other: &Self) -> Vec<String> {
        let fields = [
            ("system", &self.os, &other.os),
            ("kernel", &self.kernel, &other.kernel),
            ("architecture", &self.arch, &other.arch),
            ("processor", &self.processor, &other.processor),
            ("profile", &self.profile, &other.profile),
            ("baton", &self.baton, &other.baton),
        ];
        let differ = fields.into_iter().filter(|(_, here, there)| here != there);
        differ.map(|(what, here, there)| format!("{what} {here}, and not {there}")).collect()
    }
}

impl Program {
    /// This process's. Its file is read once.
    pub(crate) fn of_this_process() -> Self {
        static THIS: OnceLock<Program> = OnceLock::new();
        THIS.get_or_init(|| {
            let path = std::env::current_exe().unwrap_or_default();
            let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
            // By this name it is the file that was started, even if another has taken its place meanwhile.
            let file = File::open("/proc/self/exe");
            let bytes = file.as_ref().map_or(0, |file| file.metadata().map_or(0, |it| it.len()));
            let sum = file.and_then(|file| checksum(loaded(file)?)).map_or(0, |(_, sum)| sum);
            Self { name, bytes, sum: format!("{sum:016x}") }
        })
        .clone()
    }
}

/// What of a program is loaded when it starts: all but its symbols and debug information, which are most of it and stand last.
fn loaded(mut file: File) -> std::io::Result<impl Read> {
    // The header of an ELF file and its table of segments; see elf(5) for the offsets.
    let mut head = [0; 4096];
    let length = fill(&mut file, &mut head)?;
    let number = |at: usize, bytes: usize| {
        let field = head.get(at..at + bytes).unwrap_or_default();
        field.iter().rev().fold(0_u64, |number, byte| number << 8 | u64::from(*byte))
    };
    let (table, size, count) = (number(32, 8), number(54, 2), number(56, 2));
    let segments = (0..count).map(|index| table.saturating_add(index * size) as usize);
    // Where there is no such table, everything counts.
    let ends = segments.filter(|at| number(*at, 4) == 1).map(|at| number(at + 8, 8).saturating_add(number(at + 32, 8)));
    let end = ends.max().filter(|end| *end > 0).unwrap_or(u64::MAX);
    Ok(std::io::Cursor::new(head).take(length as u64).chain(file).take(end))
}

/// How many bytes there are, and a number that changes with each of them.
fn checksum(mut from: impl Read) -> std::io::Result<(u64, u64)> {
    let mut piece = vec![0; 1 << 16];
    let (mut bytes, mut sum) = (0, 0);
    loop {
        let length = fill(&mut from, &mut piece)?;
        if length == 0 {
            return Ok((bytes, join(sum, bytes)));
        }
        piece[length..].fill(0);
        let words = piece[..length.next_multiple_of(8)].chunks_exact(8);
        for word in words {
            sum = join(sum, u64::from_le_bytes(word.try_into().unwrap_or_default()));
        }
        bytes += length as u64;
    }
}

/// Reads until the piece is full or there is no more.
fn fill(from: &mut impl Read, piece: &mut [u8]) -> std::io::Result<usize> {
    let mut length = 0;
    while length < piece.len() {
        match from.read(&mut piece[length..])? {
            0 => break,
            read => length += read,
        }
    }
    Ok(length)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_checksum_depends_on_every_byte_and_on_how_many_there_are() {
        let sum = |bytes: &[u8]| checksum(bytes).expect("a slice can be read");
        let long = vec![7; 100_000];
        assert_eq!(sum(&long), sum(&long));
        let mut other = long.clone();
        other[77_777] = 8;
        assert_ne!(sum(&long), sum(&other));
        assert_ne!(sum(&[1]), sum(&[1, 0]));
        assert_eq!(sum(&[]).0, 0);
    }

    #[test]
    fn what_is_written_down_names_no_folder_and_no_user() {
        let (environment, program) = (Environment::of_this_process(), Program::of_this_process());
        assert_eq!(environment.os, "linux");
        assert!(!environment.kernel.is_empty() && program.bytes > 0, "{environment:?} {program:?}");
        let text = serde_json::to_string(&(environment, program)).expect("it is data");
        for name in ["HOME", "USER", "PWD"] {
            let value = std::env::var(name).unwrap_or_default();
            assert!(value.len() < 5 || !text.contains(&value), "{name} is in {text}");
        }
    }
}
