//! What a process leaves behind when it ends in order: threads, tasks, sockets, files, timers and locks, each with its place.
//! It does not say whether that is a fault: who tells a program's own code from a library's can.

use crate::event::{Leak, NodeId};
use crate::kernel::dispatch::Kernel;
use crate::kernel::net::tcp::SocketState;
use crate::kernel::process::fd::description::Kind;
use crate::kernel::sched::call_site::CallSite;
use crate::kernel::sched::thread::{State, Wait};

/// One thing that is left behind.
#[derive(Clone, Debug)]
pub(crate) struct LeakedItem {
    pub(crate) kind: Leak,
    /// Where it was made.
    pub(crate) made: CallSite,
    /// Its name, path or address, if it has one.
    pub(crate) what: String,
}

impl Kernel {
    /// What a process that is about to end would leave behind: threads first, then tasks, then descriptors.
    pub(crate) fn leaving(&self, node: NodeId) -> Vec<LeakedItem> {
        let mut left = Vec::new();
        let it = &self.process[node];
        for id in it.threads.iter().skip(1) {
            let thread = &self.sched.threads[*id];
            // One that can go on, or waits for its disk, may be on its way out: who told it to end need not have waited.
            if matches!(thread.state, State::Waiting(wait) if !matches!(wait, Wait::Preemption | Wait::Device | Wait::Stall))
            {
                let what = self.recorder.text(thread.name).to_owned();
                left.push(LeakedItem { kind: Leak::Thread, made: thread.made, what });
            }
        }
        if it.unended.count > 0 {
            let unknown = it.unended.unseen.then(CallSite::default);
            let places = it.unended.made.iter().copied().chain(unknown);
            left.extend(places.map(|made| LeakedItem { kind: Leak::Task, made, what: String::new() }));
        }
        for (slot, id) in it.descriptors.iter().enumerate() {
            let made = it.slots.get(slot).map_or(CallSite::default(), |slot| slot.opened);
            let description = id.and_then(|id| self.process.descriptions.get(id));
            let found = match description.map(|it| &it.kind) {
                Some(Kind::Tcp(socket)) => match (&socket.state, socket.local) {
                    (SocketState::Listening { .. }, Some(address)) => Some((Leak::Listener, address.to_string())),
                    _ => Some((Leak::Socket, String::new())),
                },
                Some(Kind::Udp(_)) => Some((Leak::Socket, String::new())),
                Some(Kind::Timer(_)) => Some((Leak::Timer, String::new())),
                Some(Kind::File(file)) => {
                    let locked = it.disk.as_ref().is_some_and(|disk| disk.is_locked_by(file));
                    Some((if locked { Leak::Lock } else { Leak::File }, file.path.clone()))
                }
                _ => None,
            };
            left.extend(found.map(|(kind, what)| LeakedItem { kind, made, what }));
        }
        left
    }
}
