//! The user-space switch on x86-64: saved registers, floating-point control words, stack pointer, FS base.
//! It knows no strands, only frames.

use super::unwind::Registers;
use std::arch::{asm, naked_asm};

/// Where a parked stack is, and whose thread-locals belong to it.
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

    /// A frame that calls `entry` with `argument`, on a stack whose used part ends at `below`, with these thread-locals.
    ///
    /// # Safety
    /// The memory right below is a stack's, and nobody uses it.
    pub(crate) unsafe fn starting(
        below: usize,
        thread_pointer: usize,
        entry: extern "C" fn(usize) -> !,
        argument: usize,
    ) -> Self {
        const FP_CONTROL: usize = 0x037f_0000_1f80; // x87 control word above MXCSR, both as the ABI starts a thread
        let mut top = (below & !15) as *mut usize;
        // SAFETY: as the caller promises.
        unsafe {
            // What `switch` takes off again: rbp, rbx, r12 to r15, the control words.
            for word in [0, begin as *const () as usize, 0, entry as usize, argument, 0, 0, 0, FP_CONTROL] {
                top = top.sub(1);
                top.write(word);
            }
        }
        Self { stack: top.addr() as u64, thread_pointer: thread_pointer as u64 }
    }

    /// Where the stack goes on that was parked here.
    pub(crate) fn parked_at(&self) -> Option<Registers> {
        // As `switch` leaves them: control words, r15, r14, r13, r12, rbx, rbp, return address.
        const FRAME: u64 = 6;
        const INSTRUCTION: u64 = 7;
        if self.stack == 0 {
            return None;
        }
        // SAFETY: the words that `switch` or `starting` wrote, on a stack that stays while its strand does.
        let word = |index: u64| unsafe { ((self.stack + 8 * index) as *const u64).read() };
        let stack = self.stack + 8 * (INSTRUCTION + 1);
        Some(Registers { instruction: word(INSTRUCTION), stack, frame: word(FRAME) })
    }
}

impl Frame {
    /// Asks for the frames that a parked stack returns through first, and the thread-locals that lie nearest.
    pub(crate) fn fetch(&self) {
        const LINE: u64 = 64;
        const FRAMES: u64 = 16;
        const LOCALS: u64 = 8;
        let frames = (0..FRAMES).map(|line| self.stack + line * LINE);
        let locals = (0..LOCALS).map(|line| self.thread_pointer.wrapping_sub(line * LINE));
        for address in frames.chain(locals) {
            // SAFETY: such a request reads nothing, whatever the address.
            unsafe { std::arch::x86_64::_mm_prefetch::<{ std::arch::x86_64::_MM_HINT_T0 }>(address as *const i8) };
        }
    }
}

/// Where a strand begins: the C library's calling convention wants the argument in another register.
#[unsafe(naked)]
unsafe extern "C" fn begin() {
    naked_asm!("mov rdi, r12", "jmp rbx")
}

/// Whether user space may write the FS base here: the kernel says so in `AT_HWCAP2`.
pub(crate) fn available() -> bool {
    const FSGSBASE: u64 = 1 << 1;
    // SAFETY: reads the auxiliary vector.
    unsafe { libc::getauxval(libc::AT_HWCAP2) & FSGSBASE != 0 }
}

/// The thread pointer of the thread that calls.
pub(crate) fn thread_pointer() -> usize {
    let pointer: usize;
    // SAFETY: reads a register; FSGSBASE was checked.
    unsafe { asm!("rdfsbase {}", out(reg) pointer, options(nomem, nostack)) };
    pointer
}

/// The current stack pointer.
pub(crate) fn stack_pointer() -> usize {
    let here: usize;
    // SAFETY: reads a register.
    unsafe { asm!("mov {}, rsp", out(reg) here, options(nomem, nostack)) };
    here
}

/// Starts a kernel thread that calls `entry` with `argument` on this stack, with these thread-locals. The kernel sets `gone` to
/// 0 when the thread has ended. Returns its number, or an error as the kernel gives it.
///
/// # Safety
/// The memory below `top` is a stack's that nobody uses, until `gone` is 0; `thread_pointer` is that of a control block.
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
    // SAFETY: as the caller promises. The new thread leaves this block on its own stack, by the jump, and never returns.
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
            // No return address: whoever walks this stack ends here.
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

/// Parks the caller in `from` and goes on where `to` was parked.
///
/// # Safety
/// `to` is parked, and nobody else resumes it.
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
