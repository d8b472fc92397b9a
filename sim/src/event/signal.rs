//! Names of signals.

use super::errno::names;

/// A signal's name, `SIGTERM`; `signal 34` for one without.
pub fn signal_name(signal: i32) -> String {
    known(signal).map_or_else(|| format!("signal {signal}"), str::to_owned)
}

fn known(signal: i32) -> Option<&'static str> {
    names!(
        signal,
        SIGHUP SIGINT SIGQUIT SIGILL SIGTRAP SIGABRT SIGBUS SIGFPE SIGKILL SIGUSR1 SIGSEGV SIGUSR2 SIGPIPE SIGALRM
        SIGTERM SIGSTKFLT SIGCHLD SIGCONT SIGSTOP SIGTSTP SIGTTIN SIGTTOU SIGURG SIGXCPU SIGXFSZ SIGVTALRM SIGPROF
        SIGWINCH SIGIO SIGPWR SIGSYS
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signals_have_the_names_of_linux() {
        let names = [1, 6, 9, 11, 15, 17, 34].map(signal_name);
        assert_eq!(names, ["SIGHUP", "SIGABRT", "SIGKILL", "SIGSEGV", "SIGTERM", "SIGCHLD", "signal 34"]);
        assert!((1..=31).all(|signal| known(signal).is_some()));
    }
}
