//! Where there is no user-space switch yet: says so, and the futex passes the baton.
//! It switches nothing.

/// Nothing to keep: each strand runs on its own kernel thread.
#[derive(Debug)]
pub(crate) struct Frame;

impl Frame {
    pub(crate) const fn empty() -> Self {
        Self
    }

    pub(crate) fn fetch(&self) {}

    /// Never called: `available` says no.
    ///
    /// # Safety
    /// None is needed.
    pub(crate) unsafe fn starting(
        _below: usize,
        _thread_pointer: usize,
        _entry: extern "C" fn(usize) -> !,
        _argument: usize,
    ) -> Self {
        Self
    }
}

impl Frame {
    pub(crate) fn parked_at(&self) -> Option<super::unwind::Registers> {
        None
    }
}

pub(crate) fn available() -> bool {
    false
}

pub(crate) fn thread_pointer() -> usize {
    0
}

pub(crate) fn stack_pointer() -> usize {
    0
}

/// Never called: `available` says no.
///
/// # Safety
/// None is needed.
pub(crate) unsafe extern "C" fn switch(_from: *mut Frame, _to: *const Frame) {}

/// Never called: there is no memory to start one on.
///
/// # Safety
/// None is needed.
pub(crate) unsafe fn start_kernel_thread(
    _top: usize,
    _thread_pointer: usize,
    _entry: extern "C" fn(usize) -> !,
    _argument: usize,
    _gone: *const u32,
) -> isize {
    -(libc::ENOSYS as isize)
}
