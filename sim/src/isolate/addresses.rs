//! Fixed addresses: a runner without address randomisation, with the usual stack limit and a single heap arena.

use std::io;

/// Executes this process again with address randomisation off and the usual stack limit, unless they are so already.
/// Call it first in a runner process. Returns if there is nothing left to do.
///
/// # Errors
/// If the system refuses: then whatever depends on addresses may differ from process to process.
pub fn fix_addresses() -> Result<(), String> {
    const ASK: libc::c_ulong = 0xffff_ffff;
    const STACK_BYTES: libc::rlim_t = 8 << 20;
    // SAFETY: mallopt(3) takes numbers, and no other thread allocates yet. getrlimit(2) writes one `rlimit`, which is
    // there, and setrlimit(2) reads it. personality(2) takes a number.
    unsafe {
        // One arena: the number of arenas would depend on the number of processors, and their addresses on the order of
        // threads. Only one thread of a run runs at a time, so that nobody waits for it.
        libc::mallopt(libc::M_ARENA_MAX, 1);
        // Grow in large steps and never shrink: each step is a system call in every run. Unused memory costs nothing.
        libc::mallopt(libc::M_TOP_PAD, 64 << 20);
        libc::mallopt(libc::M_TRIM_THRESHOLD, i32::MAX);
        let mut limit: libc::rlimit = std::mem::zeroed();
        libc::getrlimit(libc::RLIMIT_STACK, &mut limit);
        let current = libc::personality(ASK);
        let fixed = current & libc::ADDR_NO_RANDOMIZE != 0;
        let wanted = STACK_BYTES.min(limit.rlim_max);
        if fixed && limit.rlim_cur == wanted {
            return Ok(());
        }
        if current < 0 || libc::personality((current | libc::ADDR_NO_RANDOMIZE) as libc::c_ulong) < 0 {
            // Containers may forbid it. Runs work all the same, except that addresses differ.
            return Err(format!(
                "address randomisation stays on ({}): what hashes addresses may differ from process to process",
                io::Error::last_os_error()
            ));
        }
        limit.rlim_cur = wanted;
        libc::setrlimit(libc::RLIMIT_STACK, &limit);
    }
    let program = std::env::current_exe().map_err(|error| format!("the path of this program is unknown: {error}"))?;
    let error =
        std::os::unix::process::CommandExt::exec(std::process::Command::new(program).args(std::env::args_os().skip(1)));
    Err(format!("this program cannot be executed again: {error}"))
}
