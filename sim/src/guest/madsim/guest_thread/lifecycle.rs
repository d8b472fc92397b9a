//! The lifecycles of madsim's nodes: an incarnation begins, is asked to stop, and ends, as its node's process does.

use super::super::incarnation::Incarnation;
use super::{GuestThread, Live, STARTING, with_current};
use crate::event::NodeId;
use crate::guest::program::{self, Main};
use crate::guest::state::GuestProcess;
use ::madsim::net::NetSim;
use std::future::pending;
use std::net::{IpAddr, Ipv4Addr};
use tokio::runtime::Builder;

impl GuestThread {
    /// Brings madsim's node to the state of a node's process.
    pub(super) fn follow(&self, index: usize, process: GuestProcess) {
        let live = process.live();
        let known = self.hosts.borrow()[index].live.as_ref().map(|live| live.number);
        if known.is_some() && known != live {
            self.kill(index, process.is_off);
        }
        if let (Some(number), true) = (live, known != live) {
            self.start(index, number);
        }
        let mut hosts = self.hosts.borrow_mut();
        let Some(live) = &mut hosts[index].live else { return };
        if process.stop_requests > live.stops {
            live.stops = process.stop_requests;
            program::notify_stops(NodeId(index as u16), process.stop_requests);
        }
        if process.is_paused != live.is_paused {
            live.is_paused = process.is_paused;
            if live.is_paused { self.handle.pause(live.id) } else { self.handle.resume(live.id) }
        }
    }

    /// Starts an incarnation as a new node of madsim's, which has the address from now on.
    fn start(&self, index: usize, number: u16) {
        let (name, address, main, latest) = {
            let hosts = self.hosts.borrow();
            let host = &hosts[index];
            (host.name.clone(), host.address, host.main.clone(), host.latest)
        };
        let incarnation = Incarnation::new(NodeId(index as u16), number);
        let net = NetSim::current();
        match latest {
            // A dead incarnation gets an address that nobody knows.
            Some(latest) => net.set_ip(latest, self.retired_address()),
            None => net.add_dns_record(&name, address),
        }
        program::begin_stops(incarnation.node());
        self.kernel(|kernel, me| kernel.switch_guest(me, Some(incarnation.node()), false));
        let tokio = Builder::new_multi_thread().worker_threads(1).enable_time().build();
        let tokio = tokio.unwrap_or_else(|error| panic!("no tokio runtime for {name}: {error}"));
        self.kernel(|kernel, me| kernel.switch_guest(me, None, false));
        self.runtimes.borrow_mut().insert(incarnation, Box::leak(Box::new(tokio.handle().clone())));
        STARTING.set(Some(incarnation));
        let init = move || run_incarnation(incarnation, main.clone());
        let node = self.handle.create_node().name(name).ip(address).init(init).build();
        STARTING.set(None);
        let mut hosts = self.hosts.borrow_mut();
        let host = &mut hosts[index];
        host.latest = Some(node.id());
        host.live = Some(Live { number, id: node.id(), tokio: Some(tokio), stops: 0, is_paused: false, ended: None });
    }

    /// A new address that no node has.
    fn retired_address(&self) -> IpAddr {
        let number = self.retired_addresses.get();
        self.retired_addresses.set(number + 1);
        let [_, a, b, c] = number.to_be_bytes();
        Ipv4Addr::new(0, a, b, c).into()
    }

    /// Ends an incarnation whose process is dead. madsim ends a node by running its destructors, each in a turn of its own, whose
    /// effects are dropped. A machine without power is paused for good instead, and is silent.
    fn kill(&self, index: usize, is_silent: bool) {
        let Some(mut live) = self.hosts.borrow_mut()[index].live.take() else { return };
        let incarnation = Incarnation::new(NodeId(index as u16), live.number);
        // Its threads are dead; a drop would join them.
        std::mem::forget(live.tokio.take());
        if is_silent {
            self.handle.pause(live.id);
            return self.kernel(|kernel, _| kernel.kill_dying_threads(incarnation.node()));
        }
        if live.is_paused {
            // Otherwise madsim would drop the paused tasks at once, while it holds a lock of its own.
            self.handle.resume(live.id);
        }
        // Messages of destructors arrive nowhere; no later incarnation has this number.
        NetSim::current().clog_node_out(live.id);
        self.handle.kill(live.id);
        if self.has_tasks(incarnation) {
            self.dying.borrow_mut().insert(incarnation);
        } else {
            self.kernel(|kernel, _| kernel.kill_dying_threads(incarnation.node()));
        }
    }

    fn has_tasks(&self, incarnation: Incarnation) -> bool {
        self.tasks.borrow().get(&incarnation).is_some_and(|tasks| *tasks > 0)
    }

    pub(in crate::guest::madsim) fn task_made(&self, incarnation: Incarnation) {
        *self.tasks.borrow_mut().entry(incarnation).or_insert(0) += 1;
    }

    pub(in crate::guest::madsim) fn task_gone(&self, incarnation: Incarnation) {
        if let Some(tasks) = self.tasks.borrow_mut().get_mut(&incarnation) {
            *tasks = tasks.saturating_sub(1);
        }
        if self.has_tasks(incarnation) {
            return;
        }
        if self.dying.borrow_mut().remove(&incarnation) {
            self.kernel(|kernel, _| kernel.kill_dying_threads(incarnation.node()));
        }
        self.wake();
    }

    /// Tears down the tasks of incarnations whose main functions have returned, as the drop of a runtime does.
    pub(super) fn take_returned(&self) {
        let returned = std::mem::take(&mut *self.returned.borrow_mut());
        for (incarnation, code) in returned {
            let id = match &mut self.hosts.borrow_mut()[incarnation.index()].live {
                Some(live) if live.number == incarnation.number() => {
                    live.ended = Some(code);
                    live.id
                }
                _ => continue,
            };
            self.handle.kill(id);
        }
    }

    /// Ends the processes of these incarnations once no task is left.
    pub(super) fn end_returned(&self) {
        let hosts = self.hosts.borrow().len();
        for index in 0..hosts {
            let node = NodeId(index as u16);
            let (code, tokio) = {
                let mut hosts = self.hosts.borrow_mut();
                let Some(live) = &mut hosts[index].live else { continue };
                let Some(code) = live.ended else { continue };
                if self.has_tasks(Incarnation::new(node, live.number)) {
                    continue;
                }
                let tokio = live.tokio.take();
                hosts[index].live = None;
                (code, tokio)
            };
            self.kernel(|kernel, me| kernel.switch_guest(me, Some(node), false));
            // The drop joins blocking threads, as it does after a main function.
            drop(tokio);
            self.kernel(|kernel, me| {
                kernel.guest_main_ended(me, code);
                kernel.kill_dying_threads(node);
                kernel.switch_guest(me, None, false);
            });
        }
    }
}

/// One incarnation of a node. It never returns: tasks that its main function leaves behind are torn down after its end.
async fn run_incarnation(incarnation: Incarnation, main: Main) {
    let current = crate::libc::harness::current_process();
    assert!(
        current == Some((incarnation.node(), incarnation.number())),
        "madsim's turns are not observed (this is {current:?}, not {incarnation:?}): they come as spans of `tracing`, so that a \
         program must not set a subscriber of its own for the thread that madsim runs on"
    );
    let code = main(incarnation.number()).await;
    with_current(|guest_thread| guest_thread.returned.borrow_mut().push((incarnation, code)));
    pending().await
}
