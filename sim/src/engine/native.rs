//! The native engine: a world behind the C library's symbols, entered from the calling thread.
//! It isolates nothing: what runs here shares statics with everything else in the process, so a run gets a process.

use crate::abi;
use crate::event::{Digest, NodeId, Socket};
use crate::kernel::baton;
use crate::kernel::choice::Asked;
use crate::kernel::ending::{Crash, Ending};
use crate::kernel::lines::LogLine;
use crate::kernel::link::Link;
use crate::kernel::place::Places;
use crate::kernel::process::{DiskBuild, Life, Main};
use crate::kernel::room::Observer;
use crate::kernel::world::{Settings, World};
use crate::log::Kept;

/// A node to be: its name, what it runs, and when it first starts.
pub struct Machine {
    /// Its name, which is also its host name.
    pub name: String,
    /// What it runs.
    pub main: Main,
    /// When it first starts, in virtual nanoseconds.
    pub start_ns: u64,
    /// How its disk is built.
    pub disk: DiskBuild,
    /// How far its wall clock is ahead at the run's start, in nanoseconds; negative is behind.
    pub clock_offset_ns: i64,
    /// How much its clocks gain in each second, in millionths; negative is slow.
    pub clock_ppm: i32,
    /// How many bytes its process may have allocated at a time; `None` for as many as it asks for. It takes [`Memory`](crate::Memory)
    /// as the program's allocator.
    pub memory_bytes: Option<u64>,
    /// How many descriptors its process may have open; `None` for as many as there are numbers.
    pub descriptors_max: Option<usize>,
    /// What the ways from here to other nodes are like, where they are not as all are.
    pub links: Vec<(NodeId, Link)>,
}

/// What a run came to.
pub struct Outcome {
    /// Why it ended.
    pub ending: Ending,
    /// Its events in one number.
    pub digest: Digest,
    /// How many events there were.
    pub events: u64,
    /// How much virtual time passed, in nanoseconds.
    pub virtual_ns: u64,
    /// How often the baton passed.
    pub switches: u64,
    /// What the names in events stand for.
    pub names: Vec<String>,
    /// Every event, if they were kept.
    pub kept: Option<Kept>,
    /// The places that events name.
    pub places: Places,
    /// The lines that programs printed and traced, if they were kept.
    pub lines: Vec<LogLine>,
    /// What the seed was asked in the room, if it was kept.
    pub choices: Vec<Asked>,
    /// The stack that was asked for.
    pub stack: Option<String>,
    /// The fault that ended it.
    pub crash: Option<Crash>,
    /// Nodes whose process had not ended, or never began.
    pub live: Vec<NodeId>,
    /// Every socket at the run's end, if events were kept: a run ends at its first violation.
    pub sockets: Vec<Socket>,
    /// The observer, as [`Observer::into_any`] gives it.
    pub observer: Box<dyn std::any::Any>,
}

/// From here on the calling thread's random bytes come from a seed, until the next run on it has ended: what a host decides
/// before a run (the order of a hash map, say) is then part of that run.
pub fn become_host(seed: u64) {
    abi::begin_host(seed);
}

/// Runs a room to its end.
///
/// # Panics
/// If the calling thread is itself part of a run.
pub fn run(settings: Settings, machines: Vec<Machine>, observer: Box<dyn Observer>) -> Outcome {
    run_furnished(settings, machines, observer, |_| {})
}

/// Runs a room to its end in which something else was put beside the machines.
pub(super) fn run_furnished(
    settings: Settings,
    machines: Vec<Machine>,
    observer: Box<dyn Observer>,
    furnish: impl FnOnce(&mut World),
) -> Outcome {
    assert!(abi::here().is_none(), "a run inside a run");
    baton::prepare();
    abi::attach();
    abi::begin_host(settings.seed);
    let mut world = Box::new(World::new(settings, abi::begin));
    world.wakes.followed = abi::follows_tasks();
    for (index, machine) in machines.into_iter().enumerate() {
        crate::engine::name_node(index, &machine.name);
        let node = world.add_node(&machine.name, machine.main, machine.start_ns, machine.memory_bytes);
        debug_assert_eq!(node, NodeId(index as u16));
        world.nodes[index].disk_build = machine.disk;
        world.nodes[index].limit_descriptors(machine.descriptors_max);
        for (to, link) in machine.links {
            world.net.set_link(node, to, link);
        }
        world.set_clocks(node, machine.clock_offset_ns, machine.clock_ppm);
    }
    furnish(&mut world);
    world.observe(observer);
    // Threads that are parked for good still point into the world, so it stays where it is.
    let world = Box::leak(world);
    abi::watch();
    abi::watch_escapes();
    abi::enter_world(world);
    abi::end_host();
    let ended = |life| matches!(life, Life::Down | Life::Off);
    let live = (0..world.nodes.len()).filter(|index| !ended(world.nodes[*index].life));
    let live = live.map(|index| NodeId(index as u16)).collect();
    let Some(observer) = world.take_observer() else { unreachable!("the observer is only taken here") };
    let sockets = if settings.record { world.sockets() } else { Vec::new() };
    let (digest, events) = (world.log.digest(), world.log.len());
    let (names, kept) = world.log.finish();
    Outcome {
        ending: world.ending.unwrap_or(Ending::Quiet),
        digest,
        events,
        virtual_ns: world.now_ns,
        switches: world.threads.switches,
        names,
        kept,
        places: std::mem::take(&mut world.places),
        lines: world.lines.all(),
        choices: world.choices.asked(),
        stack: world.stack.take(),
        crash: world.crash.take(),
        live,
        sockets,
        observer: observer.into_any(),
    }
}
