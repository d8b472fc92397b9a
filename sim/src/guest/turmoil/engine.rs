//! The entry points of turmoil as a guest engine, which the harness calls.
//! It knows no scenario and no invariant.

use super::guest_thread::{GuestThread, Plan, TURN_BEGAN_NS};
use crate::event::{Death, NodeId};
use crate::guest::clock;
use crate::guest::program::{self, Program};
use crate::isolate::simulation::{Outcome, run_with};
use crate::kernel::control::Observer;
use crate::kernel::sched::preemption::Schedule;
use crate::kernel::settings::Settings;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context, Waker};
use std::time::Duration;

/// The name of the node on which turmoil itself runs.
const GUEST_THREAD: &str = "turmoil";

/// Runs programs on turmoil to the end of the run.
///
/// # Panics
/// Panics if the calling thread is part of a run.
pub fn run(settings: Settings, programs: Vec<Program>, observer: Box<dyn Observer>) -> Outcome {
    clock::set_source(|| turmoil::sim_elapsed().map(|elapsed| elapsed.as_nanos() as u64));
    clock::set_listeners(advance, |node, requests| program::notify_stops(NodeId(node), requests));
    // The guest thread is never preempted, since all hosts would lose their turn.
    let settings = Settings { schedule: Schedule { calls_per_preemption: 0, ..settings.schedule }, ..settings };
    let (mut machines, mut hosts) = (Vec::new(), Vec::new());
    for Program { machine, main } in programs {
        let links = machine.links.iter().map(|(to, link)| (*to, link.latency)).collect();
        hosts.push(Plan { name: machine.name.clone(), main, links });
        machines.push(machine);
    }
    let hosts = Arc::new(hosts);
    run_with(settings, machines, observer, move |kernel| {
        kernel.install_guest(false);
        let guest_thread = Arc::new(move |_| GuestThread::new(settings.seed, settings.latency, &hosts).run());
        crate::host::status::name_node(GUEST_THREAD);
        kernel.add_node(GUEST_THREAD, guest_thread, 0, None);
    })
}

/// Advances the time of the current host by whole milliseconds, since turmoil's own turns begin at one. While a thread works for the
/// host, tokio does not advance it.
fn advance(ns: u64) {
    let mut advancing = pin!(tokio::time::advance(Duration::from_nanos(ns)));
    // The first poll advances the time; the rest of the future yields to other tasks.
    let _ = advancing.as_mut().poll(&mut Context::from_waker(Waker::noop()));
}

/// Begins a host's turn: from now on, the calling thread acts for that host.
pub fn turn_begins(name: &str) {
    let Some(me) = crate::libc::here() else { return };
    crate::libc::current::kernel(me, |kernel| {
        if let Some(node) = kernel.guest_node(name) {
            kernel.switch_guest(me, Some(node), true);
            kernel.begin_guest_turn(node, TURN_BEGAN_NS.load(Ordering::Relaxed));
        }
    });
}

/// Ends the host's turn.
pub fn turn_ends() {
    if let Some(me) = crate::libc::here() {
        crate::libc::current::kernel(me, |kernel| kernel.switch_guest(me, None, false));
    }
}

/// Ends the process of the calling thread as `std::process::abort` does, at the end of the host's turn. This returns, since the
/// frames of a poll cannot be abandoned.
pub fn abort() {
    end(Death::Abort);
}

/// Ends the process of the calling thread with this code as `std::process::exit` does, at the end of the host's turn. This
/// returns, as [`abort`] does.
pub fn exit(code: i32) {
    end(Death::Exit { code });
}

fn end(how: Death) {
    let Some(me) = crate::libc::here() else { std::process::abort() };
    crate::libc::current::kernel(me, |kernel| {
        if !kernel.is_muted(me) {
            let (node, cause) = (kernel.sched[me].node(), kernel.sched[me].cause());
            kernel.end_process(node, how, cause);
        }
    });
}
