//! The known ways in which the builds of a scenario break.

use crate::model::build::Build;

/// One way in which a build is known to break.
#[derive(Clone, Copy, Debug)]
pub struct Variant {
    /// The name in the scenario's documentation: `M2`.
    pub name: &'static str,
    /// The build that breaks in this way.
    pub build: Build,
    /// A description, half a line long.
    pub about: &'static str,
    /// Parts of the signature that identify it, the invariant first. Parts of the sentence may follow, where several variants
    /// share a signature.
    pub signature: &'static [&'static str],
}

impl Variant {
    /// Returns whether a violation with this signature and this sentence is an instance of this variant.
    pub(crate) fn is_of(&self, signature: &str, sentence: &str) -> bool {
        self.signature.iter().all(|part| signature.contains(part) || sentence.contains(part))
    }
}
