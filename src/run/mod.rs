//! One run: the request for it, its execution, the observer that judges it, and the reply.

pub(crate) mod execute;
pub(crate) mod log_filter;
pub(crate) mod observer;
pub(crate) mod request;
pub(crate) mod subscriptions;
pub mod trace;
