//! The labels of the systems' builds, and their conversion to a system's own.
//! Systems do not know the harness; their scenarios invoke the macro for them.

use afterlife::Build;

/// The code as it was released: the reported bug is there.
pub(crate) const SHIPPED: Build = Build::new("shipped");

/// The code with upstream's own fix, and what that left open.
pub(crate) const PATCHED: Build = Build::new("patched");

/// The design that holds every claim.
pub(crate) const SOUND: Build = Build::new("sound");

/// The builds of each system.
pub(crate) const BUILDS: [Build; 3] = [SHIPPED, PATCHED, SOUND];

/// Implements the conversion for a system's `Build`.
macro_rules! named_as {
    ($release:ty) => {
        impl From<afterlife::Build> for $release {
            fn from(build: afterlife::Build) -> Self {
                match build {
                    $crate::release::SHIPPED => Self::Shipped,
                    $crate::release::PATCHED => Self::Patched,
                    $crate::release::SOUND => Self::Sound,
                    other => unreachable!("no system declares the build `{other}`"),
                }
            }
        }
    };
}

pub(crate) use named_as;
