//! The text of signed durations and ordinals.
//! Each kind of fault has its own text, in its own file.

use crate::model::duration::span;

/// A duration with its sign: `+30 s`, `−1.4 ms`.
pub(crate) fn signed(ns: i64) -> String {
    format!("{}{}", if ns < 0 { "−" } else { "+" }, span(ns.unsigned_abs()))
}

/// An ordinal number: `1st`, `22nd`, `113th`.
pub(crate) fn ordinal(nth: u32) -> String {
    let ending = match (nth % 10, nth % 100) {
        (_, 11..=13) => "th",
        (1, _) => "st",
        (2, _) => "nd",
        (3, _) => "rd",
        _ => "th",
    };
    format!("{nth}{ending}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signed_duration_has_its_sign() {
        assert_eq!([1_000_000_000, -1_400_000].map(signed), ["+1 s", "−1.4 ms"]);
    }

    #[test]
    fn ordinals_have_their_endings() {
        assert_eq!([1, 2, 3, 4, 11, 22, 113].map(ordinal), ["1st", "2nd", "3rd", "4th", "11th", "22nd", "113th"]);
    }
}
