//! Isolation: each run in a forked child of a warm process whose addresses are fixed, so that every run is the first.
//! It knows nothing of what a child works on.

use super::last_words::LastWords;
use crate::host::system;
use crate::kernel::sched::fiber;
use std::io::{self, Read, Write};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::sync::atomic::{AtomicPtr, AtomicU32, AtomicU64, Ordering};
use std::time::{Duration, Instant};

const WORDS_BYTES: usize = 16 * 1024;
const NODES: usize = 256;
const NAME_BYTES: usize = 32;

/// What a child shares with its parent while it lives.
#[repr(C)]
struct Shared {
    beats: AtomicU64,
    node: AtomicU32,
    /// The kernel thread that carries the run; 0 before there is one.
    guest_thread: AtomicU32,
    words_len: AtomicU32,
    words: [u8; WORDS_BYTES],
    names: [[u8; NAME_BYTES]; NODES],
}

static SHARED: AtomicPtr<Shared> = AtomicPtr::new(std::ptr::null_mut());

/// How a child ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum How {
    /// It exited with this code.
    Exited(i32),
    /// It died by this signal.
    Signalled(i32),
    /// It ran for too long without passing a door, and was killed.
    Spun,
}

/// What is left of a child.
#[derive(Clone, Debug)]
pub struct ChildEnd {
    /// What its work gave; whole only if it exited with 0.
    pub output: Vec<u8>,
    /// How it ended.
    pub how: How,
    /// The node that had the baton last, if a run was on.
    pub node: Option<String>,
    /// Its last words.
    pub words: LastWords,
}

/// Says that the run goes on, and on which node.
#[inline]
pub(crate) fn beat(node: u16) {
    let shared = SHARED.load(Ordering::Relaxed);
    if !shared.is_null() {
        // SAFETY: set once, to a mapping that stays.
        let shared = unsafe { &*shared };
        shared.beats.store(shared.beats.load(Ordering::Relaxed) + 1, Ordering::Relaxed);
        shared.node.store(u32::from(node) + 1, Ordering::Relaxed);
    }
}

/// Says what a node is called, for a parent that may have to tell of its end.
pub(crate) fn name_node(index: usize, name: &str) {
    let shared = SHARED.load(Ordering::Relaxed);
    if !shared.is_null() && index < NODES {
        let len = name.len().min(NAME_BYTES);
        // SAFETY: a place in the mapping that only this process writes to.
        unsafe { (&raw mut (*shared).names[index]).cast::<u8>().copy_from(name.as_ptr(), len) };
    }
}

/// Says that the calling kernel thread carries the run, and can be asked where it is.
pub(crate) fn guest_here() {
    let shared = SHARED.load(Ordering::Relaxed);
    if !shared.is_null() {
        // SAFETY: set once, to a mapping that stays; the call takes nothing.
        unsafe {
            (*shared).guest_thread.store(system::call(libc::SYS_gettid, 0, 0, 0, 0, 0, 0) as u32, Ordering::Release)
        };
    }
}

/// Leaves a text for the parent, should this process end before its time.
pub fn last_words(text: &str) {
    leave(&LastWords::Text(text.to_owned()));
}

/// Leaves a record for the parent, should this process end before its time.
pub(crate) fn leave(words: &LastWords) {
    let shared = SHARED.load(Ordering::Relaxed);
    if !shared.is_null() {
        let record = words.encode(WORDS_BYTES);
        // SAFETY: `mmap(2)` gave the mapping, which has `WORDS_BYTES` here; no other process writes to them.
        unsafe {
            (&raw mut (*shared).words).cast::<u8>().copy_from(record.as_ptr(), record.len());
            (*shared).words_len.store(record.len() as u32, Ordering::Release);
        }
    }
}

/// Executes this process again with address randomisation off and the usual stack limit, unless it is so already. Call it
/// first thing in a runner process. Returns when nothing is left to be done.
///
/// # Errors
/// When the system refuses: then what draws on addresses may differ from process to process.
pub fn fix_addresses() -> Result<(), String> {
    const ASK: libc::c_ulong = 0xffff_ffff;
    const STACK_BYTES: libc::rlim_t = 8 << 20;
    // SAFETY: plain system calls on this process.
    unsafe {
        // One arena: how many there are would depend on the number of processors, and where they lie on the order of threads.
        // A run has one thread at a time, so that nobody waits for it.
        libc::mallopt(libc::M_ARENA_MAX, 1);
        // Grow in large steps and never shrink: each step is a system call in every run. What is not used costs nothing.
        libc::mallopt(libc::M_TOP_PAD, 64 << 20);
        libc::mallopt(libc::M_TRIM_THRESHOLD, i32::MAX);
        let mut limit: libc::rlimit = std::mem::zeroed();
        libc::getrlimit(libc::RLIMIT_STACK, &mut limit);
        let current = libc::personality(ASK);
        let fixed = current & libc::ADDR_NO_RANDOMIZE != 0;
        let wanted = STACK_BYTES.min(limit.rlim_max);
        if fixed && limit.rlim_cur == wanted {
            return Ok(());
        }
        if current < 0 || libc::personality((current | libc::ADDR_NO_RANDOMIZE) as libc::c_ulong) < 0 {
            // Containers may not allow it. Runs go on: only what draws on addresses may differ.
            return Err(format!(
                "address randomisation stays on ({}): what hashes addresses may differ from process to process",
                io::Error::last_os_error()
            ));
        }
        limit.rlim_cur = wanted;
        libc::setrlimit(libc::RLIMIT_STACK, &limit);
    }
    let program = std::env::current_exe().map_err(|error| format!("this program is not to be found: {error}"))?;
    let error =
        std::os::unix::process::CommandExt::exec(std::process::Command::new(program).args(std::env::args_os().skip(1)));
    Err(format!("this program cannot be executed again: {error}"))
}

/// Processor time that this process has used, in nanoseconds.
pub fn cpu_ns() -> u64 {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    let clock = libc::CLOCK_PROCESS_CPUTIME_ID as usize;
    // SAFETY: writes one timespec.
    unsafe { system::call(libc::SYS_clock_gettime, clock, (&raw mut time).addr(), 0, 0, 0, 0) };
    time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64
}

fn shared_page() -> io::Result<*mut Shared> {
    let mapped = SHARED.load(Ordering::Relaxed);
    if !mapped.is_null() {
        return Ok(mapped);
    }
    // SAFETY: a fresh anonymous mapping; zeroes are a valid `Shared`.
    let mapped = unsafe {
        libc::mmap(
            std::ptr::null_mut(),
            size_of::<Shared>(),
            libc::PROT_READ | libc::PROT_WRITE,
            libc::MAP_SHARED | libc::MAP_ANONYMOUS,
            -1,
            0,
        )
    };
    if mapped == libc::MAP_FAILED {
        return Err(io::Error::last_os_error());
    }
    SHARED.store(mapped.cast(), Ordering::Release);
    Ok(mapped.cast())
}

/// Forks. The child runs `work` on a thread of its own (so that its thread-locals are fresh), sends the bytes and exits; the
/// parent waits until it has ended, or has passed no door for `bound` of real time. If the work gives no bytes and the child
/// ends well, the parent's heap is afterwards as it was.
///
/// # Errors
/// When the system has no process, pipe or memory left.
pub fn in_child(bound: Duration, work: impl FnOnce() -> Vec<u8> + Send) -> io::Result<ChildEnd> {
    prepare();
    let shared = shared_page()?;
    // SAFETY: the only user between two children is this process.
    unsafe { shared.write_bytes(0, 1) };
    let mut ends = [0; 2];
    // SAFETY: an array of two.
    if unsafe { libc::pipe2(ends.as_mut_ptr(), libc::O_CLOEXEC) } != 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: fresh descriptors that nobody else owns.
    let (reader, writer) = unsafe { (OwnedFd::from_raw_fd(ends[0]), OwnedFd::from_raw_fd(ends[1])) };
    // SAFETY: the child goes on with this one thread, which is what it needs.
    match unsafe { libc::fork() } {
        -1 => Err(io::Error::last_os_error()),
        0 => {
            drop(reader);
            child(writer, work)
        }
        child => {
            drop(writer);
            parent(child, reader, bound, shared)
        }
    }
}

/// Readies this process for forking, once: what each child would otherwise do for itself.
fn prepare() {
    static ONCE: std::sync::Once = std::sync::Once::new();
    ONCE.call_once(|| {
        fiber::prepare();
        widen_pages();
        use_large_pages(false);
    });
}

/// Allows or forbids large pages in this process, whatever its mappings ask for; a child inherits the setting. A runner forbids
/// them: `khugepaged` would otherwise replace its heap's pages by large ones at some time, so that the runner grows by up to 2 MiB
/// and the children that it forks afterwards copy other pages than those before. A kernel without large pages refuses the call.
fn use_large_pages(allowed: bool) {
    let (forbidden, unused) = (libc::c_ulong::from(!allowed), 0 as libc::c_ulong);
    // SAFETY: prctl(2) with PR_SET_THP_DISABLE takes numbers only and changes no mapping.
    unsafe { libc::prctl(libc::PR_SET_THP_DISABLE, forbidden, unused, unused, unused) };
}

/// The end of the heap for now, as far as it was given out: a piece that is free in one is free only there.
fn heap_top(piece_bytes: usize) -> usize {
    let piece = Vec::<u8>::with_capacity(piece_bytes);
    piece.as_ptr().addr()
}

/// What a run of many nodes takes of the heap comes in large pages: fewer page faults, and fewer places to look up. What each
/// run takes still comes in small ones. Where the system has no large pages nothing changes.
fn widen_pages() {
    const LARGE: usize = 2 << 20;
    let start = (heap_top(HEAP_BYTES) + 2 * LARGE).next_multiple_of(LARGE);
    // SAFETY: asks where the heap's mapping ends; then gives advice about a part of it.
    unsafe {
        let end = system::call(libc::SYS_brk, 0, 0, 0, 0, 0, 0) as usize;
        if start < end {
            system::call(libc::SYS_madvise, start, end - start, libc::MADV_HUGEPAGE as usize, 0, 0, 0);
        }
    }
}

/// How much of the heap a run certainly takes; in one piece below what malloc would map by itself.
const HEAP_BYTES: usize = 120 << 10;

/// Has the memory there that a run certainly takes: one system call instead of as many page faults.
fn fill_heap() {
    const PAGE: usize = 4096;
    let start = heap_top(HEAP_BYTES) & !(PAGE - 1);
    // SAFETY: within the heap; its content stays. A kernel that does not know this advice refuses it.
    unsafe { system::call(libc::SYS_madvise, start, HEAP_BYTES, libc::MADV_POPULATE_WRITE as usize, 0, 0, 0) };
}

fn child(writer: OwnedFd, work: impl FnOnce() -> Vec<u8> + Send) -> ! {
    // A run does not outlive its runner.
    // SAFETY: a plain setting of this process.
    unsafe { libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL) };
    use_large_pages(true);
    stay_on_this_processor();
    fill_heap();
    let output = fiber::on_a_fiber(work);
    match output {
        Ok(output) => {
            let sent = if output.is_empty() { Ok(()) } else { std::fs::File::from(writer).write_all(&output) };
            system::exit_now(if sent.is_ok() { 0 } else { 102 })
        }
        Err(panic) => {
            let text = panic
                .downcast_ref::<String>()
                .map(String::as_str)
                .or_else(|| panic.downcast_ref::<&str>().copied())
                .unwrap_or("a panic without a text");
            last_words(text);
            system::exit_now(101)
        }
    }
}

/// Only one thread of a run goes at a time: on one processor a new thread starts when its maker waits for it, with no word
/// to another processor. Where the system has put this child is as good as anywhere.
fn stay_on_this_processor() {
    let mut processor: u32 = 0;
    let mut mask = [0u64; 16];
    // SAFETY: writes one number; reads one mask; the libc wrappers would be doors.
    unsafe {
        system::call(libc::SYS_getcpu, (&raw mut processor).addr(), 0, 0, 0, 0, 0);
        if let Some(word) = mask.get_mut(processor as usize / 64) {
            *word = 1 << (processor % 64);
            system::call(libc::SYS_sched_setaffinity, 0, size_of_val(&mask), mask.as_ptr().addr(), 0, 0, 0);
        }
    }
}

fn parent(child: libc::pid_t, reader: OwnedFd, bound: Duration, shared: *mut Shared) -> io::Result<ChildEnd> {
    const LOOK: Duration = Duration::from_millis(250);
    const LOOK_AGAIN: Duration = Duration::from_millis(20);
    // SAFETY: set by `shared_page`; the child only stores atomically to these fields.
    let shared_ref = unsafe { &*shared };
    let mut output = Vec::new();
    let mut spun = false;
    let mut asked: Option<Instant> = None;
    let mut beats = 0;
    let mut moved = Instant::now();
    let mut reader = std::fs::File::from(reader);
    // On the stack: the parent leaves its heap as it found it, since the next child is born into it.
    let mut buffer = [0; 4096];
    loop {
        let mut entry = libc::pollfd { fd: reader.as_raw_fd(), events: libc::POLLIN, revents: 0 };
        let look = if asked.is_some() { LOOK_AGAIN } else { LOOK };
        // SAFETY: one entry.
        let ready = unsafe { libc::poll(&mut entry, 1, look.as_millis() as i32) };
        if ready > 0 {
            match reader.read(&mut buffer) {
                Ok(0) => break,
                Ok(count) => output.extend_from_slice(&buffer[..count]),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
            moved = Instant::now();
            continue;
        }
        let now = shared_ref.beats.load(Ordering::Relaxed);
        let guest_thread = shared_ref.guest_thread.load(Ordering::Acquire);
        if now != beats {
            beats = now;
            moved = Instant::now();
        } else if moved.elapsed() >= bound && guest_thread != 0 && asked.is_none_or(|asked| asked.elapsed() < bound) {
            asked.get_or_insert_with(Instant::now);
            // It says where it is, and ends the run.
            // SAFETY: our own child; a thread that has gone is an error without a consequence.
            unsafe {
                let (signal, guest_thread) = (crate::libc::WATCHDOG as usize, guest_thread as usize);
                system::call(libc::SYS_tgkill, child as usize, guest_thread, signal, 0, 0, 0);
            }
        } else if moved.elapsed() >= bound {
            spun = true;
            // SAFETY: our own child.
            unsafe { libc::kill(child, libc::SIGKILL) };
            break;
        }
    }
    let mut status = 0;
    // SAFETY: our own child.
    while unsafe { libc::waitpid(child, &mut status, 0) } < 0 {
        if io::Error::last_os_error().kind() != io::ErrorKind::Interrupted {
            return Err(io::Error::last_os_error());
        }
    }
    // It may have killed itself once it had said where it was.
    let spun = spun || asked.is_some() && libc::WIFSIGNALED(status);
    let how = match (spun, libc::WIFSIGNALED(status)) {
        (true, _) => How::Spun,
        (false, true) => How::Signalled(libc::WTERMSIG(status)),
        (false, false) => How::Exited(libc::WEXITSTATUS(status)),
    };
    // SAFETY: the child is gone; nobody writes any more.
    let (words, names) = unsafe { (&(*shared).words, &(*shared).names) };
    let words = &words[..shared_ref.words_len.load(Ordering::Acquire) as usize];
    let node = match how {
        How::Exited(0) => None,
        _ => (shared_ref.node.load(Ordering::Relaxed) as usize).checked_sub(1).and_then(|node| names.get(node)),
    };
    let name = |name: &[u8; NAME_BYTES]| String::from_utf8_lossy(name).trim_end_matches('\0').to_owned();
    Ok(ChildEnd { output, how, node: node.map(name), words: LastWords::decode(words) })
}
