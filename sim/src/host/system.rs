//! The real operating system, beneath the interposed functions: system calls by instruction, and the C library's own functions.
//! No interposed function calls itself through here: the symbols are ours, so a plain call would come back to us.

use libc::{c_char, c_int, c_long, c_void};
use std::ffi::CStr;
use std::sync::atomic::{AtomicPtr, AtomicU32, Ordering};

/// A system call, by instruction.
///
/// # Safety
/// As the system call itself.
#[cfg(target_arch = "x86_64")]
#[inline(never)]
pub(crate) unsafe fn call(number: c_long, a: usize, b: usize, c: usize, d: usize, e: usize, f: usize) -> isize {
    let result: isize;
    // SAFETY: the kernel clobbers rcx and r11 and nothing else beyond what the call's arguments name.
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

/// A system call, by instruction.
///
/// # Safety
/// As the system call itself.
#[cfg(target_arch = "aarch64")]
#[inline(never)]
pub(crate) unsafe fn call(number: c_long, a: usize, b: usize, c: usize, d: usize, e: usize, f: usize) -> isize {
    let result: isize;
    // SAFETY: the kernel preserves all registers but x0.
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

/// Where [`call`]'s one instruction lies: by this, calls of ours are told from others.
pub(crate) fn call_range() -> std::ops::Range<usize> {
    // Its code is a few moves and the instruction; with debug assertions they are more.
    const BYTES: usize = 256;
    let from = call as *const () as usize;
    from..from + BYTES
}

/// Sets this thread's `errno`.
#[inline]
pub(crate) fn set_errno(errno: c_int) {
    // SAFETY: the C library's errno of this thread is always there.
    unsafe { *libc::__errno_location() = errno }
}

/// Turns a system call's result into the C library's form: -1 and `errno`.
#[inline]
pub(crate) fn result(value: isize) -> isize {
    if (-4095..0).contains(&value) {
        set_errno(-value as c_int);
        -1
    } else {
        value
    }
}

/// Returns what the dynamic linker finds by this name. A guest engine may need the name `dlsym` for itself, so the linker's own is
/// looked up by version: the first that the C library had.
///
/// # Safety
/// The handle is one of `dlopen`, or a pseudo-handle of `dlsym`.
pub(crate) unsafe fn symbol(handle: *mut c_void, name: &CStr) -> *mut c_void {
    type Dlsym = unsafe extern "C" fn(*mut c_void, *const c_char) -> *mut c_void;
    const FIRST: &CStr = if cfg!(target_arch = "x86_64") { c"GLIBC_2.2.5" } else { c"GLIBC_2.17" };
    static DLSYM: AtomicPtr<c_void> = AtomicPtr::new(std::ptr::null_mut());
    let mut found = DLSYM.load(Ordering::Relaxed);
    if found.is_null() {
        // SAFETY: `dlvsym(3)` reads two C strings.
        found = unsafe { libc::dlvsym(libc::RTLD_NEXT, c"dlsym".as_ptr(), FIRST.as_ptr()) };
        if found.is_null() {
            found = libc::dlsym as *mut c_void;
        }
        DLSYM.store(found, Ordering::Relaxed);
    }
    // SAFETY: `dlsym(3)` has this type, and reads a C string; the caller vouches for the handle.
    unsafe { std::mem::transmute::<*mut c_void, Dlsym>(found)(handle, name.as_ptr()) }
}

/// One of the C library's own functions, looked up once: what a symbol of ours hides.
pub(crate) struct Function {
    name: &'static CStr,
    found: AtomicPtr<c_void>,
}

impl Function {
    /// A function of this name.
    pub(crate) const fn named(name: &'static CStr) -> Self {
        Self { name, found: AtomicPtr::new(std::ptr::null_mut()) }
    }

    /// Its address; the process ends if the C library has none such, since nothing sensible could follow.
    pub(crate) fn address(&self) -> *mut c_void {
        let mut found = self.found.load(Ordering::Relaxed);
        if found.is_null() {
            // SAFETY: the name is a C string; the next definition after ours is the C library's.
            found = unsafe { symbol(libc::RTLD_NEXT, self.name) };
            if found.is_null() {
                say("afterlife: the C library has no ");
                say(self.name.to_str().unwrap_or("?"));
                say("\n");
                exit_now(101);
            }
            self.found.store(found, Ordering::Relaxed);
        }
        found
    }
}

/// Casts a looked-up function to its type and calls it: `next!(CLOSEDIR as fn(*mut DIR) -> c_int)(dir)`.
macro_rules! next {
    ($function:expr, fn($($argument:ty),*) -> $result:ty) => {
        // SAFETY: the type is the C library's own for this symbol.
        unsafe { std::mem::transmute::<*mut libc::c_void, unsafe extern "C" fn($($argument),*) -> $result>($function.address()) }
    };
}
pub(crate) use next;

/// Writes to the real standard error, without locks or allocation.
pub(crate) fn say(text: &str) {
    // SAFETY: the buffer is valid for its length.
    unsafe { call(libc::SYS_write, 2, text.as_ptr().addr(), text.len(), 0, 0, 0) };
}

/// Ends this process at once, without destructors.
pub(crate) fn exit_now(code: i32) -> ! {
    loop {
        // SAFETY: does not return.
        unsafe { call(libc::SYS_exit_group, code as usize, 0, 0, 0, 0, 0) };
    }
}

/// Ends this kernel thread at once, and nothing else.
pub(crate) fn end_this_thread() -> ! {
    loop {
        // SAFETY: does not return.
        unsafe { call(libc::SYS_exit, 0, 0, 0, 0, 0, 0) };
    }
}

/// Waits, for real, while the flag has this value; the kernel itself may be who changes it.
pub(crate) fn wait_while(flag: &AtomicU32, value: u32) {
    while flag.load(Ordering::Acquire) == value {
        let address = std::ptr::from_ref(flag).addr();
        // SAFETY: the address is valid for the call; another value only makes it return at once.
        unsafe { call(libc::SYS_futex, address, libc::FUTEX_WAIT as usize, value as usize, 0, 0, 0) };
    }
}

/// Waits, for real, until the flag is 1, and sets it to 0.
pub(crate) fn wait_for(flag: &AtomicU32) {
    while flag.swap(0, Ordering::Acquire) == 0 {
        // SAFETY: the address is valid for the call; a stale value only makes it return at once.
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

/// Sets the flag to 1 and wakes who waits for it.
pub(crate) fn post(flag: &AtomicU32) {
    flag.store(1, Ordering::Release);
    // SAFETY: the address is valid for the call.
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

/// Looks up what a run needs, so that no child of this process has to.
pub(crate) fn look_up() {
    PTHREAD_CREATE.address();
    PTHREAD_JOIN.address();
}

/// Makes a thread, for real.
///
/// # Safety
/// As `pthread_create`.
pub(crate) unsafe fn pthread_create(
    thread: *mut libc::pthread_t,
    attributes: *const libc::pthread_attr_t,
    routine: Routine,
    argument: *mut c_void,
) -> c_int {
    let create =
        next!(PTHREAD_CREATE, fn(*mut libc::pthread_t, *const libc::pthread_attr_t, Routine, *mut c_void) -> c_int);
    // SAFETY: handed on.
    unsafe { create(thread, attributes, routine, argument) }
}

/// Waits for a thread's end, for real.
///
/// # Safety
/// As `pthread_join`.
pub(crate) unsafe fn pthread_join(thread: libc::pthread_t, result: *mut *mut c_void) -> c_int {
    let join = next!(PTHREAD_JOIN, fn(libc::pthread_t, *mut *mut c_void) -> c_int);
    // SAFETY: handed on.
    unsafe { join(thread, result) }
}

/// The real name of a C string, for messages.
pub(crate) fn text(pointer: *const c_char) -> String {
    if pointer.is_null() {
        return "(null)".into();
    }
    // SAFETY: callers pass C strings that they were handed through a door.
    unsafe { CStr::from_ptr(pointer) }.to_string_lossy().into_owned()
}

/// Memory of its own for many values of one kind: reserved at once, used as it fills, given back whole. It lies outside the
/// heap, so that filling it moves nothing there.
pub(crate) struct Region<T: Copy> {
    base: *mut T,
    len: usize,
    capacity: usize,
}

impl<T: Copy> Region<T> {
    /// Room for this many. Nothing is used before something is pushed.
    pub(crate) fn reserve(capacity: usize) -> Self {
        let bytes = capacity * size_of::<T>();
        let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE;
        let protection = libc::PROT_READ | libc::PROT_WRITE;
        // SAFETY: a fresh mapping.
        let mapped =
            result(unsafe { call(libc::SYS_mmap, 0, bytes, protection as usize, flags as usize, usize::MAX, 0) });
        assert!(mapped != -1, "no address space for {bytes} bytes");
        Self { base: mapped as *mut T, len: 0, capacity }
    }

    /// Adds a value at the end.
    #[inline]
    pub(crate) fn push(&mut self, value: T) {
        assert!(self.len < self.capacity, "more values than were reserved");
        // SAFETY: within the mapping, as was just checked.
        unsafe { self.base.add(self.len).write(value) };
        self.len += 1;
    }

    /// What was pushed.
    pub(crate) fn values(&self) -> &[T] {
        // SAFETY: the first `len` values were written.
        unsafe { std::slice::from_raw_parts(self.base, self.len) }
    }

    /// Much of it will be used: its pages may be large, where the system has such.
    pub(crate) fn will_be_used(&mut self) {
        let bytes = self.capacity * size_of::<T>();
        // SAFETY: advice about the mapping that `reserve` made.
        unsafe { call(libc::SYS_madvise, self.base.addr(), bytes, libc::MADV_HUGEPAGE as usize, 0, 0, 0) };
    }
}

impl<T: Copy> Drop for Region<T> {
    fn drop(&mut self) {
        // SAFETY: the mapping that `reserve` made.
        unsafe { call(libc::SYS_munmap, self.base.addr(), self.capacity * size_of::<T>(), 0, 0, 0, 0) };
    }
}

// SAFETY: a region owns its values, like a vector.
unsafe impl<T: Copy + Send> Send for Region<T> {}

/// Real memory that can be mapped many times, for the shared mappings of one virtual file.
pub(crate) struct SharedMemory {
    fd: c_int,
    len: u64,
}

impl SharedMemory {
    /// Memory of no length yet. Errors: what the real system says.
    pub(crate) fn new() -> Result<Self, c_int> {
        // SAFETY: a name and a flag; a fresh descriptor.
        let fd = unsafe {
            call(libc::SYS_memfd_create, c"afterlife".as_ptr().addr(), libc::MFD_CLOEXEC as usize, 0, 0, 0, 0)
        };
        if fd < 0 { Err(-fd as c_int) } else { Ok(Self { fd: fd as c_int, len: 0 }) }
    }

    /// The real descriptor.
    pub(crate) fn descriptor(&self) -> c_int {
        self.fd
    }

    /// How many bytes it has.
    pub(crate) fn len(&self) -> u64 {
        self.len
    }

    /// Makes it at least this long; what is added is zero.
    pub(crate) fn grow(&mut self, len: u64) -> Result<(), c_int> {
        if len > self.len {
            // SAFETY: our own descriptor.
            let done = unsafe { call(libc::SYS_ftruncate, self.fd as usize, len as usize, 0, 0, 0, 0) };
            if done < 0 {
                return Err(-done as c_int);
            }
            self.len = len;
        }
        Ok(())
    }

    /// Bytes from an offset on, all of them within its length.
    pub(crate) fn read(&self, offset: u64, into: &mut [u8]) {
        let (at, len) = (into.as_mut_ptr().addr(), into.len());
        // SAFETY: the slice is valid for writing.
        let done = unsafe { call(libc::SYS_pread64, self.fd as usize, at, len, offset as usize, 0, 0) };
        assert_eq!(done, len as isize, "shared memory is read where it is");
    }

    /// Puts bytes at an offset.
    pub(crate) fn write(&self, offset: u64, from: &[u8]) {
        // SAFETY: the slice is valid for reading.
        let done = unsafe {
            call(libc::SYS_pwrite64, self.fd as usize, from.as_ptr().addr(), from.len(), offset as usize, 0, 0)
        };
        assert_eq!(done, from.len() as isize, "shared memory is written where it is");
    }
}

impl Drop for SharedMemory {
    fn drop(&mut self) {
        // SAFETY: our own descriptor; mappings keep the memory.
        unsafe { call(libc::SYS_close, self.fd as usize, 0, 0, 0, 0, 0) };
    }
}
