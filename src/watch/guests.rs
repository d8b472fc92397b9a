//! The API for tests written for a guest simulator, if this program was built with it.

#[cfg(any(feature = "turmoil", madsim))]
pub use super::live::{Breach, Held, Watching};
#[cfg(madsim)]
pub use super::madsim;
#[cfg(feature = "turmoil")]
pub use super::turmoil;
