//! System calls by number that mean the same as an interposed function, and call it.
//! All others are answered, or refused, in `syscall`.

use super::{
    files, io, messages, paths, poll, process, socket_options, sockets, stat, threads, time, timers, users,
    working_directory,
};
use libc::{c_int, c_long};

/// Calls the function of each number, with as many arguments as it takes.
macro_rules! calls_by_number {
    ($number:expr, $arguments:expr; $($call:ident => $module:ident::$function:ident($($type:ty),*);)*) => {
        match $number {
            $(libc::$call => {
                #[allow(unused_mut, unused_variables, reason = "some take no argument")]
                let mut given = $arguments.into_iter();
                // SAFETY: `syscall(2)`: the caller passes this call's arguments, for which the function has the same contract.
                Some(unsafe { $module::$function($(given.next().unwrap_or_default() as $type),*) } as c_long)
            })*
            _ => None,
        }
    };
}

/// Calls the interposed function that means the same as this system call, if there is one. The result is in the C library's form.
///
/// # Safety
/// The arguments are as the system call of this number demands.
pub(crate) unsafe fn pass(number: c_long, arguments: [usize; 6]) -> Option<c_long> {
    match number {
        // The function returns its error, and does not set `errno`.
        libc::SYS_clock_nanosleep => {
            let [clock, flags, time, left, ..] = arguments;
            // SAFETY: `clock_nanosleep(2)`: the caller passes a time, and null or room for one.
            let error = unsafe { time::clock_nanosleep(clock as _, flags as _, time as _, left as _) };
            return Some(super::io::result(if error == 0 { Ok(0) } else { Err(error) }).into());
        }
        // The system call returns a length, and the C library's function the buffer.
        libc::SYS_getcwd => {
            let [into, len, ..] = arguments;
            // SAFETY: `getcwd(2)`: the caller passes `len` writable bytes.
            let path = unsafe { working_directory::getcwd(into as _, len) };
            // SAFETY: `getcwd(3)` returns null, or a pointer to the C string that it wrote.
            return Some(if path.is_null() { -1 } else { unsafe { libc::strlen(path) as c_long + 1 } });
        }
        _ => {}
    }
    calls_by_number! { number, arguments;
        SYS_read => io::read(c_int, _, _);
        SYS_write => io::write(c_int, _, _);
        SYS_readv => io::readv(c_int, _, c_int);
        SYS_writev => io::writev(c_int, _, c_int);
        SYS_close => io::close(c_int);
        SYS_dup => io::dup(c_int);
        SYS_dup3 => io::dup3(c_int, c_int, c_int);
        SYS_ioctl => io::ioctl(c_int, _, _);
        SYS_pipe2 => io::pipe2(_, c_int);
        SYS_openat => files::openat(c_int, _, c_int, _);
        SYS_pread64 => files::pread64(c_int, _, _, _);
        SYS_pwrite64 => files::pwrite64(c_int, _, _, _);
        SYS_preadv => files::preadv64(c_int, _, c_int, _);
        SYS_pwritev => files::pwritev64(c_int, _, c_int, _);
        SYS_lseek => files::lseek64(c_int, _, c_int);
        SYS_ftruncate => files::ftruncate64(c_int, _);
        SYS_fsync => files::fsync(c_int);
        SYS_fdatasync => files::fdatasync(c_int);
        SYS_sync_file_range => files::sync_file_range(c_int, _, _, _);
        SYS_fallocate => files::fallocate64(c_int, c_int, _, _);
        SYS_flock => files::flock(c_int, c_int);
        SYS_newfstatat => stat::fstatat64(c_int, _, _, c_int);
        SYS_fstat => stat::fstat64(c_int, _);
        SYS_statx => stat::statx(c_int, _, c_int, _, _);
        SYS_faccessat => paths::faccessat(c_int, _, c_int, c_int);
        SYS_mkdirat => paths::mkdirat(c_int, _, _);
        SYS_unlinkat => paths::unlinkat(c_int, _, c_int);
        SYS_renameat => paths::renameat(c_int, _, c_int, _);
        SYS_renameat2 => paths::renameat2(c_int, _, c_int, _, _);
        SYS_linkat => paths::linkat(c_int, _, c_int, _, c_int);
        SYS_readlinkat => paths::readlinkat(c_int, _, _, _);
        SYS_fchmod => paths::fchmod(c_int, _);
        SYS_fchown => users::fchown(c_int, _, _);
        SYS_fchownat => users::fchownat(c_int, _, _, _, c_int);
        SYS_getuid => users::getuid();
        SYS_geteuid => users::geteuid();
        SYS_getgid => users::getgid();
        SYS_getegid => users::getegid();
        SYS_epoll_create1 => poll::epoll_create1(c_int);
        SYS_epoll_ctl => poll::epoll_ctl(c_int, c_int, c_int, _);
        SYS_epoll_pwait => poll::epoll_pwait(c_int, _, c_int, c_int, _);
        SYS_epoll_pwait2 => poll::epoll_pwait2(c_int, _, c_int, _, _);
        SYS_eventfd2 => poll::eventfd(_, c_int);
        SYS_ppoll => poll::ppoll(_, _, _, _);
        SYS_timerfd_create => timers::timerfd_create(c_int, c_int);
        SYS_timerfd_settime => timers::timerfd_settime(c_int, c_int, _, _);
        SYS_timerfd_gettime => timers::timerfd_gettime(c_int, _);
        SYS_socket => sockets::socket(c_int, c_int, c_int);
        SYS_socketpair => sockets::socketpair(c_int, c_int, c_int, _);
        SYS_bind => sockets::bind(c_int, _, _);
        SYS_listen => sockets::listen(c_int, c_int);
        SYS_connect => sockets::connect(c_int, _, _);
        SYS_accept4 => sockets::accept4(c_int, _, _, c_int);
        SYS_shutdown => sockets::shutdown(c_int, c_int);
        SYS_sendto => messages::sendto(c_int, _, _, c_int, _, _);
        SYS_recvfrom => messages::recvfrom(c_int, _, _, c_int, _, _);
        SYS_sendmsg => messages::sendmsg(c_int, _, c_int);
        SYS_recvmsg => messages::recvmsg(c_int, _, c_int);
        SYS_getsockname => sockets::getsockname(c_int, _, _);
        SYS_getpeername => sockets::getpeername(c_int, _, _);
        SYS_setsockopt => socket_options::setsockopt(c_int, c_int, c_int, _, _);
        SYS_getsockopt => socket_options::getsockopt(c_int, c_int, c_int, _, _);
        SYS_clock_gettime => time::clock_gettime(_, _);
        SYS_nanosleep => time::nanosleep(_, _);
        SYS_gettimeofday => time::gettimeofday(_, _);
        SYS_sched_yield => threads::sched_yield();
        SYS_getpid => process::getpid();
        SYS_getppid => process::getppid();
    }
}
