//! Reports: findings, campaigns and replays as text, JSON, JUnit, GitHub annotations and HTML.
//! This folder starts no run and decides nothing.
//!
//! ```text
//! reporters of campaigns   human  json  junit  github; reporters (several as one); progress
//!                          account (what a campaign tested)
//! pages                    page (one finding)  timeline/ (the same as HTML)  replays  triage
//!                          table (the main job)  engines  sockets  log_lines
//! words                    words (events, faults, triggers)  titles (broken claims)  requirements (it takes …)
//!                          measure (numbers)  paste (commands to copy)
//! layout                   line (tones and columns)
//! ```

mod account;
mod engines;
mod github;
mod human;
mod json;
#[cfg(feature = "cli")]
mod junit;
mod line;
mod log_lines;
mod measure;
mod page;
mod paste;
mod progress;
mod replays;
mod reporters;
mod requirements;
mod sockets;
mod table;
#[cfg(test)]
mod tests;
#[cfg(feature = "cli")]
mod timeline;
#[cfg(feature = "cli")]
mod triage;
mod words;

pub(crate) use account::reasons;
pub(crate) use engines::engines;
pub(crate) use github::Github;
pub(crate) use human::Human;
pub(crate) use json::Json;
#[cfg(feature = "cli")]
pub(crate) use junit::Junit;
pub(crate) use line::{Line, Tone, WIDTH, keep_start, wide, wrap};
pub(crate) use log_lines::traced;
pub(crate) use measure::{count, elapsed, plural};
pub(crate) use page::{heading, page};
pub(crate) use paste::{Paste, TestCommands, Tool};
pub(crate) use progress::{NoProgress, Progress};
pub(crate) use replays::{differs, kept, matching, replayed, written_elsewhere};
pub(crate) use reporters::{Reporters, Silent};
pub(crate) use sockets::sockets;
pub(crate) use table::{Row, table};
#[cfg(feature = "cli")]
pub(crate) use timeline::timeline;
#[cfg(feature = "cli")]
pub(crate) use triage::{Triaged, triaged};
pub(crate) use words::Lexicon;
