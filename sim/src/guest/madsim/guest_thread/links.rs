//! The links between madsim's nodes: closed where the kernel's are partitioned or held.

use super::GuestThread;
use crate::event::NodeId;
use ::madsim::net::NetSim;
use std::collections::BTreeSet;

impl GuestThread {
    /// Closes and opens madsim's links as the kernel's are.
    pub(super) fn close_links(&self) {
        let mut closed = self.closed_links.borrow_mut();
        if closed.is_empty() && !self.kernel(|kernel, _| kernel.net.links().is_disturbed()) {
            return;
        }
        let hosts = self.hosts.borrow();
        let nodes = || hosts.iter().enumerate().filter_map(|(index, host)| Some((NodeId(index as u16), host.latest?)));
        let mut now = BTreeSet::new();
        for (a, from) in nodes() {
            for (b, to) in nodes() {
                if a != b && self.kernel(|kernel, _| kernel.is_link_closed(a, b)) {
                    now.insert((from, to));
                }
            }
        }
        let net = NetSim::current();
        closed.difference(&now).for_each(|(from, to)| net.unclog_link(*from, *to));
        now.difference(&closed).for_each(|(from, to)| net.clog_link(*from, *to));
        *closed = now;
    }
}
