//! The names of the C library that madsim defines as well. In a build for madsim our functions of these names have none of their own:
//! `interposed.rs` hands them to madsim, which calls them for threads that run no task of its own.

/// Declares a function under its C name, unless madsim has that name in this build.
#[cfg(not(madsim))]
macro_rules! shared_name {
    ($($function:tt)*) => {
        #[unsafe(no_mangle)]
        $($function)*
    };
}

/// Declares a function under its C name, unless madsim has that name in this build.
#[cfg(madsim)]
macro_rules! shared_name {
    ($($function:tt)*) => {
        #[allow(dead_code, reason = "madsim takes some of these names and asks for none of ours")]
        $($function)*
    };
}
pub(crate) use shared_name;
