//! A known way in which a build of a scenario breaks.

use crate::model::build::Build;

/// One way in which a build is known to break.
#[derive(Clone, Copy, Debug)]
pub struct Variant {
    /// Its name in the scenario's documentation: `M2`.
    pub name: &'static str,
    /// The build that has it.
    pub build: Build,
    /// What happens, in half a line.
    pub about: &'static str,
    /// Parts of the signature by which it is known, the invariant first. Ways that share a signature are told apart by parts of
    /// the sentence, which may stand here too.
    pub signature: &'static [&'static str],
}

impl Variant {
    /// Whether a violation with this signature and this sentence is one of this variant.
    pub(crate) fn is_of(&self, signature: &str, sentence: &str) -> bool {
        self.signature.iter().all(|part| signature.contains(part) || sentence.contains(part))
    }
}
