//! The names of the C library that madsim defines as well. In a build for madsim, our functions of these names are not exported:
//! `madsim/interposed.rs` gives their addresses to madsim, which calls them on threads that run none of its tasks.

/// Declares a function under its C name, unless madsim defines that name in this build.
#[cfg(not(madsim))]
macro_rules! shared_name {
    ($($function:tt)*) => {
        #[unsafe(no_mangle)]
        $($function)*
    };
}

/// Declares a function under its C name, unless madsim defines that name in this build.
#[cfg(madsim)]
macro_rules! shared_name {
    ($($function:tt)*) => {
        #[allow(dead_code, reason = "madsim defines more of these names than it asks for")]
        $($function)*
    };
}
pub(crate) use shared_name;
