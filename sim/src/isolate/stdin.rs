//! Standard input of a runner: the stream to its campaign, moved to where no other code of the process reaches it.

use crate::host::system;
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};

/// Returns whether standard input is a socket whose next bytes are these. Waits for nothing and takes nothing from it.
pub fn stdin_begins_with<const N: usize>(bytes: [u8; N]) -> bool {
    let mut next = [0; N];
    let flags = (libc::MSG_PEEK | libc::MSG_DONTWAIT) as usize;
    let (stdin, into) = (libc::STDIN_FILENO as usize, next.as_mut_ptr().addr());
    // SAFETY: recvfrom(2) writes at most `N` bytes to `next`, and no address to null. It fails on what is no socket.
    let length = unsafe { system::call(libc::SYS_recvfrom, stdin, into, N, flags, 0, 0) };
    usize::try_from(length) == Ok(N) && next == bytes
}

/// Moves standard input to a descriptor that only the caller knows, and leaves `/dev/null` in its place.
///
/// # Errors
/// When the system has no descriptor left, or no `/dev/null`.
pub fn take_stdin() -> io::Result<OwnedFd> {
    let stream = io::stdin().as_fd().try_clone_to_owned()?;
    let null = File::options().read(true).write(true).open("/dev/null")?;
    // SAFETY: dup2(2) on two open descriptors. Descriptor 0 stays open, so that the handle of `std::io::stdin` stays valid.
    match unsafe { libc::dup2(null.as_raw_fd(), libc::STDIN_FILENO) } {
        -1 => Err(io::Error::last_os_error()),
        _ => Ok(stream),
    }
}
