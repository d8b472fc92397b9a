//! Facts about the own process: numbers, limits, memory, random bytes.

use crate::calls::{code, errno, in_order, result, success};

fn limit(resource: libc::__rlimit_resource_t) -> String {
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: the call fills the limit.
    let got = success(unsafe { libc::getrlimit(resource, &mut limit) });
    format!("{got} {}", limit.rlim_cur > 0 && limit.rlim_cur <= limit.rlim_max)
}

crate::question::questions! {
    fn process_numbers() -> String {
        // SAFETY: they take no pointer.
        unsafe { format!("{} {}", libc::getpid() > 0, libc::getpid() == libc::getpid()) }
    }
    fn process_main_thread_has_its_number() -> String {
        // SAFETY: they take no pointer.
        unsafe { (libc::syscall(libc::SYS_gettid) == i64::from(libc::getpid())).to_string() }
    }
    fn process_limits_of_files_and_stack() -> String {
        in_order(&[limit(libc::RLIMIT_NOFILE), limit(libc::RLIMIT_STACK)])
    }
    fn process_limit_that_does_not_exist() -> String {
        let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
        // SAFETY: the call fills the limit.
        success(unsafe { libc::getrlimit(99, &mut limit) })
    }
    fn process_limit_above_the_highest() -> String {
        let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
        // SAFETY: the calls fill and read the limit.
        unsafe {
            libc::getrlimit(libc::RLIMIT_NOFILE, &mut limit);
            limit.rlim_cur = limit.rlim_max + 1;
            success(libc::setrlimit(libc::RLIMIT_NOFILE, &limit))
        }
    }
    fn process_page_size_and_ticks() -> String {
        // SAFETY: it takes no pointer.
        unsafe { in_order(&[result(libc::sysconf(libc::_SC_PAGESIZE)), result(libc::sysconf(libc::_SC_CLK_TCK))]) }
    }
    fn process_setting_that_does_not_exist() -> String {
        // SAFETY: it takes no pointer.
        result(unsafe { libc::sysconf(9_999) })
    }
    fn process_system_is_linux() -> String {
        // SAFETY: zeros are a valid structure, which the call fills.
        unsafe {
            let mut name: libc::utsname = std::mem::zeroed();
            let got = success(libc::uname(&mut name));
            format!("{got} {}", std::ffi::CStr::from_ptr(name.sysname.as_ptr()).to_string_lossy())
        }
    }
    fn process_working_directory_moves() -> String {
        // SAFETY: the paths live until the calls return.
        unsafe {
            libc::mkdir(crate::calls::path("d").as_ptr(), 0o755);
            let moved = success(libc::chdir(crate::calls::path("d").as_ptr()));
            let made = success(libc::mkdir(c"e".as_ptr(), 0o755));
            in_order(&[moved, made, success(libc::access(crate::calls::path("d/e").as_ptr(), libc::F_OK)), success(libc::chdir(c"none".as_ptr()))])
        }
    }
    fn process_mask_is_returned_by_the_next() -> String {
        // SAFETY: they take no pointer.
        unsafe {
            libc::umask(0o077);
            format!("{:o}", libc::umask(0o022))
        }
    }
    fn memory_that_is_allocated_is_aligned() -> String {
        let mut block = std::ptr::null_mut();
        // SAFETY: the call fills the pointer; the block is freed once.
        unsafe {
            let got = code(libc::posix_memalign(&mut block, 64, 100));
            let aligned = (block as usize).is_multiple_of(64);
            libc::free(block);
            in_order(&[got, aligned.to_string(), code(libc::posix_memalign(&mut block, 3, 100))])
        }
    }
    fn memory_of_an_anonymous_mapping_is_zero() -> String {
        // SAFETY: a fresh mapping of one page.
        unsafe {
            let map = libc::mmap(
                std::ptr::null_mut(), 4_096, libc::PROT_READ | libc::PROT_WRITE, libc::MAP_PRIVATE | libc::MAP_ANONYMOUS, -1, 0,
            );
            if map == libc::MAP_FAILED {
                return errno();
            }
            let first = map.cast::<u8>().read();
            in_order(&[first.to_string(), success(libc::munmap(map, 4_096))])
        }
    }
    fn random_bytes_are_not_all_equal() -> String {
        let mut bytes = [0_u8; 64];
        // SAFETY: the bytes live until the call returns.
        let got = unsafe { libc::getrandom(bytes.as_mut_ptr().cast(), 64, 0) };
        format!("{got} {}", bytes.iter().any(|byte| *byte != bytes[0]))
    }
    fn random_bytes_with_an_unknown_flag() -> String {
        let mut byte = 0_u8;
        // SAFETY: the byte lives until the call returns.
        result(unsafe { libc::getrandom((&raw mut byte).cast(), 1, 0x80) } as i64)
    }
}
