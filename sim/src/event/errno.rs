//! Names of error numbers.

/// Matches a number against constants of the C library, by name.
macro_rules! names {
    ($number:expr, $($name:ident)*) => {
        match $number {
            $(libc::$name => Some(stringify!($name)),)*
            _ => None,
        }
    };
}
pub(super) use names;

/// The name of an error number, `EIO`; `error 4095` for one without.
pub fn errno_name(errno: i32) -> String {
    known(errno).map_or_else(|| format!("error {errno}"), str::to_owned)
}

/// The numbers of Linux, in their order. `EAGAIN`, `EDEADLK` and `EOPNOTSUPP` have second names.
fn known(errno: i32) -> Option<&'static str> {
    names!(
        errno,
        EPERM ENOENT ESRCH EINTR EIO ENXIO E2BIG ENOEXEC EBADF ECHILD EAGAIN ENOMEM EACCES EFAULT ENOTBLK EBUSY EEXIST
        EXDEV ENODEV ENOTDIR EISDIR EINVAL ENFILE EMFILE ENOTTY ETXTBSY EFBIG ENOSPC ESPIPE EROFS EMLINK EPIPE EDOM
        ERANGE EDEADLK ENAMETOOLONG ENOLCK ENOSYS ENOTEMPTY ELOOP ENOMSG EIDRM ECHRNG EL2NSYNC EL3HLT EL3RST ELNRNG
        EUNATCH ENOCSI EL2HLT EBADE EBADR EXFULL ENOANO EBADRQC EBADSLT EBFONT ENOSTR ENODATA ETIME ENOSR ENONET
        ENOPKG EREMOTE ENOLINK EADV ESRMNT ECOMM EPROTO EMULTIHOP EDOTDOT EBADMSG EOVERFLOW ENOTUNIQ EBADFD EREMCHG
        ELIBACC ELIBBAD ELIBSCN ELIBMAX ELIBEXEC EILSEQ ERESTART ESTRPIPE EUSERS ENOTSOCK EDESTADDRREQ EMSGSIZE
        EPROTOTYPE ENOPROTOOPT EPROTONOSUPPORT ESOCKTNOSUPPORT EOPNOTSUPP EPFNOSUPPORT EAFNOSUPPORT EADDRINUSE
        EADDRNOTAVAIL ENETDOWN ENETUNREACH ENETRESET ECONNABORTED ECONNRESET ENOBUFS EISCONN ENOTCONN ESHUTDOWN
        ETOOMANYREFS ETIMEDOUT ECONNREFUSED EHOSTDOWN EHOSTUNREACH EALREADY EINPROGRESS ESTALE EUCLEAN ENOTNAM ENAVAIL
        EISNAM EREMOTEIO EDQUOT ENOMEDIUM EMEDIUMTYPE ECANCELED ENOKEY EKEYEXPIRED EKEYREVOKED EKEYREJECTED EOWNERDEAD
        ENOTRECOVERABLE ERFKILL EHWPOISON
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn error_numbers_have_the_names_of_linux() {
        assert_eq!([2, 5, 28, 30, 4_095].map(errno_name), ["ENOENT", "EIO", "ENOSPC", "EROFS", "error 4095"]);
        assert_eq!([11, 35, 95, 133].map(errno_name), ["EAGAIN", "EDEADLK", "EOPNOTSUPP", "EHWPOISON"]);
        let nameless: Vec<i32> = (1..=133).filter(|errno| known(*errno).is_none()).collect();
        assert_eq!(nameless, [41, 58], "Linux skips these");
    }
}
