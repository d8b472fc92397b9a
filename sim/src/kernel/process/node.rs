//! Nodes and their processes: a machine with an address, a disk and a clock, and the lives that its program lives there.
//! It starts and ends nothing by itself: `world` does, at the times that are set there.

use crate::event::NodeId;
use crate::kernel::fs::disk::Disk;
use crate::kernel::process::fd::description::{DescriptionId, Slot};
use crate::kernel::process::fd::number::SLOTS_MAX;
use crate::kernel::process::leak::LeakedItem;
use crate::kernel::process::memory::Account;
use crate::kernel::sched::call_site::CallSite;
use crate::kernel::sched::choice::{Choices, Question, identity, join};
use crate::kernel::sched::clock::Clocks;
use crate::kernel::sched::spin::Spin;
use crate::kernel::sched::thread::ThreadId;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::rc::Rc;
use std::sync::Arc;

/// What a node runs: called on its main thread, once for each incarnation, with the incarnation's number from 1.
pub type Main = Arc<dyn Fn(u16) -> ExitCode + Send + Sync>;

/// How a main function ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExitCode {
    /// It returned; 0 is a good end.
    Code(i32),
    /// A panic unwound out of it.
    Panicked,
}

/// Where a machine's process is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ProcessState {
    /// Never started yet.
    New,
    /// Running.
    Up,
    /// Asked to stop, not yet ended.
    Stopping,
    /// Ended; the machine still answers for its addresses.
    Down,
    /// The machine itself has no power: silence.
    Off,
}

/// The umask that a process begins with, as nearly everywhere.
pub(crate) const UMASK: u32 = 0o022;

/// How a node's disk is built.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DiskBuild {
    /// Bytes that it holds.
    pub capacity_bytes: u64,
    /// How long a sync takes, in nanoseconds: uniform between the two.
    pub sync_ns: (u64, u64),
}

impl Default for DiskBuild {
    /// A common cloud volume's size, so that no program asks for less before it starts; the speed of a data-centre NVMe
    /// drive.
    fn default() -> Self {
        Self { capacity_bytes: 64 << 30, sync_ns: (50_000, 500_000) }
    }
}

/// Tasks that had not ended when a main function was over.
#[derive(Default)]
pub(crate) struct Unended {
    /// How many the runtime says that there are.
    pub(crate) count: usize,
    /// Where those were spawned that are known.
    pub(crate) made: Vec<CallSite>,
    /// Nobody was told of the memory that tasks live in, so that none is known.
    pub(crate) unseen: bool,
}

/// One machine and its process.
pub(crate) struct Node {
    pub(crate) name: String,
    pub(crate) key: u64,
    pub(crate) main: Main,
    pub(crate) life: ProcessState,
    pub(crate) incarnation: u16,
    /// Its threads stand still.
    pub(crate) paused: bool,
    pub(crate) threads: Vec<ThreadId>,
    pub(crate) descriptors: Vec<Option<DescriptionId>>,
    /// Of the same numbers.
    pub(crate) slots: Vec<Slot>,
    /// What its last life left behind, if that ended in order.
    pub(crate) left: Vec<LeakedItem>,
    /// How much has reached its process, and what that has been at of late.
    pub(crate) arrivals: u64,
    pub(crate) spin: Spin,
    /// What was left of its runtime's tasks when its main function was over, if somebody told.
    pub(crate) unended: Unended,
    /// How many descriptors it may have open.
    pub(crate) slots_max: usize,
    /// No slot below this one is free.
    pub(crate) free_from: usize,
    /// The number of its first descriptor, in its present life.
    pub(crate) base: i32,
    /// Its own copies of channels that were made outside the run, by the number that they have there.
    pub(crate) mirrors: Vec<(i32, DescriptionId)>,
    /// Made when it is first asked for: an idle node costs nothing.
    pub(crate) disk: Option<Box<Disk>>,
    /// What its process has allocated; its threads point to it.
    pub(crate) memory: Rc<Account>,
    pub(crate) next_port: u16,
    pub(crate) clocks: Clocks,
    /// Descriptors that become readable when a stop is requested.
    pub(crate) stop_watchers: Vec<DescriptionId>,
    pub(crate) disk_build: DiskBuild,
    /// Where relative paths of its process begin; the root unless it went elsewhere.
    pub(crate) working_directory: Option<crate::kernel::fs::disk::InodeId>,
    /// Permission bits that new files do not get.
    pub(crate) umask: u32,
    /// How often its present life was asked to stop.
    pub(crate) stop_requests: u64,
    /// Whether its present life ever asked to be told of a stop.
    pub(crate) asked_for_stop: bool,
    /// The signal that it handled last.
    pub(crate) signalled: Option<i32>,
    /// On top of each sync, in nanoseconds.
    pub(crate) sync_extra_ns: u64,
    pub(crate) syncs: u64,
    /// Set by a death that was asked for with a restart: when it starts again after it ended.
    pub(crate) restart_after_ns: Option<u64>,
    /// How many tasks of its process were polled.
    pub(crate) tasks: u32,
    /// How many starts are due.
    pub(crate) starts_due: u32,
    /// The stop request that its process has not followed yet.
    pub(crate) stop_asked: crate::event::Seq,
    /// The end of its last life; none before the first one's.
    pub(crate) ended: crate::event::Seq,
}

impl Node {
    pub(crate) fn new(name: &str, main: Main, memory: Account) -> Self {
        Self {
            name: name.to_owned(),
            key: identity(name),
            main,
            life: ProcessState::New,
            incarnation: 0,
            paused: false,
            threads: Vec::new(),
            descriptors: Vec::new(),
            slots: Vec::new(),
            left: Vec::new(),
            arrivals: 0,
            spin: Spin::default(),
            unended: Unended::default(),
            slots_max: SLOTS_MAX,
            free_from: 0,
            base: 0,
            mirrors: Vec::new(),
            disk: None,
            disk_build: DiskBuild::default(),
            working_directory: None,
            umask: UMASK,
            memory: Rc::new(memory),
            next_port: FIRST_EPHEMERAL_PORT,
            clocks: Clocks::default(),
            stop_watchers: Vec::new(),
            stop_requests: 0,
            asked_for_stop: false,
            signalled: None,
            sync_extra_ns: 0,
            syncs: 0,
            restart_after_ns: None,
            tasks: 0,
            stop_asked: crate::event::Seq::NONE,
            ended: crate::event::Seq::NONE,
            starts_due: 0,
        }
    }

    /// Lets its processes have so many descriptors open, where that is less than there are numbers for.
    pub(crate) fn limit_descriptors(&mut self, count: Option<usize>) {
        self.slots_max = count.unwrap_or(SLOTS_MAX).min(SLOTS_MAX);
    }

    /// Whether a process runs here.
    pub(crate) fn is_up(&self) -> bool {
        matches!(self.life, ProcessState::Up | ProcessState::Stopping)
    }
}

/// What `st_dev` says in one life of a process. Statics outlive the lives of a run, and C libraries keep what they know of an
/// open file in them, by device and inode (SQLite does): no life may find there what an earlier one knew.
fn device_number(key: u64, incarnation: u16) -> u64 {
    (key & 0xffff) | u64::from(incarnation.saturating_sub(1)) << 20
}

impl Node {
    /// Whether it has as many descriptors as it may have.
    pub(crate) fn has_no_slot(&self) -> bool {
        self.descriptors.len() >= self.slots_max && self.descriptors.iter().all(Option::is_some)
    }

    /// The disk, made when it is first asked for.
    pub(crate) fn disk(&mut self) -> &mut Disk {
        let (key, lives, capacity_bytes) = (self.key, self.incarnation, self.disk_build.capacity_bytes);
        self.disk.get_or_insert_with(|| {
            let mut disk = Disk::new(device_number(key, lives), 0);
            disk.set_capacity(capacity_bytes);
            Box::new(disk)
        })
    }

    /// What the end of its process, or of its machine's power, does to its disk.
    pub(crate) fn disk_died(&mut self, power_lost: Option<&Choices>) {
        let (key, incarnation) = (self.key, u64::from(self.incarnation));
        (self.working_directory, self.umask) = (None, UMASK);
        let Some(disk) = &mut self.disk else { return };
        disk.set_device_number(device_number(key, self.incarnation + 1));
        match power_lost {
            None => disk.process_died(),
            Some(choices) => disk.power_loss(&mut |ask| {
                let who = join(key, join(incarnation, ask.inode));
                let who = join(who, ask.what as u64);
                choices.below(Question::PowerLoss, who, ask.occurrence, ask.bound)
            }),
        }
    }
}

/// The first ephemeral port (IANA's range).
pub(crate) const FIRST_EPHEMERAL_PORT: u16 = 49_152;

/// How many nodes a room holds: what 10.0.0.0/16 numbers with 250 to a row.
pub const NODES_MAX: usize = 60_000;

const ROW: u16 = 250;

/// The IPv4 address of a node: 10.0.row.place, from 10.0.0.1.
pub(crate) fn address_v4(node: NodeId) -> Ipv4Addr {
    Ipv4Addr::new(10, 0, (node.0 / ROW) as u8, (node.0 % ROW + 1) as u8)
}

/// The IPv6 address of a node, in the unique local range.
pub(crate) fn address_v6(node: NodeId) -> Ipv6Addr {
    Ipv6Addr::new(0xfd00, 0xaf, 0, 0, 0, 0, 0, node.0 + 1)
}

/// The node that an IPv4 address belongs to, by number alone.
pub(crate) fn node_of_v4(address: Ipv4Addr) -> Option<NodeId> {
    match address.octets() {
        [10, 0, row, place @ 1..=250] => Some(NodeId(u16::from(row) * ROW + u16::from(place) - 1)),
        _ => None,
    }
}

/// The node that an IPv6 address belongs to, by number alone.
pub(crate) fn node_of_v6(address: Ipv6Addr) -> Option<NodeId> {
    match address.segments() {
        [0xfd00, 0xaf, 0, 0, 0, 0, 0, place] => Some(NodeId(place.checked_sub(1)?)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_leads_back_to_its_node() {
        for number in [0, 1, 249, 250, 251, 999, 59_999] {
            let node = NodeId(number);
            assert_eq!(node_of_v4(address_v4(node)), Some(node));
            assert_eq!(node_of_v6(address_v6(node)), Some(node));
        }
        assert_eq!(node_of_v4(Ipv4Addr::new(10, 1, 0, 1)), None);
        assert_eq!(node_of_v4(Ipv4Addr::new(10, 0, 0, 0)), None);
    }
}
