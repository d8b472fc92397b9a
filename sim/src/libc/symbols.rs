//! Functions and statics of this program by a part of their name, and its table of constants that hold addresses, from its own file.
//! Read once in a process, before any run. A program without symbols, or with addresses of its own choice, has none.

use crate::host::system;
use crate::kernel::sched::fiber::address_of;
use std::os::fd::AsRawFd;

/// What is read of a program.
pub(crate) struct Symbols {
    /// Where functions lie in memory whose name contains what was asked for; with their names.
    pub(crate) functions: Vec<(usize, Vec<u8>)>,
    /// Where constants lie that hold addresses.
    pub(crate) constants: std::ops::Range<usize>,
    /// What of the program may not be written to any more since it was linked.
    pub(crate) sealed: std::ops::Range<usize>,
}

const HEADER: usize = size_of::<libc::Elf64_Ehdr>();
const SECTION: usize = size_of::<libc::Elf64_Shdr>();
const SYMBOL: usize = size_of::<libc::Elf64_Sym>();
const SEGMENT: usize = size_of::<libc::Elf64_Phdr>();
const FUNCTION: u8 = 2;

const VARIABLE: u8 = 1;

impl Symbols {
    /// Reads this program's file for functions whose name contains these bytes.
    pub(crate) fn read(part: &[u8]) -> Option<Self> {
        of_this_program(|program| {
            let constants = program.section(b".data.rel.ro")?;
            let sealed = program.segments().find(|it| it.p_type == libc::PT_GNU_RELRO)?;
            let place = |from: u64, size: u64| program.loaded + from as usize..program.loaded + (from + size) as usize;
            Some(Self {
                functions: program.named(FUNCTION, part, None)?,
                constants: place(constants.sh_addr, constants.sh_size),
                sealed: place(sealed.p_vaddr, sealed.p_memsz),
            })
        })
    }
}

/// What has to be there before addresses of this program can be told.
pub(crate) fn prepare() {
    crate::kernel::sched::fiber::prepare();
}

/// Where a static of this program lies in memory whose name contains these bytes, if there is exactly one of this size.
pub(crate) fn variable(part: &[u8], bytes: usize) -> Option<usize> {
    match of_this_program(|program| program.named(VARIABLE, part, Some(bytes as u64)))?[..] {
        [(address, _)] => Some(address),
        _ => None,
    }
}

/// Looks at this program's file.
fn of_this_program<T>(look: impl FnOnce(&Program<'_>) -> Option<T>) -> Option<T> {
    let file = std::fs::File::open("/proc/self/exe").ok()?;
    let length = usize::try_from(file.metadata().ok()?.len()).ok()?;
    let fd = file.as_raw_fd() as usize;
    let (read, private) = (libc::PROT_READ as usize, libc::MAP_PRIVATE as usize);
    // SAFETY: a fresh mapping that nothing else uses.
    let mapped = system::result(unsafe { system::call(libc::SYS_mmap, 0, length, read, private, fd, 0) });
    if mapped == -1 {
        return None;
    }
    // SAFETY: as long as was mapped; it is given back below. Nobody writes to a program that runs.
    let seen = Program::of(unsafe { std::slice::from_raw_parts(mapped as *const u8, length) }).and_then(|it| look(&it));
    // SAFETY: the mapping that was just made, to which nothing points any more.
    unsafe { system::call(libc::SYS_munmap, mapped as usize, length, 0, 0, 0, 0) };
    seen
}

/// A program's file.
struct Program<'a> {
    file: &'a [u8],
    /// Where in memory its address 0 is.
    loaded: usize,
    header: libc::Elf64_Ehdr,
    sections: Vec<libc::Elf64_Shdr>,
}

impl<'a> Program<'a> {
    fn of(file: &'a [u8]) -> Option<Self> {
        let loaded = address_of(0)?;
        // SAFETY: plain numbers, of any value.
        let header: libc::Elf64_Ehdr = unsafe { value(file, 0)? };
        if header.e_ident.get(..5)? != b"\x7fELF\x02" {
            return None;
        }
        let sections = (0..usize::from(header.e_shnum))
            // SAFETY: as above.
            .map_while(|index| unsafe { value(file, header.e_shoff as usize + index * SECTION) })
            .collect();
        Some(Self { file, loaded, header, sections })
    }

    fn content(&self, section: &libc::Elf64_Shdr) -> Option<&'a [u8]> {
        self.file.get(section.sh_offset as usize..)?.get(..section.sh_size as usize)
    }

    fn section(&self, name: &[u8]) -> Option<&libc::Elf64_Shdr> {
        let names = self.content(self.sections.get(usize::from(self.header.e_shstrndx))?)?;
        self.sections.iter().find(|it| text(names, it.sh_name as usize) == Some(name))
    }

    fn segments(&self) -> impl Iterator<Item = libc::Elf64_Phdr> {
        (0..usize::from(self.header.e_phnum)).filter_map(|index| {
            // SAFETY: plain numbers, of any value.
            unsafe { value(self.file, self.header.e_phoff as usize + index * SEGMENT) }
        })
    }

    /// Addresses and names of the symbols of this kind whose name contains these bytes.
    fn named(&self, kind: u8, part: &[u8], bytes: Option<u64>) -> Option<Vec<(usize, Vec<u8>)>> {
        let symbols = self.content(self.section(b".symtab")?)?;
        let strings = self.content(self.section(b".strtab")?)?;
        let wanted = hits(strings, part);
        let named = symbols.chunks_exact(SYMBOL).filter_map(|entry| {
            // SAFETY: plain numbers, of any value.
            let symbol: libc::Elf64_Sym = unsafe { value(entry, 0)? };
            let at = symbol.st_name as usize;
            let fits = bytes.is_none_or(|bytes| bytes == symbol.st_size);
            let of_interest = fits && symbol.st_info & 0xf == kind && wanted.binary_search(&at).is_ok();
            of_interest.then(|| Some((self.loaded + symbol.st_value as usize, text(strings, at)?.to_vec())))?
        });
        Some(named.collect())
    }
}

/// Where texts begin in which a part stands, in order.
fn hits(strings: &[u8], part: &[u8]) -> Vec<usize> {
    let mut found = Vec::new();
    let mut from = 0;
    while let Some(rest) = strings.get(from..).filter(|rest| !rest.is_empty()) {
        // SAFETY: two slices with their lengths. The C library's search: this one's goes byte by byte in debug builds.
        let hit = unsafe { libc::memmem(rest.as_ptr().cast(), rest.len(), part.as_ptr().cast(), part.len()) };
        if hit.is_null() {
            break;
        }
        let at = hit.addr() - strings.as_ptr().addr();
        let begin = strings[..at].iter().rposition(|byte| *byte == 0).map_or(0, |nul| nul + 1);
        found.push(begin);
        from = at + strings[at..].iter().position(|byte| *byte == 0).unwrap_or(strings.len() - at);
    }
    found
}

fn text(strings: &[u8], at: usize) -> Option<&[u8]> {
    let rest = strings.get(at..)?;
    rest.get(..rest.iter().position(|byte| *byte == 0)?)
}

/// # Safety
/// The type is one of plain numbers.
unsafe fn value<T: Copy>(bytes: &[u8], at: usize) -> Option<T> {
    let bytes = bytes.get(at..at.checked_add(size_of::<T>())?)?;
    // SAFETY: so many bytes are there, and any are a value.
    Some(unsafe { bytes.as_ptr().cast::<T>().read_unaligned() })
}

const _: () = assert!(HEADER == 64 && SECTION == 64 && SYMBOL == 24 && SEGMENT == 56);
