//! The files of `/proc` and `/sys`: those that programs read of their own process and of their machine.
//! Everything is the node's own, in virtual terms, and nothing is the host's. `docs/decisions/0050-the-files-of-proc.md` says
//! which files there are not, and why.
//!
//! ```text
//! tree        which files a process finds now: the static ones, its threads and its descriptors
//! content     the maker of each file
//! view        a process and its machine, in the units of these files
//! makers      process, status, limits, descriptors   /proc/self
//!             machine, settings, sockets             /proc
//!             control_group                          /sys/fs/cgroup, /sys/devices
//! ```

mod content;
mod control_group;
mod descriptors;
mod limits;
mod machine;
mod process;
mod settings;
mod sockets;
mod status;
mod tree;
mod view;
