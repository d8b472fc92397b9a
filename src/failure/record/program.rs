//! The program that made a run, identified by a checksum of its file.

use afterlife_sim::choice::join;
use object::NativeEndian;
use object::elf::{FileHeader64, PT_LOAD, ProgramHeader64};
use object::read::elf::{FileHeader, ProgramHeader};
use serde::{Deserialize, Serialize};
use std::fs::File;
use std::io::Read;
use std::sync::OnceLock;

/// A program's file.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Program {
    /// The file's name.
    pub(crate) name: String,
    /// The file's length.
    pub(crate) bytes: u64,
    /// A checksum of the part that is loaded. It differs from build to build.
    pub(crate) sum: String,
}

impl Program {
    /// The program of this process. Its file is read once.
    pub(crate) fn of_this_process() -> Self {
        static THIS: OnceLock<Program> = OnceLock::new();
        THIS.get_or_init(|| {
            let path = std::env::current_exe().unwrap_or_default();
            let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
            // This path is the file that was started, even if another file has replaced it since.
            let file = File::open("/proc/self/exe");
            let bytes = file.as_ref().map_or(0, |file| file.metadata().map_or(0, |metadata| metadata.len()));
            let sum = file.and_then(|file| checksum(loaded(file)?)).map_or(0, |(_, sum)| sum);
            Self { name, bytes, sum: format!("{sum:016x}") }
        })
        .clone()
    }
}

/// The beginning of a file, aligned as the headers of an ELF file are.
#[repr(align(8))]
struct Head([u8; 4096]);

/// The part of a program that is loaded when it starts. Its symbols and debug information come last and are most of it.
fn loaded(mut file: File) -> std::io::Result<impl Read> {
    let mut head = Head([0; 4096]);
    let length = fill(&mut file, &mut head.0)?;
    let end = segments_end(&head.0[..length]).unwrap_or(u64::MAX);
    Ok(std::io::Cursor::new(head.0).take(length as u64).chain(file).take(end))
}

/// The offset at which the last loaded segment of an ELF file ends; `None` if this is not the beginning of one.
fn segments_end(head: &[u8]) -> Option<u64> {
    let header = FileHeader64::<NativeEndian>::parse(head).ok()?;
    let segments = header.program_headers(NativeEndian, head).ok()?.iter();
    let loaded = segments.filter(|segment| segment.p_type(NativeEndian) == PT_LOAD);
    let end = |segment: &ProgramHeader64<NativeEndian>| {
        segment.p_offset(NativeEndian).saturating_add(segment.p_filesz(NativeEndian))
    };
    loaded.map(end).max().filter(|end| *end > 0)
}

/// The number of bytes, and a checksum that depends on each of them.
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

/// Reads until the piece is full or the input ends.
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
    fn a_checksum_depends_on_every_byte_and_on_the_length() {
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
    fn the_loaded_part_of_a_program_ends_before_its_symbols() {
        let file = std::fs::read("/proc/self/exe").expect("this process has an executable");
        let mut head = Head([0; 4096]);
        head.0.copy_from_slice(&file[..4096]);
        let end = segments_end(&head.0).expect("it is an ELF file");
        assert!((4096..file.len() as u64).contains(&end), "{end} of {}", file.len());
        assert_eq!(segments_end(b"#!/bin/sh"), None);
    }
}
