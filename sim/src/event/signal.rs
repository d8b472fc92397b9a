//! Names of signals.

use nix::sys::signal::Signal;

/// A signal's name, `SIGTERM`; `signal 34` for one without.
pub fn signal_name(signal: i32) -> String {
    Signal::try_from(signal).map_or_else(|_| format!("signal {signal}"), |signal| signal.as_str().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signals_have_the_names_of_linux() {
        let names = [1, 6, 9, 11, 15, 17, 34].map(signal_name);
        assert_eq!(names, ["SIGHUP", "SIGABRT", "SIGKILL", "SIGSEGV", "SIGTERM", "SIGCHLD", "signal 34"]);
    }
}
