//! The outcome of a command, and its exit code. The codes are public API: scripts, `git bisect run` and CI read them.

use std::process::ExitCode;

/// The outcome of a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Every run held.
    Held,
    /// An invariant broke.
    Broke,
    /// Nothing broke, and nothing was tested.
    Vacuous,
    /// The command could not be carried out.
    Refused,
    /// One seed ran two ways.
    Nondeterministic,
    /// The filter matched no scenario.
    NothingMatched,
    /// The record or token no longer fits this code.
    Unfit,
    /// A signal asked the command to end.
    Interrupted(i32),
}

impl Verdict {
    /// The exit code.
    pub(crate) fn code(self) -> u8 {
        match self {
            Self::Held => 0,
            Self::Broke => 1,
            Self::Refused => 2,
            Self::Nondeterministic => 3,
            Self::NothingMatched => 4,
            Self::Vacuous => 5,
            Self::Unfit => 125,
            // As a shell reports a command that a signal ended.
            Self::Interrupted(signal) => u8::try_from(128 + signal).unwrap_or(u8::MAX),
        }
    }

    /// The verdict on two campaigns together. Nondeterminism outweighs everything, because it puts every other verdict in doubt.
    pub(crate) fn and(self, other: Self) -> Self {
        let weight = |verdict| match verdict {
            Self::Held => 0,
            Self::Vacuous => 1,
            Self::Broke => 2,
            Self::NothingMatched => 3,
            Self::Unfit => 4,
            Self::Refused => 5,
            Self::Nondeterministic => 6,
            Self::Interrupted(_) => 7,
        };
        if weight(other) > weight(self) { other } else { self }
    }
}

impl From<Verdict> for ExitCode {
    fn from(verdict: Verdict) -> Self {
        Self::from(verdict.code())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_codes_are_those_of_the_manual() {
        let all = [
            Verdict::Held,
            Verdict::Broke,
            Verdict::Refused,
            Verdict::Nondeterministic,
            Verdict::NothingMatched,
            Verdict::Vacuous,
            Verdict::Unfit,
            Verdict::Interrupted(2),
            Verdict::Interrupted(15),
        ];
        assert_eq!(all.map(Verdict::code), [0, 1, 2, 3, 4, 5, 125, 130, 143]);
    }

    #[test]
    fn a_seed_that_ran_two_ways_outweighs_a_broken_invariant() {
        assert_eq!(Verdict::Broke.and(Verdict::Nondeterministic), Verdict::Nondeterministic);
        assert_eq!(Verdict::Nondeterministic.and(Verdict::Broke), Verdict::Nondeterministic);
        assert_eq!(Verdict::Held.and(Verdict::Broke), Verdict::Broke);
    }

    #[test]
    fn a_vacuous_campaign_outweighs_one_that_held_and_not_one_that_broke() {
        assert_eq!(Verdict::Held.and(Verdict::Vacuous), Verdict::Vacuous);
        assert_eq!(Verdict::Vacuous.and(Verdict::Broke), Verdict::Broke);
    }
}
