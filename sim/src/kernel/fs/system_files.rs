//! The files of a fresh machine, as in a small container: host names, the resolver's settings, a root certificate. They depend on
//! the simulation alone, never on the host. The files of `/proc` and `/sys` are no part of them: they are made when they are opened.

use crate::event::NodeId;
use crate::kernel::fs::disk::{Disk, InodeId, ROOT};
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
    ["/etc/ssl", "/etc/ssl/certs", "/proc", "/sys", "/run", "/usr", "/usr/local", "/usr/local/bin"];

/// The first inode that a program makes. The choices of a power loss depend on inode numbers, and should not on the number of
/// system files.
const FIRST_OWN: InodeId = 30;

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
const SHARED: [&str; 4] =
    ["/etc/hosts", "/etc/nsswitch.conf", "/etc/resolv.conf", "/etc/ssl/certs/ca-certificates.crt"];

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
            let contents = [hosts, "hosts: files dns\n".to_owned(), String::new(), ROOT_CERTIFICATE.to_owned()];
            SHARED.into_iter().zip(contents).collect()
        })
    }

    /// Writes the files to the fresh disk of the node of this name. They are durable.
    pub(crate) fn install(&self, disk: &mut Disk, node: &str) {
        if self.0.nodes.is_empty() {
            return;
        }
        let made = (|| {
            for directory in DIRECTORIES {
                disk.mkdir(ROOT, directory.as_bytes(), 0o755, 0)?;
            }
            for (path, content) in self.shared() {
                write(disk, path, content)?;
            }
            write(disk, "/etc/hostname", &format!("{node}\n"))
        })();
        made.unwrap_or_else(|errno: i32| unreachable!("a fresh disk has space for its system files: errno {errno}"));
        disk.sync_all();
        disk.set_system_files(FIRST_OWN);
    }

    /// Returns whether this is a system file. Faults that strike a file leave these alone.
    pub(crate) fn contain(&self, path: &[u8]) -> bool {
        path == b"/etc/hostname" || SHARED.iter().any(|own| own.as_bytes() == path)
    }
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
        files.install(&mut disk, "shop");
        disk.power_loss(&mut |_| 0);
        assert_eq!(read(&mut disk, "/etc/hostname"), "shop\n");
        assert!(read(&mut disk, "/etc/hosts").contains("\tbuyer\n"));
        assert!(read(&mut disk, "/etc/ssl/certs/ca-certificates.crt").starts_with("-----BEGIN CERTIFICATE-----\n"));
        disk.mkdir(ROOT, b"/srv", 0o755, 0).expect("the disk works");
        assert_eq!(disk.lookup(ROOT, b"/srv", true), Ok(FIRST_OWN));
    }

    #[test]
    fn every_file_of_a_fresh_machine_is_a_system_file() {
        let files = SystemFiles::of_nodes(["shop"].into_iter());
        let mut disk = Disk::new(1, 0);
        files.install(&mut disk, "shop");
        assert!(disk.files().iter().all(|path| files.contain(path)), "{:?}", disk.files());
        assert!(!files.contain(b"/etc/shop.toml"));
    }
}
