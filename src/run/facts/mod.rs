//! What a program says of its lifetimes in a log or through `tracing`: fields, instead of a probe's calls.
//! It judges nothing, and knows neither runs nor files.

mod line;
mod log_fact;
mod objects;
mod texts;

pub(crate) use line::read;
pub(crate) use log_fact::LogFact;
pub(crate) use objects::Objects;
pub(crate) use texts::Texts;
