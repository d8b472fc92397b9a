//! One run: the request for it, its execution, the observer that judges it, and the reply.

mod alarms;
mod claim_check;
pub(crate) mod execute;
pub(crate) mod facts;
mod injector;
mod judge;
pub(crate) mod log_filter;
pub(crate) mod observer;
pub(crate) mod request;
mod roles;
mod subscriptions;
pub mod trace;
