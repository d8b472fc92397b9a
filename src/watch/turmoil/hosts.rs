//! The turmoil host that a thread works for, and its time.
//!
//! turmoil does not say which host runs. But each incarnation of a host has its own tokio runtime, whose id tokio reveals, and
//! during a host's turn there is a span with its name (see `spans.rs`). So a runtime that was seen in a turn is known from then on.

use crate::watch::live::{At, Recorder, Simulator};
use afterlife_sim::event::{Death, NodeId, What};
use std::collections::BTreeSet;
use std::net::IpAddr;
use std::sync::OnceLock;
use std::time::Duration;
use tokio::runtime::{self, Handle, Runtime};

/// The known hosts of one simulation.
#[derive(Default)]
pub(super) struct Hosts {
    /// The host and the incarnation of each runtime, the latest last.
    runtimes: Vec<(runtime::Id, NodeId, u16)>,
    /// The host that has its turn. One turn ends before another begins.
    turns: Vec<String>,
    /// The host that was registered last.
    new: String,
    /// A restarted host whose name is not known yet, and its first event.
    nameless: Option<(NodeId, usize)>,
    down: BTreeSet<NodeId>,
    /// Turns were observed. Without them, destructors cannot be distinguished from the program.
    observed: bool,
}

/// A duration in nanoseconds.
pub(super) fn nanoseconds(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

/// The simulation's time. Between turns, tokio's clock is the host's runtime clock, which has advanced, or the real one. A paused
/// clock makes turmoil return the time of the host's last turn.
fn now_ns(in_a_turn: bool) -> Option<u64> {
    static STILL: OnceLock<Runtime> = OnceLock::new();
    let still = || {
        let clock = runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
        clock.expect("a runtime without descriptors can always be built")
    };
    let still = STILL.get_or_init(still);
    let _paused = (!in_a_turn).then(|| still.enter());
    ::turmoil::sim_elapsed().map(nanoseconds)
}

impl Simulator for Hosts {
    fn at(&mut self, recorder: &mut Recorder) -> At {
        let time_ns = now_ns(!self.turns.is_empty());
        let runtime = Handle::try_current().ok().filter(|_| ::turmoil::in_simulation()).map(|runtime| runtime.id());
        // A host that acts outside of its turn is being crashed or restarted. Code outside of a new runtime is then a destructor.
        let between = self.observed && self.turns.is_empty() && time_ns.is_some();
        let dead = between && runtime.is_none_or(|runtime| self.known(runtime).is_some());
        let process = runtime.filter(|_| !dead).map(|runtime| self.process_of(runtime, time_ns.is_some(), recorder));
        let task = process.and_then(|_| tokio::task::try_id()).map_or(0, |id| id.to_string().parse().unwrap_or(0));
        At { process, task, time_ns, dead }
    }
}

impl Hosts {
    fn known(&self, runtime: runtime::Id) -> Option<(NodeId, u16)> {
        let known = self.runtimes.iter().rev().find(|(known, ..)| *known == runtime);
        known.map(|(_, host, incarnation)| (*host, *incarnation))
    }

    /// The host and the incarnation of a runtime. `host_acts` is true if a host acts that is not just being registered.
    fn process_of(&mut self, runtime: runtime::Id, host_acts: bool, recorder: &mut Recorder) -> (NodeId, u16) {
        if let Some(known) = self.known(runtime) {
            return known;
        }
        let name = match self.turns.last() {
            Some(name) => name,
            None if !host_acts => &self.new,
            None => "", // turmoil names a restarted host afterwards
        };
        let host = recorder.host(name);
        if name.is_empty() {
            self.nameless = Some((host, recorder.len()));
        }
        let incarnation = recorder.incarnation(host);
        self.runtimes.push((runtime, host, incarnation));
        (host, incarnation)
    }

    /// A turn of this host begins.
    pub(super) fn begin(&mut self, name: &str) {
        self.observed = true;
        self.turns.push(name.to_owned());
    }

    /// A turn ends.
    pub(super) fn end(&mut self) {
        self.turns.pop();
    }

    /// A host was registered.
    pub(super) fn register(&mut self, name: &str) {
        self.observed = true;
        name.clone_into(&mut self.new);
    }

    /// A host was crashed.
    pub(super) fn crashed(&mut self, address: IpAddr, recorder: &mut Recorder) {
        self.struck("crash", &name_of(address), recorder);
    }

    /// A host was restarted, whether or not it was running.
    pub(super) fn bounced(&mut self, address: IpAddr, recorder: &mut Recorder) {
        let name = name_of(address);
        let from = self.struck("bounce", &name, recorder);
        let host = recorder.host(&name);
        self.down.remove(&host);
        let incarnation = recorder.next_incarnation(host);
        if let Some((nameless, _)) = self.nameless.take() {
            recorder.assign(nameless, host, incarnation);
            let runtimes = self.runtimes.iter_mut().filter(|(_, known, _)| *known == nameless);
            runtimes.for_each(|known| (known.1, known.2) = (host, incarnation));
        }
        recorder.insert(from, At::of((host, incarnation), now_ns(false)), |_| What::Started);
    }

    /// Ends a host's incarnation by a fault of the test, unless it has ended already. Returns the number of the event at which the
    /// next incarnation begins.
    fn struck(&mut self, fault: &str, name: &str, recorder: &mut Recorder) -> usize {
        let host = recorder.host(name);
        let mut end = self.nameless.map_or(recorder.len(), |(_, from)| from);
        if self.down.insert(host) {
            let at = At::of((host, recorder.incarnation(host)), now_ns(false));
            recorder.insert(end, at, |text| What::Fault { kind: text(fault), injection: u32::MAX, detail: text(name) });
            recorder.insert(end + 1, at, |_| What::Exited { how: Death::Kill });
            end += 2;
        }
        end
    }
}

/// The name of a host in turmoil's spans.
fn name_of(address: IpAddr) -> String {
    ::turmoil::reverse_lookup(address).unwrap_or_else(|| address.to_string())
}
