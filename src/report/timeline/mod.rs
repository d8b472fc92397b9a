//! A finding as one page of HTML: its story as a graph of lives, lifetimes and messages over the nodes, with all that was said.
//! The page stands alone: it asks nothing of a network, and reads without its script.

mod graph;
mod html;
mod page;
mod rows;

pub(crate) use page::timeline;
