//! The kinds of faults, one file each: how a fault is drawn, strikes and heals, its form in a token, its words, and simpler faults.
//!
//! To add one: write its file, declare it, and add a line with a new tag to the list below, document it in the README, and test it.

mod clock_drift;
mod clock_step;
mod corrupt_file;
mod disk_errors;
mod duplicated_datagrams;
mod full_disk;
mod held_link;
mod hold_thread;
mod kill;
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

use super::Fault;
use super::kind::{Decode, FaultKind};
use super::wire::{PlanReader, PlanWriter, WireError};
use serde::{Deserialize, Serialize};

/// Declares the enum of all kinds and their tags in tokens. A tag keeps its meaning for ever.
macro_rules! kinds {
    ($($tag:literal $module:ident::$Kind:ident,)*) => {
        $(pub(crate) use $module::$Kind;)*

        /// The fault of an injection, by kind.
        #[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
        pub(crate) enum AnyKind {
            $(
                #[allow(missing_docs, reason = "each kind is documented in its file")]
                $Kind($Kind),
            )*
        }

        $(
            impl From<$Kind> for Fault {
                fn from(kind: $Kind) -> Self {
                    Self(AnyKind::$Kind(kind))
                }
            }

            impl $Kind {
                /// The fault as one of this kind.
                #[allow(dead_code, reason = "few kinds look for their like among the active faults")]
                pub(crate) fn of(fault: &Fault) -> Option<&Self> {
                    match &fault.0 {
                        AnyKind::$Kind(kind) => Some(kind),
                        #[allow(unreachable_patterns, reason = "there is more than one kind")]
                        _ => None,
                    }
                }
            }
        )*

        /// One more than the greatest tag.
        #[cfg(test)]
        pub(super) const TAGS: u64 = [$($tag),*].len() as u64;

        impl AnyKind {
            /// The kind behind the name.
            pub(super) fn kind(&self) -> &dyn FaultKind {
                match self {
                    $(Self::$Kind(kind) => kind,)*
                }
            }

            /// The kind behind the name, to be changed.
            pub(super) fn kind_mut(&mut self) -> &mut dyn FaultKind {
                match self {
                    $(Self::$Kind(kind) => kind,)*
                }
            }

            /// Writes the tag and the fields.
            pub(super) fn write(&self, to: &mut PlanWriter) {
                match self {
                    $(Self::$Kind(kind) => kind.write(to.number($tag)),)*
                }
            }

            /// Reads the tag and the fields.
            pub(super) fn read(from: &mut PlanReader<'_>) -> Result<Self, WireError> {
                match from.number()? {
                    $($tag => $Kind::read(from).map(Self::$Kind),)*
                    other => Err(WireError::new(format!("fault number {other}"))),
                }
            }
        }
    };
}

kinds! {
    0 stop::Stop,
    1 kill::Kill,
    2 power_loss::PowerLoss,
    3 pause::Pause,
    4 hold_thread::HoldThread,
    5 memory_pressure::MemoryPressure,
    6 partition::Partition,
    7 slow_link::SlowLink,
    8 lossy_link::LossyLink,
    9 held_link::HeldLink,
    10 narrow_link::NarrowLink,
    11 duplicated_datagrams::DuplicatedDatagrams,
    12 reordered_datagrams::ReorderedDatagrams,
    13 reset_connections::ResetConnections,
    14 slow_disk::SlowDisk,
    15 stalled_disk::StalledDisk,
    16 full_disk::FullDisk,
    17 disk_errors::DiskErrors,
    18 missing_file::MissingFile,
    19 corrupt_file::CorruptFile,
    20 clock_step::ClockStep,
    21 clock_drift::ClockDrift,
}
