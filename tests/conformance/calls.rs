//! Calls of the C library with short answers: a number, a text, or the name of an error.

use libc::{c_int, c_void, sockaddr, sockaddr_in, socklen_t};
use std::time::Duration;

/// The time after which everything that was sent over the loopback interface has arrived.
pub(crate) const ARRIVAL: Duration = Duration::from_millis(50);

/// The time within which nothing arrives that was not sent.
pub(crate) const PATIENCE_US: i64 = 60_000;

/// A descriptor that is closed at the end of its question.
pub(crate) struct Fd(pub(crate) c_int);

impl Drop for Fd {
    fn drop(&mut self) {
        // SAFETY: it takes no pointer.
        unsafe { libc::close(self.0) };
    }
}

/// The name of the calling thread's last error.
pub(crate) fn errno() -> String {
    let number = std::io::Error::last_os_error().raw_os_error().unwrap_or(0);
    let names = [
        (libc::EPERM, "EPERM"),
        (libc::ENOENT, "ENOENT"),
        (libc::ESRCH, "ESRCH"),
        (libc::EINTR, "EINTR"),
        (libc::EIO, "EIO"),
        (libc::EBADF, "EBADF"),
        (libc::ECHILD, "ECHILD"),
        (libc::EAGAIN, "EAGAIN"),
        (libc::ENOMEM, "ENOMEM"),
        (libc::EACCES, "EACCES"),
        (libc::EFAULT, "EFAULT"),
        (libc::EBUSY, "EBUSY"),
        (libc::EEXIST, "EEXIST"),
        (libc::EXDEV, "EXDEV"),
        (libc::ENODEV, "ENODEV"),
        (libc::ENOTDIR, "ENOTDIR"),
        (libc::EISDIR, "EISDIR"),
        (libc::EINVAL, "EINVAL"),
        (libc::EMFILE, "EMFILE"),
        (libc::ENOTTY, "ENOTTY"),
        (libc::EFBIG, "EFBIG"),
        (libc::ENOSPC, "ENOSPC"),
        (libc::ESPIPE, "ESPIPE"),
        (libc::EROFS, "EROFS"),
        (libc::EMLINK, "EMLINK"),
        (libc::EPIPE, "EPIPE"),
        (libc::EDOM, "EDOM"),
        (libc::ERANGE, "ERANGE"),
        (libc::EDEADLK, "EDEADLK"),
        (libc::ENAMETOOLONG, "ENAMETOOLONG"),
        (libc::ENOSYS, "ENOSYS"),
        (libc::ENOTEMPTY, "ENOTEMPTY"),
        (libc::ELOOP, "ELOOP"),
        (libc::ENXIO, "ENXIO"),
        (libc::EOVERFLOW, "EOVERFLOW"),
        (libc::ENOTSOCK, "ENOTSOCK"),
        (libc::EDESTADDRREQ, "EDESTADDRREQ"),
        (libc::EMSGSIZE, "EMSGSIZE"),
        (libc::EPROTOTYPE, "EPROTOTYPE"),
        (libc::ENOPROTOOPT, "ENOPROTOOPT"),
        (libc::EPROTONOSUPPORT, "EPROTONOSUPPORT"),
        (libc::EOPNOTSUPP, "EOPNOTSUPP"),
        (libc::EAFNOSUPPORT, "EAFNOSUPPORT"),
        (libc::EADDRINUSE, "EADDRINUSE"),
        (libc::EADDRNOTAVAIL, "EADDRNOTAVAIL"),
        (libc::ENETUNREACH, "ENETUNREACH"),
        (libc::ECONNABORTED, "ECONNABORTED"),
        (libc::ECONNRESET, "ECONNRESET"),
        (libc::EISCONN, "EISCONN"),
        (libc::ENOTCONN, "ENOTCONN"),
        (libc::ETIMEDOUT, "ETIMEDOUT"),
        (libc::ECONNREFUSED, "ECONNREFUSED"),
        (libc::EALREADY, "EALREADY"),
        (libc::EINPROGRESS, "EINPROGRESS"),
    ];
    let name = names.iter().find(|(known, _)| *known == number).map(|(_, name)| (*name).to_owned());
    name.unwrap_or_else(|| format!("errno {number}"))
}

/// A result: its number, or the name of the error.
pub(crate) fn result(number: impl Into<i64>) -> String {
    match number.into() {
        -1 => errno(),
        number => number.to_string(),
    }
}

/// Returns whether a call succeeded, or the name of its error.
pub(crate) fn success(number: impl Into<i64>) -> String {
    if number.into() == -1 { errno() } else { "ok".to_owned() }
}

/// A name of an error number that a `pthread` function returned.
pub(crate) fn code(number: c_int) -> String {
    // SAFETY: the pointer is the calling thread's own error number.
    unsafe { *libc::__errno_location() = number };
    if number == 0 { "0".to_owned() } else { errno() }
}

/// Waits until what was sent has arrived.
pub(crate) fn arrive() {
    std::thread::sleep(ARRIVAL);
}

pub(crate) fn socket(family: c_int, kind: c_int) -> Fd {
    // SAFETY: it takes no pointer.
    Fd(unsafe { libc::socket(family, kind | libc::SOCK_CLOEXEC, 0) })
}

/// A TCP socket.
pub(crate) fn tcp() -> Fd {
    socket(libc::AF_INET, libc::SOCK_STREAM)
}

/// A UDP socket.
pub(crate) fn udp() -> Fd {
    socket(libc::AF_INET, libc::SOCK_DGRAM)
}

/// An IPv4 address, in the C library's form.
pub(crate) fn address(ip: [u8; 4], port: u16) -> sockaddr_in {
    // SAFETY: zeros are a valid address.
    let mut address: sockaddr_in = unsafe { std::mem::zeroed() };
    address.sin_family = libc::AF_INET as _;
    address.sin_port = port.to_be();
    address.sin_addr.s_addr = u32::from_ne_bytes(ip);
    address
}

/// An address of the loopback interface.
pub(crate) fn local(port: u16) -> sockaddr_in {
    address([127, 0, 0, 1], port)
}

pub(crate) fn bind(fd: &Fd, to: &sockaddr_in) -> String {
    // SAFETY: the address lives until the call returns.
    success(unsafe { libc::bind(fd.0, std::ptr::from_ref(to).cast::<sockaddr>(), size_of_val(to) as socklen_t) })
}

pub(crate) fn connect(fd: &Fd, to: &sockaddr_in) -> String {
    // SAFETY: the address lives until the call returns.
    success(unsafe { libc::connect(fd.0, std::ptr::from_ref(to).cast::<sockaddr>(), size_of_val(to) as socklen_t) })
}

pub(crate) fn listen(fd: &Fd, backlog: c_int) -> String {
    // SAFETY: it takes no pointer.
    success(unsafe { libc::listen(fd.0, backlog) })
}

pub(crate) fn accept(fd: &Fd) -> Result<Fd, String> {
    // SAFETY: both pointers may be null.
    match unsafe { libc::accept4(fd.0, std::ptr::null_mut(), std::ptr::null_mut(), libc::SOCK_CLOEXEC) } {
        -1 => Err(errno()),
        fd => Ok(Fd(fd)),
    }
}

/// The port of a socket; 0 if it has none.
pub(crate) fn port(fd: &Fd) -> u16 {
    let mut address = local(0);
    let mut len = size_of_val(&address) as socklen_t;
    // SAFETY: both pointers are valid until the call returns.
    unsafe { libc::getsockname(fd.0, (&raw mut address).cast(), &mut len) };
    u16::from_be(address.sin_port)
}

/// A listener on a free port.
pub(crate) fn listener() -> (Fd, u16) {
    let fd = tcp();
    assert_eq!((bind(&fd, &local(0)), listen(&fd, 16)), ("ok".to_owned(), "ok".to_owned()));
    let port = port(&fd);
    (fd, port)
}

/// Both ends of a TCP connection, that of the client first.
pub(crate) fn connection() -> (Fd, Fd) {
    let (listener, port) = listener();
    let client = tcp();
    assert_eq!(connect(&client, &local(port)), "ok");
    (client, accept(&listener).unwrap_or_else(|error| panic!("{error}")))
}

pub(crate) fn send(fd: &Fd, bytes: &[u8], flags: c_int) -> String {
    // SAFETY: the bytes live until the call returns.
    result(unsafe { libc::send(fd.0, bytes.as_ptr().cast(), bytes.len(), flags | libc::MSG_NOSIGNAL) } as i64)
}

/// Receives at most so many bytes: their text in quotes, or the name of the error.
pub(crate) fn receive(fd: &Fd, most: usize, flags: c_int) -> String {
    let mut bytes = vec![0; most];
    // SAFETY: the bytes live until the call returns.
    match unsafe { libc::recv(fd.0, bytes.as_mut_ptr().cast(), most, flags) } {
        -1 => errno(),
        count => format!("{count} {:?}", String::from_utf8_lossy(&bytes[..(count as usize).min(most)])),
    }
}

pub(crate) fn write(fd: &Fd, bytes: &[u8]) -> String {
    // SAFETY: the bytes live until the call returns.
    result(unsafe { libc::write(fd.0, bytes.as_ptr().cast(), bytes.len()) } as i64)
}

pub(crate) fn read(fd: &Fd, most: usize) -> String {
    let mut bytes = vec![0; most];
    // SAFETY: the bytes live until the call returns.
    match unsafe { libc::read(fd.0, bytes.as_mut_ptr().cast(), most) } {
        -1 => errno(),
        count => format!("{count} {:?}", String::from_utf8_lossy(&bytes[..count as usize])),
    }
}

pub(crate) fn shutdown(fd: &Fd, how: c_int) -> String {
    // SAFETY: it takes no pointer.
    success(unsafe { libc::shutdown(fd.0, how) })
}

/// The value of an option.
pub(crate) fn option(fd: &Fd, level: c_int, name: c_int) -> String {
    let (mut value, mut len): (c_int, _) = (0, size_of::<c_int>() as socklen_t);
    // SAFETY: both pointers are valid until the call returns.
    match unsafe { libc::getsockopt(fd.0, level, name, (&raw mut value).cast(), &mut len) } {
        -1 => errno(),
        _ => value.to_string(),
    }
}

/// Sets an option.
pub(crate) fn set_option(fd: &Fd, level: c_int, name: c_int, value: c_int) -> String {
    set_structure(fd, level, name, &value)
}

/// Sets an option whose value is a structure.
pub(crate) fn set_structure<T>(fd: &Fd, level: c_int, name: c_int, value: &T) -> String {
    let len = size_of_val(value) as socklen_t;
    // SAFETY: the value lives until the call returns.
    success(unsafe { libc::setsockopt(fd.0, level, name, std::ptr::from_ref(value).cast::<c_void>(), len) })
}

/// Lets reads of a socket give up after [`PATIENCE_US`].
pub(crate) fn be_patient(fd: &Fd) {
    let time = libc::timeval { tv_sec: 0, tv_usec: PATIENCE_US };
    assert_eq!(set_structure(fd, libc::SOL_SOCKET, libc::SO_RCVTIMEO, &time), "ok");
}

pub(crate) fn set_nonblocking(fd: &Fd) {
    // SAFETY: these commands take a number.
    unsafe { libc::fcntl(fd.0, libc::F_SETFL, libc::fcntl(fd.0, libc::F_GETFL) | libc::O_NONBLOCK) };
}

/// The events of a descriptor now, as `poll` shows them.
pub(crate) fn poll(fd: &Fd, events: i16) -> String {
    let mut entry = libc::pollfd { fd: fd.0, events, revents: 0 };
    // SAFETY: one entry, which lives until the call returns.
    let ready = unsafe { libc::poll(&mut entry, 1, 0) };
    let names = [
        (libc::POLLIN, "IN"),
        (libc::POLLOUT, "OUT"),
        (libc::POLLERR, "ERR"),
        (libc::POLLHUP, "HUP"),
        (libc::POLLNVAL, "NVAL"),
        (libc::POLLRDHUP, "RDHUP"),
        (libc::POLLPRI, "PRI"),
    ];
    let set: Vec<&str> = names.iter().filter(|(bit, _)| entry.revents & bit != 0).map(|(_, name)| *name).collect();
    format!("{ready} {}", set.join("+"))
}

/// All events that `poll` can be asked for.
pub(crate) const ALL: i16 = libc::POLLIN | libc::POLLOUT | libc::POLLRDHUP | libc::POLLPRI;

/// Answers in order.
pub(crate) fn in_order(answers: &[String]) -> String {
    answers.join(", ")
}

/// A path of the question's folder as a C string.
pub(crate) fn path(name: &str) -> std::ffi::CString {
    std::ffi::CString::new(format!("{}/{name}", crate::question::folder())).expect("it has no zero")
}

/// Opens a file of the question's folder.
pub(crate) fn open(name: &str, flags: c_int) -> Result<Fd, String> {
    // SAFETY: the path lives until the call returns.
    match unsafe { libc::open(path(name).as_ptr(), flags | libc::O_CLOEXEC, 0o644) } {
        -1 => Err(errno()),
        fd => Ok(Fd(fd)),
    }
}

/// A new file of this content, open for reading and writing at its start.
pub(crate) fn file(name: &str, content: &[u8]) -> Fd {
    let fd = open(name, libc::O_RDWR | libc::O_CREAT | libc::O_TRUNC).expect("it can be made");
    assert_eq!(write(&fd, content), content.len().to_string());
    seek(&fd, 0, libc::SEEK_SET);
    fd
}

pub(crate) fn seek(fd: &Fd, offset: i64, whence: c_int) -> String {
    // SAFETY: it takes no pointer.
    result(unsafe { libc::lseek(fd.0, offset, whence) })
}

/// The outcome of an operation that may have opened a descriptor.
pub(crate) fn outcome(opened: Result<Fd, String>) -> String {
    opened.map_or_else(|error| error, |_| "ok".to_owned())
}
