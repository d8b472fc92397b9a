//! Messages in flight from one node to another.

use crate::kernel::net::tcp::EndpointId;
use crate::kernel::net::udp::Datagram;

/// A message that arrives when it falls due.
pub(crate) enum Arrival {
    /// The SYN of a client's end; the number is the attempt's.
    Syn(EndpointId, u32),
    /// The first segment in flight from this end.
    Segment(EndpointId),
    Datagram(Box<Datagram>),
}
