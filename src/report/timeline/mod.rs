//! A finding as one HTML page. The page loads nothing from a network and reads without its script.
//!
//! ```text
//! page    the document: heading, rows, plan, program output, events
//! graph   the drawing beside the rows: incarnations, lifetimes, messages
//! rows    the events that become rows, and the spans between them
//! html    escaping and small elements
//! ```

mod graph;
mod html;
mod page;
mod rows;

pub(crate) use page::timeline;
