//! Signals: actions, masks, interrupted calls.

use crate::calls::{in_order, result, success};
use std::sync::atomic::{AtomicI32, Ordering};

static CAUGHT: AtomicI32 = AtomicI32::new(0);

extern "C" fn count(_: i32) {
    CAUGHT.fetch_add(1, Ordering::Relaxed);
}

fn install(signal: i32, flags: i32) -> String {
    // SAFETY: zeros are a valid action, whose handler is then set.
    unsafe {
        let mut action: libc::sigaction = std::mem::zeroed();
        action.sa_sigaction = count as extern "C" fn(i32) as usize;
        action.sa_flags = flags;
        success(libc::sigaction(signal, &action, std::ptr::null_mut()))
    }
}

fn caught() -> String {
    CAUGHT.load(Ordering::Relaxed).to_string()
}

fn raise(signal: i32) -> String {
    // SAFETY: it takes no pointer.
    success(unsafe { libc::raise(signal) })
}

/// Blocks or unblocks a signal.
fn mask(how: i32, signal: i32) -> String {
    // SAFETY: the set is initialized before it is used.
    unsafe {
        let mut set: libc::sigset_t = std::mem::zeroed();
        libc::sigemptyset(&mut set);
        libc::sigaddset(&mut set, signal);
        crate::calls::code(libc::pthread_sigmask(how, &set, std::ptr::null_mut()))
    }
}

crate::question::questions! {
    fn signal_is_caught() -> String {
        in_order(&[install(libc::SIGUSR1, 0), raise(libc::SIGUSR1), raise(libc::SIGUSR1), caught()])
    }
    fn signal_that_cannot_be_caught() -> String {
        in_order(&[install(libc::SIGKILL, 0), install(libc::SIGSTOP, 0), install(0, 0), install(999, 0)])
    }
    fn signal_is_blocked_and_comes_later_once() -> String {
        install(libc::SIGUSR1, 0);
        let blocked = mask(libc::SIG_BLOCK, libc::SIGUSR1);
        raise(libc::SIGUSR1);
        raise(libc::SIGUSR1);
        let before = caught();
        in_order(&[blocked, before, mask(libc::SIG_UNBLOCK, libc::SIGUSR1), caught()])
    }
    fn signal_that_is_ignored() -> String {
        // SAFETY: ignoring a signal installs no handler.
        unsafe { libc::signal(libc::SIGUSR1, libc::SIG_IGN) };
        raise(libc::SIGUSR1)
    }
    fn signal_resets_its_action_if_asked() -> String {
        install(libc::SIGWINCH, libc::SA_RESETHAND);
        raise(libc::SIGWINCH);
        // The default is to ignore this one.
        in_order(&[raise(libc::SIGWINCH), caught()])
    }
    fn signal_of_no_process() -> String {
        // SAFETY: they take no pointer.
        unsafe { in_order(&[success(libc::kill(libc::getpid(), 0)), success(libc::kill(libc::getpid(), 999)), success(libc::kill(999_999, 0))]) }
    }
    fn signal_interrupts_a_sleep() -> String {
        install(libc::SIGALRM, 0);
        // SAFETY: they take no pointer.
        unsafe {
            libc::raise(libc::SIGALRM);
            let main = libc::pthread_self() as usize;
            let other = std::thread::spawn(move || {
                crate::calls::arrive();
                let _ = main;
                libc::kill(libc::getpid(), libc::SIGALRM)
            });
            let slept = result(libc::usleep(5_000_000));
            let _ = other.join();
            in_order(&[slept, caught()])
        }
    }
    fn signal_waited_for() -> String {
        mask(libc::SIG_BLOCK, libc::SIGUSR2);
        raise(libc::SIGUSR2);
        // SAFETY: the set is initialized before it is used.
        unsafe {
            let mut set: libc::sigset_t = std::mem::zeroed();
            libc::sigemptyset(&mut set);
            libc::sigaddset(&mut set, libc::SIGUSR2);
            let mut taken = 0;
            let code = libc::sigwait(&set, &mut taken);
            format!("{code} {taken}")
        }
    }
    fn signal_pending_set() -> String {
        mask(libc::SIG_BLOCK, libc::SIGUSR2);
        raise(libc::SIGUSR2);
        // SAFETY: the call fills the set.
        unsafe {
            let mut set: libc::sigset_t = std::mem::zeroed();
            libc::sigpending(&mut set);
            format!("{} {}", libc::sigismember(&set, libc::SIGUSR2), libc::sigismember(&set, libc::SIGUSR1))
        }
    }
    fn signal_action_that_was_never_set() -> String {
        // SAFETY: the call fills the action.
        unsafe {
            let mut action: libc::sigaction = std::mem::zeroed();
            let got = success(libc::sigaction(libc::SIGTERM, std::ptr::null(), &mut action));
            let mut pipe: libc::sigaction = std::mem::zeroed();
            libc::sigaction(libc::SIGPIPE, std::ptr::null(), &mut pipe);
            format!("{got} {} {}", action.sa_sigaction == libc::SIG_DFL, pipe.sa_sigaction == libc::SIG_IGN)
        }
    }
    fn signal_broken_pipe_is_an_error_for_rust() -> String {
        let (client, server) = crate::calls::connection();
        drop(client);
        crate::calls::arrive();
        let first = crate::calls::write(&server, b"x");
        crate::calls::arrive();
        in_order(&[first, crate::calls::write(&server, b"y")])
    }
}
