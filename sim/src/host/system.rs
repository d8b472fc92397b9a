//! The host's system calls, by instruction, and the C library's own functions.
//! A plain call of a function that we interpose would come back to us.

use libc::{c_char, c_int, c_long, c_void};
use std::ffi::CStr;
use std::sync::atomic::{AtomicPtr, AtomicU32, Ordering};

/// Makes a system call, by instruction. Returns its result, or a negative error number.
///
/// # Safety
/// The arguments must satisfy the contract of the system call, which may read and write the memory that they name.
#[cfg(target_arch = "x86_64")]
#[inline(never)]
pub(crate) unsafe fn call(number: c_long, a: usize, b: usize, c: usize, d: usize, e: usize, f: usize) -> isize {
    let result: isize;
    // SAFETY: by the x86-64 ABI of Linux, the kernel clobbers rcx and r11 alone; the caller vouches for the arguments.
    unsafe {
        std::arch::asm!(
            "syscall",
            inlateout("rax") number as isize => result,
            in("rdi") a, in("rsi") b, in("rdx") c, in("r10") d, in("r8") e, in("r9") f,
            lateout("rcx") _, lateout("r11") _,
            options(nostack)
        );
    }
    result
}

/// Makes a system call, by instruction. Returns its result, or a negative error number.
///
/// # Safety
/// The arguments must satisfy the contract of the system call, which may read and write the memory that they name.
#[cfg(target_arch = "aarch64")]
#[inline(never)]
pub(crate) unsafe fn call(number: c_long, a: usize, b: usize, c: usize, d: usize, e: usize, f: usize) -> isize {
    let result: isize;
    // SAFETY: by the AArch64 ABI of Linux, the kernel preserves all registers but x0; the caller vouches for the arguments.
    unsafe {
        std::arch::asm!(
            "svc 0",
            in("x8") number as usize,
            inlateout("x0") a => result,
            in("x1") b, in("x2") c, in("x3") d, in("x4") e, in("x5") f,
            options(nostack)
        );
    }
    result
}

/// Returns the address range of [`call`], which distinguishes our own system calls from others.
pub(crate) fn call_range() -> std::ops::Range<usize> {
    // The code is a few moves and the instruction, and more with debug assertions.
    const BYTES: usize = 256;
    let from = call as *const () as usize;
    from..from + BYTES
}

/// Sets this thread's `errno`.
#[inline]
pub(crate) fn set_errno(errno: c_int) {
    // SAFETY: `__errno_location` returns a pointer that is valid for the calling thread.
    unsafe { *libc::__errno_location() = errno }
}

/// Converts a system call's result to the C library's form: -1 and `errno`.
#[inline]
pub(crate) fn result(value: isize) -> isize {
    if (-4095..0).contains(&value) {
        set_errno(-value as c_int);
        -1
    } else {
        value
    }
}

/// Looks up a symbol as `dlsym(3)` does. A guest engine may define `dlsym` itself, so the dynamic linker's own is looked up by
/// its first version.
///
/// # Safety
/// `handle` must be a handle of `dlopen`, or a pseudo-handle of `dlsym`.
pub(crate) unsafe fn symbol(handle: *mut c_void, name: &CStr) -> *mut c_void {
    type Dlsym = unsafe extern "C" fn(*mut c_void, *const c_char) -> *mut c_void;
    const FIRST: &CStr = if cfg!(target_arch = "x86_64") { c"GLIBC_2.2.5" } else { c"GLIBC_2.17" };
    static DLSYM: AtomicPtr<c_void> = AtomicPtr::new(std::ptr::null_mut());
    let mut found = DLSYM.load(Ordering::Relaxed);
    if found.is_null() {
        // SAFETY: `dlvsym(3)` reads two C strings, and both are literals.
        found = unsafe { libc::dlvsym(libc::RTLD_NEXT, c"dlsym".as_ptr(), FIRST.as_ptr()) };
        if found.is_null() {
            found = libc::dlsym as *mut c_void;
        }
        DLSYM.store(found, Ordering::Relaxed);
    }
    // SAFETY: `dlsym(3)` has this type and reads a C string; the caller vouches for the handle.
    unsafe { std::mem::transmute::<*mut c_void, Dlsym>(found)(handle, name.as_ptr()) }
}

/// A function of the C library that we interpose, looked up once.
pub(crate) struct Function {
    name: &'static CStr,
    found: AtomicPtr<c_void>,
}

impl Function {
    /// The C library's function of this name.
    pub(crate) const fn named(name: &'static CStr) -> Self {
        Self { name, found: AtomicPtr::new(std::ptr::null_mut()) }
    }

    /// Returns its address. Ends the process if the C library has no such function.
    pub(crate) fn address(&self) -> *mut c_void {
        let mut found = self.found.load(Ordering::Relaxed);
        if found.is_null() {
            // SAFETY: `RTLD_NEXT` is a pseudo-handle of `dlsym(3)`; the next definition after ours is the C library's.
            found = unsafe { symbol(libc::RTLD_NEXT, self.name) };
            if found.is_null() {
                write_stderr("afterlife: the C library has no ");
                write_stderr(self.name.to_str().unwrap_or("?"));
                write_stderr("\n");
                exit_now(101);
            }
            self.found.store(found, Ordering::Relaxed);
        }
        found
    }
}

/// Casts a looked-up function to its type: `next!(CLOSEDIR, fn(*mut DIR) -> c_int)`.
macro_rules! next {
    ($function:expr, fn($($argument:ty),*) -> $result:ty) => {
        // SAFETY: the address is that of the C library's function, and the type is its prototype.
        unsafe { std::mem::transmute::<*mut libc::c_void, unsafe extern "C" fn($($argument),*) -> $result>($function.address()) }
    };
}
pub(crate) use next;

/// Writes to the host's standard error, without locks or allocation.
pub(crate) fn write_stderr(text: &str) {
    // SAFETY: `write(2)` reads the slice, which is valid for its length.
    unsafe { call(libc::SYS_write, 2, text.as_ptr().addr(), text.len(), 0, 0, 0) };
}

/// Ends this process at once, without destructors.
pub(crate) fn exit_now(code: i32) -> ! {
    loop {
        // SAFETY: `exit_group(2)` takes no pointer.
        unsafe { call(libc::SYS_exit_group, code as usize, 0, 0, 0, 0, 0) };
    }
}

/// Ends the calling kernel thread at once, without destructors.
pub(crate) fn end_this_thread() -> ! {
    loop {
        // SAFETY: `exit(2)` takes no pointer.
        unsafe { call(libc::SYS_exit, 0, 0, 0, 0, 0, 0) };
    }
}

/// Blocks the kernel thread while the flag has this value. The host's kernel may change the flag.
pub(crate) fn wait_while(flag: &AtomicU32, value: u32) {
    while flag.load(Ordering::Acquire) == value {
        let address = std::ptr::from_ref(flag).addr();
        // SAFETY: `futex(2)` reads the flag, which is valid for the call.
        unsafe { call(libc::SYS_futex, address, libc::FUTEX_WAIT as usize, value as usize, 0, 0, 0) };
    }
}

/// Blocks the kernel thread until the flag is 1, then sets it to 0.
pub(crate) fn wait_for(flag: &AtomicU32) {
    while flag.swap(0, Ordering::Acquire) == 0 {
        // SAFETY: `futex(2)` reads the flag, which is valid for the call.
        unsafe {
            call(
                libc::SYS_futex,
                std::ptr::from_ref(flag).addr(),
                (libc::FUTEX_WAIT | libc::FUTEX_PRIVATE_FLAG) as usize,
                0,
                0,
                0,
                0,
            )
        };
    }
}

/// Sets the flag to 1 and wakes a waiting kernel thread.
pub(crate) fn post(flag: &AtomicU32) {
    flag.store(1, Ordering::Release);
    // SAFETY: `futex(2)` uses the address as a key alone.
    unsafe {
        call(
            libc::SYS_futex,
            std::ptr::from_ref(flag).addr(),
            (libc::FUTEX_WAKE | libc::FUTEX_PRIVATE_FLAG) as usize,
            1,
            0,
            0,
            0,
        )
    };
}

/// The start routine of a thread.
pub(crate) type Routine = extern "C" fn(*mut c_void) -> *mut c_void;

static PTHREAD_CREATE: Function = Function::named(c"pthread_create");
static PTHREAD_JOIN: Function = Function::named(c"pthread_join");

/// Looks up the functions that a run needs, so that no child of this process has to.
pub(crate) fn look_up() {
    PTHREAD_CREATE.address();
    PTHREAD_JOIN.address();
}

/// Creates a thread of the host.
///
/// # Safety
/// The contract of `pthread_create(3)`.
pub(crate) unsafe fn pthread_create(
    thread: *mut libc::pthread_t,
    attributes: *const libc::pthread_attr_t,
    routine: Routine,
    argument: *mut c_void,
) -> c_int {
    let create =
        next!(PTHREAD_CREATE, fn(*mut libc::pthread_t, *const libc::pthread_attr_t, Routine, *mut c_void) -> c_int);
    // SAFETY: the caller fulfils the contract of `pthread_create(3)`.
    unsafe { create(thread, attributes, routine, argument) }
}

/// Waits for the end of a thread of the host.
///
/// # Safety
/// The contract of `pthread_join(3)`.
pub(crate) unsafe fn pthread_join(thread: libc::pthread_t, result: *mut *mut c_void) -> c_int {
    let join = next!(PTHREAD_JOIN, fn(libc::pthread_t, *mut *mut c_void) -> c_int);
    // SAFETY: the caller fulfils the contract of `pthread_join(3)`.
    unsafe { join(thread, result) }
}

/// Returns a C string as text, for messages.
pub(crate) fn text(pointer: *const c_char) -> String {
    if pointer.is_null() {
        return "(null)".into();
    }
    // SAFETY: the pointer is an argument of an interposed function, which the program declared to be a C string.
    unsafe { CStr::from_ptr(pointer) }.to_string_lossy().into_owned()
}
