//! A run on the calling thread: a kernel behind the C library's symbols, from its machines to its outcome.
//! It isolates nothing: programs share statics with the rest of the process, so that each run gets its own process.

use crate::event::recorder::Recorded;
use crate::event::{Digest, Misconfiguration, NodeId, Socket};
use crate::host::status::{NAMES_MAX, name_node};
use crate::kernel::control::{Observer, attach};
use crate::kernel::dispatch::Kernel;
use crate::kernel::ending::{Crash, Ending};
use crate::kernel::fs::system_files::SystemFiles;
use crate::kernel::net::link::Link;
use crate::kernel::process::address::NODES_MAX;
use crate::kernel::process::node::Main;
use crate::kernel::process::output::LogLine;
use crate::kernel::process::state::ProcessState;
use crate::kernel::process::storage::DiskBuild;
use crate::kernel::sched::call_site::CallSites;
use crate::kernel::sched::choice::Asked;
use crate::kernel::sched::fiber;
use crate::kernel::settings::Settings;

const _: () = assert!(NODES_MAX < NAMES_MAX, "the name of every node, and that of a guest engine, can be recorded");

/// A node as it is before the run: its name, program, start, and hardware.
pub struct Machine {
    /// Its name, which is also its host name.
    pub name: String,
    /// Its program.
    pub main: Main,
    /// The time of its first start, in virtual nanoseconds.
    pub start_ns: u64,
    /// The build of its disk.
    pub disk: DiskBuild,
    /// The lead of its wall clock at the run's start, in nanoseconds; negative if it lags.
    pub clock_offset_ns: i64,
    /// The gain of its clocks, in millionths; negative if they are slow.
    pub clock_ppm: i32,
    /// The most bytes that its process may have allocated at a time; `None` for no limit. A limit needs
    /// [`Memory`](crate::Memory) as the program's allocator.
    pub memory_bytes: Option<u64>,
    /// The most descriptors that its process may have open; `None` for as many as there are numbers.
    pub descriptors_max: Option<usize>,
    /// The links from here to other nodes that differ from the default.
    pub links: Vec<(NodeId, Link)>,
}

/// The outcome of a run.
pub struct Outcome {
    /// The reason for its end.
    pub ending: Ending,
    /// The digest of its events.
    pub digest: Digest,
    /// The number of events.
    pub events: u64,
    /// The virtual time that passed, in nanoseconds.
    pub virtual_ns: u64,
    /// The number of context switches.
    pub switches: u64,
    /// The texts of the names in events.
    pub names: Vec<String>,
    /// Every event, if they were recorded.
    pub recorded: Option<Recorded>,
    /// The call sites that events refer to.
    pub call_sites: CallSites,
    /// The lines that programs printed and traced, if they were recorded.
    pub lines: Vec<LogLine>,
    /// The choices of the simulation, if they were recorded.
    pub choices: Vec<Asked>,
    /// The stack at the event that [`Settings::stack_at`] names.
    pub stack: Option<String>,
    /// The fault that ended it.
    pub crash: Option<Crash>,
    /// The state of the simulation at its end.
    pub end_state: EndState,
    /// The observer, as [`Observer::into_any`] returns it.
    pub observer: Box<dyn std::any::Any>,
}

/// The state of a simulation at its end.
pub struct EndState {
    /// The nodes whose process had not ended, or never started.
    pub live: Vec<NodeId>,
    /// Every socket, if events were recorded: a run ends at its first violation.
    pub sockets: Vec<Socket>,
    /// Calls that failed because of the setup.
    pub misconfigurations: Vec<Misconfiguration>,
}

/// Draws the calling thread's random bytes from a seed, until the next run on it has ended: the host's decisions before
/// a run, such as the order of a hash map, are then part of that run.
pub fn become_host(seed: u64) {
    crate::libc::begin_host(seed);
}

/// Runs a simulation to its end.
///
/// # Panics
/// If the calling thread is itself part of a run.
pub fn run(settings: Settings, machines: Vec<Machine>, observer: Box<dyn Observer>) -> Outcome {
    run_with(settings, machines, observer, |_| {})
}

/// The same, after `prepare` has added to the machines.
pub(crate) fn run_with(
    settings: Settings,
    machines: Vec<Machine>,
    observer: Box<dyn Observer>,
    prepare: impl FnOnce(&mut Kernel),
) -> Outcome {
    assert!(crate::libc::here().is_none(), "a run inside a run");
    fiber::prepare();
    crate::libc::attach();
    crate::libc::begin_host(settings.seed);
    let mut kernel = Box::new(Kernel::new(settings, crate::libc::begin));
    kernel.sched.task_wakes_mut().set_followed(crate::libc::follows_tasks());
    kernel.sched.task_wakes_mut().set_is_running(crate::libc::task_look());
    for (index, machine) in machines.into_iter().enumerate() {
        name_node(&machine.name);
        let node = kernel.add_node(&machine.name, machine.main, machine.start_ns, machine.memory_bytes);
        debug_assert_eq!(node, NodeId(index as u16));
        kernel[node].storage_mut().set_build(machine.disk);
        kernel[node].descriptors_mut().limit(machine.descriptors_max);
        for (to, link) in machine.links {
            kernel.net.set_link(node, to, link);
        }
        kernel.set_clocks(node, machine.clock_offset_ns, machine.clock_ppm);
    }
    let files = SystemFiles::of_nodes(kernel.process.nodes().map(|(_, node)| node.name()));
    kernel.process.nodes_mut().for_each(|node| node.storage_mut().set_system_files(files.clone()));
    prepare(&mut kernel);
    kernel.observe(attach(observer));
    // Threads that never run again still point into the kernel, so that it is never moved or freed.
    let kernel = Box::leak(kernel);
    crate::libc::watch();
    crate::libc::watch_escapes();
    crate::libc::enter_kernel(kernel);
    crate::libc::end_host();
    let ended = |state| matches!(state, ProcessState::Down | ProcessState::Off);
    let live = kernel.process.nodes().filter(|(_, node)| !ended(node.lifecycle().state()));
    let live = live.map(|(id, _)| id).collect();
    let Some(observer) = kernel.take_observer() else { unreachable!("the observer is only taken here") };
    let sockets = if settings.record { kernel.sockets() } else { Vec::new() };
    let (digest, events) = (kernel.recorder.digest(), kernel.recorder.len());
    let stack = kernel.recorder.take_stack();
    let (names, recorded) = kernel.recorder.finish();
    Outcome {
        ending: kernel.ending().unwrap_or(Ending::Quiet),
        digest,
        events,
        virtual_ns: kernel.sched.now_ns(),
        switches: kernel.sched.switches(),
        names,
        recorded,
        call_sites: kernel.process.take_call_sites(),
        lines: kernel.process.output().all(),
        choices: kernel.sched.choices().asked(),
        stack,
        crash: kernel.take_crash(),
        end_state: EndState { live, sockets, misconfigurations: kernel.net.misconfigurations().all() },
        observer: observer.into_any(),
    }
}
