//! The files of a fresh machine, as in a small container: host names, the resolver's settings, a root certificate, and the files of
//! `/proc` that libraries read at their start. They depend on the simulation alone, never on the host.

use crate::event::NodeId;
use crate::kernel::fs::disk::{Disk, ROOT};
use crate::kernel::fs::proc::paths;
use crate::kernel::process::address::{address_v4, address_v6};
use std::cell::OnceCell;
use std::rc::Rc;

/// A self-signed root certificate. TLS clients refuse to start without one. Nobody has its key, so that a program trusts a peer only
/// by certificates of its own.
const ROOT_CERTIFICATE: &str = "\
-----BEGIN CERTIFICATE-----
MIIBkzCCATmgAwIBAgIBATAKBggqhkjOPQQDAjAwMRIwEAYDVQQKDAlBZnRlcmxp
ZmUxGjAYBgNVBAMMEVNpbXVsYXRlZCBSb290IENBMCAXDTAwMDEwMTAwMDAwMFoY
Dzk5OTkxMjMxMjM1OTU5WjAwMRIwEAYDVQQKDAlBZnRlcmxpZmUxGjAYBgNVBAMM
EVNpbXVsYXRlZCBSb290IENBMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEy6KS
6B2Pevf59X7QugJGse+JrHAmxVQISkXs9OKcvke8hr6iXD7hyuZwrpATyM6rRpFE
s1XICzBqYx4t1yIHhqNCMEAwDwYDVR0TAQH/BAUwAwEB/zAOBgNVHQ8BAf8EBAMC
AQYwHQYDVR0OBBYEFMT4AjNyk33o6qxFxKCEbkauqUtnMAoGCCqGSM49BAMCA0gA
MEUCIQD/BFbuBJMEAOjlcZbaXb78vuAOxZxQweCVG8zI5AWaSAIgIb048N6VMOJM
An7pvFU2Lpjfmu+PJSX7qqLXq0n9els=
-----END CERTIFICATE-----
";

/// Directories, parents first.
const DIRECTORIES: [&str; 8] =
    ["/etc/ssl", "/etc/ssl/certs", "/proc", "/proc/self", "/run", "/usr", "/usr/local", "/usr/local/bin"];

/// The permissions of files that a program does not change.
const READ_ONLY: u32 = 0o444;

/// The files that are the same on all machines of a simulation: paths and contents, written when the first disk is used.
#[derive(Clone, Default)]
pub(crate) struct SystemFiles(Rc<Shared>);

#[derive(Default)]
struct Shared {
    /// The names of all nodes, by number; none if there are no such files.
    nodes: Vec<String>,
    files: OnceCell<Vec<(&'static str, String)>>,
}

/// The paths of these files.
const SHARED: [&str; 6] = [
    "/etc/hosts",
    "/etc/nsswitch.conf",
    "/etc/resolv.conf",
    "/etc/ssl/certs/ca-certificates.crt",
    "/proc/self/cgroup",
    "/proc/self/mountinfo",
];

impl SystemFiles {
    /// The files of a simulation with nodes of these names, in the order of their numbers.
    pub(crate) fn of_nodes<'a>(names: impl Iterator<Item = &'a str>) -> Self {
        Self(Rc::new(Shared { nodes: names.map(str::to_owned).collect(), files: OnceCell::new() }))
    }

    fn shared(&self) -> &[(&'static str, String)] {
        self.0.files.get_or_init(|| {
            let mut hosts = "127.0.0.1\tlocalhost\n::1\tlocalhost\n".to_owned();
            for (index, name) in self.0.nodes.iter().enumerate() {
                let node = NodeId(index as u16);
                hosts.push_str(&format!("{}\t{name}\n{}\t{name}\n", address_v4(node), address_v6(node)));
            }
            let contents = [
                hosts,
                "hosts: files dns\n".to_owned(),
                String::new(),
                ROOT_CERTIFICATE.to_owned(),
                "0::/\n".to_owned(),
                "1 0 0:1 / / rw - simfs simfs rw\n".to_owned(),
            ];
            SHARED.into_iter().zip(contents).collect()
        })
    }

    /// Writes the files to the fresh disk of the node of this name. They are durable. `has_group` says whether the machine has control
    /// groups.
    pub(crate) fn install(&self, disk: &mut Disk, node: &str, has_group: bool) {
        if self.0.nodes.is_empty() {
            return;
        }
        let made = (|| {
            for directory in DIRECTORIES.into_iter().chain(paths::DIRECTORIES) {
                disk.mkdir(ROOT, directory.as_bytes(), 0o755, 0)?;
            }
            for (path, content) in self.shared() {
                write(disk, path, content)?;
            }
            if has_group {
                disk.mkdir(ROOT, paths::GROUP.as_bytes(), 0o755, 0)?;
            }
            let group = paths::GROUP_FILES.into_iter().filter(|_| has_group);
            for path in paths::FILES.into_iter().chain(group) {
                write(disk, path, "")?;
            }
            write(disk, "/etc/hostname", &format!("{node}\n"))?;
            write(disk, "/proc/self/cmdline", &format!("{node}\0"))?;
            disk.symlink(program(node).as_bytes(), ROOT, b"/proc/self/exe", 0).map(|_| ())
        })();
        made.unwrap_or_else(|errno: i32| unreachable!("a fresh disk has space for its system files: errno {errno}"));
        disk.sync_all();
        disk.set_system_files();
    }

    /// Returns whether this is a system file. Faults that strike a file leave these alone.
    pub(crate) fn contain(&self, path: &[u8]) -> bool {
        [&b"/proc/"[..], b"/sys/", b"/etc/hostname"].iter().any(|own| path.starts_with(own))
            || SHARED.iter().any(|own| own.as_bytes() == path)
    }
}

/// The path of a node's program, as `/proc/self/exe` shows it.
fn program(node: &str) -> String {
    format!("/usr/local/bin/{node}")
}

fn write(disk: &mut Disk, path: &str, content: &str) -> Result<(), i32> {
    let file = disk.open(ROOT, path.as_bytes(), libc::O_CREAT | libc::O_WRONLY, READ_ONLY, 0)?;
    disk.write_at(file.inode, 0, content.as_bytes(), 0)?;
    disk.close(file);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(disk: &mut Disk, path: &str) -> String {
        let inode = disk.lookup(ROOT, path.as_bytes(), true).unwrap_or_else(|errno| panic!("{path}: errno {errno}"));
        let mut content = vec![0; 4_096];
        let size = disk.read_at(inode, 0, &mut content).expect("the file can be read");
        String::from_utf8_lossy(&content[..size]).into_owned()
    }

    #[test]
    fn a_fresh_machine_knows_its_name_its_peers_and_a_root_certificate_even_after_a_power_loss() {
        let files = SystemFiles::of_nodes(["shop", "buyer"].into_iter());
        let mut disk = Disk::new(1, 0);
        files.install(&mut disk, "shop", true);
        disk.power_loss(&mut |_| 0);
        assert_eq!(read(&mut disk, "/etc/hostname"), "shop\n");
        assert!(read(&mut disk, "/etc/hosts").contains("\tbuyer\n"));
        assert!(read(&mut disk, "/etc/ssl/certs/ca-certificates.crt").starts_with("-----BEGIN CERTIFICATE-----\n"));
        assert_eq!(disk.readlink(ROOT, b"/proc/self/exe"), Ok(b"/usr/local/bin/shop".to_vec()));
    }

    #[test]
    fn every_file_of_a_fresh_machine_is_a_system_file() {
        let files = SystemFiles::of_nodes(["shop"].into_iter());
        let mut disk = Disk::new(1, 0);
        files.install(&mut disk, "shop", true);
        assert!(disk.files().iter().all(|path| files.contain(path)), "{:?}", disk.files());
        assert!(!files.contain(b"/etc/shop.toml"));
    }
}
