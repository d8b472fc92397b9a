//! Wakes, polls and awaits of tasks, observed at tokio's own tables of functions, in which our functions replace tokio's.
//! They only observe: each calls the function that it replaced, with the same arguments.
//!
//! Decision 0019 states the assumptions, and the effect on a report where they do not hold.

use super::current::{at_rest, here, kernel};
use super::symbols::Symbols;
use super::tasks::CELL_ALIGN;
use crate::host::system;
use crate::kernel::sched::fiber::own_stack;
use crate::kernel::sched::task_polls::Before;
use crate::kernel::sched::thread::ThreadId;
use libc::{c_int, c_void, size_t};
use std::ops::Range;
use std::sync::OnceLock;
use std::task::{RawWaker, Waker};

/// Parts of the names of tokio's functions for tasks, in either way of mangling.
const PART: &[u8] = b"5tokio7runtime4task";
const POLL: &[u8] = b"5tokio7runtime4task3raw4poll";
const SCHEDULE: &[u8] = b"5tokio7runtime4task3raw8schedule";
const WAKE_BY_VALUE: &[u8] = b"5tokio7runtime4task5waker11wake_by_val";
const WAKE_BY_REFERENCE: &[u8] = b"5tokio7runtime4task5waker11wake_by_ref";
const CLONE: &[u8] = b"5tokio7runtime4task5waker11clone_waker";
const DEALLOCATE: &[u8] = b"5tokio7runtime4task3raw7dealloc";

/// Parts of the names of the functions that clone wakers of futures which a thread polls itself, as `block_on` does.
const CLONE_OF_THREAD: [&[u8]; 2] = [b"5tokio7runtime4park5clone", b"5tokio4util4wake13clone_arc_raw"];

/// Our functions for as many of those: each kind of future that is polled has its own.
const OF_THREADS: [CloneCall; 12] = [
    cloned_by::<0>,
    cloned_by::<1>,
    cloned_by::<2>,
    cloned_by::<3>,
    cloned_by::<4>,
    cloned_by::<5>,
    cloned_by::<6>,
    cloned_by::<7>,
    cloned_by::<8>,
    cloned_by::<9>,
    cloned_by::<10>,
    cloned_by::<11>,
];

/// The words of a task's head that are searched for the pointer to the functions of its kind, and the number of those functions.
const HEAD: usize = 4;
const KIND: usize = 8;

type Call = unsafe fn(*const ());
type CloneCall = unsafe fn(*const ()) -> RawWaker;

const WORD: usize = size_of::<usize>();

/// Tokio's functions in the places that ours took.
struct Tables {
    /// The program's constants, and the former value of each word that was replaced; 0 for the others.
    constants: Range<usize>,
    stood: Vec<usize>,
    /// The word of a task's head that points to the functions of its kind, and the positions of two of those.
    kind_at: usize,
    poll_at: usize,
    schedule_at: usize,
    wake_by_value: usize,
    wake_by_reference: usize,
    /// The same of the function that clones a waker, and of the one that frees a task; `None` if they are unknown.
    clone: Option<usize>,
    deallocate_at: Option<usize>,
    /// The functions that clone wakers of futures which a thread polls itself.
    of_threads: Vec<usize>,
}

static TABLES: OnceLock<Option<Tables>> = OnceLock::new();

/// Returns whether tasks are followed in this process.
pub(crate) fn follows_tasks() -> bool {
    matches!(TABLES.get(), Some(Some(_)))
}

/// Follows tasks from now on, if this program's runtime is a known one. The waker is that of a task that is being polled. Call it
/// before any run, and before processes of runs are forked off.
pub(crate) fn follow_tasks(waker: &Waker) -> bool {
    TABLES.get_or_init(|| Tables::find(waker)).is_some()
}

impl Tables {
    fn find(waker: &Waker) -> Option<Self> {
        super::symbols::prepare();
        let Symbols { functions, constants, sealed } = Symbols::read(PART)?;
        let called = |part: &[u8]| -> Vec<usize> {
            let of_it = functions.iter().filter(|(_, name)| name.windows(part.len()).any(|at| at == part));
            of_it.map(|(address, _)| *address).collect()
        };
        let (polls, schedules) = (called(POLL), called(SCHEDULE));
        let (by_value, by_reference) = (called(WAKE_BY_VALUE), called(WAKE_BY_REFERENCE));
        let (clones, deallocations) = (called(CLONE), called(DEALLOCATE));
        let inside = |address: usize, words: usize| {
            address.is_multiple_of(WORD) && constants.contains(&address) && address + words * WORD <= constants.end
        };
        // SAFETY: callers pass addresses of whole words within the program's constants, which are never unmapped.
        let word = |address: usize| unsafe { (address as *const usize).read() };
        let one_of = |table: usize, among: &[usize], words: usize| {
            (0..words).filter(|at| inside(table + at * WORD, 1)).find(|at| among.contains(&word(table + at * WORD)))
        };
        let wakers = std::ptr::from_ref(waker.vtable()).addr();
        let wake_by_value = word(wakers + WORD * one_of(wakers, &by_value, 4)?);
        let wake_by_reference = word(wakers + WORD * one_of(wakers, &by_reference, 4)?);
        let clone = one_of(wakers, &clones, 4).map(|at| word(wakers + WORD * at));
        // The waker is tokio's, so its data is a task, which exists while it is polled.
        let head = waker.data().cast::<[usize; HEAD]>();
        // SAFETY: the waker's table is tokio's, so its data is an aligned task, which has a head of this size and exists while its poll,
        // which calls this function, goes on.
        let head = unsafe { head.read() };
        let is_kind = |table: &usize| inside(*table, KIND) && one_of(*table, &polls, KIND).is_some();
        let kind_at = head.iter().position(is_kind)?;
        let (poll_at, schedule_at) = (one_of(head[kind_at], &polls, KIND)?, one_of(head[kind_at], &schedules, KIND)?);
        let deallocate_at = one_of(head[kind_at], &deallocations, KIND);
        let mut of_threads: Vec<usize> =
            CLONE_OF_THREAD.iter().flat_map(|part| super::symbols::functions(part)).collect();
        of_threads.truncate(OF_THREADS.len());
        let words = constants.len() / WORD;
        let mut stood = vec![0; words];
        let _gate = Gate::open(&sealed, &constants)?;
        for (index, stood) in stood.iter_mut().enumerate() {
            let address = constants.start + index * WORD;
            let before = word(address);
            // A task's functions are next to each other; a word that only looks like one of them stays as it is.
            let beside = |from: usize, to: usize, among: &[usize]| {
                let other = (address + to * WORD).wrapping_sub(from * WORD);
                inside(other, 1) && (among.contains(&word(other)) || is_ours(word(other)))
            };
            let beside_poll = |at: usize| {
                let poll = (address + poll_at * WORD).wrapping_sub(at * WORD);
                inside(poll, 1) && (polls.contains(&word(poll)) || word(poll) == self::poll as Call as usize)
            };
            let ours = if polls.contains(&before) && beside(poll_at, schedule_at, &schedules) {
                poll as Call as usize
            } else if schedules.contains(&before) && beside(schedule_at, poll_at, &polls) {
                schedule as Call as usize
            } else if before == wake_by_value {
                woken_by_value as Call as usize
            } else if before == wake_by_reference {
                woken_by_reference as Call as usize
            } else if Some(before) == clone {
                cloned as CloneCall as usize
            } else if let Some(at) = of_threads.iter().position(|clone| *clone == before) {
                OF_THREADS[at] as usize
            } else if deallocations.contains(&before) && deallocate_at.is_some_and(beside_poll) {
                deallocate as Call as usize
            } else {
                continue;
            };
            *stood = before;
            // SAFETY: `Gate::open` has made this word of the constants writable, and it holds a function of this type. No other thread
            // reads it meanwhile: the process has none yet that has tasks.
            unsafe { (address as *mut usize).write_volatile(ours) };
        }
        Some(Self {
            constants,
            stood,
            kind_at,
            poll_at,
            schedule_at,
            wake_by_value,
            wake_by_reference,
            clone,
            deallocate_at,
            of_threads,
        })
    }

    /// The function that one of ours replaced, for the task with this head.
    #[inline]
    fn stood(&self, head: *const (), at: usize) -> Call {
        // SAFETY: tokio passes a task's head, in which this word points to the functions of its kind.
        let kind = unsafe { head.cast::<usize>().add(self.kind_at).read() };
        let index = (kind.wrapping_sub(self.constants.start) / WORD).wrapping_add(at);
        match self.stood.get(index) {
            // SAFETY: the address was read from a place that holds functions of this type.
            Some(address) if *address != 0 => unsafe { std::mem::transmute::<usize, Call>(*address) },
            _ => lost(),
        }
    }
}

fn is_ours(address: usize) -> bool {
    [poll as Call, schedule as Call].map(|ours| ours as usize).contains(&address)
}

#[cold]
fn lost() -> ! {
    system::write_stderr(
        "afterlife: a task whose functions are not known; please report this with the version of tokio\n",
    );
    system::exit_now(101)
}

/// Makes constants writable until it is dropped.
struct Gate(Range<usize>);

impl Gate {
    fn open(sealed: &Range<usize>, constants: &Range<usize>) -> Option<Self> {
        const PAGE: usize = 4096;
        let from = sealed.start.max(constants.start) & !(PAGE - 1);
        // The seal ends with a page.
        let to = constants.end.next_multiple_of(PAGE).min(sealed.end & !(PAGE - 1));
        if constants.start < sealed.start || constants.end > sealed.end || from >= to {
            return None;
        }
        let gate = Self(from..to);
        gate.set(libc::PROT_READ | libc::PROT_WRITE).then_some(gate)
    }

    fn set(&self, protection: i32) -> bool {
        let Range { start, end } = self.0;
        // SAFETY: `mprotect(2)`: pages of the program's constants, which stay readable, and are read-only again when this is dropped.
        unsafe { system::call(libc::SYS_mprotect, start, end - start, protection as usize, 0, 0, 0) == 0 }
    }
}

impl Drop for Gate {
    fn drop(&mut self) {
        self.set(libc::PROT_READ);
    }
}

/// A poll in progress; it ends when this is dropped.
pub(crate) struct Polling(ThreadId, Before);

impl Polling {
    /// Begins the calling thread's poll of a task, or of the main future of its process.
    #[inline]
    pub(crate) fn begin(key: usize, is_main: bool) -> Option<Self> {
        let me = here()?;
        let at = place(me, key);
        Some(Self(me, at_rest(|kernel| kernel.poll_begins(me, at, is_main))))
    }
}

impl Drop for Polling {
    #[inline]
    fn drop(&mut self) {
        if here().is_some() {
            at_rest(|kernel| kernel.poll_ends(self.0, &self.1));
        }
    }
}

/// Notes that the calling thread wakes the task, or the main future, of this key.
#[inline]
pub(crate) fn woken(key: usize) {
    if let Some(me) = here()
        && !at_rest(|kernel| kernel.is_awake(me, key))
    {
        let at = place(me, key);
        at_rest(|kernel| kernel.task_woken(me, at));
    }
}

/// The place of a task in the kernel's table. Only a new task may allocate.
#[inline]
fn place(me: ThreadId, key: usize) -> usize {
    at_rest(|kernel| kernel.sched.task_wakes().known(key)).unwrap_or_else(|| new_place(me, key))
}

#[cold]
#[inline(never)]
fn new_place(me: ThreadId, key: usize) -> usize {
    kernel(me, |kernel| kernel.sched.task_wakes_mut().slot(key))
}

/// The interposed function of this name, from which Rust's allocator gets blocks of a larger alignment, such as tasks.
///
/// # Safety
/// As the C library's function.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn posix_memalign(block: *mut *mut c_void, align: size_t, size: size_t) -> c_int {
    static NEXT: system::Function = system::Function::named(c"posix_memalign");
    let next = system::next!(NEXT, fn(*mut *mut c_void, size_t, size_t) -> c_int);
    // SAFETY: `posix_memalign(3)`: the caller passes room for a pointer.
    let result = unsafe { next(block, align, size) };
    if align == CELL_ALIGN
        && result == 0
        && follows_tasks()
        && let Some(me) = here()
    {
        // SAFETY: `posix_memalign(3)` returned 0, so it has written the pointer.
        let key = unsafe { *block }.addr();
        kernel(me, |kernel| kernel.task_spawned(me, key));
    }
    result
}

/// The function that tells whether a task that was polled, and not freed since, has not ended; `None` if nobody reports when tasks
/// are freed.
pub(crate) fn task_look() -> Option<fn(usize) -> bool> {
    match TABLES.get() {
        Some(Some(Tables { deallocate_at: Some(_), .. })) => Some(super::tasks::is_running),
        _ => None,
    }
}

/// Notes that a waker of the task, or of the main future, of this key is cloned: some future registers it, to be woken.
#[inline]
pub(crate) fn registered(key: usize) {
    if let Some(me) = here()
        && at_rest(|kernel| kernel.notes_await(me, key))
    {
        note_await(me, key);
    }
}

#[cold]
#[inline(never)]
fn note_await(me: ThreadId, key: usize) {
    let stack = own_stack();
    at_rest(|kernel| kernel.task_awaits(me, key, &stack));
}

/// Notes that a future which the thread polls itself registers its waker.
#[inline]
fn registered_by_thread() {
    if let Some(me) = here()
        && at_rest(|kernel| kernel.thread_awaits(me))
    {
        let stack = own_stack();
        at_rest(|kernel| kernel.thread_awaits_at(me, &stack));
    }
}

fn tables() -> &'static Tables {
    match TABLES.get() {
        Some(Some(tables)) => tables,
        _ => lost(),
    }
}

/// # Safety
/// `head` is a task's head: tokio calls this function in place of its own.
unsafe fn poll(head: *const ()) {
    let tables = tables();
    let stood = tables.stood(head, tables.poll_at);
    let _polling = Polling::begin(head.addr(), false);
    // SAFETY: tokio's own function of this place takes the same head.
    unsafe { stood(head) }
}

/// # Safety
/// `head` is a task's head: tokio calls this function in place of its own.
unsafe fn schedule(head: *const ()) {
    woken(head.addr());
    let tables = tables();
    // SAFETY: tokio's own function of this place takes the same head.
    unsafe { tables.stood(head, tables.schedule_at)(head) }
}

/// # Safety
/// `head` is a task's head: tokio calls this function in place of its own.
unsafe fn woken_by_value(head: *const ()) {
    woken(head.addr());
    // SAFETY: the address is that of tokio's own function of this place and type, which takes the same head.
    unsafe { std::mem::transmute::<usize, Call>(tables().wake_by_value)(head) }
}

/// # Safety
/// `head` is a task's head: tokio calls this function in place of its own.
unsafe fn woken_by_reference(head: *const ()) {
    woken(head.addr());
    // SAFETY: the address is that of tokio's own function of this place and type, which takes the same head.
    unsafe { std::mem::transmute::<usize, Call>(tables().wake_by_reference)(head) }
}

/// # Safety
/// `head` is a task's head: tokio calls this function in place of its own.
unsafe fn cloned(head: *const ()) -> RawWaker {
    registered(head.addr());
    match tables().clone {
        // SAFETY: the address is that of tokio's own function of this place and type, which takes the same head.
        Some(clone) => unsafe { std::mem::transmute::<usize, CloneCall>(clone)(head) },
        None => lost(),
    }
}

/// # Safety
/// `head` is a task's head: tokio calls this function in place of its own.
unsafe fn deallocate(head: *const ()) {
    if here().is_some() {
        at_rest(|kernel| kernel.sched.task_wakes_mut().freed(head.addr()));
    }
    let tables = tables();
    let Some(at) = tables.deallocate_at else { lost() };
    // SAFETY: tokio's own function of this place takes the same head.
    unsafe { tables.stood(head, at)(head) }
}

/// # Safety
/// `data` is that of a waker whose function of this place tokio's table would call instead.
unsafe fn cloned_by<const AT: usize>(data: *const ()) -> RawWaker {
    registered_by_thread();
    // SAFETY: the address is that of tokio's own function of this place and type, which takes the same data.
    unsafe { std::mem::transmute::<usize, CloneCall>(tables().of_threads[AT])(data) }
}
