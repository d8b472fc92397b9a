//! The parts of a signature that an invariant derives from source locations and node names.

/// A source line without its line: what a signature may name.
pub(crate) fn place(site: &str) -> String {
    site.rsplit_once(':').map_or(site, |(file, _)| file).to_owned()
}

/// A node's name without its number: `master-2` is one of `master`.
pub(super) fn class_of(node: &str) -> String {
    node.trim_end_matches(|it: char| it.is_ascii_digit()).trim_end_matches('-').to_owned()
}
