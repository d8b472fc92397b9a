//! The lack of a user-space switch on this architecture: context switches go by futex.
//! It switches nothing.

/// No state: each fiber runs on its own kernel thread.
#[derive(Debug)]
pub(crate) struct Frame;

impl Frame {
    pub(crate) const fn empty() -> Self {
        Self
    }

    pub(crate) fn fetch(&self) {}

    /// Never called, since `available` returns `false`.
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
    pub(crate) fn parked_at(&self) -> Option<super::registers::Registers> {
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

/// Never called, since `available` returns `false`.
///
/// # Safety
/// None is needed.
pub(crate) unsafe extern "C" fn switch(_from: *mut Frame, _to: *const Frame) {}

/// Never called, since no memory is allocated for fibers.
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
