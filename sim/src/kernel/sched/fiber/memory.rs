//! A thread's memory without a kernel thread: stack, thread-locals and control block, laid out as the C library does it.
//! It runs nothing. Where the C library's layout is not understood there is no such memory, and strands are made as pthreads.
//!
//! In user-space mode the kernel thread behind a strand would park for good: it costs a system call, a word to the scheduler
//! and back, and several page faults to make, and nothing uses it. The C library's own `_dl_allocate_tls` makes the
//! thread-locals; the control block is a copy of one that `pthread_create` made, with what points into itself moved along.

use crate::host::system;
use libc::{c_int, c_void, pthread_attr_t, pthread_t};
use std::ffi::CStr;
use std::sync::{Mutex, OnceLock, PoisonError};

/// Address space for stacks, reserved at once so that where a stack lies depends on nothing but the stacks before it.
const ROOM_BYTES: usize = 64 << 30;
const PAGE: usize = 4096;
/// Stacks that all began at the same place in their page would share a few lines of the cache: each begins a bit lower than
/// the one before, up to a page.
const COLOURS: usize = 16;
const COLOUR_BYTES: usize = PAGE / COLOURS;
/// How much of a new stack is touched for certain: one system call instead of so many page faults.
const TOUCHED_BYTES: usize = 3 * PAGE;
/// The stack of the thread that the pattern is taken from. An unusual size, so that it is found again.
const PATTERN_STACK_BYTES: usize = 29 * PAGE;

type AllocateTls = unsafe extern "C" fn(*mut c_void) -> *mut c_void;
type FreeTls = unsafe extern "C" fn(*mut c_void, bool);
type Begin = unsafe extern "C" fn();

/// What the C library's threads look like here.
struct Pattern {
    /// The control block of a thread that had just begun, whose address was `home`.
    words: Vec<usize>,
    home: usize,
    /// Where in it the stack's base and size stand, and the size of its guard.
    stack_word: usize,
    /// Where in it the kernel's number of the thread stands, in halves of words.
    number_half: usize,
    stack_bytes: usize,
    allocate: AllocateTls,
    free: FreeTls,
    begin: Begin,
}

/// Where stacks lie, and those that nobody needs any more.
struct Yard {
    next: usize,
    end: usize,
    made: usize,
    free: Vec<Memory>,
}

static PATTERN: OnceLock<Option<Pattern>> = OnceLock::new();
static YARD: Mutex<Yard> = Mutex::new(Yard { next: 0, end: 0, made: 0, free: Vec::new() });

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
    /// Its `pthread_t`, which is also what its thread pointer is.
    pub(crate) fn control(&self) -> usize {
        self.control
    }

    /// Its number for the C library, such as no thread of the kernel's has.
    fn number(&self) -> u32 {
        1 << 30 | (self.base / PAGE) as u32 & ((1 << 30) - 1)
    }

    /// Lends it the kernel's number of the calling thread, for what asks the kernel about it.
    pub(crate) fn with_a_kernel_thread<R>(&self, work: impl FnOnce() -> R) -> R {
        let set = |number| {
            if let Some(Some(pattern)) = PATTERN.get() {
                // SAFETY: the control block that `make` wrote; only who has the baton gets here.
                pattern.set_number(unsafe { pattern.block(self.control) }, number);
            }
        };
        // SAFETY: asks for a number.
        set(unsafe { system::call(libc::SYS_gettid, 0, 0, 0, 0, 0, 0) } as u32);
        let result = work();
        set(self.number());
        result
    }

    /// Where its stack begins.
    pub(crate) fn top(&self) -> usize {
        self.base + self.bytes - self.colour
    }
}

/// Learns the pattern, once in a process. Best done before anything is forked: it makes two threads.
pub(crate) fn learn() -> bool {
    PATTERN.get_or_init(pattern).is_some()
}

/// What each thread does first: the C library's own tables for it.
pub(crate) fn begin() {
    if let Some(Some(pattern)) = PATTERN.get() {
        // SAFETY: takes nothing and fills thread-locals of the thread that calls.
        unsafe { (pattern.begin)() };
    }
}

/// Memory for a thread with these attributes; `None` if it must be a pthread.
pub(crate) fn make(attributes: *const pthread_attr_t) -> Option<Memory> {
    let pattern = PATTERN.get()?.as_ref()?;
    let bytes = stack_bytes(attributes, pattern)?;
    let mut memory = YARD.lock().unwrap_or_else(PoisonError::into_inner).take(bytes)?;
    // SAFETY: the C library allocates thread-locals and an empty control block, whose address it gives.
    memory.control = unsafe { (pattern.allocate)(std::ptr::null_mut()) }.addr();
    if memory.control == 0 {
        give_back(memory);
        return None;
    }
    // SAFETY: this one is nobody else's yet.
    pattern.write(unsafe { pattern.block(memory.control) }, &memory);
    Some(memory)
}

/// Takes a thread's memory back: it has ended, and its number may be given again.
///
/// # Panics
/// If this runs on the very stack that is given back: whoever is on it needs it, and its thread-locals, up to its last line.
pub(crate) fn give_back(mut memory: Memory) {
    let here = (&raw const memory).addr();
    assert!(!(memory.base..memory.base + memory.bytes).contains(&here), "a thread's memory was taken from under it");
    if let (Some(Some(pattern)), true) = (PATTERN.get(), memory.control != 0) {
        // SAFETY: allocated by its counterpart; the thread has ended.
        unsafe { (pattern.free)(memory.control as *mut c_void, true) };
        memory.control = 0;
    }
    YARD.lock().unwrap_or_else(PoisonError::into_inner).free.push(memory);
}

fn stack_bytes(attributes: *const pthread_attr_t, pattern: &Pattern) -> Option<usize> {
    if attributes.is_null() {
        return Some(pattern.stack_bytes);
    }
    let mut base = std::ptr::null_mut();
    let mut bytes = 0;
    // SAFETY: the caller's attributes, which the C library made.
    let error = unsafe { libc::pthread_attr_getstack(attributes, &mut base, &mut bytes) };
    // Without a stack of the caller's own, the base that it would have had is the null pointer less the size.
    let own = base.addr() != 0usize.wrapping_sub(bytes);
    // SAFETY: as above.
    let error = error | unsafe { libc::pthread_attr_getstacksize(attributes, &mut bytes) };
    (error == 0 && !own).then(|| bytes.next_multiple_of(PAGE))
}

impl Yard {
    /// A stack of this size, with a page below it that nobody can touch.
    fn take(&mut self, bytes: usize) -> Option<Memory> {
        if let Some(at) = self.free.iter().rposition(|memory| memory.bytes == bytes) {
            return Some(self.free.swap_remove(at));
        }
        if self.next + PAGE + bytes > self.end {
            self.next = map(std::cmp::max(ROOM_BYTES, 2 * bytes), libc::PROT_NONE)?;
            self.end = self.next + std::cmp::max(ROOM_BYTES, 2 * bytes);
        }
        let base = self.next + PAGE;
        let usable = (libc::PROT_READ | libc::PROT_WRITE) as usize;
        // SAFETY: a part of the mapping that was not given out.
        if unsafe { system::call(libc::SYS_mprotect, base, bytes, usable, 0, 0, 0) } != 0 {
            return None;
        }
        self.next = base + bytes;
        let colour = self.made % COLOURS * COLOUR_BYTES;
        self.made += 1;
        let from = (base + bytes - colour - TOUCHED_BYTES) & !(PAGE - 1);
        // SAFETY: within the stack. Where the kernel does not know this advice, pages come when they are touched.
        unsafe {
            system::call(libc::SYS_madvise, from, base + bytes - from, libc::MADV_POPULATE_WRITE as usize, 0, 0, 0)
        };
        Some(Memory { base, bytes, colour, control: 0 })
    }
}

/// Maps address space that costs nothing until it is used.
fn map(bytes: usize, protection: c_int) -> Option<usize> {
    let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE | libc::MAP_STACK;
    // SAFETY: a fresh mapping.
    let mapped = unsafe { system::call(libc::SYS_mmap, 0, bytes, protection as usize, flags as usize, usize::MAX, 0) };
    usize::try_from(mapped).ok()
}

impl Pattern {
    /// A control block in words: it has the size that the C library says.
    ///
    /// # Safety
    /// `control` is one, and nobody else looks at it meanwhile.
    unsafe fn block<'a>(&self, control: usize) -> &'a mut [usize] {
        // SAFETY: as the caller promises.
        unsafe { std::slice::from_raw_parts_mut(control as *mut usize, self.words.len()) }
    }

    /// Writes the control block of a thread with this memory.
    fn write(&self, block: &mut [usize], memory: &Memory) {
        const DTV_WORD: usize = 1;
        let size = size_of_val(block);
        for (index, (place, word)) in block.iter_mut().zip(&self.words).enumerate() {
            *place = match word.wrapping_sub(self.home) {
                _ if index == DTV_WORD => continue, // the C library has just set it
                offset if offset < size => memory.control + offset,
                _ => *word,
            };
        }
        // As the C library has it for a stack with a guard: what is usable, and the size of the page below.
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

/// What the thread that the pattern is taken from tells.
struct Model {
    words: Vec<usize>,
    home: usize,
    number: u32,
    stack: usize,
}

fn pattern() -> Option<Pattern> {
    if !cfg!(all(target_arch = "x86_64", target_env = "gnu")) {
        return None; // elsewhere the control block lies otherwise
    }
    let (allocate, free) = (find(c"_dl_allocate_tls")?, find(c"_dl_deallocate_tls")?);
    let (begin, size) = (find(c"__ctype_init")?, find(c"_thread_db_sizeof_pthread")?);
    // SAFETY: the C library's own symbols, of these types since it has them.
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
    // Two, so that a number found by chance in one is not found in the other.
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
        // What points into the model's frames means nothing elsewhere; its control block lies on its stack, too.
        if (first.stack..=first.stack + PATTERN_STACK_BYTES).contains(word) && !(home..home + size).contains(word) {
            *word = 0;
        }
    }
    Some(Pattern { words, home, stack_word, number_half, stack_bytes: default_stack_bytes()?, allocate, free, begin })
}

fn find(name: &CStr) -> Option<*mut c_void> {
    // SAFETY: the program and all that it was linked with.
    let found = unsafe { system::symbol(libc::RTLD_DEFAULT, name) };
    (!found.is_null()).then_some(found)
}

fn default_stack_bytes() -> Option<usize> {
    let mut bytes = 0;
    // SAFETY: attributes of our own, made, read and destroyed.
    unsafe {
        let mut attributes: pthread_attr_t = std::mem::zeroed();
        let error = libc::pthread_attr_init(&mut attributes) | libc::pthread_attr_getstacksize(&attributes, &mut bytes);
        libc::pthread_attr_destroy(&mut attributes);
        (error == 0).then(|| bytes.next_multiple_of(PAGE))
    }
}

/// Has a thread of the C library's making tell what its control block holds.
fn model(size: usize) -> Option<Model> {
    let stack = map(PATTERN_STACK_BYTES, libc::PROT_READ | libc::PROT_WRITE)?;
    let mut model = Model { words: vec![0; size / 8], home: 0, number: 0, stack };
    let mut thread: pthread_t = 0;
    // SAFETY: a stack and attributes of our own; the model outlives the thread, which is joined.
    unsafe {
        let mut attributes: pthread_attr_t = std::mem::zeroed();
        let mut error = libc::pthread_attr_init(&mut attributes);
        error |= libc::pthread_attr_setstack(&mut attributes, stack as *mut c_void, PATTERN_STACK_BYTES);
        if error == 0 {
            error = system::pthread_create(&mut thread, &attributes, tell, (&raw mut model).cast());
        }
        libc::pthread_attr_destroy(&mut attributes);
        if error == 0 {
            error = system::pthread_join(thread, std::ptr::null_mut());
        }
        system::call(libc::SYS_munmap, stack, PATTERN_STACK_BYTES, 0, 0, 0, 0);
        (error == 0).then_some(model)
    }
}

extern "C" fn tell(model: *mut c_void) -> *mut c_void {
    // SAFETY: whoever made this thread waits for its end; a control block is as long as the C library says.
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
