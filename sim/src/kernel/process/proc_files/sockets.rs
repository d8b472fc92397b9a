//! The sockets of a process: `net/tcp` and its kin.

use super::descriptors::inodes;
use super::view::View;
use crate::event::{SocketStatus, Transport};
use std::fmt::Write;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// `net/tcp`.
pub(super) fn tcp4(view: &View<'_>) -> String {
    table(view, Transport::Tcp, false)
}

/// `net/tcp6`.
pub(super) fn tcp6(view: &View<'_>) -> String {
    table(view, Transport::Tcp, true)
}

/// `net/udp`.
pub(super) fn udp4(view: &View<'_>) -> String {
    table(view, Transport::Udp, false)
}

/// `net/udp6`.
pub(super) fn udp6(view: &View<'_>) -> String {
    table(view, Transport::Udp, true)
}

fn table(view: &View<'_>, transport: Transport, v6: bool) -> String {
    let mut text =
        "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n".to_owned();
    let nowhere = match v6 {
        true => SocketAddr::from((Ipv6Addr::UNSPECIFIED, 0)),
        false => SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0)),
    };
    let inodes = inodes(view.kernel, view.node);
    let mut row = 0;
    for (_, id, _) in view.machine().descriptors().iter() {
        let Some(socket) = view.kernel.listed(id).filter(|socket| socket.transport == transport) else { continue };
        let (Ok(local), Some(state)) = (socket.local.parse::<SocketAddr>(), state(transport, socket.status)) else {
            continue;
        };
        if local.is_ipv6() != v6 {
            continue;
        }
        let peer = socket.peer.parse().unwrap_or(nowhere);
        let _ = writeln!(
            text,
            "{row:4}: {} {} {state:02X} {:08X}:{:08X} 00:00000000 00000000     0        0 {} 1 0000000000000000",
            address(local),
            address(peer),
            socket.unsent_bytes,
            socket.unread_bytes,
            inodes.get(&id).copied().unwrap_or(0),
        );
        row += 1;
    }
    text
}

/// The number of a state in Linux's list; none for a socket that has no place in the table.
fn state(transport: Transport, status: SocketStatus) -> Option<u8> {
    match status {
        SocketStatus::Established | SocketStatus::HalfOpen => Some(1),
        SocketStatus::Connecting => Some(2),
        SocketStatus::FinWait => Some(4),
        SocketStatus::CloseWait => Some(8),
        SocketStatus::Listening => Some(10),
        SocketStatus::Closing => Some(11),
        SocketStatus::Bound if transport == Transport::Udp => Some(7),
        SocketStatus::Bound | SocketStatus::Fresh | SocketStatus::Broken => None,
    }
}

/// An address as words of the machine, in hexadecimal digits.
fn address(address: SocketAddr) -> String {
    let words = match address.ip() {
        IpAddr::V4(ip) => format!("{:08X}", u32::from_le_bytes(ip.octets())),
        IpAddr::V6(ip) => {
            let words = ip.octets();
            words
                .chunks(4)
                .map(|word| format!("{:02X}{:02X}{:02X}{:02X}", word[3], word[2], word[1], word[0]))
                .collect()
        }
    };
    format!("{words}:{:04X}", address.port())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_words_of_the_machine() {
        assert_eq!(address("127.0.0.1:8080".parse().expect("an address")), "0100007F:1F90");
        assert_eq!(address("[::1]:80".parse().expect("an address")), "00000000000000000000000001000000:0050");
    }
}
