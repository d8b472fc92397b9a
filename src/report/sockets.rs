//! The sockets of a record, one line each.

use super::line::{Line, Tone, WIDTH, keep_start, wide};
use super::measure::bytes;
use crate::failure::failing_run::FailingRun;
use afterlife_sim::event::{NodeId, Socket, SocketStatus, Transport};

fn node(failure: &FailingRun, node: NodeId) -> &str {
    failure.record.nodes.get(usize::from(node.0)).map_or("?", String::as_str)
}

fn transport(socket: &Socket) -> &'static str {
    match socket.transport {
        Transport::Tcp => "tcp",
        Transport::Udp => "udp",
        Transport::Unix => "unix",
    }
}

fn status(socket: &Socket) -> &'static str {
    match socket.status {
        SocketStatus::Fresh => "fresh",
        SocketStatus::Bound => "bound",
        SocketStatus::Listening => "listening",
        SocketStatus::Connecting => "connecting",
        SocketStatus::Established => "established",
        SocketStatus::FinWait => "fin wait",
        SocketStatus::CloseWait => "close wait",
        SocketStatus::Closing => "closing",
        SocketStatus::Broken => "broken",
        SocketStatus::HalfOpen => "half open",
    }
}

/// The sockets that were open at the violation.
pub(crate) fn sockets(failure: &FailingRun) -> Vec<Line> {
    let mut lines = vec![Line::default()];
    if failure.record.sockets.is_empty() {
        lines.push(Line::of(Tone::Plain, "  sockets  none, or the record was written by an older version"));
        return lines;
    }
    lines.push(Line::of(Tone::Strong, "  sockets at the moment of the violation"));
    for socket in &failure.record.sockets {
        let who = format!("{}, incarnation {}", node(failure, socket.node), socket.incarnation);
        let mut text = format!("    {who}  {} {}  {}", transport(socket), status(socket), socket.local);
        if !socket.peer.is_empty() {
            text.push_str(&format!(" → {}", socket.peer));
        }
        let counts: String = [(socket.unread_bytes, "unread"), (socket.unsent_bytes, "sent")]
            .iter()
            .filter(|(count, _)| *count > 0)
            .map(|(count, what)| format!(", {} {what}", bytes(*count)))
            .collect();
        // Readers look for the counts, so they are never cut off.
        let one_line = format!("{text}{counts}");
        if wide(&one_line) <= WIDTH || counts.is_empty() {
            lines.push(Line::of(Tone::Plain, keep_start(&one_line, WIDTH)));
        } else {
            lines.push(Line::of(Tone::Plain, keep_start(&text, WIDTH)));
            lines.push(Line::of(Tone::Plain, format!("      {}", counts.trim_start_matches(", "))));
        }
    }
    lines
}
