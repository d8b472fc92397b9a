//! The user-space switch on x86-64: saved registers, floating-point control words, stack pointer, FS base.
//! It knows no strands, only frames.

use std::arch::{asm, naked_asm};

/// Where a parked stack is, and whose thread-locals belong to it.
#[repr(C)]
#[derive(Debug)]
pub(super) struct Frame {
    stack: u64,
    thread_pointer: u64,
}

impl Frame {
    pub(super) const fn empty() -> Self {
        Self { stack: 0, thread_pointer: 0 }
    }

    /// A frame that starts `entry` on a stack whose used part ends at `below`, with the caller's thread-locals.
    pub(super) fn starting(below: usize, entry: extern "C" fn() -> !) -> Self {
        // The parked kernel thread still uses the two small frames right below.
        const SLACK: usize = 2 * 1024;
        const FP_CONTROL: u64 = 0x037f_0000_1f80; // x87 control word above MXCSR, both as the ABI starts a thread
        let mut top = ((below - SLACK) & !15) as *mut u64;
        let thread_pointer: u64;
        // SAFETY: the addresses lie in this thread's own stack, far below anything in use; FSGSBASE was checked.
        unsafe {
            asm!("rdfsbase {}", out(reg) thread_pointer, options(nomem, nostack));
            for word in [0, entry as usize as u64, 0, 0, 0, 0, 0, 0, FP_CONTROL] {
                top = top.sub(1);
                top.write(word);
            }
        }
        Self { stack: top as u64, thread_pointer }
    }
}

/// Whether user space may write the FS base here: the kernel says so in `AT_HWCAP2`.
pub(super) fn available() -> bool {
    const FSGSBASE: u64 = 1 << 1;
    // SAFETY: reads the auxiliary vector.
    unsafe { libc::getauxval(libc::AT_HWCAP2) & FSGSBASE != 0 }
}

/// The current stack pointer.
pub(super) fn stack_pointer() -> usize {
    let here: usize;
    // SAFETY: reads a register.
    unsafe { asm!("mov {}, rsp", out(reg) here, options(nomem, nostack)) };
    here
}

/// Parks the caller in `from` and goes on where `to` was parked.
///
/// # Safety
/// `to` is parked, and nobody else resumes it.
#[unsafe(naked)]
pub(super) unsafe extern "C" fn switch(from: *mut Frame, to: *const Frame) {
    naked_asm!(
        "push rbp",
        "push rbx",
        "push r12",
        "push r13",
        "push r14",
        "push r15",
        "sub rsp, 8",
        "stmxcsr [rsp]",
        "fnstcw [rsp + 4]",
        "mov [rdi], rsp",
        "rdfsbase rax",
        "mov [rdi + 8], rax",
        "mov rsp, [rsi]",
        "mov rax, [rsi + 8]",
        "wrfsbase rax",
        "ldmxcsr [rsp]",
        "fldcw [rsp + 4]",
        "add rsp, 8",
        "pop r15",
        "pop r14",
        "pop r13",
        "pop r12",
        "pop rbx",
        "pop rbp",
        "ret",
    )
}
