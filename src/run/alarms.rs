//! The alarms of an observer, packed into the number that the simulation hands back.

/// The purpose of an alarm. Indices count injections, or the scenario's `eventually` claims.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Alarm {
    /// An injection strikes.
    Strike(usize),
    /// A lasting fault is lifted.
    Lift(usize),
    /// The bound of an `eventually` claim is reached.
    Claim(usize),
    /// The window in which faults may strike closes.
    Quiet,
    /// The bound of *recovers* is reached.
    Recovered,
}

impl Alarm {
    /// The alarm as a number.
    pub(super) fn token(self) -> u64 {
        let (purpose, index) = match self {
            Self::Strike(index) => (1, index),
            Self::Lift(index) => (2, index),
            Self::Claim(index) => (3, index),
            Self::Quiet => (4, 0),
            Self::Recovered => (5, 0),
        };
        purpose << 32 | index as u64
    }

    /// The alarm with this number.
    pub(super) fn of(token: u64) -> Option<Self> {
        let index = (token & 0xffff_ffff) as usize;
        match token >> 32 {
            1 => Some(Self::Strike(index)),
            2 => Some(Self::Lift(index)),
            3 => Some(Self::Claim(index)),
            4 => Some(Self::Quiet),
            5 => Some(Self::Recovered),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_alarm_round_trips_through_its_token() {
        for alarm in [Alarm::Strike(7), Alarm::Lift(0), Alarm::Claim(1 << 20), Alarm::Quiet, Alarm::Recovered] {
            assert_eq!(Alarm::of(alarm.token()), Some(alarm));
        }
        assert_eq!(Alarm::of(0), None);
    }
}
