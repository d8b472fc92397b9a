//! The bits of readiness, as `epoll` defines them.

/// Bytes or a connection can be taken.
pub(crate) const IN: u32 = libc::EPOLLIN as u32;
/// Bytes can be written.
pub(crate) const OUT: u32 = libc::EPOLLOUT as u32;
/// An error is pending.
pub(crate) const ERR: u32 = libc::EPOLLERR as u32;
/// Both directions have ended.
pub(crate) const HUP: u32 = libc::EPOLLHUP as u32;
/// The peer sends no more.
pub(crate) const RDHUP: u32 = libc::EPOLLRDHUP as u32;
