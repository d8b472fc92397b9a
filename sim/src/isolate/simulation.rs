//! The native engine: a world behind the C library's symbols, entered from the calling thread.
//! It isolates nothing: what runs here shares statics with everything else in the process, so a run gets a process.

use crate::event::recorder::Recorded;
use crate::event::{Digest, NodeId, Socket};
use crate::kernel::control::{Observer, attach};
use crate::kernel::dispatch::Kernel;
use crate::kernel::ending::{Crash, Ending};
use crate::kernel::net::link::Link;
use crate::kernel::process::node::Main;
use crate::kernel::process::output::LogLine;
use crate::kernel::process::state::ProcessState;
use crate::kernel::process::storage::DiskBuild;
use crate::kernel::sched::call_site::CallSites;
use crate::kernel::sched::choice::Asked;
use crate::kernel::sched::fiber;
use crate::kernel::settings::Settings;

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
    pub kept: Option<Recorded>,
    /// The places that events name.
    pub places: CallSites,
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
    crate::libc::begin_host(seed);
}

/// Runs a room to its end.
///
/// # Panics
/// If the calling thread is itself part of a run.
pub fn run(settings: Settings, machines: Vec<Machine>, observer: Box<dyn Observer>) -> Outcome {
    run_furnished(settings, machines, observer, |_| {})
}

/// Runs a room to its end in which something else was put beside the machines.
pub(crate) fn run_furnished(
    settings: Settings,
    machines: Vec<Machine>,
    observer: Box<dyn Observer>,
    furnish: impl FnOnce(&mut Kernel),
) -> Outcome {
    assert!(crate::libc::here().is_none(), "a run inside a run");
    fiber::prepare();
    crate::libc::attach();
    crate::libc::begin_host(settings.seed);
    let mut kernel = Box::new(Kernel::new(settings, crate::libc::begin));
    kernel.sched.task_wakes.followed = crate::libc::follows_tasks();
    for (index, machine) in machines.into_iter().enumerate() {
        crate::isolate::name_node(index, &machine.name);
        let node = kernel.add_node(&machine.name, machine.main, machine.start_ns, machine.memory_bytes);
        debug_assert_eq!(node, NodeId(index as u16));
        kernel[node].storage.set_build(machine.disk);
        kernel[node].descriptors.limit(machine.descriptors_max);
        for (to, link) in machine.links {
            kernel.net.set_link(node, to, link);
        }
        kernel.set_clocks(node, machine.clock_offset_ns, machine.clock_ppm);
    }
    furnish(&mut kernel);
    kernel.observe(attach(observer));
    // Threads that are parked for good still point into the world, so it stays where it is.
    let kernel = Box::leak(kernel);
    crate::libc::watch();
    crate::libc::watch_escapes();
    crate::libc::enter_kernel(kernel);
    crate::libc::end_host();
    let ended = |life| matches!(life, ProcessState::Down | ProcessState::Off);
    let live = kernel.process.nodes.iter().filter(|(_, node)| !ended(node.lifecycle.state()));
    let live = live.map(|(id, _)| id).collect();
    let Some(observer) = kernel.take_observer() else { unreachable!("the observer is only taken here") };
    let sockets = if settings.record { kernel.sockets() } else { Vec::new() };
    let (digest, events) = (kernel.recorder.digest(), kernel.recorder.len());
    let stack = kernel.recorder.take_stack();
    let (names, kept) = kernel.recorder.finish();
    Outcome {
        ending: kernel.ending().unwrap_or(Ending::Quiet),
        digest,
        events,
        virtual_ns: kernel.sched.now_ns,
        switches: kernel.sched.threads.switches,
        names,
        kept,
        places: std::mem::take(&mut kernel.process.call_sites),
        lines: kernel.process.output.all(),
        choices: kernel.sched.choices.asked(),
        stack,
        crash: kernel.take_crash(),
        live,
        sockets,
        observer: observer.into_any(),
    }
}
