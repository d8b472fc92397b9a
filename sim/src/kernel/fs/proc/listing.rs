//! Directories that list what a process has: `/proc/self/fd` and `/proc/self/task`.

use crate::event::NodeId;
use crate::kernel::Errno;
use crate::kernel::dispatch::Kernel;
use crate::kernel::fs::disk::{FileKind, Listed};
use crate::kernel::process::fd::id::DescriptionId;
use crate::kernel::process::fd::kind::Kind;
use crate::kernel::process::pid;
use crate::kernel::sched::thread::ThreadId;

impl Kernel {
    /// The names in an open directory.
    pub(crate) fn directory_listing(&mut self, me: ThreadId, id: DescriptionId) -> Result<Vec<Listed>, Errno> {
        let (path, mut lines) = self.with_file(id, |file, disk, _| Ok((file.path.clone(), disk.list(file.inode)?)))?;
        let node = self.sched[me].node();
        let (kind, numbers): (_, Vec<i32>) = match path.as_str() {
            "/proc/self/fd" => {
                let open = self.process[node].descriptors().iter().map(|(number, ..)| number);
                (FileKind::Symlink, (0..=2).chain(open).collect())
            }
            "/proc/self/task" => (FileKind::Directory, self.thread_numbers(node)),
            _ => return Ok(lines),
        };
        let first = lines.last().map_or(1, |last| last.cookie + 1);
        lines.extend((first..).zip(numbers).map(|(cookie, number)| Listed {
            inode: cookie,
            cookie,
            kind,
            name: number.to_string().into_bytes(),
        }));
        Ok(lines)
    }

    /// The numbers of the live threads of a node's process, as `gettid` returns them.
    fn thread_numbers(&self, node: NodeId) -> Vec<i32> {
        let process = pid::of(node, self.process[node].incarnation());
        let live = self.process[node].threads().iter().filter(|thread| self.sched[**thread].is_live());
        live.map(|thread| process + self.sched[*thread].number() as i32).collect()
    }

    /// The target of the link `/proc/self/fd/NUMBER`.
    pub(crate) fn descriptor_target(&self, me: ThreadId, number: i32) -> Result<Vec<u8>, Errno> {
        let text = match number {
            0 => "/dev/null".to_owned(),
            1 => "pipe:[1]".to_owned(),
            2 => "pipe:[2]".to_owned(),
            _ => {
                let id = self.describe(me, number).map_err(|_| libc::ENOENT)?;
                match self.process.description(id).ok_or(libc::ENOENT)?.kind() {
                    Kind::File(file) => file.path.clone(),
                    Kind::Tcp(_) | Kind::Udp(_) | Kind::Unix(_) => format!("socket:[{}]", id.number()),
                    Kind::Pipe(_) => format!("pipe:[{}]", id.number()),
                    Kind::Epoll(_) => "anon_inode:[eventpoll]".to_owned(),
                    Kind::Event(_) => "anon_inode:[eventfd]".to_owned(),
                    Kind::Timer(_) => "anon_inode:[timerfd]".to_owned(),
                    Kind::Inert(_) => "anon_inode:[inotify]".to_owned(),
                }
            }
        };
        Ok(text.into_bytes())
    }
}
