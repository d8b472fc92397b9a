//! Facts about lifetimes in structured logs and `tracing` events, as an alternative to the probe's calls.
//! It judges nothing, and knows neither runs nor files.
//!
//! | file | content |
//! |---|---|
//! | `log_fact` | one fact |
//! | `line` | reads a fact from a line of JSON |
//! | `objects` | the numbers of the objects that a program names |
//! | `texts` | texts by number |

#[cfg(feature = "cli")]
mod line;
mod log_fact;
mod objects;
mod texts;

#[cfg(feature = "cli")]
pub(crate) use line::read;
pub(crate) use log_fact::LogFact;
pub(crate) use objects::Objects;
pub(crate) use texts::Texts;
