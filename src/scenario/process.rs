//! A process of a scenario, as its author described it.

use crate::rt::guest;
use crate::scenario::clock::Clock;
use crate::scenario::disk::Disk;
use crate::scenario::link::Link;
use crate::scenario::node::Role;
use crate::scenario::supervisor::Supervisor;
use afterlife_sim::Main;

pub(crate) struct Process {
    pub(crate) name: String,
    pub(crate) role: Role,
    pub(crate) main: Main,
    /// The same as a future, for engines that have a runtime.
    pub(crate) service: Option<guest::Main>,
    pub(crate) disk: Disk,
    pub(crate) clock: Clock,
    pub(crate) memory_bytes: Option<u64>,
    pub(crate) descriptors_max: Option<usize>,
    pub(crate) links: Vec<(u16, Link)>,
    pub(crate) supervisor: Option<Supervisor>,
}
