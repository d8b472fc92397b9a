//! Which host of turmoil's a thread is at work for, and when.
//!
//! turmoil tells nobody which host runs. But it gives each life of a host a tokio runtime of its own, whose number tokio tells,
//! and while a host has its turn, there is a span with its name; see `spans.rs`. So a runtime that was heard in a turn is known
//! from then on.

use crate::watch::live::{At, Hearing, Simulator};
use afterlife_sim::event::{Death, NodeId, What};
use std::collections::BTreeSet;
use std::net::IpAddr;
use std::sync::OnceLock;
use std::time::Duration;
use tokio::runtime::{self, Handle, Runtime};

/// What is known of the hosts of one simulation.
#[derive(Default)]
pub(super) struct Hosts {
    /// Whose runtime each is, and of which life; the latest last.
    runtimes: Vec<(runtime::Id, NodeId, u16)>,
    /// Whose turn it is; turns end before others begin.
    turns: Vec<String>,
    /// The last that was registered.
    new: String,
    /// A host that speaks before it is known which one is started again, and since when.
    nameless: Option<(NodeId, usize)>,
    down: BTreeSet<NodeId>,
    /// Whether turns are heard of: without them nobody knows a destructor.
    heard: bool,
}

/// A span of time in nanoseconds.
pub(super) fn nanoseconds(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

/// The simulation's time. Between turns tokio's clock is that of the host's runtime, which has gone on, or the real one; then a
/// clock that stands still makes turmoil tell the time at which the host had its last turn.
fn now_ns(in_a_turn: bool) -> Option<u64> {
    static STILL: OnceLock<Runtime> = OnceLock::new();
    let still = || {
        let clock = runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
        clock.expect("a runtime without descriptors can always be made")
    };
    let still = STILL.get_or_init(still);
    let _stands = (!in_a_turn).then(|| still.enter());
    ::turmoil::sim_elapsed().map(nanoseconds)
}

impl Simulator for Hosts {
    fn at(&mut self, hearing: &mut Hearing) -> At {
        let time_ns = now_ns(!self.turns.is_empty());
        let runtime = Handle::try_current().ok().filter(|_| ::turmoil::in_simulation()).map(|runtime| runtime.id());
        // A host that acts and has no turn is being crashed or started again. What is in no new runtime then is a destructor.
        let between = self.heard && self.turns.is_empty() && time_ns.is_some();
        let dead = between && runtime.is_none_or(|runtime| self.known(runtime).is_some());
        let who = runtime.filter(|_| !dead).map(|runtime| self.whose(runtime, time_ns.is_some(), hearing));
        let task = who.and_then(|_| tokio::task::try_id()).map_or(0, |id| id.to_string().parse().unwrap_or(0));
        At { who, task, time_ns, dead }
    }
}

impl Hosts {
    fn known(&self, runtime: runtime::Id) -> Option<(NodeId, u16)> {
        let known = self.runtimes.iter().rev().find(|(known, ..)| *known == runtime);
        known.map(|(_, host, life)| (*host, *life))
    }

    /// Whose runtime this is. `host_acts` says that turmoil knows of a host that acts, if it is not one that is registered just now.
    fn whose(&mut self, runtime: runtime::Id, host_acts: bool, hearing: &mut Hearing) -> (NodeId, u16) {
        if let Some(known) = self.known(runtime) {
            return known;
        }
        let name = match self.turns.last() {
            Some(name) => name,
            None if !host_acts => &self.new,
            None => "", // it is started again, and turmoil says who when that is done
        };
        let host = hearing.host(name);
        if name.is_empty() {
            self.nameless = Some((host, hearing.len()));
        }
        let life = hearing.life(host);
        self.runtimes.push((runtime, host, life));
        (host, life)
    }

    /// A turn of this host begins.
    pub(super) fn begin(&mut self, name: &str) {
        self.heard = true;
        self.turns.push(name.to_owned());
    }

    /// A turn ends.
    pub(super) fn end(&mut self) {
        self.turns.pop();
    }

    /// A host was registered.
    pub(super) fn register(&mut self, name: &str) {
        self.heard = true;
        name.clone_into(&mut self.new);
    }

    /// A host was crashed.
    pub(super) fn crashed(&mut self, address: IpAddr, hearing: &mut Hearing) {
        self.struck("crash", &name_of(address), hearing);
    }

    /// A host was started again, whether or not it ran.
    pub(super) fn bounced(&mut self, address: IpAddr, hearing: &mut Hearing) {
        let name = name_of(address);
        let from = self.struck("bounce", &name, hearing);
        let host = hearing.host(&name);
        self.down.remove(&host);
        let life = hearing.next_life(host);
        if let Some((nameless, _)) = self.nameless.take() {
            hearing.is(nameless, host, life);
            let whose = self.runtimes.iter_mut().filter(|(_, known, _)| *known == nameless);
            whose.for_each(|known| (known.1, known.2) = (host, life));
        }
        hearing.happened(from, At::of((host, life), now_ns(false)), |_| What::Started);
    }

    /// The life of a host ends by what its test did to it, unless it had ended before. Returns where its next life begins.
    fn struck(&mut self, fault: &str, name: &str, hearing: &mut Hearing) -> usize {
        let host = hearing.host(name);
        let mut end = self.nameless.map_or(hearing.len(), |(_, from)| from);
        if self.down.insert(host) {
            let at = At::of((host, hearing.life(host)), now_ns(false));
            hearing.happened(end, at, |text| What::Fault {
                kind: text(fault),
                injection: u32::MAX,
                detail: text(name),
            });
            hearing.happened(end + 1, at, |_| What::Exited { how: Death::Kill });
            end += 2;
        }
        end
    }
}

/// The name by which turmoil calls a host in its spans.
fn name_of(address: IpAddr) -> String {
    ::turmoil::reverse_lookup(address).unwrap_or_else(|| address.to_string())
}
