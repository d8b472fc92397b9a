//! Symbols of this program, read from its own file: functions and statics by a part of their name, and the constants that hold addresses.
//! Read once in a process, before any run. A program without symbols, or with addresses of its own choice, has none.

use crate::host::system;
use crate::kernel::sched::fiber::address_of;
use object::NativeEndian;
use object::elf::{self, FileHeader64};
use object::read::elf::{FileHeader, ProgramHeader, SectionHeader, SectionTable, Sym};
use std::ops::Range;
use std::os::fd::AsRawFd;

/// The symbols of a program that match a name.
pub(crate) struct Symbols {
    /// The addresses and names of the functions whose name contains the bytes.
    pub(crate) functions: Vec<(usize, Vec<u8>)>,
    /// The section of constants that hold addresses.
    pub(crate) constants: Range<usize>,
    /// The part of the program that has been read-only since it was linked.
    pub(crate) sealed: Range<usize>,
}

impl Symbols {
    /// Reads this program's file for functions whose name contains these bytes.
    pub(crate) fn read(part: &[u8]) -> Option<Self> {
        of_this_program(|program| {
            Some(Self {
                functions: program.named(elf::STT_FUNC, part, None)?,
                constants: program.section(b".data.rel.ro")?,
                sealed: program.segment(elf::PT_GNU_RELRO)?,
            })
        })
    }
}

/// The addresses of this program's functions whose name contains these bytes.
pub(crate) fn functions(part: &[u8]) -> Vec<usize> {
    let found = of_this_program(|program| program.named(elf::STT_FUNC, part, None)).unwrap_or_default();
    found.into_iter().map(|(address, _)| address).collect()
}

/// Prepares the tables from which addresses of this program are computed.
pub(crate) fn prepare() {
    crate::kernel::sched::fiber::prepare();
}

/// The address of the static of this size whose name contains these bytes, if there is exactly one.
pub(crate) fn variable(part: &[u8], bytes: usize) -> Option<usize> {
    match of_this_program(|program| program.named(elf::STT_OBJECT, part, Some(bytes as u64)))?[..] {
        [(address, _)] => Some(address),
        _ => None,
    }
}

/// Calls `look` with this program's file.
fn of_this_program<T>(look: impl FnOnce(&Program<'_>) -> Option<T>) -> Option<T> {
    let file = std::fs::File::open("/proc/self/exe").ok()?;
    let length = usize::try_from(file.metadata().ok()?.len()).ok()?;
    let fd = file.as_raw_fd() as usize;
    let (read, private) = (libc::PROT_READ as usize, libc::MAP_PRIVATE as usize);
    // SAFETY: mmap(2) with a null address places a new mapping where nothing is mapped yet.
    let mapped = system::result(unsafe { system::call(libc::SYS_mmap, 0, length, read, private, fd, 0) });
    if mapped == -1 {
        return None;
    }
    // SAFETY: mmap(2) has mapped `length` readable bytes here, and they stay mapped until the munmap below. The file does not
    // change: open(2) refuses to write to a program that is being executed (ETXTBSY).
    let content = unsafe { std::slice::from_raw_parts(mapped as *const u8, length) };
    let found = Program::parse(content).and_then(|program| look(&program));
    // SAFETY: munmap(2) of the mapping made above. `content` is not used any more, and `T` borrows nothing from it.
    unsafe { system::call(libc::SYS_munmap, mapped as usize, length, 0, 0, 0, 0) };
    found
}

type Header = FileHeader64<NativeEndian>;

/// A program's file.
struct Program<'a> {
    file: &'a [u8],
    header: &'a Header,
    sections: SectionTable<'a, Header>,
    /// The address at which the file's address 0 is loaded.
    loaded: usize,
}

impl<'a> Program<'a> {
    fn parse(file: &'a [u8]) -> Option<Self> {
        let loaded = address_of(0)?;
        let header = Header::parse(file).ok()?;
        let sections = header.sections(NativeEndian, file).ok()?;
        Some(Self { file, header, sections, loaded })
    }

    /// The range of addresses at which a section is loaded.
    fn section(&self, name: &[u8]) -> Option<Range<usize>> {
        let (_, section) = self.sections.section_by_name(NativeEndian, name)?;
        Some(self.range(section.sh_addr(NativeEndian), section.sh_size(NativeEndian)))
    }

    /// The range of addresses of the first segment of this type.
    fn segment(&self, kind: elf::ProgramType) -> Option<Range<usize>> {
        let mut segments = self.header.program_headers(NativeEndian, self.file).ok()?.iter();
        let segment = segments.find(|segment| segment.p_type(NativeEndian) == kind)?;
        Some(self.range(segment.p_vaddr(NativeEndian), segment.p_memsz(NativeEndian)))
    }

    fn range(&self, from: u64, bytes: u64) -> Range<usize> {
        self.loaded + from as usize..self.loaded + (from + bytes) as usize
    }

    /// Addresses and names of the symbols of this type whose name contains these bytes.
    fn named(&self, kind: elf::SymbolType, part: &[u8], bytes: Option<u64>) -> Option<Vec<(usize, Vec<u8>)>> {
        let table = self.sections.symbols(NativeEndian, self.file, elf::SHT_SYMTAB).ok()?;
        let names = self.sections.section(table.string_section()).ok()?.data(NativeEndian, self.file).ok()?;
        // Searching all names at once takes a tenth of the time of reading each symbol's name.
        let wanted = hits(names, part);
        let named = table.iter().filter(|symbol| {
            symbol.st_type() == kind
                && bytes.is_none_or(|bytes| bytes == symbol.st_size(NativeEndian))
                && wanted.binary_search(&(symbol.st_name(NativeEndian) as usize)).is_ok()
        });
        let named = named.filter_map(|symbol| {
            let name = table.symbol_name(NativeEndian, symbol).ok()?;
            Some((self.loaded + symbol.st_value(NativeEndian) as usize, name.to_vec()))
        });
        Some(named.collect())
    }
}

/// The offsets of the names that contain `part`, in order.
fn hits(names: &[u8], part: &[u8]) -> Vec<usize> {
    let mut found = Vec::new();
    let mut from = 0;
    while let Some(rest) = names.get(from..).filter(|rest| !rest.is_empty()) {
        // SAFETY: memmem(3) reads both slices within the lengths that are passed. It is many times faster than a search in Rust
        // in a debug build.
        let hit = unsafe { libc::memmem(rest.as_ptr().cast(), rest.len(), part.as_ptr().cast(), part.len()) };
        if hit.is_null() {
            break;
        }
        let at = hit.addr() - names.as_ptr().addr();
        found.push(names[..at].iter().rposition(|byte| *byte == 0).map_or(0, |nul| nul + 1));
        from = at + names[at..].iter().position(|byte| *byte == 0).unwrap_or(names.len() - at);
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[unsafe(no_mangle)]
    static AFTERLIFE_SYMBOLS_TEST: u32 = 7;

    #[unsafe(no_mangle)]
    extern "C" fn afterlife_symbols_test() -> u32 {
        AFTERLIFE_SYMBOLS_TEST
    }

    #[test]
    fn a_function_and_a_static_are_found_where_they_are_loaded() {
        prepare();
        let symbols = Symbols::read(b"afterlife_symbols_tes").expect("a test's binary has symbols");
        let function = (afterlife_symbols_test as *const () as usize, b"afterlife_symbols_test".to_vec());
        assert_eq!(symbols.functions, [function]);
        assert_eq!(variable(b"AFTERLIFE_SYMBOLS_TEST", 4), Some((&raw const AFTERLIFE_SYMBOLS_TEST).addr()));
        assert_eq!(variable(b"AFTERLIFE_SYMBOLS_TEST", 8), None, "it has another size");
        assert!(!symbols.constants.is_empty() && symbols.sealed.start <= symbols.constants.start);
    }

    #[test]
    fn a_name_that_contains_the_part_is_a_hit_at_its_first_byte() {
        assert_eq!(hits(b"\0abc\0xbcd\0bb\0", b"bc"), [1, 5]);
        assert_eq!(hits(b"", b"bc"), []);
    }

    #[test]
    fn a_file_that_is_no_program_has_no_symbols() {
        assert!(Program::parse(b"#!/bin/sh\n").is_none());
    }
}
