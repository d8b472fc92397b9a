//! The title of a failure: what happened, named after the claim that it broke.

/// The title for the invariant of this id: `use after teardown` for `no-use-after-teardown`.
pub(crate) fn title(invariant: &str) -> String {
    let title = match invariant {
        "always" => "claim broken",
        "eventually" => "claim not met in time",
        "blast-radius" => "a fault spread to another node",
        "bounded-request" => "oversized request",
        "bounded-shutdown" => "shutdown over its budget",
        "notify-before-close" => "close without notice",
        "close-once" => "closed twice",
        "closed-or-open" => "left half open after a panic",
        "honest-progress" => "wrong progress",
        "joined-before-teardown" => "teardown before join",
        "no-silent-panic" => "panic",
        "no-spin" => "endless loop",
        "nothing-acked-is-lost" => "acknowledged data is lost",
        "nothing-left" => "leak",
        "one-incarnation" => "two incarnations at once",
        "own-entry-only" => "foreign entry removed",
        "recovers" => "no recovery",
        "slots-conserved" => "wrong slot count",
        other => return other.strip_prefix("no-").unwrap_or(other).replace('-', " "),
    };
    title.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_title_says_what_happened_and_not_what_should_not() {
        assert_eq!(title("no-use-after-teardown"), "use after teardown");
        assert_eq!(title("close-once"), "closed twice");
        assert_eq!(title("their-own"), "their own");
        for about in crate::invariants() {
            assert!(!title(about.id).starts_with("no ") || about.id == "recovers", "{}", about.id);
        }
    }
}
