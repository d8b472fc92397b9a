//! The text protocol of the simulated query front ends: one JSON object per line, a statement in, rows out. It takes the place of
//! MySQL's protocol in upstream's systems.
//!
//! | module | content |
//! |---|---|
//! | `packet` | statements, packets and answers |
//! | `line` | lines on the wire |
//! | `lines` | a connection on an async stream |
//! | `blocking` | a connection on a blocking stream of std's |

pub mod blocking;
mod line;
mod lines;
mod packet;

pub use line::LINE_MAX;
pub use lines::Lines;
pub use packet::{Answer, Packet, QueryError, Statement};
