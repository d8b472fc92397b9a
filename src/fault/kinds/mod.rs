//! The kinds of faults, one file each: draws, strikes and healing, fields, text, and simpler faults.
//!
//! To add a fault: write its file, declare it here, add a line with a new tag to `list`, document it in the README, and test it.
//! For faults of links and disks, damage to files and sudden ends, `shapes/` has the common part.

mod clock_drift;
mod clock_step;
mod corrupt_file;
mod disk_errors;
mod duplicated_datagrams;
mod full_disk;
mod held_link;
mod hold_thread;
mod kill;
pub(super) mod list;
mod lossy_link;
mod memory_pressure;
mod missing_file;
mod narrow_link;
mod partition;
mod pause;
mod power_loss;
mod reordered_datagrams;
mod reset_connections;
mod slow_disk;
mod slow_link;
mod stalled_disk;
mod stop;

#[cfg(test)]
pub(crate) use hold_thread::HoldThread;
#[cfg(test)]
pub(crate) use kill::Kill;
#[cfg(test)]
pub(crate) use partition::Partition;
