//! A node: one machine and its process, made up of parts that own their state.
//! It starts and ends nothing itself; see `lifecycle.rs`.

use crate::kernel::fs::disk::{Disk, Loss};
use crate::kernel::process::descriptor_table::DescriptorTable;
use crate::kernel::process::leaked::Leaks;
use crate::kernel::process::memory::Account;
use crate::kernel::process::printed::Printed;
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
    name: String,
    /// The node's identity for keyed choices.
    key: u64,
    main: Main,
    lifecycle: Lifecycle,
    /// The threads of the present incarnation, by number.
    threads: Vec<ThreadId>,
    descriptors: DescriptorTable,
    storage: Storage,
    /// The process's allocations; its threads point to it.
    memory: Rc<Account>,
    clocks: Clocks,
    stops: StopRequests,
    activity: Activity,
    leaks: Leaks,
    printed: Printed,
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
            printed: Printed::default(),
            next_port: FIRST_EPHEMERAL_PORT,
            tasks: 0,
        }
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// The node's identity for keyed choices.
    #[inline]
    pub(crate) fn key(&self) -> u64 {
        self.key
    }

    /// The node's program.
    pub(crate) fn main(&self) -> Main {
        self.main.clone()
    }

    /// Returns whether a process runs here.
    pub(crate) fn is_up(&self) -> bool {
        self.lifecycle.is_up()
    }

    /// The present or last incarnation, from 1; 0 before the first.
    #[inline]
    pub(crate) fn incarnation(&self) -> u16 {
        self.lifecycle.incarnation()
    }

    /// Begins the next incarnation, which inherits nothing from the last one. Returns its number.
    pub(crate) fn begin(&mut self, base_of: impl FnOnce(u16) -> i32) -> u16 {
        let incarnation = self.lifecycle.start();
        self.descriptors.begin(base_of(incarnation));
        self.threads.clear();
        self.leaks = Leaks::default();
        self.printed = Printed::default();
        self.activity = Activity::default();
        self.tasks = 0;
        self.memory.begin();
        incarnation
    }

    /// The disk, made at its first use.
    pub(crate) fn disk(&mut self) -> &mut Disk {
        self.storage.disk(&self.name, self.key, self.lifecycle.incarnation())
    }

    /// The process has ended; with choices, the machine lost power as well. Returns the losses of its disk.
    pub(crate) fn disk_died(&mut self, power_lost: Option<&Choices>) -> Vec<Loss> {
        self.storage.process_ended(self.key, self.lifecycle.incarnation(), power_lost)
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

/// The parts of a node.
impl Node {
    /// The lifecycle of the process.
    #[inline]
    pub(crate) fn lifecycle(&self) -> &Lifecycle {
        &self.lifecycle
    }

    pub(crate) fn lifecycle_mut(&mut self) -> &mut Lifecycle {
        &mut self.lifecycle
    }

    /// The threads of the present incarnation, by number.
    #[inline]
    pub(crate) fn threads(&self) -> &[ThreadId] {
        &self.threads
    }

    /// Adds a thread under the next number.
    pub(super) fn add_thread(&mut self, thread: ThreadId) {
        self.threads.push(thread);
    }

    #[inline]
    pub(crate) fn descriptors(&self) -> &DescriptorTable {
        &self.descriptors
    }

    #[inline]
    pub(crate) fn descriptors_mut(&mut self) -> &mut DescriptorTable {
        &mut self.descriptors
    }

    #[inline]
    pub(crate) fn storage(&self) -> &Storage {
        &self.storage
    }

    #[inline]
    pub(crate) fn storage_mut(&mut self) -> &mut Storage {
        &mut self.storage
    }

    /// The process's allocations; its threads point to the account.
    #[inline]
    pub(crate) fn memory(&self) -> &Rc<Account> {
        &self.memory
    }

    #[inline]
    pub(crate) fn clocks(&self) -> &Clocks {
        &self.clocks
    }

    pub(super) fn clocks_mut(&mut self) -> &mut Clocks {
        &mut self.clocks
    }

    /// Stop requests to the present incarnation.
    pub(crate) fn stops(&self) -> &StopRequests {
        &self.stops
    }

    pub(crate) fn stops_mut(&mut self) -> &mut StopRequests {
        &mut self.stops
    }

    /// The arrivals and calls of the present incarnation.
    #[inline]
    pub(crate) fn activity_mut(&mut self) -> &mut Activity {
        &mut self.activity
    }

    /// The leaks of the present or last incarnation.
    pub(crate) fn leaks(&self) -> &Leaks {
        &self.leaks
    }

    pub(crate) fn leaks_mut(&mut self) -> &mut Leaks {
        &mut self.leaks
    }

    /// The output of the present or last incarnation.
    pub(crate) fn printed(&self) -> &Printed {
        &self.printed
    }

    pub(crate) fn printed_mut(&mut self) -> &mut Printed {
        &mut self.printed
    }
}
