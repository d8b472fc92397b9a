//! Stack walks by the call frame information of the executable.
//! It returns addresses. They are resolved to source lines after the run, since that is slow.

use super::registers::Registers;
use gimli::{BaseAddresses, CfaRule, EhFrame, EhFrameHdr, NativeEndian, RegisterRule, UnwindContext, UnwindSection};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

/// The most frames of a stack that are recorded, innermost first.
pub(crate) const DEPTH: usize = 48;

/// Return addresses, innermost first, relative to the program's load address, so that another process of the same
/// program can resolve them. It ends at the first frame outside the executable.
pub(crate) struct Trace {
    frames: [u32; DEPTH],
    len: usize,
}

impl Trace {
    pub(crate) const EMPTY: Self = Self { frames: [0; DEPTH], len: 0 };

    pub(crate) fn frames(&self) -> &[u32] {
        &self.frames[..self.len]
    }
}

/// The executable in memory.
struct Program {
    base: u64,
    /// The addresses of all its segments.
    image: std::ops::Range<u64>,
    /// The addresses of its instructions.
    text: std::ops::Range<u64>,
    /// The index of its call frame information (`.eh_frame_hdr`), and that information itself (`.eh_frame`).
    index: &'static [u8],
    frames: &'static [u8],
    /// A cache of rules: pairs of an address and its [`Rule`]. It is shared with forked processes, so that a rule that
    /// one run looked up is there for later ones.
    rules: &'static [[AtomicU64; 2]],
}

/// The step from a frame to its caller's: the caller's stack pointer, and the saved frame pointer. Packed into one
/// number: bit 0 is set; bit 1: relative to the frame pointer, not the stack pointer; bit 2: the frame pointer was
/// saved; 16 bits from bit 16: its distance below the caller's stack pointer; 32 bits from bit 32: the distance up to
/// that stack pointer.
#[derive(Clone, Copy)]
struct Rule(u64);

impl Rule {
    /// No step: the end of a stack, or a rule that Rust's compiler does not emit.
    const END: Self = Self(1 << 3);

    fn new(by_frame_pointer: bool, up: u32, saved: Option<u16>) -> Self {
        Self(
            1 | u64::from(by_frame_pointer) << 1
                | u64::from(saved.is_some()) << 2
                | u64::from(saved.unwrap_or(0)) << 16
                | u64::from(up) << 32,
        )
    }

    /// The caller's registers.
    ///
    /// # Safety
    /// The registers are those of a frame on a mapped stack, and the rule is that of its instruction.
    unsafe fn apply(self, at: Registers) -> Option<Registers> {
        if self.0 & 1 == 0 {
            return None;
        }
        let from = if self.0 & 2 == 0 { at.stack } else { at.frame };
        let stack = from.checked_add(self.0 >> 32)?;
        // A stack grows downwards, so that the caller's frame lies above; anything else is not a stack.
        if stack <= at.stack || !stack.is_multiple_of(8) {
            return None;
        }
        // SAFETY: the call frame information places these words between the frame's stack pointer and its caller's, and
        // the caller promises that the stack is mapped.
        let word = |below: u64| unsafe { ((stack - below) as *const u64).read() };
        let frame = if self.0 & 4 == 0 { at.frame } else { word(self.0 >> 16 & 0xffff) };
        Some(Registers { instruction: word(8), stack, frame })
    }
}

/// The size of the cache: far more than the distinct return addresses of a run.
const RULES: usize = 1 << 15;

/// The number of slots that are tried for an address.
const TRIES: usize = 8;

static PROGRAM: OnceLock<Option<Program>> = OnceLock::new();

/// Reads the call frame information. Call it before the process of a run is forked: then all runs share the cache, and
/// its address is always the same.
pub(crate) fn prepare() {
    PROGRAM.get_or_init(Program::load);
}

/// The address in this process of a return address of a walk; `None` if the load address is unknown.
pub(crate) fn address_of(frame: u32) -> Option<usize> {
    let program = PROGRAM.get_or_init(Program::load).as_ref()?;
    usize::try_from(program.base + u64::from(frame)).ok()
}

/// Returns whether an address lies in the executable: its code, constants or statics.
pub(crate) fn is_in_program(address: usize) -> bool {
    matches!(PROGRAM.get(), Some(Some(program)) if program.image.contains(&(address as u64)))
}

/// The caller's own stack.
#[cfg(target_arch = "x86_64")]
#[inline(never)]
pub(crate) fn own_stack() -> Trace {
    let (instruction, stack, frame): (u64, u64, u64);
    // SAFETY: the instructions copy registers and access no memory.
    unsafe {
        std::arch::asm!(
            "lea {}, [rip]", "mov {}, rsp", "mov {}, rbp",
            out(reg) instruction, out(reg) stack, out(reg) frame,
            options(nomem, nostack)
        );
    }
    // SAFETY: these are this frame's registers; the frames above it stay on the stack until this function returns.
    unsafe { walk(Registers { instruction, stack, frame }) }
}

/// The caller's own stack: empty, since walks are not supported on this architecture.
#[cfg(not(target_arch = "x86_64"))]
pub(crate) fn own_stack() -> Trace {
    Trace::EMPTY
}

/// Walks a stack from these registers.
///
/// # Safety
/// The registers are those of a frame on a mapped stack that nothing changes during the walk.
pub(super) unsafe fn walk(mut at: Registers) -> Trace {
    let mut trace = Trace::EMPTY;
    let Some(Some(program)) = PROGRAM.get() else { return trace };
    while trace.len < DEPTH && program.text.contains(&at.instruction) {
        trace.frames[trace.len] = (at.instruction - program.base) as u32;
        trace.len += 1;
        // A return address may lie behind the last instruction of its function; the call is right before it. SAFETY:
        // the caller promises this for the first frame. The rule of a frame computes the registers of its caller's, on
        // the same stack.
        match unsafe { program.rule(at.instruction - 1).apply(at) } {
            Some(caller) => at = caller,
            None => break,
        }
    }
    trace
}

/// Storage for the rules of one frame. Nothing here may allocate.
struct Storage;

impl gimli::UnwindContextStorage<usize> for Storage {
    type Rules = [(gimli::Register, RegisterRule<usize>); 32];
    type Stack = [gimli::UnwindTableRow<usize, Self>; 3];
}

impl Program {
    fn load() -> Option<Self> {
        let mut found: Option<Self> = None;
        // SAFETY: dl_iterate_phdr(3) calls `first_object` before it returns, with the address of `found`, which is
        // alive then.
        unsafe { libc::dl_iterate_phdr(Some(first_object), (&raw mut found).cast()) };
        found
    }

    fn rule(&self, address: u64) -> Rule {
        // Multiplicative hashing: the high bits of a product with 2^64 divided by the golden ratio.
        let first = (address.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 48) as usize;
        for at in first..first + TRIES {
            let [known, rule] = &self.rules[at % RULES];
            match known.load(Ordering::Acquire) {
                known if known == address => return Rule(rule.load(Ordering::Relaxed)),
                0 => {
                    let found = self.look_up(address).unwrap_or(Rule::END);
                    rule.store(found.0, Ordering::Relaxed);
                    known.store(address, Ordering::Release);
                    return found;
                }
                _ => {}
            }
        }
        self.look_up(address).unwrap_or(Rule::END)
    }

    #[cold]
    fn look_up(&self, address: u64) -> Option<Rule> {
        let bases = BaseAddresses::default()
            .set_eh_frame_hdr(self.index.as_ptr().addr() as u64)
            .set_eh_frame(self.frames.as_ptr().addr() as u64);
        let index = EhFrameHdr::new(self.index, NativeEndian).parse(&bases, 8).ok()?;
        let frames = EhFrame::new(self.frames, NativeEndian);
        let mut context = UnwindContext::<usize, Storage>::new_in();
        let table = index.table()?;
        let get_cie = |frames: &EhFrame<_>, bases: &BaseAddresses, at| frames.cie_from_offset(bases, at);
        let row = table.unwind_info_for_address(&frames, &bases, &mut context, address, get_cie).ok()?;
        let CfaRule::RegisterAndOffset { register, offset } = row.cfa() else { return None };
        let by_frame_pointer = match *register {
            gimli::X86_64::RSP => false,
            gimli::X86_64::RBP => true,
            _ => return None,
        };
        if row.register(gimli::X86_64::RA) != Some(RegisterRule::Offset(-8)) {
            return None;
        }
        let saved = match row.register(gimli::X86_64::RBP) {
            None | Some(RegisterRule::SameValue | RegisterRule::Undefined) => None,
            Some(RegisterRule::Offset(offset)) => Some(u16::try_from(-offset).ok()?),
            Some(_) => return None,
        };
        Some(Rule::new(by_frame_pointer, u32::try_from(*offset).ok()?, saved))
    }
}

/// Reads the first object, which is the executable, and stops the iteration.
unsafe extern "C" fn first_object(
    info: *mut libc::dl_phdr_info,
    _size: libc::size_t,
    found: *mut libc::c_void,
) -> libc::c_int {
    // SAFETY: dl_iterate_phdr(3) passes a valid description of a loaded object, whose headers stay mapped since the
    // executable is never unloaded; `found` is the address that `load` passed.
    let (base, headers, found) = unsafe {
        let info = &*info;
        let headers = std::slice::from_raw_parts(info.dlpi_phdr, usize::from(info.dlpi_phnum));
        (info.dlpi_addr, headers, &mut *found.cast::<Option<Program>>())
    };
    let range = |header: &libc::Elf64_Phdr| base + header.p_vaddr..base + header.p_vaddr + header.p_memsz;
    let loaded = || headers.iter().filter(|header| header.p_type == libc::PT_LOAD);
    // SAFETY: the dynamic linker has mapped the executable's segments readable, and never unmaps them.
    let slice = |range: std::ops::Range<u64>| unsafe {
        std::slice::from_raw_parts(range.start as *const u8, (range.end - range.start) as usize)
    };
    *found = (|| {
        let text = loaded().find(|header| header.p_flags & libc::PF_X != 0).map(range)?;
        let image = loaded().map(range).reduce(|all, one| all.start.min(one.start)..all.end.max(one.end))?;
        let index = slice(headers.iter().find(|header| header.p_type == libc::PT_GNU_EH_FRAME).map(range)?);
        let bases = BaseAddresses::default().set_eh_frame_hdr(index.as_ptr().addr() as u64);
        let gimli::Pointer::Direct(start) = EhFrameHdr::new(index, NativeEndian).parse(&bases, 8).ok()?.eh_frame_ptr()
        else {
            return None;
        };
        let end = loaded().map(range).find(|range| range.contains(&start))?.end;
        Some(Program { base, image, text, index, frames: slice(start..end), rules: shared_rules()? })
    })();
    1
}

fn shared_rules() -> Option<&'static [[AtomicU64; 2]]> {
    let bytes = RULES * size_of::<[AtomicU64; 2]>();
    let (protection, flags) = (libc::PROT_READ | libc::PROT_WRITE, libc::MAP_SHARED | libc::MAP_ANONYMOUS);
    // SAFETY: mmap(2) returned a new mapping of this size, which is never unmapped; zeroes are valid atomic numbers.
    unsafe {
        let mapped =
            crate::host::system::call(libc::SYS_mmap, 0, bytes, protection as usize, flags as usize, usize::MAX, 0);
        let mapped = crate::host::system::result(mapped);
        (mapped != -1).then(|| std::slice::from_raw_parts(mapped as *const [AtomicU64; 2], RULES))
    }
}

#[cfg(all(test, target_arch = "x86_64"))]
mod tests {
    use super::*;

    #[inline(never)]
    fn deep(levels: u32, then: &dyn Fn() -> Trace) -> Trace {
        if levels == 0 { then() } else { std::hint::black_box(deep(std::hint::black_box(levels - 1), then)) }
    }

    #[test]
    fn a_walk_goes_through_every_caller_and_is_the_same_twice() {
        prepare();
        let walked = |levels| {
            let mut both = [Trace::EMPTY, Trace::EMPTY];
            // The compiler does not know the length: otherwise it might unroll this loop, and call from two addresses.
            for trace in std::hint::black_box(&mut both[..]) {
                *trace = deep(levels, &own_stack);
            }
            assert_eq!(both[0].frames(), both[1].frames());
            both[0].frames().len()
        };
        assert_eq!(walked(9) - walked(2), 7);
        assert_eq!(walked(200), DEPTH);
    }

    #[test]
    fn a_walk_agrees_with_the_unwinder_of_the_standard_library() {
        prepare();
        let ours = deep(3, &own_stack);
        let base = PROGRAM.get().and_then(Option::as_ref).map_or(0, |program| program.base);
        let mut theirs = Vec::new();
        unsafe extern "C" {
            fn _Unwind_Backtrace(
                visit: extern "C" fn(*mut libc::c_void, *mut libc::c_void) -> libc::c_int,
                into: *mut libc::c_void,
            ) -> libc::c_int;
            fn _Unwind_GetIP(context: *mut libc::c_void) -> libc::uintptr_t;
        }
        extern "C" fn visit(context: *mut libc::c_void, into: *mut libc::c_void) -> libc::c_int {
            // SAFETY: `_Unwind_Backtrace` passes a valid context, and the address of the vector below.
            unsafe { (*into.cast::<Vec<u64>>()).push(_Unwind_GetIP(context) as u64) };
            0
        }
        // SAFETY: `_Unwind_Backtrace` calls `visit` before it returns; the vector outlives the call.
        unsafe { _Unwind_Backtrace(visit, (&raw mut theirs).cast()) };
        // The innermost frames differ; the callers of this function are the same.
        let ours: Vec<u64> = ours.frames().iter().map(|frame| base + u64::from(*frame)).collect();
        let common = theirs.iter().skip(1).take(3).filter(|address| ours.contains(address)).count();
        assert_eq!(common, 3, "{theirs:x?}\n{ours:x?}");
    }
}
