//! A process and its machine as the files show them: numbers, times in ticks, memory in pages.

use crate::event::NodeId;
use crate::kernel::dispatch::Kernel;
use crate::kernel::process::machine::{MEMORY_PAGE_BYTES, PROCESSORS, TICKS_PER_SECOND};
use crate::kernel::process::node::Node;
use crate::kernel::sched::choice::join;
use crate::kernel::sched::clock::Clock;
use crate::kernel::sched::thread::{State, Thread, ThreadId, Wait};

/// The longest name of a process or thread in `/proc`.
const NAME_BYTES_MAX: usize = 15;

const NS_PER_TICK: u64 = 1_000_000_000 / TICKS_PER_SECOND;

/// The subject of a file.
pub(super) struct View<'a> {
    pub(super) kernel: &'a Kernel,
    pub(super) node: NodeId,
    /// The thread that the file is about; the main thread if it is about the process.
    pub(super) thread: ThreadId,
}

impl View<'_> {
    pub(super) fn machine(&self) -> &Node {
        &self.kernel.process[self.node]
    }

    pub(super) fn number(&self) -> i32 {
        self.kernel.process_number(self.node)
    }

    /// The number of threads that have not ended.
    pub(super) fn threads(&self) -> usize {
        self.kernel.live_threads(self.node).count()
    }

    /// Nanoseconds since the machine was booted.
    pub(super) fn uptime_ns(&self) -> i64 {
        self.kernel.node_time_ns(self.node, Clock::Monotonic)
    }

    /// Ticks from the boot of the machine to the start of the process.
    pub(super) fn start_ticks(&self) -> i64 {
        self.machine().lifecycle().started_ns() / NS_PER_TICK as i64
    }

    /// The processor time of the process in ticks, as `getrusage` shows it.
    pub(super) fn used_ticks(&self) -> u64 {
        self.kernel.sched.now_ns() / NS_PER_TICK
    }

    /// Ticks since the machine was booted, of all processors, in which none worked.
    pub(super) fn idle_ticks(&self) -> u64 {
        let booted = u64::try_from(self.uptime_ns()).unwrap_or(0) / NS_PER_TICK;
        (booted * PROCESSORS as u64).saturating_sub(self.used_ticks())
    }

    /// Seconds between 1970 and the boot of the machine, by its wall clock.
    pub(super) fn booted_s(&self) -> i64 {
        (self.kernel.wall_ns(self.node) - self.uptime_ns()).div_euclid(1_000_000_000)
    }

    /// The pages of memory that the process uses, and the most that it used at any time.
    pub(super) fn pages(&self) -> (u64, u64) {
        let (now, most) = self.machine().used_memory_bytes();
        (now.div_ceil(MEMORY_PAGE_BYTES), most.div_ceil(MEMORY_PAGE_BYTES))
    }

    /// Returns whether the machine has a control group.
    pub(super) fn has_group(&self) -> bool {
        self.machine().memory().budget().is_some()
    }

    /// The name of the thread, as `top` shows it.
    pub(super) fn name(&self) -> &str {
        let own = self.kernel.recorder.text(self.subject().name());
        let name = if own.is_empty() { self.machine().name() } else { own };
        &name[..name.floor_char_boundary(NAME_BYTES_MAX)]
    }

    pub(super) fn subject(&self) -> &Thread {
        &self.kernel.sched[self.thread]
    }

    /// The letter and the word of the thread's state.
    pub(super) fn state(&self) -> (char, &'static str) {
        match self.subject().state() {
            State::Running | State::Runnable | State::Waiting(Wait::Preemption) => ('R', "running"),
            State::Waiting(Wait::Device | Wait::Stall) => ('D', "disk sleep"),
            State::Waiting(_) => ('S', "sleeping"),
            State::Frozen => ('T', "stopped"),
            State::Ended | State::Dead => ('Z', "zombie"),
        }
    }

    /// A random word of the machine, the same until it loses power.
    pub(super) fn boot_word(&self, index: u64) -> u64 {
        let boot = join(self.machine().key(), self.machine().lifecycle().power_losses().into());
        join(join(self.kernel.sched.choices().seed(), boot), index)
    }
}

impl Kernel {
    /// The number of a node's process: what `getpid` returns.
    pub(crate) fn process_number(&self, node: NodeId) -> i32 {
        i32::from(node.0) * 100 + i32::from(self.process[node].incarnation()) + 1
    }

    /// The number that `gettid` returns: the node's threads count from 1000 times the incarnation.
    pub(crate) fn thread_number(&self, thread: ThreadId) -> u32 {
        u32::from(self.sched[thread].incarnation()) * 1_000 + self.sched[thread].number()
    }

    /// The threads of a node's process that have not ended.
    pub(super) fn live_threads(&self, node: NodeId) -> impl Iterator<Item = ThreadId> {
        self.process[node].threads().iter().copied().filter(|thread| self.sched[*thread].is_live())
    }
}
