//! The host: the real operating system beneath the simulation. It knows nothing of the simulation.
//!
//! | | |
//! |---|---|
//! | `system` | system calls by instruction, the C library's own functions, threads of the host |
//! | `region` | memory outside the heap for many values of one type |
//! | `shared_memory` | memory that can be mapped many times |
//! | `status`, `last_words` | signs of life, node names and last words of a run's process, in memory that its runner reads |

pub(crate) mod last_words;
pub(crate) mod region;
pub(crate) mod shared_memory;
pub(crate) mod status;
pub(crate) mod system;
