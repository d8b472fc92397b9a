//! The open descriptors of a process, as links to what they refer to.

use crate::event::NodeId;
use crate::kernel::dispatch::Kernel;
use crate::kernel::fs::disk::Disk;
use crate::kernel::process::fd::id::DescriptionId;
use crate::kernel::process::fd::kind::Kind;
use std::collections::BTreeMap;

/// Numbers and targets. The standard descriptors are those of the run.
pub(super) fn links(kernel: &Kernel, node: NodeId) -> Vec<(i32, String)> {
    let mut found: Vec<_> = (0..=2).map(|fd| (fd, "/dev/null".to_owned())).collect();
    let disk = kernel.process[node].storage().used();
    let inodes = inodes(kernel, node);
    for (fd, id, _) in kernel.process[node].descriptors().iter() {
        let Some(description) = kernel.process.description(id) else { continue };
        let inode = inodes.get(&id).copied().unwrap_or(0);
        let target = match description.kind() {
            Kind::File(file) if is_removed(disk, file.inode) => format!("{} (deleted)", file.path),
            Kind::File(file) => file.path.clone(),
            Kind::Pipe(_) => format!("pipe:[{inode}]"),
            Kind::Tcp(_) | Kind::Udp(_) | Kind::Unix(_) => format!("socket:[{inode}]"),
            Kind::Epoll(_) => "anon_inode:[eventpoll]".to_owned(),
            Kind::Event(_) => "anon_inode:[eventfd]".to_owned(),
            Kind::Timer(_) => "anon_inode:[timerfd]".to_owned(),
            Kind::Inert(_) => "/dev/null".to_owned(),
        };
        found.push((fd, target));
    }
    found
}

/// The inode numbers of sockets and pipes: the lowest slot that refers to each, so that another node's do not move them.
pub(super) fn inodes(kernel: &Kernel, node: NodeId) -> BTreeMap<DescriptionId, u64> {
    let table = kernel.process[node].descriptors();
    let mut found = BTreeMap::new();
    for (fd, id, _) in table.iter() {
        found.entry(id).or_insert(FIRST_INODE + (fd - table.base()) as u64);
    }
    found
}

/// The first inode number of sockets and pipes.
const FIRST_INODE: u64 = 10_000;

fn is_removed(disk: Option<&Disk>, inode: u64) -> bool {
    disk.and_then(|disk| disk.stat_inode(inode).ok()).is_none_or(|stat| stat.nlink == 0)
}
