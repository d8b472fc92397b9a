//! The status of a run's process, in memory that it shares with its runner: signs of life, node names, last words.
//! It starts and watches no process.
//!
//! All fields are atomic, since two processes access them. The parent reads names and last words only after the child
//! has ended.

use super::last_words::LastWords;
use crate::host::system;
use std::io;
use std::sync::atomic::{AtomicPtr, AtomicU8, AtomicU32, AtomicU64, Ordering};

const WORDS_BYTES: usize = 16 * 1024;

/// The most addresses of calls that are recorded.
pub(crate) const FRAMES_MAX: usize = 64;

/// The longest name of a node that is recorded; the rest of a longer one is cut off.
const NAME_BYTES_MAX: usize = u8::MAX as usize;

/// The most names that are recorded. Pages for names that no run uses cost nothing.
pub(crate) const NAMES_MAX: usize = 1 << 16;

const NAMES_BYTES: usize = NAMES_MAX * (1 + NAME_BYTES_MAX);

/// The status of a run's process.
#[repr(C)]
pub(crate) struct Status {
    beats: AtomicU64,
    /// The node whose thread runs, plus 1; 0 before any did.
    node: AtomicU32,
    /// The kernel thread that runs the simulation; 0 before there is one.
    guest_thread: AtomicU32,
    /// 1 if the watchdog's signal is for a process that sleeps; 0 if it is for one that spins.
    asleep: AtomicU32,
    words_len: AtomicU32,
    names_len: AtomicU32,
    frames_len: AtomicU32,
    /// The addresses of the calls at the watchdog's signal, innermost first.
    frames: [AtomicU64; FRAMES_MAX],
    words: [AtomicU8; WORDS_BYTES],
    /// The names of nodes in the order of their numbers, each after a byte that holds its length.
    names: [AtomicU8; NAMES_BYTES],
}

static STATUS: AtomicPtr<Status> = AtomicPtr::new(std::ptr::null_mut());

/// The memory that this process shares with its parent or child, if it has any.
#[inline]
fn status() -> Option<&'static Status> {
    // SAFETY: `map` stored a pointer that `mmap(2)` returned for a mapping of this size, which is never unmapped. All
    // fields are atomic, and zeroes are valid for each.
    unsafe { STATUS.load(Ordering::Acquire).as_ref() }
}

/// Reports that the run goes on, on this node.
#[inline]
pub(crate) fn beat(node: u16) {
    if let Some(status) = status() {
        status.beats.store(status.beats.load(Ordering::Relaxed) + 1, Ordering::Relaxed);
        status.node.store(u32::from(node) + 1, Ordering::Relaxed);
    }
}

/// Records the name of the next node, for a parent that may have to report its end.
pub(crate) fn name_node(name: &str) {
    if let Some(status) = status() {
        status.add_name(name.as_bytes());
    }
}

/// Reports that the calling kernel thread runs the simulation, and answers the watchdog's signal.
pub(crate) fn guest_here() {
    if let Some(status) = status() {
        // SAFETY: gettid(2) takes no arguments and always succeeds.
        let thread = unsafe { system::call(libc::SYS_gettid, 0, 0, 0, 0, 0, 0) } as u32;
        status.guest_thread.store(thread, Ordering::Release);
    }
}

/// Leaves a text for the parent, should this process end early.
pub fn last_words(text: &str) {
    leave(&LastWords::Text(text.to_owned()));
}

/// Leaves a record for the parent, should this process end early.
pub(crate) fn leave(words: &LastWords) {
    if let Some(status) = status() {
        let record = words.encode(WORDS_BYTES);
        write(&status.words, &record);
        status.words_len.store(record.len() as u32, Ordering::Release);
    }
}

/// Returns whether the watchdog's signal is for a process that sleeps.
pub(crate) fn is_asleep() -> bool {
    status().is_some_and(|status| status.asleep.load(Ordering::Acquire) != 0)
}

/// Records the address of the next call, from the innermost, for a parent whose child cannot answer the watchdog. Allocates nothing.
pub(crate) fn record_frame(address: usize) {
    if let Some(status) = status() {
        let length = status.frames_len.load(Ordering::Relaxed);
        if let Some(frame) = status.frames.get(length as usize) {
            frame.store(address as u64, Ordering::Relaxed);
            status.frames_len.store(length + 1, Ordering::Release);
        }
    }
}

/// Maps the shared memory at the first call, and empties it at each.
pub(crate) fn map() -> io::Result<&'static Status> {
    if STATUS.load(Ordering::Acquire).is_null() {
        // SAFETY: a new anonymous mapping, of which mmap(2) chooses the address, overlaps no other memory.
        let mapped = unsafe {
            libc::mmap(
                std::ptr::null_mut(),
                size_of::<Status>(),
                libc::PROT_READ | libc::PROT_WRITE,
                libc::MAP_SHARED | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE,
                -1,
                0,
            )
        };
        if mapped == libc::MAP_FAILED {
            return Err(io::Error::last_os_error());
        }
        STATUS.store(mapped.cast(), Ordering::Release);
    }
    let Some(status) = status() else { unreachable!("it was mapped") };
    let counters =
        [&status.node, &status.guest_thread, &status.asleep, &status.words_len, &status.names_len, &status.frames_len];
    for counter in counters {
        counter.store(0, Ordering::Relaxed);
    }
    status.beats.store(0, Ordering::Release);
    Ok(status)
}

impl Status {
    /// The number of signs of life so far.
    pub(crate) fn beats(&self) -> u64 {
        self.beats.load(Ordering::Relaxed)
    }

    /// The kernel thread that runs the simulation, if there is one.
    pub(crate) fn guest_thread(&self) -> Option<u32> {
        Some(self.guest_thread.load(Ordering::Acquire)).filter(|thread| *thread != 0)
    }

    /// Says what the watchdog's signal is for.
    pub(crate) fn set_asleep(&self, asleep: bool) {
        self.asleep.store(u32::from(asleep), Ordering::Release);
    }

    /// The addresses of the calls at the watchdog's signal.
    pub(crate) fn frames(&self) -> Vec<usize> {
        let length = self.frames_len.load(Ordering::Acquire) as usize;
        self.frames.iter().take(length).map(|frame| frame.load(Ordering::Relaxed) as usize).collect()
    }

    /// The name of the node whose thread ran last.
    pub(crate) fn node(&self) -> Option<String> {
        let node = (self.node.load(Ordering::Relaxed) as usize).checked_sub(1)?;
        self.name(node)
    }

    /// The last words of a child that has ended.
    pub(crate) fn last_words(&self) -> LastWords {
        LastWords::decode(&read(&self.words[..self.words_len.load(Ordering::Acquire) as usize]))
    }

    fn add_name(&self, name: &[u8]) {
        let start = self.names_len.load(Ordering::Relaxed) as usize;
        let name = &name[..name.len().min(NAME_BYTES_MAX)];
        let Some([len, bytes @ ..]) = self.names.get(start..start + 1 + name.len()) else { return };
        len.store(name.len() as u8, Ordering::Relaxed);
        write(bytes, name);
        self.names_len.store((start + 1 + name.len()) as u32, Ordering::Release);
    }

    fn name(&self, index: usize) -> Option<String> {
        let mut names = &self.names[..self.names_len.load(Ordering::Acquire) as usize];
        let mut before = 0..index;
        loop {
            let (len, rest) = names.split_first()?;
            let (name, rest) = rest.split_at_checked(usize::from(len.load(Ordering::Relaxed)))?;
            if before.next().is_none() {
                return Some(String::from_utf8_lossy(&read(name)).into_owned());
            }
            names = rest;
        }
    }
}

fn write(into: &[AtomicU8], bytes: &[u8]) {
    for (cell, byte) in into.iter().zip(bytes) {
        cell.store(*byte, Ordering::Relaxed);
    }
}

fn read(from: &[AtomicU8]) -> Vec<u8> {
    from.iter().map(|cell| cell.load(Ordering::Relaxed)).collect()
}
