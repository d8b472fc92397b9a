//! The known names that a mistyped one most likely meant.
//! It only proposes: nothing is ever taken for something else.

/// More would be a list, not a hint.
const PROPOSALS_MAX: usize = 3;

/// The names nearest to a word, best first; none if nothing is near.
pub(crate) fn nearest<'a>(word: &str, among: impl IntoIterator<Item = &'a str>) -> Vec<&'a str> {
    let allowed = (word.chars().count() / 2).max(2);
    let mut near: Vec<(usize, &str)> = among
        .into_iter()
        .map(|name| (if !word.is_empty() && name.contains(word) { 0 } else { distance(word, name) }, name))
        .filter(|(far, _)| *far <= allowed)
        .collect();
    near.sort_unstable();
    near.into_iter().map(|(_, name)| name).take(PROPOSALS_MAX).collect()
}

/// How many letters must be added, dropped or changed to get from one word to the other.
fn distance(from: &str, to: &str) -> usize {
    let to: Vec<char> = to.chars().collect();
    let mut row: Vec<usize> = (0..=to.len()).collect();
    for (above, letter) in from.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = above + 1;
        for (index, other) in to.iter().enumerate() {
            let changed = diagonal + usize::from(letter != *other);
            diagonal = row[index + 1];
            row[index + 1] = changed.min(row[index] + 1).min(diagonal + 1);
        }
    }
    row[to.len()]
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
