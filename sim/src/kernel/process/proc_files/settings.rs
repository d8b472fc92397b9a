//! The settings of the kernel in `/proc/sys`. A program can read them and change none.

use super::view::View;
use crate::kernel::process::machine::{RELEASE, VERSION};
use crate::kernel::process::node::FIRST_EPHEMERAL_PORT;

/// A setting of one number, or several.
macro_rules! constants {
    ($($(#[$text:meta])* $name:ident = $value:expr;)*) => {
        $($(#[$text])* pub(super) fn $name(_view: &View<'_>) -> String {
            format!("{}\n", $value)
        })*
    };
}

constants! {
    /// `net/core/somaxconn`.
    backlog_max = 4_096;
    /// `net/ipv4/ip_local_port_range`.
    ephemeral_ports = format_args!("{FIRST_EPHEMERAL_PORT}\t{}", u16::MAX);
    /// `vm/max_map_count`.
    mappings_max = 65_530;
    /// `kernel/pid_max`.
    process_number_max = 4_194_304;
    /// `kernel/osrelease`.
    release = RELEASE;
    /// `kernel/ostype`.
    system = "Linux";
    /// `kernel/threads-max`.
    threads_max = 32_768;
    /// `kernel/version`.
    version = VERSION;
    /// Nothing, as a number.
    zero = 0;
}

/// `fs/file-max`, `fs/nr_open`.
pub(super) fn descriptors_max(view: &View<'_>) -> String {
    format!("{}\n", view.machine().limit(libc::RLIMIT_NOFILE).1)
}

/// `kernel/hostname`.
pub(super) fn host_name(view: &View<'_>) -> String {
    format!("{}\n", view.machine().name())
}

/// `kernel/random/boot_id`.
pub(super) fn boot_id(view: &View<'_>) -> String {
    let mut words = [0; 16];
    words[..8].copy_from_slice(&view.boot_word(0).to_be_bytes());
    words[8..].copy_from_slice(&view.boot_word(1).to_be_bytes());
    uuid(words)
}

/// The content of a file that is not made from the state of a process.
pub(super) fn no_text(_view: &View<'_>) -> String {
    String::new()
}

/// Random bytes as a UUID of version 4 on a line.
pub(super) fn uuid(mut random: [u8; 16]) -> String {
    random[6] = random[6] & 0x0f | 0x40;
    random[8] = random[8] & 0x3f | 0x80;
    let digits = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    let groups = [&random[..4], &random[4..6], &random[6..8], &random[8..10], &random[10..]].map(digits);
    format!("{}\n", groups.join("-"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn random_bytes_become_a_uuid_of_version_4() {
        assert_eq!(uuid([0xff; 16]), "ffffffff-ffff-4fff-bfff-ffffffffffff\n");
        assert_eq!(uuid([0; 16]), "00000000-0000-4000-8000-000000000000\n");
    }
}
