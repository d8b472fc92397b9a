//! A shorthand for the systems' tables of variants.

use afterlife::{Build, Variant};

/// Makes a variant: one known way in which a build breaks, recognised by parts of its signature or claim.
pub(crate) const fn variant(
    name: &'static str,
    build: Build,
    about: &'static str,
    signature: &'static [&'static str],
) -> Variant {
    Variant { name, build, about, signature }
}
