//! Suggestions for a mistyped name. They are only printed, never used.

use strsim::levenshtein;

/// The most suggestions: more would be a list.
const SUGGESTIONS_MAX: usize = 3;

/// The names nearest to a word, the best first; empty if nothing is near.
pub(crate) fn nearest<'a>(word: &str, among: impl IntoIterator<Item = &'a str>) -> Vec<&'a str> {
    let allowed = (word.chars().count() / 2).max(2);
    let mut near: Vec<(usize, &str)> = among
        .into_iter()
        .map(|name| (if !word.is_empty() && name.contains(word) { 0 } else { levenshtein(word, name) }, name))
        .filter(|(distance, _)| *distance <= allowed)
        .collect();
    near.sort_unstable();
    near.into_iter().map(|(_, name)| name).take(SUGGESTIONS_MAX).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_swapped_or_missing_letter_finds_its_name() {
        let names = ["raft-master", "volume-server", "job-queue"];
        assert_eq!(nearest("raft-mastr", names), ["raft-master"]);
        assert_eq!(nearest("raft", names), ["raft-master"]);
        assert_eq!(nearest("jbo-queue", names), ["job-queue"]);
    }

    #[test]
    fn a_word_that_resembles_nothing_finds_nothing() {
        assert!(nearest("kitchen", ["raft-master", "job-queue"]).is_empty());
    }
}
