//! The engines that this program was built with.

use super::guest;
use crate::model::engine::Engine;

impl Engine {
    /// The engine that runs scenarios written against [`rt`](crate::rt) in this program, chosen when the program was built.
    pub const PORTABLE: Self = guest::PORTABLE;

    /// Returns whether this program was built with the engine. A program with madsim has no native engine, since madsim replaces
    /// the clocks.
    pub fn is_here(self) -> bool {
        self == Self::PORTABLE || (self == Self::Native && guest::HAS_NATIVE)
    }
}
