//! The memory of a thread without a kernel thread: stack, thread-locals and control block, in the C library's layout.
//! It runs nothing. Where that layout is unknown, there is no such memory, and fibers are created as pthreads.
//!
//! In user-space mode the kernel thread behind a fiber would be parked for ever: its creation costs a system call, a
//! round trip through the kernel's scheduler and several page faults, and nothing uses it. The C library's own
//! `_dl_allocate_tls` makes the thread-locals; the control block is a copy of one that `pthread_create` made, with
//! pointers into itself relocated.

use crate::host::system;
use libc::{c_int, c_void, pthread_attr_t, pthread_t};
use std::ffi::CStr;
use std::sync::{Mutex, OnceLock, PoisonError};

/// Address space for stacks, reserved at once so that the address of a stack depends only on the stacks before it.
const RESERVED_BYTES: usize = 64 << 30;
const PAGE: usize = 4096;
/// Offsets of stacks. Stacks that all began at the same offset in their page would compete for a few cache lines: each
/// begins a bit lower than the one before, by up to a page.
const COLOURS: usize = 16;
const COLOUR_BYTES: usize = PAGE / COLOURS;
/// The part of a new stack that is certainly used: it is populated by one system call instead of page faults.
const TOUCHED_BYTES: usize = 3 * PAGE;
/// The stack of the thread that the pattern is taken from. An unusual size, so that it can be found in the control
/// block.
const PATTERN_STACK_BYTES: usize = 29 * PAGE;

type AllocateTls = unsafe extern "C" fn(*mut c_void) -> *mut c_void;
type FreeTls = unsafe extern "C" fn(*mut c_void, bool);
type Begin = unsafe extern "C" fn();

/// The layout of the C library's threads.
struct Pattern {
    /// The control block of a thread that had just started, as it was at address `home`.
    words: Vec<usize>,
    home: usize,
    /// The index in it of the stack's base, which its size and the size of the guard follow.
    stack_word: usize,
    /// The index in it of the kernel's number of the thread, in halves of words.
    number_half: usize,
    stack_bytes: usize,
    allocate: AllocateTls,
    free: FreeTls,
    begin: Begin,
}

/// The address space of stacks, and the stacks that can be used again.
struct Stacks {
    next: usize,
    end: usize,
    made: usize,
    free: Vec<Memory>,
}

static PATTERN: OnceLock<Option<Pattern>> = OnceLock::new();
static STACKS: Mutex<Stacks> = Mutex::new(Stacks { next: 0, end: 0, made: 0, free: Vec::new() });

/// The memory of one thread.
#[derive(Clone, Copy)]
pub(crate) struct Memory {
    base: usize,
    bytes: usize,
    colour: usize,
    /// Its control block, which is also its `pthread_t`; 0 while there is none.
    control: usize,
}

impl Memory {
    /// The address of the control block: the thread's `pthread_t`, and its thread pointer.
    pub(crate) fn control(&self) -> usize {
        self.control
    }

    /// The thread's number for the C library, one that no kernel thread has.
    fn number(&self) -> u32 {
        1 << 30 | (self.base / PAGE) as u32 & ((1 << 30) - 1)
    }

    /// Gives the thread the number of the calling kernel thread during `work`, which queries the kernel about it.
    pub(crate) fn with_a_kernel_thread<R>(&self, work: impl FnOnce() -> R) -> R {
        let set = |number| {
            if let Some(Some(pattern)) = PATTERN.get() {
                // SAFETY: `make` allocated this control block with `_dl_allocate_tls`. Only the running thread of the
                // simulation gets here, so that no other reference to the block is alive.
                pattern.set_number(unsafe { pattern.block(self.control) }, number);
            }
        };
        // SAFETY: gettid(2) takes no arguments and always succeeds.
        set(unsafe { system::call(libc::SYS_gettid, 0, 0, 0, 0, 0, 0) } as u32);
        let result = work();
        set(self.number());
        result
    }

    /// The upper end of the stack, where it begins.
    pub(crate) fn top(&self) -> usize {
        self.base + self.bytes - self.colour
    }
}

/// Learns the layout of threads, once in a process. Best called before a fork: it creates two threads.
pub(crate) fn learn() -> bool {
    PATTERN.get_or_init(pattern).is_some()
}

/// Fills the C library's tables of the calling thread, at its start.
pub(crate) fn begin() {
    if let Some(Some(pattern)) = PATTERN.get() {
        // SAFETY: `__ctype_init` takes no arguments, and sets thread-locals of the calling thread.
        unsafe { (pattern.begin)() };
    }
}

/// Allocates the memory of a thread with these attributes; `None` if it must be a pthread.
pub(crate) fn make(attributes: *const pthread_attr_t) -> Option<Memory> {
    let pattern = PATTERN.get()?.as_ref()?;
    let bytes = stack_bytes(attributes, pattern)?;
    let mut memory = STACKS.lock().unwrap_or_else(PoisonError::into_inner).take(bytes)?;
    // SAFETY: `_dl_allocate_tls` with a null pointer allocates thread-locals and an empty control block, and returns
    // the block's address, or null.
    memory.control = unsafe { (pattern.allocate)(std::ptr::null_mut()) }.addr();
    if memory.control == 0 {
        give_back(memory);
        return None;
    }
    // SAFETY: the block was allocated just now, so that no other reference to it exists.
    pattern.write(unsafe { pattern.block(memory.control) }, &memory);
    Some(memory)
}

/// Takes back the memory of a thread that has ended: its number may be assigned again.
///
/// # Panics
/// If this runs on the stack that is given back: that thread needs its stack and thread-locals up to its last
/// instruction.
pub(crate) fn give_back(mut memory: Memory) {
    let here = (&raw const memory).addr();
    assert!(
        !(memory.base..memory.base + memory.bytes).contains(&here),
        "the memory of the calling thread was given back"
    );
    if let (Some(Some(pattern)), true) = (PATTERN.get(), memory.control != 0) {
        // SAFETY: `_dl_allocate_tls` allocated this control block, and the caller promises that its thread has ended.
        // `control` is then set to 0, so that it is freed once.
        unsafe { (pattern.free)(memory.control as *mut c_void, true) };
        memory.control = 0;
    }
    STACKS.lock().unwrap_or_else(PoisonError::into_inner).free.push(memory);
}

fn stack_bytes(attributes: *const pthread_attr_t, pattern: &Pattern) -> Option<usize> {
    if attributes.is_null() {
        return Some(pattern.stack_bytes);
    }
    let mut base = std::ptr::null_mut();
    let mut bytes = 0;
    // SAFETY: the program passed these attributes to `pthread_create`, whose contract is that `pthread_attr_init` made
    // them.
    let error = unsafe { libc::pthread_attr_getstack(attributes, &mut base, &mut bytes) };
    // Without a stack of the program's own, the C library computes the base as the null pointer minus the size.
    let own = base.addr() != 0usize.wrapping_sub(bytes);
    // SAFETY: as above: attributes that `pthread_attr_init` made.
    let error = error | unsafe { libc::pthread_attr_getstacksize(attributes, &mut bytes) };
    (error == 0 && !own).then(|| bytes.next_multiple_of(PAGE))
}

impl Stacks {
    /// A stack of this size, with an inaccessible page below it.
    fn take(&mut self, bytes: usize) -> Option<Memory> {
        if let Some(at) = self.free.iter().rposition(|memory| memory.bytes == bytes) {
            return Some(self.free.swap_remove(at));
        }
        if self.next + PAGE + bytes > self.end {
            self.next = map(std::cmp::max(RESERVED_BYTES, 2 * bytes), libc::PROT_NONE)?;
            self.end = self.next + std::cmp::max(RESERVED_BYTES, 2 * bytes);
        }
        let base = self.next + PAGE;
        let usable = (libc::PROT_READ | libc::PROT_WRITE) as usize;
        // SAFETY: this range lies in a mapping of `map`, above every stack that was handed out, so that nothing uses
        // it.
        if unsafe { system::call(libc::SYS_mprotect, base, bytes, usable, 0, 0, 0) } != 0 {
            return None;
        }
        self.next = base + bytes;
        let colour = self.made % COLOURS * COLOUR_BYTES;
        self.made += 1;
        let from = (base + bytes - colour - TOUCHED_BYTES) & !(PAGE - 1);
        // SAFETY: madvise(2) with `MADV_POPULATE_WRITE` changes no content. A kernel that does not know this advice
        // refuses it.
        unsafe {
            system::call(libc::SYS_madvise, from, base + bytes - from, libc::MADV_POPULATE_WRITE as usize, 0, 0, 0)
        };
        Some(Memory { base, bytes, colour, control: 0 })
    }
}

/// Maps address space, which costs nothing until it is used.
fn map(bytes: usize, protection: c_int) -> Option<usize> {
    let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE | libc::MAP_STACK;
    // SAFETY: a new anonymous mapping, of which mmap(2) chooses the address, overlaps no other memory.
    let mapped = unsafe { system::call(libc::SYS_mmap, 0, bytes, protection as usize, flags as usize, usize::MAX, 0) };
    usize::try_from(mapped).ok()
}

impl Pattern {
    /// A control block as words.
    ///
    /// # Safety
    /// `control` is the address of a control block, and nothing else accesses it during the lifetime.
    unsafe fn block<'a>(&self, control: usize) -> &'a mut [usize] {
        // SAFETY: a control block has `_thread_db_sizeof_pthread` bytes, which is the length of `words`; the caller
        // promises the rest.
        unsafe { std::slice::from_raw_parts_mut(control as *mut usize, self.words.len()) }
    }

    /// Writes the control block of a thread with this memory.
    fn write(&self, block: &mut [usize], memory: &Memory) {
        const DTV_WORD: usize = 1;
        let size = size_of_val(block);
        for (index, (target, word)) in block.iter_mut().zip(&self.words).enumerate() {
            *target = match word.wrapping_sub(self.home) {
                _ if index == DTV_WORD => continue, // `_dl_allocate_tls` has set it
                offset if offset < size => memory.control + offset,
                _ => *word,
            };
        }
        // As the C library does for a stack with a guard: the usable part, and the size of the page below.
        block[self.stack_word] = memory.base;
        block[self.stack_word + 1] = memory.bytes;
        block[self.stack_word + 3] = PAGE;
        self.set_number(block, memory.number());
    }

    fn set_number(&self, block: &mut [usize], number: u32) {
        let half = self.number_half % 2 * 32;
        let word = &mut block[self.number_half / 2];
        *word = *word & !(0xffff_ffff << half) | (number as usize) << half;
    }
}

/// The control block of a real pthread, as that thread copied it.
struct Model {
    words: Vec<usize>,
    home: usize,
    number: u32,
    stack: usize,
}

fn pattern() -> Option<Pattern> {
    if !cfg!(all(target_arch = "x86_64", target_env = "gnu")) {
        return None; // the layout differs elsewhere
    }
    let (allocate, free) = (find(c"_dl_allocate_tls")?, find(c"_dl_deallocate_tls")?);
    let (begin, size) = (find(c"__ctype_init")?, find(c"_thread_db_sizeof_pthread")?);
    // SAFETY: glibc has exported these functions with these signatures, for libthread_db and its loader, since version
    // 2.3, and
    // `_thread_db_sizeof_pthread` as a `u32`.
    let (allocate, free, begin, size) = unsafe {
        (
            std::mem::transmute::<*mut c_void, AllocateTls>(allocate),
            std::mem::transmute::<*mut c_void, FreeTls>(free),
            std::mem::transmute::<*mut c_void, Begin>(begin),
            *size.cast::<u32>() as usize,
        )
    };
    if !(512..16 * 1024).contains(&size) || !size.is_multiple_of(8) {
        return None;
    }
    // Two, so that a number that one contains by chance is not found in the other.
    let (first, second) = (model(size)?, model(size)?);
    let itself = |model: &Model| model.words[0] == model.home && model.words[2] == model.home;
    let stack = |model: &Model, at: usize| model.words[at..].starts_with(&[model.stack, PATTERN_STACK_BYTES, 0, 0]);
    let number = |model: &Model, half: usize| (model.words[half / 2] >> (half % 2 * 32)) as u32 == model.number;
    let words = size / 8;
    let stacks: Vec<usize> = (0..words - 3).filter(|at| stack(&first, *at) && stack(&second, *at)).collect();
    let numbers: Vec<usize> = (0..2 * words).filter(|at| number(&first, *at) && number(&second, *at)).collect();
    let (&[stack_word], &[number_half], true) = (&stacks[..], &numbers[..], itself(&first) && itself(&second)) else {
        return None;
    };
    let (mut words, home) = (first.words, first.home);
    for word in &mut words {
        // Pointers into the model's frames mean nothing elsewhere. Its control block lies on its stack, too.
        if (first.stack..=first.stack + PATTERN_STACK_BYTES).contains(word) && !(home..home + size).contains(word) {
            *word = 0;
        }
    }
    Some(Pattern { words, home, stack_word, number_half, stack_bytes: default_stack_bytes()?, allocate, free, begin })
}

fn find(name: &CStr) -> Option<*mut c_void> {
    // SAFETY: dlsym(3) takes the default handle and a string that ends in NUL.
    let found = unsafe { system::symbol(libc::RTLD_DEFAULT, name) };
    (!found.is_null()).then_some(found)
}

fn default_stack_bytes() -> Option<usize> {
    let mut bytes = 0;
    // SAFETY: `pthread_attr_init` initializes the attributes before they are read and destroyed.
    unsafe {
        let mut attributes: pthread_attr_t = std::mem::zeroed();
        let error = libc::pthread_attr_init(&mut attributes) | libc::pthread_attr_getstacksize(&attributes, &mut bytes);
        libc::pthread_attr_destroy(&mut attributes);
        (error == 0).then(|| bytes.next_multiple_of(PAGE))
    }
}

/// Creates a pthread that copies its own control block.
fn model(size: usize) -> Option<Model> {
    let stack = map(PATTERN_STACK_BYTES, libc::PROT_READ | libc::PROT_WRITE)?;
    let mut model = Model { words: vec![0; size / 8], home: 0, number: 0, stack };
    let mut thread: pthread_t = 0;
    // SAFETY: the attributes are initialized before they are used. The stack was mapped for this thread alone. The
    // model and the stack outlive the thread, since it is joined before this function returns.
    unsafe {
        let mut attributes: pthread_attr_t = std::mem::zeroed();
        let mut error = libc::pthread_attr_init(&mut attributes);
        error |= libc::pthread_attr_setstack(&mut attributes, stack as *mut c_void, PATTERN_STACK_BYTES);
        if error == 0 {
            error = system::pthread_create(&mut thread, &attributes, copy_control_block, (&raw mut model).cast());
        }
        libc::pthread_attr_destroy(&mut attributes);
        if error == 0 {
            error = system::pthread_join(thread, std::ptr::null_mut());
        }
        system::call(libc::SYS_munmap, stack, PATTERN_STACK_BYTES, 0, 0, 0, 0);
        (error == 0).then_some(model)
    }
}

extern "C" fn copy_control_block(model: *mut c_void) -> *mut c_void {
    // SAFETY: the argument is the model of `model`, which joins this thread before it uses the model again.
    // `pthread_self` returns the address of a control block, which has the size that the C library states.
    unsafe {
        let model = &mut *model.cast::<Model>();
        let home = libc::pthread_self() as *const usize;
        model.home = home.addr();
        let size = model.words.len();
        model.words.copy_from_slice(std::slice::from_raw_parts(home, size));
        model.number = system::call(libc::SYS_gettid, 0, 0, 0, 0, 0, 0) as u32;
    }
    std::ptr::null_mut()
}
