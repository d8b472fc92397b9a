//! The program that a run was made with, identified by a checksum of its file.

use afterlife_sim::choice::join;
use serde::{Deserialize, Serialize};
use std::fs::File;
use std::io::Read;
use std::sync::OnceLock;

/// A program on disk.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Program {
    /// Its file's name.
    pub(crate) name: String,
    /// How long its file is.
    pub(crate) bytes: u64,
    /// A checksum of what is loaded of its file: another build has another one.
    pub(crate) sum: String,
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
}
