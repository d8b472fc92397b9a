//! How the builds that a scenario asks for are called in a system.
//! Systems do not know the harness: their scenarios say this for them.

/// A system's own build, from the harness's.
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
