//! Binding Unix sockets to names in the file system, and to abstract ones.

use super::socket::{Address, UnixSocket};
use crate::kernel::Errno;
use crate::kernel::dispatch::Kernel;
use crate::kernel::fs::disk::FileKind;
use crate::kernel::process::fd::id::DescriptionId;
use crate::kernel::sched::thread::ThreadId;

impl Kernel {
    pub(super) fn unix_socket(&mut self, id: DescriptionId) -> Result<&mut UnixSocket, Errno> {
        self.process.description(id).ok_or(libc::EBADF)?;
        self.process.unix(id).ok_or(libc::EINVAL)
    }

    fn unix_address(&mut self, me: ThreadId, name: &[u8]) -> Result<Address, Errno> {
        if let [0, rest @ ..] = name {
            return Ok(Address::Abstract(rest.to_vec()));
        }
        let at = self.directory(me, libc::AT_FDCWD)?;
        let disk = self.process[self.sched[me].node()].disk();
        let inode = disk.lookup(at, name, true)?;
        if disk.kind(inode)? != FileKind::Socket {
            return Err(libc::ECONNREFUSED);
        }
        Ok(Address::File(inode))
    }

    /// The socket that is bound to a name.
    pub(super) fn unix_find(&mut self, me: ThreadId, name: &[u8]) -> Result<DescriptionId, Errno> {
        let address = self.unix_address(me, name)?;
        let node = self.sched[me].node();
        // An earlier incarnation left a file to which nobody is bound any more.
        self.net.unix.find(node, address).ok_or(libc::ECONNREFUSED)
    }

    /// `bind`. A path becomes a file of the disk, which stays when the socket is closed.
    pub(crate) fn unix_bind(&mut self, me: ThreadId, id: DescriptionId, name: &[u8]) -> Result<(), Errno> {
        if self.unix_socket(id)?.address.is_some() {
            return Err(libc::EINVAL);
        }
        let node = self.sched[me].node();
        let address = match name {
            [] => return Err(libc::EINVAL),
            [0, rest @ ..] => Address::Abstract(rest.to_vec()),
            path => {
                let (at, now) = (self.directory(me, libc::AT_FDCWD)?, self.wall_ns(node));
                let owner = &mut self.process[node];
                let mode = 0o777 & !owner.storage().umask();
                let made = owner.disk().make_socket(at, path, mode, now);
                let inode = made.map_err(|errno| if errno == libc::EEXIST { libc::EADDRINUSE } else { errno })?;
                self.entry_changed(me, path);
                Address::File(inode)
            }
        };
        if !self.net.unix.bind(node, address.clone(), id) {
            return Err(libc::EADDRINUSE);
        }
        self.net.unix.attributes_mut(id).own = name.to_vec();
        let socket = self.unix_socket(id)?;
        socket.name = name.to_vec();
        socket.address = Some(address);
        Ok(())
    }
}
