//! Walks stacks, by the call frame information that the program carries: the caller's own, and those of parked strands.
//! It gives return addresses; which lines of source they are is found out elsewhere, since that is slow.

use super::Fiber;
use gimli::{BaseAddresses, CfaRule, EhFrame, EhFrameHdr, NativeEndian, RegisterRule, UnwindContext, UnwindSection};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

/// Of a stack, so many of the innermost frames are taken.
pub(crate) const DEPTH: usize = 48;

/// Return addresses, innermost first, relative to where the program was loaded, so that another process of the same
/// program can tell what they are. Frames outside the program's own executable end it.
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

/// What a walk goes by: instruction, stack and frame pointer of one frame.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Registers {
    pub(crate) instruction: u64,
    pub(crate) stack: u64,
    pub(crate) frame: u64,
}

/// The executable in memory.
struct Program {
    base: u64,
    /// Where it is in memory, all of it.
    image: std::ops::Range<u64>,
    /// Where its instructions are.
    text: std::ops::Range<u64>,
    /// Its index of call frame information, and that information itself.
    index: &'static [u8],
    frames: &'static [u8],
    /// What is known of addresses already: pairs of an address and its [`Rule`]. Shared with the processes that are forked
    /// off this one: what one run has found out, no later one has to.
    rules: &'static [[AtomicU64; 2]],
}

/// How to get from a frame to its caller's: where the caller's stack pointer stood, and where the frame pointer was saved.
/// Packed into one number: bit 0 set; bit 1: reckoned from the frame pointer, not the stack pointer; bit 2: the frame
/// pointer was saved; 16 bits from bit 16: where, below that stack pointer; 32 bits from bit 32: how far up it is.
#[derive(Clone, Copy)]
struct Rule(u64);

impl Rule {
    /// Not to be walked: the end of a stack, or something that no compiler of Rust makes.
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
    /// The registers are those of a frame on a live stack, and the rule is that of its instruction.
    unsafe fn apply(self, at: Registers) -> Option<Registers> {
        if self.0 & 1 == 0 {
            return None;
        }
        let from = if self.0 & 2 == 0 { at.stack } else { at.frame };
        let stack = from.checked_add(self.0 >> 32)?;
        // A stack grows downwards, so that a caller's part of it lies above; anything else is no stack.
        if stack <= at.stack || !stack.is_multiple_of(8) {
            return None;
        }
        // SAFETY: between the frame's own end and its caller's, where the compiler says that these words are.
        let word = |below: u64| unsafe { ((stack - below) as *const u64).read() };
        let frame = if self.0 & 4 == 0 { at.frame } else { word(self.0 >> 16 & 0xffff) };
        Some(Registers { instruction: word(8), stack, frame })
    }
}

/// How many addresses are known at most: far more than return addresses are met in a run.
const RULES: usize = 1 << 15;

/// How many places are looked at for an address.
const TRIES: usize = 8;

static PROGRAM: OnceLock<Option<Program>> = OnceLock::new();

/// Reads what walks go by. Call it before a run, and before the process of a run is forked off: what is learnt of addresses
/// is then shared, and the memory for it lies where it always does.
pub(crate) fn prepare() {
    PROGRAM.get_or_init(Program::load);
}

/// Where a return address of a walk lies in this process; `None` if the program does not say where it was loaded.
pub(crate) fn address_of(frame: u32) -> Option<usize> {
    let program = PROGRAM.get_or_init(Program::load).as_ref()?;
    usize::try_from(program.base + u64::from(frame)).ok()
}

/// Whether an address lies in the executable: its code, constants or statics.
pub(crate) fn is_in_program(address: usize) -> bool {
    matches!(PROGRAM.get(), Some(Some(program)) if program.image.contains(&(address as u64)))
}

/// The caller's own stack.
#[cfg(target_arch = "x86_64")]
#[inline(never)]
pub(crate) fn own_stack() -> Trace {
    let (instruction, stack, frame): (u64, u64, u64);
    // SAFETY: reads registers.
    unsafe {
        std::arch::asm!(
            "lea {}, [rip]", "mov {}, rsp", "mov {}, rbp",
            out(reg) instruction, out(reg) stack, out(reg) frame,
            options(nomem, nostack)
        );
    }
    // SAFETY: this frame's own registers.
    unsafe { walk(Registers { instruction, stack, frame }) }
}

/// The caller's own stack: not to be had on this architecture yet.
#[cfg(not(target_arch = "x86_64"))]
pub(crate) fn own_stack() -> Trace {
    Trace::EMPTY
}

/// The stack of a strand that is parked. Of the one that runs, it would be where that was parked last: ask for
/// [`own_stack`] there.
pub(crate) fn stack_of(fiber: &Fiber) -> Trace {
    match fiber.parked_at() {
        // SAFETY: where it parked; whoever has the baton looks, so that nobody lets it go on meanwhile. Each word that is
        // read lies between two stack pointers that were there once, on a stack that stays mapped.
        Some(registers) => unsafe { walk(registers) },
        None => Trace::EMPTY,
    }
}

/// # Safety
/// The registers are those of a frame on a live stack that nobody changes meanwhile.
unsafe fn walk(mut at: Registers) -> Trace {
    let mut trace = Trace::EMPTY;
    let Some(Some(program)) = PROGRAM.get() else { return trace };
    while trace.len < DEPTH && program.text.contains(&at.instruction) {
        trace.frames[trace.len] = (at.instruction - program.base) as u32;
        trace.len += 1;
        // A return address may lie behind the last instruction of its function: the call itself is before it.
        // SAFETY: as the caller promises; each further frame is what the rule of the one before says.
        match unsafe { program.rule(at.instruction - 1).apply(at) } {
            Some(caller) => at = caller,
            None => break,
        }
    }
    trace
}

/// Room for the rules of one frame. Nothing here may allocate.
struct Storage;

impl gimli::UnwindContextStorage<usize> for Storage {
    type Rules = [(gimli::Register, RegisterRule<usize>); 32];
    type Stack = [gimli::UnwindTableRow<usize, Self>; 3];
}

impl Program {
    fn load() -> Option<Self> {
        let mut found: Option<Self> = None;
        // SAFETY: calls back at once, with what lives as long as the process.
        unsafe { libc::dl_iterate_phdr(Some(first_object), (&raw mut found).cast()) };
        found
    }

    fn rule(&self, address: u64) -> Rule {
        // Multiplicative hashing: the high bits of a product with 2^64 divided by the golden ratio.
        let first = (address.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 48) as usize;
        for at in first..first + TRIES {
            let [known, rule] = &self.rules[at % RULES];
            match known.load(Ordering::Acquire) {
                it if it == address => return Rule(rule.load(Ordering::Relaxed)),
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

/// Takes the first object, which is the executable, and stops.
unsafe extern "C" fn first_object(
    info: *mut libc::dl_phdr_info,
    _size: libc::size_t,
    found: *mut libc::c_void,
) -> libc::c_int {
    // SAFETY: the linker's own description of an object that stays loaded, and the caller's place for the answer.
    let (base, headers, found) = unsafe {
        let info = &*info;
        let headers = std::slice::from_raw_parts(info.dlpi_phdr, usize::from(info.dlpi_phnum));
        (info.dlpi_addr, headers, &mut *found.cast::<Option<Program>>())
    };
    let range = |header: &libc::Elf64_Phdr| base + header.p_vaddr..base + header.p_vaddr + header.p_memsz;
    let loaded = || headers.iter().filter(|header| header.p_type == libc::PT_LOAD);
    // SAFETY: mapped for reading, and never unmapped.
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
    // SAFETY: a fresh mapping that stays; zeroes are valid numbers.
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
            // Of a length that the compiler does not know: else it may write this loop out, and call from two places.
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
            // SAFETY: what `_Unwind_Backtrace` hands over, and the vector below.
            unsafe { (*into.cast::<Vec<u64>>()).push(_Unwind_GetIP(context) as u64) };
            0
        }
        // SAFETY: the vector outlives the call.
        unsafe { _Unwind_Backtrace(visit, (&raw mut theirs).cast()) };
        // The innermost frames differ; below this function both are the same.
        let ours: Vec<u64> = ours.frames().iter().map(|frame| base + u64::from(*frame)).collect();
        let common = theirs.iter().skip(1).take(3).filter(|address| ours.contains(address)).count();
        assert_eq!(common, 3, "{theirs:x?}\n{ours:x?}");
    }
}
