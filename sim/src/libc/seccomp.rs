//! Escapes: system calls by instruction, and those that the C library makes within itself. A seccomp filter on the address of
//! the instruction notices them in strict runs, which end with the call's name and its caller.
//! No escaped call is answered by the virtual kernel.

use super::current::here;
use super::unsupported::refuse;
use super::user_memory::UserSlice;
use crate::host::system;
use libc::{c_int, c_long, c_void, siginfo_t, sock_filter, sock_fprog, ucontext_t};

/// The variable that is set in runners whose runs are strict.
const STRICT: &str = "AFTERLIFE_STRICT";

/// The calls that the C library may make by itself: memory, threads and signals of this process.
const OF_LIBC: [c_long; 26] = [
    libc::SYS_mmap,
    libc::SYS_munmap,
    libc::SYS_mremap,
    libc::SYS_mprotect,
    libc::SYS_madvise,
    libc::SYS_brk,
    libc::SYS_futex,
    libc::SYS_clone,
    libc::SYS_clone3,
    libc::SYS_set_robust_list,
    libc::SYS_set_tid_address,
    libc::SYS_rseq,
    libc::SYS_exit,
    libc::SYS_exit_group,
    libc::SYS_rt_sigaction,
    libc::SYS_rt_sigprocmask,
    libc::SYS_rt_sigreturn,
    libc::SYS_sigaltstack,
    libc::SYS_gettid,
    libc::SYS_getpid,
    libc::SYS_tgkill,
    libc::SYS_prctl,
    libc::SYS_sched_yield,
    libc::SYS_sched_getaffinity,
    libc::SYS_sched_setscheduler,
    libc::SYS_prlimit64,
];

/// Watches the calling kernel thread from now on, if its runs are strict.
pub(crate) fn watch_escapes() {
    if std::env::var_os(STRICT).is_none() {
        return;
    }
    if let Err(errno) = install() {
        super::refuse_about(
            "--strict",
            &format!(
                "`--strict` needs seccomp, which this system does not give (error {errno}): run it without, or outside of the \
             container"
            ),
        );
    }
}

/// A range of code.
#[derive(Clone, Copy)]
struct Range {
    from: u64,
    to: u64,
}

const LOAD: u16 = (libc::BPF_LD | libc::BPF_W | libc::BPF_ABS) as u16;
const EQUALS: u16 = (libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K) as u16;
const AT_LEAST: u16 = (libc::BPF_JMP | libc::BPF_JGE | libc::BPF_K) as u16;
const RETURN: u16 = (libc::BPF_RET | libc::BPF_K) as u16;

const NUMBER_AT: u32 = 0;
const LOW_AT: u32 = 8;
const HIGH_AT: u32 = 12;

fn step(code: u16, k: u32, yes: u8, no: u8) -> sock_filter {
    sock_filter { code, jt: yes, jf: no, k }
}

/// Skips the next `then` steps unless the call was made within the range.
fn within(filter: &mut Vec<sock_filter>, range: Range, then: u8) {
    filter.extend([
        step(LOAD, HIGH_AT, 0, 0),
        step(EQUALS, (range.from >> 32) as u32, 0, then + 3),
        step(LOAD, LOW_AT, 0, 0),
        step(AT_LEAST, range.from as u32, 0, then + 1),
        step(AT_LEAST, range.to as u32, then, 0),
    ]);
}

fn install() -> Result<(), c_int> {
    let ours = system::call_range();
    let mut filter = Vec::new();
    within(&mut filter, Range { from: ours.start as u64, to: ours.end as u64 }, 1);
    filter.push(step(RETURN, libc::SECCOMP_RET_ALLOW, 0, 0));
    for range in of_libc() {
        let count = OF_LIBC.len() as u8;
        within(&mut filter, range, count + 3);
        filter.push(step(LOAD, NUMBER_AT, 0, 0));
        for (index, number) in OF_LIBC.into_iter().enumerate() {
            filter.push(step(EQUALS, number as u32, count - index as u8, 0));
        }
        filter.push(step(RETURN, libc::SECCOMP_RET_TRAP, 0, 0));
        filter.push(step(RETURN, libc::SECCOMP_RET_ALLOW, 0, 0));
    }
    filter.push(step(RETURN, libc::SECCOMP_RET_TRAP, 0, 0));
    let program = sock_fprog { len: filter.len() as u16, filter: filter.as_mut_ptr() };
    static SIGACTION: system::Function = system::Function::named(c"sigaction");
    let handle = system::next!(SIGACTION, fn(c_int, *const libc::sigaction, *mut libc::sigaction) -> c_int);
    // SAFETY: `sigaction(2)`: the handler has the type that the flags name. `seccomp(2)`: the filter has the length that it names, and
    // outlives the call. Zeros are a valid action.
    let set = unsafe {
        let mut action: libc::sigaction = std::mem::zeroed();
        action.sa_sigaction = trapped as unsafe extern "C" fn(c_int, *mut siginfo_t, *mut c_void) as usize;
        action.sa_flags = libc::SA_SIGINFO | libc::SA_ONSTACK | libc::SA_NODEFER;
        handle(libc::SIGSYS, &action, std::ptr::null_mut());
        system::call(libc::SYS_prctl, libc::PR_SET_NO_NEW_PRIVS as usize, 1, 0, 0, 0, 0);
        let mode = libc::SECCOMP_SET_MODE_FILTER as usize;
        system::call(libc::SYS_seccomp, mode, 0, (&raw const program).addr(), 0, 0, 0)
    };
    if set == 0 { Ok(()) } else { Err(-set as c_int) }
}

/// The code of the C library and its loader.
fn of_libc() -> Vec<Range> {
    extern "C" fn each(info: *mut libc::dl_phdr_info, _: usize, found: *mut c_void) -> c_int {
        // SAFETY: `dl_iterate_phdr(3)`: the loader passes its own structure, and the list that `of_libc` lends for the call.
        let (info, found) = unsafe { (&*info, &mut *found.cast::<Vec<Range>>()) };
        // SAFETY: `dl_iterate_phdr(3)`: the name is a C string, and there are `dlpi_phnum` headers.
        let (name, headers) = unsafe {
            let headers = UserSlice::new(info.dlpi_phdr, usize::from(info.dlpi_phnum));
            (UserSlice::string(info.dlpi_name), headers)
        };
        if name.len() == 0 {
            return 0; // the program itself
        }
        for header in headers.iter() {
            if header.p_type == libc::PT_LOAD && header.p_flags & libc::PF_X != 0 {
                let from = info.dlpi_addr + header.p_vaddr;
                found.push(Range { from, to: from + header.p_memsz });
            }
        }
        0
    }
    let mut found: Vec<Range> = Vec::new();
    // SAFETY: `dl_iterate_phdr(3)`: `each` has the type that it calls, and the list outlives the call.
    unsafe { libc::dl_iterate_phdr(Some(each), (&raw mut found).cast()) };
    found.retain(|range| range.from >> 32 == range.to >> 32);
    found
}

unsafe extern "C" fn trapped(_: c_int, _: *mut siginfo_t, context: *mut c_void) {
    // SAFETY: `sigaction(2)`: with `SA_SIGINFO` the third argument is the context of the thread that was interrupted.
    let registers = unsafe { &mut (*context.cast::<ucontext_t>()).uc_mcontext };
    let (number, arguments) = asked(registers);
    if here().is_none() {
        // The simulation itself, for example when it reads its own symbols for a stack.
        let [a, b, c, d, e, f] = arguments;
        // SAFETY: the harness's own call, with the arguments that it made it with.
        answer(registers, unsafe { system::call(number, a, b, c, d, e, f) });
        return;
    }
    refuse(&format!("{} bypasses the interposed functions: the simulation cannot see it", name(number)));
}

#[cfg(target_arch = "x86_64")]
fn asked(registers: &libc::mcontext_t) -> (c_long, [usize; 6]) {
    let register = |which: c_int| registers.gregs[which as usize] as usize;
    let arguments = [libc::REG_RDI, libc::REG_RSI, libc::REG_RDX, libc::REG_R10, libc::REG_R8, libc::REG_R9];
    (register(libc::REG_RAX) as c_long, arguments.map(register))
}

#[cfg(target_arch = "x86_64")]
fn answer(registers: &mut libc::mcontext_t, value: isize) {
    registers.gregs[libc::REG_RAX as usize] = value as i64;
}

#[cfg(target_arch = "aarch64")]
fn asked(registers: &libc::mcontext_t) -> (c_long, [usize; 6]) {
    (registers.regs[8] as c_long, std::array::from_fn(|index| registers.regs[index] as usize))
}

#[cfg(target_arch = "aarch64")]
fn answer(registers: &mut libc::mcontext_t, value: isize) {
    registers.regs[0] = value as u64;
}

fn name(number: c_long) -> String {
    match usize::try_from(number).ok().and_then(syscalls::Sysno::new) {
        Some(call) => format!("`{}` (system call {number})", call.name()),
        None => format!("`system call {number}`"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_system_call_is_named_if_it_has_a_name() {
        assert_eq!(name(libc::SYS_getrandom), format!("`getrandom` (system call {})", libc::SYS_getrandom));
        assert_eq!(name(c_long::MAX), format!("`system call {}`", c_long::MAX));
        assert_eq!(name(-1), "`system call -1`");
    }
}
