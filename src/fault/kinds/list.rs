//! The list of all kinds of faults, with their tags in tokens and their names in records.
//! The meaning of a tag or a name never changes.

use super::clock_drift::ClockDrift;
use super::clock_step::ClockStep;
use super::corrupt_file::CorruptFile;
use super::disk_errors::DiskErrors;
use super::duplicated_datagrams::DuplicatedDatagrams;
use super::full_disk::FullDisk;
use super::held_link::HeldLink;
use super::hold_thread::HoldThread;
use super::kill::Kill;
use super::lossy_link::LossyLink;
use super::memory_pressure::MemoryPressure;
use super::missing_file::MissingFile;
use super::narrow_link::NarrowLink;
use super::partition::Partition;
use super::pause::Pause;
use super::power_loss::PowerLoss;
use super::reordered_datagrams::ReorderedDatagrams;
use super::reset_connections::ResetConnections;
use super::slow_disk::SlowDisk;
use super::slow_link::SlowLink;
use super::stalled_disk::StalledDisk;
use super::stop::Stop;
use crate::fault::kind::{Fault, Listed};
use crate::fault::wire::{PlanReader, WireError};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Declares the tags of all kinds, the reader of tokens, and the form in records.
macro_rules! kinds {
    ($($tag:literal $Kind:ident,)*) => {
        $(
            impl Listed for $Kind {
                const TAG: u64 = $tag;
            }
        )*

        /// One more than the greatest tag.
        #[cfg(test)]
        pub(in crate::fault) const TAGS: u64 = [$($tag),*].len() as u64;

        /// Reads the tag and the fields of a fault from a token.
        pub(in crate::fault) fn read(from: &mut PlanReader<'_>) -> Result<Fault, WireError> {
            match from.number()? {
                $($tag => Fault::read_fields::<$Kind>(from),)*
                other => Err(WireError::new(format!("fault number {other}"))),
            }
        }

        /// A fault as records write it: the name of its kind, and its fields by name.
        #[derive(Serialize, Deserialize)]
        enum Recorded {
            $($Kind($Kind),)*
        }

        impl From<&Fault> for Recorded {
            fn from(fault: &Fault) -> Self {
                $(
                    if let Some(kind) = fault.as_kind::<$Kind>() {
                        return Self::$Kind(kind.clone());
                    }
                )*
                unreachable!("every kind of fault is listed")
            }
        }

        impl From<Recorded> for Fault {
            fn from(recorded: Recorded) -> Self {
                match recorded {
                    $(Recorded::$Kind(kind) => Self::new(kind),)*
                }
            }
        }
    };
}

kinds! {
    0 Stop,
    1 Kill,
    2 PowerLoss,
    3 Pause,
    4 HoldThread,
    5 MemoryPressure,
    6 Partition,
    7 SlowLink,
    8 LossyLink,
    9 HeldLink,
    10 NarrowLink,
    11 DuplicatedDatagrams,
    12 ReorderedDatagrams,
    13 ResetConnections,
    14 SlowDisk,
    15 StalledDisk,
    16 FullDisk,
    17 DiskErrors,
    18 MissingFile,
    19 CorruptFile,
    20 ClockStep,
    21 ClockDrift,
}

impl Serialize for Fault {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Recorded::from(self).serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Fault {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Recorded::deserialize(deserializer).map(Self::from)
    }
}
