//! Converts the harness's builds to a system's own.
//! Systems do not know the harness; their scenarios invoke this macro for them.

/// Implements the conversion for a system's `Build`.
macro_rules! named_as {
    ($release:ty) => {
        impl From<afterlife::Build> for $release {
            fn from(build: afterlife::Build) -> Self {
                match build {
                    afterlife::Build::Shipped => Self::Shipped,
                    afterlife::Build::Patched => Self::Patched,
                    afterlife::Build::Sound => Self::Sound,
                }
            }
        }
    };
}

pub(crate) use named_as;
