//! The registers that a stack walk starts from.

/// The instruction, stack and frame pointers of one frame.
#[derive(Clone, Copy, Debug)]
pub(super) struct Registers {
    pub(super) instruction: u64,
    pub(super) stack: u64,
    pub(super) frame: u64,
}
