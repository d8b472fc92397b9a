//! Numbers of a plan that may become smaller while it is shrunk.
//! The shrinker decides which of the smaller plans still fail.

/// The shortest duration of a lasting fault, one millisecond: a shorter fault hardly differs from none.
const LASTING_NS: u64 = 1_000_000;

/// The units that a moment is rounded down to, coarsest first. Fault windows usually begin at whole seconds, so that a rounded
/// moment stays in its window.
const MOMENT_NS: [u64; 4] = [1_000_000_000, 100_000_000, 10_000_000, 1_000_000];

/// A number of an injection that may become smaller.
pub(crate) enum Number<'a> {
    /// A number of at least `least`.
    Long {
        /// The field.
        at: &'a mut u64,
        /// Its smallest value.
        least: u64,
    },
    /// A shorter number of at least `least`.
    Short {
        /// The field.
        at: &'a mut u32,
        /// Its smallest value.
        least: u32,
    },
    /// A duration with a sign, which it keeps.
    Signed {
        /// The field.
        at: &'a mut i64,
    },
    /// A moment. It is only rounded: an earlier strike is not simpler.
    Moment {
        /// The field.
        at: &'a mut u64,
    },
}

impl<'a> Number<'a> {
    /// The duration of a lasting fault, in nanoseconds.
    pub(crate) fn lasting(at: &'a mut u64) -> Self {
        Self::Long { at, least: LASTING_NS }
    }

    /// Its magnitude, with which tests check that a plan became smaller.
    #[cfg(test)]
    pub(crate) fn magnitude(&self) -> u64 {
        match self {
            Self::Long { at, .. } | Self::Moment { at } => **at,
            Self::Short { at, .. } => u64::from(**at),
            Self::Signed { at } => at.unsigned_abs(),
        }
    }

    /// Smaller magnitudes to try, the smallest first.
    pub(crate) fn smaller(&self) -> Vec<u64> {
        match self {
            Self::Long { at, least } => downwards(**at, *least),
            Self::Short { at, least } => downwards(u64::from(**at), u64::from(*least)),
            Self::Signed { at } => downwards(at.unsigned_abs(), LASTING_NS),
            Self::Moment { at } => {
                let rounded = MOMENT_NS.iter().map(|unit| **at / unit * unit);
                distinct(rounded.filter(|rounded| 0 < *rounded && *rounded < **at))
            }
        }
    }

    /// Sets its magnitude.
    pub(crate) fn set(&mut self, magnitude: u64) {
        match self {
            Self::Long { at, .. } | Self::Moment { at } => **at = magnitude,
            Self::Short { at, .. } => **at = u32::try_from(magnitude).unwrap_or(**at),
            Self::Signed { at } => **at = i64::try_from(magnitude).unwrap_or(i64::MAX) * at.signum(),
        }
    }
}

/// Smaller numbers, the smallest first: the least, a round half, and the number itself with one and two significant digits.
fn downwards(number: u64, least: u64) -> Vec<u64> {
    let steps = [least, round(number / 2, 1), round(number, 1), round(number, 2)];
    distinct(steps.into_iter().filter(|step| (least..number).contains(step)))
}

/// The number with only its first digits.
fn round(number: u64, digits: u32) -> u64 {
    let all = number.checked_ilog10().map_or(0, |log| log + 1);
    let unit = 10u64.pow(all.saturating_sub(digits));
    number / unit * unit
}

fn distinct(numbers: impl Iterator<Item = u64>) -> Vec<u64> {
    let mut numbers: Vec<u64> = numbers.collect();
    numbers.sort_unstable();
    numbers.dedup();
    numbers
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_tried_as_the_least_a_half_and_rounder_ones() {
        assert_eq!(downwards(2_213_456_789, 0), [0, 1_000_000_000, 2_000_000_000, 2_200_000_000]);
        assert_eq!(downwards(68, 1), [1, 30, 60]);
        assert_eq!(downwards(1, 1), [0; 0]);
        assert_eq!(downwards(0, 5), [0; 0]);
        assert_eq!(downwards(u64::MAX, 0).len(), 4);
    }
}
