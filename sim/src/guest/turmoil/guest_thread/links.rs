//! The links between turmoil's hosts: partitions, holds and latencies as the kernel has them, and the messages of a dead host.

use super::super::kernel::LinkCondition;
use super::{GuestThread, pair};
use crate::event::NodeId;
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

impl GuestThread {
    /// Crashes a host whose destructors' messages go nowhere, and that answers nothing afterwards.
    pub(super) fn crash_silently(&mut self, index: usize) {
        let address = self.hosts[index].address;
        let others: Vec<usize> = (0..self.hosts.len()).filter(|other| *other != index).collect();
        for other in &others {
            self.sim.partition(address, self.hosts[*other].address);
        }
        self.sim.crash(address);
        for other in &others {
            self.sim.repair(address, self.hosts[*other].address);
            self.forget_hold(index, *other);
        }
    }

    /// Crashes a host and drops the messages of its destructors, which a dead process would not have sent. Earlier messages on
    /// the same link are dropped, too, since turmoil drops all messages of a link or none.
    pub(super) fn crash_without_messages(&mut self, address: IpAddr) {
        let before = self.sent_by(address);
        self.sim.crash(address);
        for (to, count) in self.sent_by(address) {
            if before.get(&to).is_none_or(|before| count > *before) {
                self.sim.partition_oneway(address, to);
                self.sim.repair_oneway(address, to);
                let host = self.hosts.iter().position(|host| host.address == address);
                let other = self.hosts.iter().position(|host| host.address == to);
                if let (Some(host), Some(other)) = (host, other) {
                    self.forget_hold(host, other);
                }
            }
        }
    }

    /// Records that a repair has released a link. If the kernel holds the link, turmoil's is held anew.
    fn forget_hold(&mut self, a: usize, b: usize) {
        if let Some(condition) = self.conditions.get_mut(&pair(a, b)) {
            condition.is_held = false;
        }
    }

    /// The number of data messages in flight from a host, by destination.
    fn sent_by(&self, address: IpAddr) -> BTreeMap<IpAddr, usize> {
        let mut sent = BTreeMap::new();
        self.sim.links(|links| {
            for message in links.flatten() {
                let (from, to) = message.pair();
                let is_data = matches!(
                    message.protocol(),
                    turmoil::Protocol::Tcp(turmoil::Segment::Data(..)) | turmoil::Protocol::Udp(_)
                );
                if from.ip() == address && is_data {
                    *sent.entry(to.ip()).or_insert(0) += 1;
                }
            }
        });
        sent
    }

    /// Brings turmoil's links to the condition of the kernel's.
    pub(super) fn apply_link_conditions(&mut self) {
        if self.conditions.is_empty() && !self.kernel(|kernel, _| kernel.net.links().is_disturbed()) {
            return;
        }
        for b in 0..self.hosts.len() {
            for a in 0..b {
                let now = self.kernel(|kernel, _| kernel.link_condition(NodeId(a as u16), NodeId(b as u16)));
                let before = match now == LinkCondition::default() {
                    true => self.conditions.remove(&(a, b)),
                    false => self.conditions.insert((a, b), now),
                };
                let before = before.unwrap_or_default();
                let (one, other) = (self.hosts[a].address, self.hosts[b].address);
                match (before.is_held, now.is_held) {
                    (false, true) => self.sim.hold(one, other),
                    (true, false) => self.sim.release(one, other),
                    _ => {}
                }
                if before.extra_ns != now.extra_ns {
                    self.set_latency(a, b, now.extra_ns);
                }
            }
        }
    }

    pub(super) fn set_latency(&self, a: usize, b: usize, extra_ns: u64) {
        let latency = self.latencies.get(&(a, b)).unwrap_or(&self.latency);
        let (one, other) = (self.hosts[a].address, self.hosts[b].address);
        let least = Duration::from_nanos(latency.low_ns + extra_ns);
        self.sim.set_link_latency(one, other, least);
        self.sim.set_link_max_message_latency(one, other, Duration::from_nanos(latency.high_ns + extra_ns));
    }
}
