//! One machine and its process: an identity, and the parts that make up its state.
//! It starts and ends nothing itself; see `lifecycle.rs`.

use crate::kernel::fs::disk::Disk;
use crate::kernel::process::descriptor_table::DescriptorTable;
use crate::kernel::process::leaked::Leaks;
use crate::kernel::process::memory::Account;
use crate::kernel::process::state::Lifecycle;
use crate::kernel::process::stop::StopRequests;
use crate::kernel::process::storage::Storage;
use crate::kernel::sched::choice::{Choices, identity};
use crate::kernel::sched::clock::Clocks;
use crate::kernel::sched::spin::Activity;
use crate::kernel::sched::thread::ThreadId;
use std::rc::Rc;
use std::sync::Arc;

/// A node's program: called on its main thread, once for each incarnation, with the incarnation's number from 1.
pub type Main = Arc<dyn Fn(u16) -> ExitCode + Send + Sync>;

/// The result of a main function.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExitCode {
    /// It returned; 0 is a good end.
    Code(i32),
    /// A panic unwound out of it.
    Panicked,
}

/// The first ephemeral port (IANA's range).
pub(crate) const FIRST_EPHEMERAL_PORT: u16 = 49_152;

/// One machine and its process.
pub(crate) struct Node {
    pub(crate) name: String,
    /// The node's identity for keyed choices.
    pub(crate) key: u64,
    pub(crate) main: Main,
    pub(crate) lifecycle: Lifecycle,
    /// The threads of the present incarnation, by number.
    pub(crate) threads: Vec<ThreadId>,
    pub(crate) descriptors: DescriptorTable,
    pub(crate) storage: Storage,
    /// The process's allocations; its threads point to it.
    pub(crate) memory: Rc<Account>,
    pub(crate) clocks: Clocks,
    pub(crate) stops: StopRequests,
    pub(crate) activity: Activity,
    pub(crate) leaks: Leaks,
    next_port: u16,
    /// The number of tasks that were polled in the present incarnation.
    tasks: u32,
}

impl Node {
    pub(crate) fn new(name: &str, main: Main, memory: Account) -> Self {
        Self {
            name: name.to_owned(),
            key: identity(name),
            main,
            lifecycle: Lifecycle::default(),
            threads: Vec::new(),
            descriptors: DescriptorTable::default(),
            storage: Storage::default(),
            memory: Rc::new(memory),
            clocks: Clocks::default(),
            stops: StopRequests::default(),
            activity: Activity::default(),
            leaks: Leaks::default(),
            next_port: FIRST_EPHEMERAL_PORT,
            tasks: 0,
        }
    }

    /// Whether a process runs here.
    pub(crate) fn is_up(&self) -> bool {
        self.lifecycle.is_up()
    }

    /// The present or last incarnation, from 1; 0 before the first.
    #[inline]
    pub(crate) fn incarnation(&self) -> u16 {
        self.lifecycle.incarnation()
    }

    /// Begins the next incarnation: everything that belonged to the last one is gone. Returns its number.
    pub(crate) fn begin(&mut self, base_of: impl FnOnce(u16) -> i32) -> u16 {
        let incarnation = self.lifecycle.start();
        self.descriptors.begin(base_of(incarnation));
        self.threads.clear();
        self.leaks = Leaks::default();
        self.activity = Activity::default();
        self.tasks = 0;
        self.memory.begin();
        incarnation
    }

    /// The disk, made at its first use.
    pub(crate) fn disk(&mut self) -> &mut Disk {
        self.storage.disk(self.key, self.lifecycle.incarnation())
    }

    /// The process has ended; with choices, the machine's power went as well.
    pub(crate) fn disk_died(&mut self, power_lost: Option<&Choices>) {
        self.storage.process_ended(self.key, self.lifecycle.incarnation(), power_lost);
    }

    /// The next ephemeral port in turn, free or not.
    pub(crate) fn next_port(&mut self) -> u16 {
        let port = self.next_port;
        self.next_port = if port == u16::MAX { FIRST_EPHEMERAL_PORT } else { port + 1 };
        port
    }

    /// The number of the next task that is polled for the first time, from 1.
    #[inline]
    pub(crate) fn next_task(&mut self) -> u32 {
        self.tasks += 1;
        self.tasks
    }
}
