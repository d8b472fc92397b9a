//! Bytes and descriptors of every kind: read, write, close, duplicate, control.
//! Each kind of descriptor handles the bytes in its own file in the kernel.

use super::block::{blocking, call};
use super::foreign_descriptors;
use super::user_memory::{Source, UserSlice, UserSliceMut};
use super::user_vectors::{UserVectors, UserVectorsMut};
use crate::event::What;
use crate::host::system;
use crate::kernel::Errno;
use crate::kernel::dispatch::Kernel;
use crate::kernel::due::Blocking;
use crate::kernel::fs::disk::{Disk, Lock, LockKind, OpenFile};
use crate::kernel::process::fd::file_description::{Manner, Progress};
use crate::kernel::process::fd::number::FIRST;
use crate::kernel::sched::thread::{ThreadId, Wait};
use crate::kernel::sink::Sink;
use libc::{c_int, c_ulong, c_void, iovec, size_t, ssize_t};

/// A result in the C library's form.
#[inline]
pub(crate) fn result<T: Copy + From<i8>>(outcome: Result<T, Errno>) -> T {
    match outcome {
        Ok(value) => value,
        Err(errno) => {
            system::set_errno(errno);
            T::from(-1)
        }
    }
}

/// 0, or -1 and `errno`.
#[inline]
pub(crate) fn int(outcome: Result<(), Errno>) -> c_int {
    result(outcome.map(|()| 0))
}

/// A count, or -1 and `errno`.
#[inline]
pub(crate) fn count(outcome: Result<usize, Errno>) -> ssize_t {
    result(outcome.map(|count| count as i64)) as ssize_t
}

/// The description of a thread's descriptor. The use of a number that is not open is an event of its own.
#[inline]
pub(crate) fn describe(
    kernel: &mut Kernel,
    me: ThreadId,
    fd: c_int,
    call: &str,
) -> Result<crate::kernel::process::fd::id::DescriptionId, Errno> {
    match kernel.describe(me, fd) {
        Err(_) => foreign_descriptors::describe(kernel, me, fd, call),
        known => known,
    }
}

/// Reads from a descriptor of any kind.
pub(crate) fn read_into(me: ThreadId, fd: c_int, mut into: impl Sink, manner: Manner) -> Result<usize, Errno> {
    if (0..=2).contains(&fd) {
        return Ok(0); // standard input is at its end
    }
    let mut progress = Progress::default();
    blocking(me, |kernel| {
        let id = describe(kernel, me, fd, "read")?;
        into.check()?;
        kernel.read(me, id, &mut into, manner, &mut progress)
    })
}

/// Writes to a descriptor of any kind.
pub(crate) fn write_from(me: ThreadId, fd: c_int, from: impl Source, manner: Manner) -> Result<usize, Errno> {
    if (0..=2).contains(&fd) {
        from.check_source()?;
        return Ok(standard_stream(me, fd, from));
    }
    let mut progress = Progress::default();
    let written = blocking(me, |kernel| {
        let id = match kernel.describe(me, fd) {
            Ok(id) => id,
            Err(_) if wakes_another_runtime(kernel, me, fd, from) => return Ok(Blocking::Done(from.size())),
            Err(_) => describe(kernel, me, fd, "write")?,
        };
        from.check_source()?;
        from.with_bytes(kernel, |kernel, from| kernel.write(me, id, from, manner, &mut progress))
    })?;
    if progress.needs_sync() {
        sync(me, fd, OpenFile::sync)?;
    }
    Ok(written)
}

/// Returns whether a write to a descriptor that is not the process's own wakes another process's runtime.
#[cold]
#[inline(never)]
fn wakes_another_runtime(kernel: &mut Kernel, me: ThreadId, fd: c_int, from: impl Source) -> bool {
    from.with_bytes(kernel, |kernel, from| foreign_descriptors::wakes(kernel, me, fd, from))
}

/// Emits the lines that a node prints, each when it ends.
fn standard_stream(me: ThreadId, fd: c_int, from: impl Source) -> usize {
    super::current::kernel(me, |kernel| {
        from.with_bytes(kernel, |kernel, from| {
            super::trace_lines::print(kernel, me, fd == 2, from);
            if kernel.is_muted(me) {
                return;
            }
            let node = kernel.identity(me).node;
            for line in kernel.process[node].printed_mut().add(fd == 2, from) {
                let text = kernel.recorder.name(&line);
                let line = kernel.emit(me, What::Line { text });
                kernel.process[node].printed_mut().remember(fd == 2, line, text);
            }
        });
    });
    from.size()
}

/// `fsync` and its kin, which take the device's time.
pub(crate) fn sync(
    me: ThreadId,
    fd: c_int,
    work: impl Fn(&mut OpenFile, &mut Disk) -> Result<(), Errno>,
) -> Result<(), Errno> {
    let mut began = None;
    blocking(me, |kernel| {
        let id = describe(kernel, me, fd, "fsync")?;
        match began {
            None => {
                began = Some(kernel.sched.now_ns());
                kernel.sync_begins(me, id)
            }
            Some(began) => kernel.sync_ends(me, id, &work, began),
        }
    })
}

/// A scattered read: into one buffer, then apart.
pub(crate) fn read_vectors(me: ThreadId, fd: c_int, parts: UserVectorsMut, manner: Manner) -> Result<usize, Errno> {
    if let Some(one) = parts.only() {
        return read_into(me, fd, one, manner);
    }
    parts.check()?;
    let mut whole = vec![0; parts.size()];
    let got = read_into(me, fd, &mut whole[..], manner)?;
    parts.scatter(&whole[..got])?;
    Ok(got)
}

/// A gathered write: into one buffer, then out.
pub(crate) fn write_vectors(me: ThreadId, fd: c_int, parts: UserVectors, manner: Manner) -> Result<usize, Errno> {
    write_from(me, fd, &parts.gather()?[..], manner)
}

/// The length of an array as `readv` and its kin are given it; a negative one counts as none.
pub(crate) fn parts_len(count: c_int) -> usize {
    usize::try_from(count).unwrap_or(0)
}

fn duplicate(me: ThreadId, fd: c_int, lowest: usize) -> Result<c_int, Errno> {
    if (0..=2).contains(&fd) {
        return Ok(fd); // standard streams have no description of their own
    }
    call(me, |kernel| {
        let id = match (3..FIRST).contains(&fd) {
            true => foreign_descriptors::copy_of(kernel, me, fd),
            false => describe(kernel, me, fd, "dup")?,
        };
        kernel.install_from(id, lowest)
    })
}

/// The slot of a number in the caller's process; `None` below its first.
fn slot_of(me: ThreadId, number: c_int) -> Option<usize> {
    let base = super::current::kernel(me, |kernel| kernel[kernel.sched[me].node()].descriptors().base());
    number.checked_sub(base).and_then(|slot| usize::try_from(slot).ok())
}

fn duplicate_to(me: ThreadId, fd: c_int, to: c_int) -> Result<c_int, Errno> {
    if to < FIRST {
        super::refuse_about(
            "dup2 onto a descriptor from outside the run",
            &format!("dup2 onto descriptor {to}, which was opened outside the run"),
        );
    }
    let slot = slot_of(me, to).ok_or(libc::EBADF)?;
    call(me, |kernel| {
        let id = describe(kernel, me, fd, "dup2")?;
        if fd == to {
            return Ok(to);
        }
        let _ = kernel.close(me, to);
        kernel.install_at(id, slot).map_err(|_| libc::EBADF)
    })
}

/// # Safety
/// `given` is null, or valid for reading and writing one structure.
unsafe fn record_lock(me: ThreadId, fd: c_int, command: c_int, given: *mut libc::flock) -> Result<c_int, Errno> {
    // SAFETY: `fcntl(2)`: the argument of these commands points to a lock.
    let (lock, shown) = unsafe { (UserSlice::one(given).read()?, UserSliceMut::one(given)) };
    let kind = match c_int::from(lock.l_type) {
        libc::F_RDLCK => Some(LockKind::Shared),
        libc::F_WRLCK => Some(LockKind::Exclusive),
        libc::F_UNLCK => None,
        _ => return Err(libc::EINVAL),
    };
    if c_int::from(lock.l_whence) != libc::SEEK_SET || lock.l_start < 0 || lock.l_len < 0 {
        super::refuse("fcntl locks are only supported for ranges from the start of a file");
    }
    let end = if lock.l_len == 0 { u64::MAX } else { (lock.l_start + lock.l_len) as u64 };
    let range = (lock.l_start as u64, end);
    let by_description = matches!(command, libc::F_OFD_SETLK | libc::F_OFD_SETLKW | libc::F_OFD_GETLK);
    if matches!(command, libc::F_GETLK | libc::F_OFD_GETLK) {
        let conflict = call(me, |kernel| {
            let id = describe(kernel, me, fd, "fcntl")?;
            kernel.record_conflict(me, id, range, kind.ok_or(libc::EINVAL)?, by_description)
        })?;
        let l_type = if conflict { libc::F_WRLCK as _ } else { libc::F_UNLCK as _ };
        shown.write(libc::flock { l_type, ..lock })?;
        return Ok(0);
    }
    let waits = matches!(command, libc::F_SETLKW | libc::F_OFD_SETLKW);
    blocking(me, |kernel| {
        let id = describe(kernel, me, fd, "fcntl")?;
        match kernel.record_lock(me, id, range, kind, by_description)? {
            Lock::Granted => Ok(Blocking::Done(0)),
            Lock::Held if waits => Ok(Blocking::Wait(Wait::FileLock, u64::MAX)),
            Lock::Held => Err(libc::EAGAIN),
        }
    })
}

pub(crate) fn control(me: ThreadId, fd: c_int, command: c_int, argument: usize) -> Result<c_int, Errno> {
    match command {
        libc::F_DUPFD | libc::F_DUPFD_CLOEXEC => duplicate(me, fd, slot_of(me, argument as c_int).unwrap_or(0)),
        libc::F_GETFD => Ok(libc::FD_CLOEXEC),
        libc::F_SETFD => Ok(0),
        libc::F_GETFL if (0..=2).contains(&fd) => Ok(libc::O_WRONLY),
        libc::F_GETFL => call(me, |kernel| {
            let id = describe(kernel, me, fd, "fcntl")?;
            kernel.status_flags(id)
        }),
        libc::F_SETFL => {
            set_appending(me, fd, argument as c_int & libc::O_APPEND != 0);
            set_nonblocking(me, fd, argument as c_int & libc::O_NONBLOCK != 0)
        }
        libc::F_SETLK | libc::F_SETLKW | libc::F_GETLK | libc::F_OFD_SETLK | libc::F_OFD_SETLKW | libc::F_OFD_GETLK => {
            // SAFETY: `fcntl(2)`: the argument of these commands points to a lock.
            unsafe { record_lock(me, fd, command, argument as *mut libc::flock) }
        }
        libc::F_SETPIPE_SZ | libc::F_GETPIPE_SZ => Ok(64 * 1024),
        // Beyond the commands that there are.
        other if !(0..2_000).contains(&other) => call(me, |kernel| {
            kernel.describe(me, fd)?;
            Err(libc::EINVAL)
        }),
        other => super::unsupported::missing(&format!("fcntl command {other}"), "this command is not supported"),
    }
}

/// Sets whether each write to a file goes to its end. Other kinds of descriptors have no such flag.
fn set_appending(me: ThreadId, fd: c_int, appends: bool) {
    let _is_file = super::current::kernel(me, |kernel| {
        let id = kernel.describe(me, fd)?;
        kernel.with_file(id, |file, _, _| {
            file.append = appends;
            Ok(())
        })
    });
}

fn set_nonblocking(me: ThreadId, fd: c_int, nonblocking: bool) -> Result<c_int, Errno> {
    if (0..=2).contains(&fd) {
        return Ok(0);
    }
    call(me, |kernel| {
        let id = describe(kernel, me, fd, "fcntl")?;
        kernel.process.description_mut(id).ok_or(libc::EBADF)?.set_nonblocking(nonblocking);
        Ok(0)
    })
}

fn device_control(me: ThreadId, fd: c_int, request: c_ulong, argument: usize) -> Result<c_int, Errno> {
    match request {
        libc::FIONBIO => {
            // SAFETY: `ioctl(2)`: the argument of this request points to a number.
            let on = unsafe { UserSlice::one(argument as *const c_int) };
            set_nonblocking(me, fd, on.read()? != 0)
        }
        libc::FIOCLEX | libc::FIONCLEX => Ok(0),
        libc::TCGETS | libc::TIOCGWINSZ => Err(libc::ENOTTY),
        libc::FIONREAD => {
            let bytes = call(me, |kernel| {
                let id = describe(kernel, me, fd, "ioctl")?;
                kernel.readable_bytes(id)
            })?;
            // SAFETY: `ioctl(2)`: the argument of this request points to a number.
            let shown = unsafe { UserSliceMut::one(argument as *mut c_int) };
            shown.write(c_int::try_from(bytes).unwrap_or(c_int::MAX))?;
            Ok(0)
        }
        other => super::unsupported::missing(&format!("ioctl request {other:#x}"), "this request is not supported"),
    }
}

/// Makes a pipe or a pair of sockets: two ends with one or two streams.
pub(crate) fn channel(me: ThreadId, both_ways: bool, nonblocking: bool) -> Result<(c_int, c_int), Errno> {
    call(me, |kernel| {
        let node = kernel.sched[me].node();
        let (one, other) = kernel.add_channel(node, both_ways, nonblocking);
        let reader = kernel.install(one)?;
        match kernel.install(other) {
            Ok(writer) => Ok((reader, writer)),
            Err(errno) => kernel.close(me, reader).and(Err(errno)),
        }
    })
}

fn pipe_into(me: ThreadId, fds: UserSliceMut<c_int>, flags: c_int) -> c_int {
    int(fds.check().and_then(|()| {
        let (reader, writer) = channel(me, false, flags & libc::O_NONBLOCK != 0)?;
        fds.copy_out(&[reader, writer]).map(|_| ())
    }))
}

fn close_call(me: ThreadId, fd: c_int) -> c_int {
    if (0..=2).contains(&fd) {
        return 0;
    }
    int(call(me, |kernel| {
        describe(kernel, me, fd, "close")?;
        kernel.close(me, fd)
    }))
}

super::interposed! {
    fn read(fd: c_int, into: *mut c_void, count: size_t) -> ssize_t = libc::SYS_read;
    |me| {
        // SAFETY: `read(2)`: the caller passes `count` writable bytes at `into`.
        let into = unsafe { UserSliceMut::new(into.cast::<u8>(), count) };
        self::count(read_into(me, fd, into, Manner::default()))
    };
    fn write(fd: c_int, from: *const c_void, count: size_t) -> ssize_t = libc::SYS_write;
    |me| {
        // SAFETY: `write(2)`: the caller passes `count` readable bytes at `from`.
        let from = unsafe { UserSlice::new(from.cast::<u8>(), count) };
        self::count(write_from(me, fd, from, Manner::default()))
    };
    fn readv(fd: c_int, parts: *const iovec, parts_len: c_int) -> ssize_t = libc::SYS_readv;
    |me| {
        // SAFETY: `readv(2)`: the caller passes an array of `parts_len` writable buffers.
        let parts = unsafe { UserVectorsMut::new(parts, self::parts_len(parts_len)) };
        count(if parts_len < 0 { Err(libc::EINVAL) } else { read_vectors(me, fd, parts, Manner::default()) })
    };
    fn writev(fd: c_int, parts: *const iovec, parts_len: c_int) -> ssize_t = libc::SYS_writev;
    |me| {
        // SAFETY: `writev(2)`: the caller passes an array of `parts_len` readable buffers.
        let parts = unsafe { UserVectors::new(parts, self::parts_len(parts_len)) };
        count(if parts_len < 0 { Err(libc::EINVAL) } else { write_vectors(me, fd, parts, Manner::default()) })
    };
    fn close(fd: c_int) -> c_int = libc::SYS_close;
    |me| close_call(me, fd);
    fn dup(fd: c_int) -> c_int = libc::SYS_dup;
    |me| result(duplicate(me, fd, 0));
    fn dup2(fd: c_int, to: c_int) -> c_int = next;
    |me| result(duplicate_to(me, fd, to));
    fn dup3(fd: c_int, to: c_int, _flags: c_int) -> c_int = libc::SYS_dup3;
    |me| result(if fd == to { Err(libc::EINVAL) } else { duplicate_to(me, fd, to) });
    fn fcntl(fd: c_int, command: c_int, argument: usize) -> c_int = libc::SYS_fcntl;
    |me| result(control(me, fd, command, argument));
    fn fcntl64(fd: c_int, command: c_int, argument: usize) -> c_int = libc::SYS_fcntl;
    |me| result(control(me, fd, command, argument));
    fn ioctl(fd: c_int, request: c_ulong, argument: usize) -> c_int = libc::SYS_ioctl;
    |me| result(device_control(me, fd, request, argument));
    fn pipe(fds: *mut c_int) -> c_int = next;
    // SAFETY: `pipe(2)`: the caller passes an array of two numbers.
    |me| pipe_into(me, unsafe { UserSliceMut::new(fds, 2) }, 0);
    fn pipe2(fds: *mut c_int, flags: c_int) -> c_int = libc::SYS_pipe2;
    // SAFETY: `pipe2(2)`: the caller passes an array of two numbers.
    |me| pipe_into(me, unsafe { UserSliceMut::new(fds, 2) }, flags);
    fn isatty(_fd: c_int) -> c_int = next;
    |_me| {
        system::set_errno(libc::ENOTTY);
        0
    };
}
