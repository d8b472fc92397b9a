//! The part of a source location that a signature names.

use crate::model::source_path::portable;

/// The file of a `file:line`, as it is named on every machine.
pub(super) fn file_of(site: &str) -> String {
    portable(site.rsplit_once(':').map_or(site, |(file, _)| file)).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signature_names_no_line_and_no_folder_of_this_machine() {
        assert_eq!(file_of("scenarios/src/tablet/engine.rs:87"), "scenarios/src/tablet/engine.rs");
        assert_eq!(file_of("/home/me/app/src/main.rs:7"), "src/main.rs");
    }
}
