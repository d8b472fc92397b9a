//! The memory that a run needs before any program of it does: the limits of this process, and whether they are enough.

use crate::host::system;
use libc::c_int;

/// The address space that a run reserves, which costs no memory: 64 GiB for stacks, 9 GiB for events, and what
/// the program and its libraries map.
const RESERVED_BYTES: usize = 76 << 30;

/// The part of it that a run could write to, which limits of data count: events, output and the heap.
const WRITTEN_BYTES: usize = 10 << 30;

/// Checks that the limits of this process, which its runners inherit, leave a run the memory that it needs.
///
/// # Errors
/// The reason, and the limit to raise.
pub fn check_address_space() -> Result<(), (String, String)> {
    if !can_map(RESERVED_BYTES, libc::PROT_NONE) {
        let why = refusal("address space", RESERVED_BYTES, limit(libc::RLIMIT_AS));
        return Err((why, "raise the limit: `ulimit -v unlimited`; reserved address space costs no memory".to_owned()));
    }
    if !can_map(WRITTEN_BYTES, libc::PROT_READ | libc::PROT_WRITE) {
        let data = limit(libc::RLIMIT_DATA);
        let next = if data.is_some() {
            "raise the limit: `ulimit -d unlimited`"
        } else {
            "set `vm.overcommit_memory` to 0 or 1"
        };
        return Err((refusal("memory for data", WRITTEN_BYTES, data), next.to_owned()));
    }
    Ok(())
}

fn refusal(what: &str, needed_bytes: usize, limit_bytes: Option<u64>) -> String {
    let limited =
        limit_bytes.map_or_else(String::new, |bytes| format!(", and the limit of this process is {} KiB", bytes >> 10));
    format!("there is too little {what}: a run needs {} KiB{limited}", needed_bytes >> 10)
}

/// Returns whether this much could be mapped now. Nothing stays mapped.
fn can_map(bytes: usize, protection: c_int) -> bool {
    let flags = (libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE) as usize;
    // SAFETY: mmap(2): a new anonymous mapping, of which the system chooses the address, overlaps no other memory. munmap(2) gets
    // that mapping, which nothing uses.
    unsafe {
        let mapped = system::call(libc::SYS_mmap, 0, bytes, protection as usize, flags, usize::MAX, 0);
        let Ok(address) = usize::try_from(mapped) else { return false };
        system::call(libc::SYS_munmap, address, bytes, 0, 0, 0, 0);
    }
    true
}

/// The limit in bytes; `None` if there is none.
fn limit(resource: libc::__rlimit_resource_t) -> Option<u64> {
    let mut limit = libc::rlimit { rlim_cur: libc::RLIM_INFINITY, rlim_max: libc::RLIM_INFINITY };
    // SAFETY: prlimit64(2) of this process, number 0, writes one `rlimit`, which is there, and reads none.
    unsafe { system::call(libc::SYS_prlimit64, 0, resource as usize, 0, (&raw mut limit).addr(), 0, 0) };
    (limit.rlim_cur != libc::RLIM_INFINITY).then_some(limit.rlim_cur)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_names_what_is_needed_and_the_limit() {
        assert_eq!(
            refusal("address space", 2 << 20, Some(1 << 20)),
            "there is too little address space: a run needs 2048 KiB, and the limit of this process is 1024 KiB"
        );
        assert_eq!(refusal("memory", 2 << 20, None), "there is too little memory: a run needs 2048 KiB");
    }

    #[test]
    fn more_than_the_address_space_cannot_be_mapped() {
        assert!(can_map(1 << 20, libc::PROT_NONE));
        assert!(!can_map(1 << 60, libc::PROT_NONE));
    }
}
