//! The simulated machines of afterlife: one seeded simulation of clocks, threads, networks, disks and failures, behind the C
//! library's own symbols. It knows no scenario, no search, no terminal and no command line.
//!
//! Programs reach the simulation through the C library's symbols, which this crate defines. Outside a run these calls pass
//! through to the C library.
//!
//! | item | content |
//! |---|---|
//! | [`run`], [`Machine`], [`Settings`], [`Outcome`] | runs a simulation to its end on the calling thread |
//! | [`Observer`], [`Control`] | receives the events of a run; queries the simulation and acts on it |
//! | [`event`] | events, probe events, the digest: the one vocabulary of everything downstream |
//! | [`choice`] | the choices that a seed decides |
//! | [`isolate`] | one process for each run |
//! | [`disk`] | the disk of a node; works without a simulation, too |
//! | [`emit`], [`report`], [`trace`], [`outside`] and others | called by the harness on a node's thread during a run |

#[cfg(not(all(target_os = "linux", target_pointer_width = "64")))]
compile_error!("the native engine runs on 64-bit Linux");

pub mod event;
mod guest;
mod host;
pub mod isolate;
mod kernel;
mod libc;

pub use self::libc::Memory;
pub use self::libc::harness::{
    accounts_memory, address_of, context_switch, current_process, emit, follow_exits, follow_tasks, follows_tasks,
    is_inside, main_ended, main_waker, now_ns, outside, poll_main, report, set_task_source, stop_descriptor, trace,
};
pub use event::recorder::{Recorded, digest_of};
pub use isolate::{EndState, Machine, Outcome, run};
pub use kernel::control::{Control, Observer, Status};
pub use kernel::ending::{Crash, CrashKind, Ending};
pub use kernel::fs::disk;
pub use kernel::net::link::{Latency, Link, LinkFault};
pub use kernel::process::address::NODES_MAX;
pub use kernel::process::node::{ExitCode, Main};
pub use kernel::process::output::{LogLine, Source};
pub use kernel::process::storage::DiskBuild;
pub use kernel::sched::call_site::{CallSites, WaitDetail};
pub use kernel::sched::choice;
pub use kernel::sched::preemption::Schedule;
pub use kernel::sched::spin::SPIN_MAX;
pub use kernel::settings::Settings;

/// The parts that both guest engines share. All programs run on one thread of the simulation; each host is a node.
#[cfg(any(feature = "turmoil", madsim))]
pub mod guests {
    pub use crate::guest::program::{Main, Program, is_muted, stop_requests};
}

/// turmoil as a guest engine.
#[cfg(feature = "turmoil")]
pub mod turmoil {
    pub use crate::guest::turmoil::{abort, exit, run, turn_begins, turn_ends};
}

/// madsim as a guest engine.
#[cfg(madsim)]
pub mod madsim {
    pub use crate::guest::madsim::{
        Incarnation, host_name, run, starting, task_gone, task_made, turn_begins, turn_ends,
    };
}
