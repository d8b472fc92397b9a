//! Descriptors: each process's table of numbers, and the open descriptions behind them.

pub(crate) mod description;
pub(crate) mod number;
pub(crate) mod poll;
pub(crate) mod timerfd;
