//! Names of error numbers.

use nix::errno::Errno;

/// The name of an error number, `EIO`; `error 4095` for one without.
pub fn errno_name(errno: i32) -> String {
    match Errno::from_raw(errno) {
        Errno::UnknownErrno => format!("error {errno}"),
        known => format!("{known:?}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn error_numbers_have_the_names_of_linux() {
        assert_eq!([2, 5, 28, 30, 4_095].map(errno_name), ["ENOENT", "EIO", "ENOSPC", "EROFS", "error 4095"]);
    }
}
