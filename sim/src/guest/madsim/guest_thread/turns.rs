//! The turns of madsim's tasks, and the work between two turns: ends, starts, deadlines, threads.

use super::super::incarnation::Incarnation;
use super::{GuestThread, nanoseconds};
use crate::guest::clock;
use std::time::Duration;

/// The number of times that runnable threads are scheduled between two turns. A thread that never waits must not stop the engine.
const PASSES_MAX: u32 = 16;

impl GuestThread {
    pub(in crate::guest::madsim) fn begin_turn(&self, incarnation: Incarnation) {
        let now_ns = nanoseconds(self.elapsed());
        let live =
            self.hosts.borrow()[incarnation.index()].live.as_ref().map(|live| (live.number, live.ended.is_none()));
        let runs = match live {
            Some((number, runs)) if number == incarnation.number() => Some(runs),
            _ => None,
        };
        self.tears_down.set(runs.is_none());
        self.kernel(|kernel, me| {
            kernel.advance_guest_clock(now_ns);
            match runs {
                Some(runs) => kernel.switch_guest(me, Some(incarnation.node()), runs),
                None => kernel.begin_teardown_turn(me, incarnation.node(), incarnation.number()),
            }
            kernel.advance_guest_clock(now_ns);
        });
        clock::set_running(true);
        let runtime = self.runtimes.borrow().get(&incarnation).copied();
        self.entered.replace(runtime.map(tokio::runtime::Handle::enter));
    }

    pub(in crate::guest::madsim) fn end_turn(&self, incarnation: Incarnation) {
        drop(self.entered.take());
        clock::set_running(false);
        let tore_down = self.tears_down.replace(false);
        self.kernel(|kernel, me| match tore_down {
            true => kernel.end_teardown_turn(me, incarnation.node()),
            false => kernel.switch_guest(me, None, false),
        });
        self.between_turns();
        if self.due_ns(0) < self.armed_ns.get() {
            self.wake();
        }
    }

    /// Does the work between two turns: carries out ends that are due, follows the lifecycles of nodes, and schedules runnable
    /// threads. Once the run is over, the guest thread is never scheduled again.
    pub(super) fn between_turns(&self) {
        for pass in 0.. {
            self.take_returned();
            let now_ns = nanoseconds(self.elapsed());
            let processes = self.kernel(|kernel, _| {
                kernel.end_guest_turn(now_ns);
                kernel.changed_guests()
            });
            for (index, process) in processes.into_iter().flatten().enumerate() {
                self.follow(index, process);
            }
            self.end_returned();
            self.close_links();
            let (must_yield, runnable) =
                self.kernel(|kernel, _| (kernel.sched.must_switch(), kernel.sched.any_runnable()));
            let yields = must_yield || (runnable && pass < PASSES_MAX);
            if yields {
                crate::libc::block::give_way(self.me);
            }
            let ahead_ns = self.kernel(|kernel, _| kernel.sched.now_ns()).saturating_sub(nanoseconds(self.elapsed()));
            if ahead_ns > 0 {
                ::madsim::time::advance(Duration::from_nanos(ahead_ns));
            }
            if !yields {
                if runnable {
                    // No time passes while a thread is runnable.
                    self.wake();
                }
                return;
            }
        }
    }
}
