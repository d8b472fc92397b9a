//! The recorder of a run: numbers events, folds them into the digest, and stores them on demand.
//! It judges nothing.

use crate::event::{Digest, Event, Name, Seq, What};
use crate::host::region::Region;
use std::collections::BTreeMap;

/// The capacity of a recording; no run may have so many events.
const EVENTS_MAX: usize = 128 << 20;

/// Numbers, digests and, on demand, stores events; interns texts.
pub(crate) struct Recorder {
    next: u64,
    digest: (u64, u64),
    names: Vec<String>,
    known: BTreeMap<String, Name>,
    sites: BTreeMap<(usize, u32, u32), Name>,
    stored: Option<(Region<Event>, Region<u64>)>,
    // Reserved in every run, so that a recorded run has the same addresses as any other.
    reserved: Option<(Region<Event>, Region<u64>)>,
    /// The stack at the event of [`Settings::stack_at`](crate::Settings::stack_at).
    stack: Option<String>,
}

/// Every event of a recorded run, with the digest after each.
pub struct Recorded {
    events: Region<Event>,
    digests: Region<u64>,
}

impl Recorded {
    /// The events, in order.
    pub fn events(&self) -> &[Event] {
        self.events.values()
    }

    /// One lane of the digest after each event.
    pub fn digests(&self) -> &[u64] {
        self.digests.values()
    }
}

/// Returns the digest of texts, in the order of their numbers, and then of events. For events from elsewhere than a simulation.
pub fn digest_of(names: &[String], events: &[Event]) -> Digest {
    let mut recorder = Recorder::bare();
    for text in names {
        recorder.name(text);
    }
    for event in events {
        recorder.push(&mut event.clone());
    }
    recorder.digest()
}

/// One round of folding: a 64 × 64 → 128-bit product whose halves are joined, as in wyhash.
#[inline]
fn fold(a: u64, b: u64) -> u64 {
    let product = u128::from(a) * u128::from(b);
    (product as u64) ^ ((product >> 64) as u64)
}

impl Recorder {
    /// An empty recorder, which stores events if `store`.
    pub(crate) fn new(store: bool) -> Self {
        let mut regions: Option<(Region<Event>, Region<u64>)> =
            Some((Region::reserve(EVENTS_MAX), Region::reserve(EVENTS_MAX)));
        if store && let Some((events, digests)) = &mut regions {
            events.expect_use();
            digests.expect_use();
        }
        Self { stored: if store { regions.take() } else { None }, reserved: regions, ..Self::bare() }
    }

    /// A recorder that stores nothing and reserves no memory.
    fn bare() -> Self {
        Self {
            next: 0,
            digest: (0x243f_6a88_85a3_08d3, 0x1319_8a2e_0370_7344), // the first digits of π
            names: vec![String::new()],
            known: BTreeMap::new(),
            sites: BTreeMap::new(),
            stored: None,
            reserved: None,
            stack: None,
        }
    }

    /// Folds a number into the digest without making an event of it.
    #[inline]
    pub(crate) fn stir(&mut self, word: u64) {
        self.digest.0 = fold(self.digest.0 ^ word, 0xa076_1d64_78bd_642f) ^ self.digest.1;
        self.digest.1 = self.digest.1.rotate_left(29).wrapping_add(word ^ 0xe703_7ed1_a0b4_28db);
    }

    /// Records an event and sets its `seq`.
    #[inline]
    pub(crate) fn push(&mut self, event: &mut Event) {
        event.seq = Seq(self.next);
        self.next += 1;
        let origin = u64::from(event.node.0) << 48 | u64::from(event.incarnation) << 32 | u64::from(event.thread);
        let [a, b] = event.what.words();
        self.stir(event.time_ns ^ origin.rotate_left(17));
        self.stir(a ^ event.cause.0.rotate_left(32) ^ event.task.rotate_left(48));
        self.stir(b);
        if let Some((events, digests)) = &mut self.stored {
            events.push(*event);
            digests.push(self.digest.0 ^ self.digest.1);
        }
    }

    /// The number of events so far.
    pub(crate) fn len(&self) -> u64 {
        self.next
    }

    /// The digest so far.
    pub(crate) fn digest(&self) -> Digest {
        Digest(fold(self.digest.0, self.digest.1 | 1), fold(self.digest.1 ^ self.next, 0x8ebc_6af0_9c88_c6e3))
    }

    /// The name of a text; interns a new one, which becomes part of the digest.
    pub(crate) fn name(&mut self, text: &str) -> Name {
        if text.is_empty() {
            return Name::NONE;
        }
        if let Some(name) = self.known.get(text) {
            return *name;
        }
        let name = Name(self.names.len() as u32);
        self.names.push(text.to_owned());
        self.known.insert(text.to_owned(), name);
        let hash =
            text.bytes().fold(u64::from(name.0), |hash, byte| fold(hash ^ u64::from(byte), 0x5899_65cc_7537_4cc3));
        self.stir(hash);
        name
    }

    /// The name of a source line. The file's address is only a key of the cache: no order and no digest depends on it.
    pub(crate) fn site(&mut self, site: &'static std::panic::Location<'static>) -> Name {
        let key = (site.file().as_ptr().addr(), site.line(), site.column());
        if let Some(name) = self.sites.get(&key) {
            return *name;
        }
        let name = self.name(&format!("{}:{}", site.file(), site.line()));
        self.sites.insert(key, name);
        name
    }

    /// The text of a name.
    pub(crate) fn text(&self, name: Name) -> &str {
        self.names.get(name.0 as usize).map_or("", String::as_str)
    }

    /// Captures the stack of the calling thread, for [`take_stack`](Self::take_stack).
    pub(crate) fn capture_stack(&mut self) {
        self.stack = Some(std::backtrace::Backtrace::force_capture().to_string());
    }

    /// Takes the captured stack, if there is one.
    pub(crate) fn take_stack(&mut self) -> Option<String> {
        self.stack.take()
    }

    /// Ends the recording. Returns its texts, and its events if they were stored.
    pub(crate) fn finish(&mut self) -> (Vec<String>, Option<Recorded>) {
        let ended = std::mem::replace(self, Self::bare());
        drop(ended.reserved);
        (ended.names, ended.stored.map(|(events, digests)| Recorded { events, digests }))
    }
}

impl What {
    /// The bound of [`kind`](Self::kind).
    pub const KINDS: usize = 128;

    /// The number of the event's kind, below [`KINDS`](Self::KINDS). Each step of a lifetime is a kind of its own.
    #[inline]
    pub fn kind(&self) -> usize {
        match self {
            Self::Probe { step, .. } => 64 + *step as usize,
            Self::MemoryUsed { .. } => 36,
            other => (other.words()[0] & 63) as usize,
        }
    }

    /// The event's content in two words for the digest: the number of its kind, then its fields.
    #[inline]
    fn words(self) -> [u64; 2] {
        fn two(high: u32, low: u32) -> u64 {
            u64::from(high) << 32 | u64::from(low)
        }
        match self {
            Self::Started => [1, 0],
            Self::StopRequested { budget_ns } => [2, budget_ns],
            Self::Exited { how } => [3, how.word()],
            Self::ThreadStarted { thread } => [4, u64::from(thread)],
            Self::ThreadEnded => [5, 0],
            Self::Panicked { message, site } => [6, two(message.0, site.0)],
            Self::Listening { port } => [7, u64::from(port)],
            Self::Connecting { to, port, conn } => [8 | u64::from(to.0) << 32, two(u32::from(port), conn)],
            Self::Connected { conn } => [9, u64::from(conn)],
            Self::Accepted { conn } => [10, u64::from(conn)],
            Self::Refused { conn } => [11, u64::from(conn)],
            Self::Sent { conn, bytes } => [12, two(conn, bytes)],
            Self::Delivered { conn, bytes } => [13, two(conn, bytes)],
            Self::Finished { conn } => [14, u64::from(conn)],
            Self::Reset { conn } => [15, u64::from(conn)],
            Self::TimedOut { conn } => [16, u64::from(conn)],
            Self::FileOpened { path } => [17, u64::from(path.0)],
            Self::FileSynced { path, took_ns } => [18 | u64::from(path.0) << 32, took_ns],
            Self::EntryChanged { path } => [19, u64::from(path.0)],
            Self::BadDescriptor { fd, function } => [20, two(fd as u32, function.0)],
            Self::TimerFired => [21, 0],
            Self::ResourceOpened { name, object, generation, site } => {
                [22 | u64::from(name.0) << 32, two(object, generation) ^ u64::from(site.0) << 16]
            }
            Self::ResourceUsed { name, object, by, site } => {
                [23 | u64::from(name.0) << 32, two(object, by.0) ^ u64::from(site.0) << 16]
            }
            Self::ResourceClosed { name, object, site } => [24 | u64::from(name.0) << 32, two(object, site.0)],
            Self::Phase { name, site } => [25, two(name.0, site.0)],
            Self::Claim { claim, always, held, site } => {
                [26 | u64::from(always) << 33 | u64::from(held) << 32, two(claim.0, site.0)]
            }
            Self::Reached { name, site } => [27, two(name.0, site.0)],
            Self::Noted { ledger, entry, site } => [28 | u64::from(site.0) << 32, two(ledger.0, entry.0)],
            Self::Completed { ledger, entries, site } => [49 | u64::from(site.0) << 32, two(ledger.0, entries)],
            Self::FileWritten { path } => [50, u64::from(path.0)],
            Self::DataLost { path, bytes } => [51 | u64::from(path.0) << 32, bytes],
            Self::FileLost { path } => [48, u64::from(path.0)],
            Self::Fault { kind, injection, detail } => [29 | u64::from(detail.0) << 32, two(kind.0, injection)],
            Self::Healed { kind, injection } => [30, two(kind.0, injection)],
            Self::Line { text } => [31, u64::from(text.0)],
            Self::Quiescent => [32, 0],
            Self::Probe { step, name, object, number, site } => {
                let high = (number >> 32).wrapping_mul(0x9e37_79b9_7f4a_7c15);
                let low = two(object, number as u32) ^ u64::from(site.0) << 16;
                [44 | (step as u64) << 8 | u64::from(name.0) << 32, low ^ high]
            }
            Self::StopRepeated => [45, 0],
            Self::Paused => [33, 0],
            Self::Resumed => [34, 0],
            Self::Signalled { signal } => [35, signal as u64],
            Self::MemoryUsed { live, peak } => [36 ^ live.rotate_left(16), peak],
            Self::Allocated { bytes } => [37, bytes],
            Self::LongPath { bytes } => [38, u64::from(bytes)],
            // Two builds of a program number its call sites differently.
            Self::Leaked { kind, call_site: _ } => [39, kind as u64],
            Self::Spun { calls } => [40, calls],
            Self::Dropped { to, bytes } => [41, two(u32::from(to.0), bytes)],
            Self::Stale { of, incarnation, conn } => {
                [42 | u64::from(conn) << 32, two(u32::from(of.0), u32::from(incarnation))]
            }
            Self::DiskFailed { path, errno } => [43, two(path.0, errno as u32)],
            // The call site of a task is known in recorded runs alone.
            Self::Waits { on, object, name, call_site: _, since_ns } => {
                [46 | (on as u64) << 8 | u64::from(name.0) << 32, since_ns ^ u64::from(object).rotate_left(40)]
            }
            Self::StillOpen { conn, unread_bytes, unsent_bytes, used_ns } => {
                [47 | u64::from(conn) << 32, two(unread_bytes, unsent_bytes) ^ used_ns.rotate_left(20)]
            }
        }
    }
}

impl crate::event::Death {
    fn word(self) -> u64 {
        match self {
            Self::Exit { code } => u64::from(code as u32) << 8,
            Self::Panic => 1,
            Self::Abort => 2,
            Self::Kill => 3,
            Self::Overrun => 4,
            Self::PowerLoss => 5,
            Self::OutOfMemory => 6,
            Self::Signal { signal } => 7 | u64::from(signal as u32) << 8,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::NodeId;

    fn event(time_ns: u64, what: What) -> Event {
        Event { seq: Seq::NONE, time_ns, node: NodeId(0), incarnation: 1, thread: 0, task: 0, cause: Seq::NONE, what }
    }

    #[test]
    fn equal_recordings_have_equal_digests_and_a_changed_field_changes_them() {
        let digest = |time, bytes| {
            let mut recorder = Recorder::new(false);
            recorder.push(&mut event(time, What::Sent { conn: 0, bytes }));
            recorder.push(&mut event(time + 1, What::Delivered { conn: 0, bytes }));
            recorder.digest()
        };
        assert_eq!(digest(1, 2), digest(1, 2));
        assert_ne!(digest(1, 2), digest(2, 2));
        assert_ne!(digest(1, 2), digest(1, 3));
    }

    #[test]
    fn every_bit_of_a_probes_number_is_part_of_the_digest() {
        let digest = |number| {
            let mut recorder = Recorder::new(false);
            let (step, name) = (crate::event::ProbeEvent::Advanced, Name(1));
            recorder.push(&mut event(1, What::Probe { step, name, object: 1, number, site: Name(2) }));
            recorder.digest()
        };
        let digests: std::collections::BTreeSet<_> = (0..64).map(|bit| digest(1 << bit).to_string()).collect();
        assert_eq!(digests.len(), 64);
    }

    #[test]
    fn a_text_keeps_its_number() {
        let mut recorder = Recorder::new(false);
        let first = recorder.name("metadata-db");
        assert_eq!(recorder.name(""), Name::NONE);
        assert_eq!(recorder.name("metadata-db"), first);
        assert_eq!(recorder.text(first), "metadata-db");
    }
}
