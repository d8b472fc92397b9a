//! Descriptors: each process's table of numbers, and the open descriptions behind them.
//!
//! ```text
//! state       number            the numbers of a process
//!             description, id   every open description
//!             kind              the kinds of description
//!             epoll_instance, timer
//!             options           the options of sockets
//! operations  file_description  the operations of every kind, and their defaults
//!             table             install, close
//!             notify            notification of waiters
//! kinds       epoll, eventfd, stop, timerfd, inert; others in fs::descriptor and net::{tcp, udp, unix, pipe}
//! ```

pub(crate) mod description;
mod epoll;
pub(crate) mod epoll_instance;
mod eventfd;
pub(crate) mod file_description;
pub(crate) mod id;
mod inert;
pub(crate) mod kind;
mod notify;
pub(crate) mod number;
pub(crate) mod options;
pub(crate) mod readiness;
mod stop;
mod table;
pub(crate) mod timer;
mod timerfd;
