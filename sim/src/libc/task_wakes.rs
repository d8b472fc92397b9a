//! Who wakes which task, and which one is polled: heard at tokio's own tables of functions, in which ours come first.
//! It only listens: each call goes on to the function that stood there, with what it was called with.
//!
//! What it relies on, and what becomes of a report where that is not so, stands in docs/decisions.

use super::current::{at_rest, here, kernel};
use super::symbols::Symbols;
use super::tasks::CELL_ALIGN;
use crate::host::system;
use crate::kernel::sched::task_polls::Before;
use crate::kernel::sched::thread::ThreadId;
use libc::{c_int, c_void, size_t};
use std::ops::Range;
use std::sync::OnceLock;
use std::task::Waker;

/// What tokio's functions for tasks have in their names, whichever way names are written.
const PART: &[u8] = b"5tokio7runtime4task";
const POLL: &[u8] = b"5tokio7runtime4task3raw4poll";
const SCHEDULE: &[u8] = b"5tokio7runtime4task3raw8schedule";
const WAKE_BY_VALUE: &[u8] = b"5tokio7runtime4task5waker11wake_by_val";
const WAKE_BY_REFERENCE: &[u8] = b"5tokio7runtime4task5waker11wake_by_ref";

/// So many words of a task's head are looked at, of which one leads to the functions of its kind, and so many of those.
const HEAD: usize = 4;
const KIND: usize = 8;

type Call = unsafe fn(*const ());

const WORD: usize = size_of::<usize>();

/// Where tokio's functions stood before ours.
struct Tables {
    /// The constants of the program, and what stood at each of their words that is changed; 0 elsewhere.
    constants: Range<usize>,
    stood: Vec<usize>,
    /// Which word of a task's head leads to the functions of its kind, and which of those are these.
    kind_at: usize,
    poll_at: usize,
    schedule_at: usize,
    wake_by_value: usize,
    wake_by_reference: usize,
}

static TABLES: OnceLock<Option<Tables>> = OnceLock::new();

/// Whether tasks are followed in this process.
pub(crate) fn follows_tasks() -> bool {
    matches!(TABLES.get(), Some(Some(_)))
}

/// From here on tasks are followed, if this program's runtime is one that is known: the waker is that of a task that is being
/// polled. Call it before any run, and before processes of runs are forked off.
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
        let inside = |address: usize, words: usize| {
            address.is_multiple_of(WORD) && constants.contains(&address) && address + words * WORD <= constants.end
        };
        // SAFETY: words of the program's constants, which stay.
        let word = |address: usize| unsafe { (address as *const usize).read() };
        let one_of = |table: usize, among: &[usize], words: usize| {
            (0..words).filter(|at| inside(table + at * WORD, 1)).find(|at| among.contains(&word(table + at * WORD)))
        };
        let wakers = std::ptr::from_ref(waker.vtable()).addr();
        let wake_by_value = word(wakers + WORD * one_of(wakers, &by_value, 4)?);
        let wake_by_reference = word(wakers + WORD * one_of(wakers, &by_reference, 4)?);
        // The waker is tokio's, so that what it holds is a task, as long as it is polled.
        let head = waker.data().cast::<[usize; HEAD]>();
        // SAFETY: a task is no smaller than that, aligned, and lives while its poll, which calls this, goes on.
        let head = unsafe { head.read() };
        let is_kind = |table: &usize| inside(*table, KIND) && one_of(*table, &polls, KIND).is_some();
        let kind_at = head.iter().position(is_kind)?;
        let (poll_at, schedule_at) = (one_of(head[kind_at], &polls, KIND)?, one_of(head[kind_at], &schedules, KIND)?);
        let words = constants.len() / WORD;
        let mut stood = vec![0; words];
        let _gate = Gate::open(&sealed, &constants)?;
        for (index, stood) in stood.iter_mut().enumerate() {
            let address = constants.start + index * WORD;
            let before = word(address);
            // A task's functions stand together; whatever looks otherwise is left as it is.
            let beside = |from: usize, to: usize, among: &[usize]| {
                let other = (address + to * WORD).wrapping_sub(from * WORD);
                inside(other, 1) && (among.contains(&word(other)) || is_ours(word(other)))
            };
            let ours = if polls.contains(&before) && beside(poll_at, schedule_at, &schedules) {
                poll as Call
            } else if schedules.contains(&before) && beside(schedule_at, poll_at, &polls) {
                schedule as Call
            } else if before == wake_by_value {
                woken_by_value as Call
            } else if before == wake_by_reference {
                woken_by_reference as Call
            } else {
                continue;
            };
            *stood = before;
            // SAFETY: a word of the constants that holds a function of this type, open for writing now. Nobody reads it
            // meanwhile but this thread: the process has no other yet that has tasks.
            unsafe { (address as *mut usize).write_volatile(ours as usize) };
        }
        Some(Self { constants, stood, kind_at, poll_at, schedule_at, wake_by_value, wake_by_reference })
    }

    /// What stood in the place of one of ours, for the task of this head.
    #[inline]
    fn stood(&self, head: *const (), at: usize) -> Call {
        // SAFETY: a task's head, of which this word leads to the functions of its kind.
        let kind = unsafe { head.cast::<usize>().add(self.kind_at).read() };
        let index = (kind.wrapping_sub(self.constants.start) / WORD).wrapping_add(at);
        match self.stood.get(index) {
            // SAFETY: it stood where functions of this type stand.
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

/// Lets constants be written to, until it is dropped.
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
        // SAFETY: pages of the program's constants: they stay readable, and are as they were when the gate closes.
        unsafe { system::call(libc::SYS_mprotect, start, end - start, protection as usize, 0, 0, 0) == 0 }
    }
}

impl Drop for Gate {
    fn drop(&mut self) {
        self.set(libc::PROT_READ);
    }
}

/// A poll that goes on; it ends when this is dropped.
pub(crate) struct Polling(ThreadId, Before);

impl Polling {
    /// The calling thread begins to poll what lies there: a task, or the main future of its process.
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

/// The calling thread wakes what lies there.
#[inline]
pub(crate) fn woken(key: usize) {
    if let Some(me) = here()
        && !at_rest(|kernel| kernel.is_awake(me, key))
    {
        let at = place(me, key);
        at_rest(|kernel| kernel.task_woken(me, at));
    }
}

/// The place of a task in the room's table. Only what is new there may allocate.
#[inline]
fn place(me: ThreadId, key: usize) -> usize {
    at_rest(|kernel| kernel.sched.task_wakes().known(key)).unwrap_or_else(|| new_place(me, key))
}

#[cold]
#[inline(never)]
fn new_place(me: ThreadId, key: usize) -> usize {
    kernel(me, |kernel| kernel.sched.task_wakes_mut().slot(key))
}

/// Where Rust's allocator gets what is aligned more than usual, as tasks are.
///
/// # Safety
/// As the C library's function.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn posix_memalign(block: *mut *mut c_void, align: size_t, size: size_t) -> c_int {
    static NEXT: system::Function = system::Function::named(c"posix_memalign");
    let next = system::next!(NEXT, fn(*mut *mut c_void, size_t, size_t) -> c_int);
    // SAFETY: `posix_memalign(3)`: the caller's own arguments, under the contract that it keeps.
    let result = unsafe { next(block, align, size) };
    if align == CELL_ALIGN
        && result == 0
        && follows_tasks()
        && let Some(me) = here()
    {
        // SAFETY: it was just written.
        let key = unsafe { *block }.addr();
        kernel(me, |kernel| kernel.task_spawned(me, key));
    }
    result
}

fn tables() -> &'static Tables {
    match TABLES.get() {
        Some(Some(tables)) => tables,
        _ => lost(),
    }
}

/// # Safety
/// As tokio calls it: with a task's head.
unsafe fn poll(head: *const ()) {
    let tables = tables();
    let stood = tables.stood(head, tables.poll_at);
    let _polling = Polling::begin(head.addr(), false);
    // SAFETY: handed on.
    unsafe { stood(head) }
}

/// # Safety
/// As [`poll`].
unsafe fn schedule(head: *const ()) {
    woken(head.addr());
    let tables = tables();
    // SAFETY: handed on.
    unsafe { tables.stood(head, tables.schedule_at)(head) }
}

/// # Safety
/// As [`poll`].
unsafe fn woken_by_value(head: *const ()) {
    woken(head.addr());
    // SAFETY: what stood in this function's place, with what it was called with.
    unsafe { std::mem::transmute::<usize, Call>(tables().wake_by_value)(head) }
}

/// # Safety
/// As [`poll`].
unsafe fn woken_by_reference(head: *const ()) {
    woken(head.addr());
    // SAFETY: as above.
    unsafe { std::mem::transmute::<usize, Call>(tables().wake_by_reference)(head) }
}
