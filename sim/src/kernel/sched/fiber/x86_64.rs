//! The user-space switch on x86-64: saved registers, floating-point control words, stack pointer, FS base.
//! It knows frames, and no fibers.

use super::registers::Registers;
use std::arch::{asm, naked_asm};

/// A parked stack and its thread-locals.
#[repr(C)]
#[derive(Debug)]
pub(crate) struct Frame {
    stack: u64,
    thread_pointer: u64,
}

impl Frame {
    pub(crate) const fn empty() -> Self {
        Self { stack: 0, thread_pointer: 0 }
    }

    /// A frame that calls `entry` with `argument`, on a stack whose used part ends at `below`, with these
    /// thread-locals.
    ///
    /// # Safety
    /// The memory right below `below` belongs to a stack, and nothing uses it.
    pub(crate) unsafe fn starting(
        below: usize,
        thread_pointer: usize,
        entry: extern "C" fn(usize) -> !,
        argument: usize,
    ) -> Self {
        const FP_CONTROL: usize = 0x037f_0000_1f80; // x87 control word above MXCSR, both as the ABI starts a thread
        let mut top = (below & !15) as *mut usize;
        // SAFETY: the caller promises that nothing uses the stack below `below`, to which nine words are written.
        unsafe {
            // The words that `switch` pops: rbp, rbx, r12 to r15, the control words.
            for word in [0, begin as *const () as usize, 0, entry as usize, argument, 0, 0, 0, FP_CONTROL] {
                top = top.sub(1);
                top.write(word);
            }
        }
        Self { stack: top.addr() as u64, thread_pointer: thread_pointer as u64 }
    }

    /// The registers with which the parked stack resumes.
    pub(crate) fn parked_at(&self) -> Option<Registers> {
        // The layout that `switch` leaves: control words, r15, r14, r13, r12, rbx, rbp, return address.
        const FRAME: u64 = 6;
        const INSTRUCTION: u64 = 7;
        if self.stack == 0 {
            return None;
        }
        // SAFETY: `switch` or `starting` wrote these eight words, on a stack that stays mapped as long as its fiber
        // lives.
        let word = |index: u64| unsafe { ((self.stack + 8 * index) as *const u64).read() };
        let stack = self.stack + 8 * (INSTRUCTION + 1);
        Some(Registers { instruction: word(INSTRUCTION), stack, frame: word(FRAME) })
    }
}

impl Frame {
    /// Prefetches the frames that a parked stack returns through first, and the nearest thread-locals.
    pub(crate) fn fetch(&self) {
        const LINE: u64 = 64;
        const FRAMES: u64 = 16;
        const LOCALS: u64 = 8;
        let frames = (0..FRAMES).map(|line| self.stack + line * LINE);
        let locals = (0..LOCALS).map(|line| self.thread_pointer.wrapping_sub(line * LINE));
        for address in frames.chain(locals) {
            // SAFETY: a prefetch is a hint; it cannot fault, whatever the address.
            unsafe { std::arch::x86_64::_mm_prefetch::<{ std::arch::x86_64::_MM_HINT_T0 }>(address as *const i8) };
        }
    }
}

/// The first instructions of a fiber: they move the argument to the register of the calling convention.
#[unsafe(naked)]
unsafe extern "C" fn begin() {
    naked_asm!("mov rdi, r12", "jmp rbx")
}

/// Returns whether user space may write the FS base: the kernel reports this in `AT_HWCAP2`.
pub(crate) fn available() -> bool {
    const FSGSBASE: u64 = 1 << 1;
    // SAFETY: getauxval(3) takes a number and reads the auxiliary vector.
    unsafe { libc::getauxval(libc::AT_HWCAP2) & FSGSBASE != 0 }
}

/// The thread pointer of the calling thread.
pub(crate) fn thread_pointer() -> usize {
    let pointer: usize;
    // SAFETY: `rdfsbase` reads a register, and is allowed since `available` found FSGSBASE.
    unsafe { asm!("rdfsbase {}", out(reg) pointer, options(nomem, nostack)) };
    pointer
}

/// The current stack pointer.
pub(crate) fn stack_pointer() -> usize {
    let here: usize;
    // SAFETY: the instruction copies a register and accesses no memory.
    unsafe { asm!("mov {}, rsp", out(reg) here, options(nomem, nostack)) };
    here
}

/// Starts a kernel thread that calls `entry` with `argument` on this stack, with these thread-locals. The kernel sets
/// `gone` to 0 when the thread has ended. Returns its number, or a negative error number.
///
/// # Safety
/// Nothing else uses the stack below `top` until `gone` is 0; `thread_pointer` is the address of a control block;
/// `gone` lives until it is 0.
pub(crate) unsafe fn start_kernel_thread(
    top: usize,
    thread_pointer: usize,
    entry: extern "C" fn(usize) -> !,
    argument: usize,
    gone: *const u32,
) -> isize {
    let flags = libc::CLONE_VM
        | libc::CLONE_FS
        | libc::CLONE_FILES
        | libc::CLONE_SIGHAND
        | libc::CLONE_THREAD
        | libc::CLONE_SYSVSEM
        | libc::CLONE_SETTLS
        | libc::CLONE_CHILD_CLEARTID;
    let number: isize;
    // SAFETY: the caller promises that nothing uses the stack below `top`, to which two words are written, and that the
    // control block and `gone` are valid for clone(2). The new thread leaves this block on its own stack, by the jump,
    // and never returns to it.
    unsafe {
        let top = (top & !15) as *mut usize;
        top.sub(1).write(argument);
        top.sub(2).write(entry as usize);
        asm!(
            "syscall",
            "test rax, rax",
            "jnz 2f",
            "xor ebp, ebp",
            "pop rax",
            "pop rdi",
            // No return address: a walk of this stack ends here.
            "push 0",
            "jmp rax",
            "2:",
            inlateout("rax") libc::SYS_clone as isize => number,
            in("rdi") flags as usize,
            in("rsi") top.sub(2),
            in("rdx") 0usize,
            in("r10") gone,
            in("r8") thread_pointer,
            lateout("rcx") _,
            lateout("r11") _,
            options(nostack)
        );
    }
    number
}

/// Parks the caller in `from` and resumes `to`.
///
/// # Safety
/// `to` is parked, and nothing else resumes it.
#[unsafe(naked)]
pub(crate) unsafe extern "C" fn switch(from: *mut Frame, to: *const Frame) {
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
