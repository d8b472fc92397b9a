//! turmoil and madsim as guest engines: each runs all programs of a simulation on one of its threads.
//! A native build compiles none of this but `shared_names`.
//!
//! | file | content |
//! |---|---|
//! | `shared_names` | C names that madsim defines as well |
//! | `interposed` | our functions of these names, for madsim |
//! | `program` | the programs of nodes, and their stop requests |
//! | `time` | the time of the program that is running |
//! | `nodes`, `nodes/` | the state that the kernel keeps for the engine of this build |
//! | `turmoil`, `madsim` | the engines |

#[cfg(all(feature = "turmoil", madsim))]
compile_error!("a build has one guest engine: turmoil by its feature, or madsim by its feature and `--cfg madsim`");
#[cfg(all(madsim, not(feature = "madsim")))]
compile_error!("a build with `--cfg madsim` needs the feature `madsim` of afterlife");

#[cfg(madsim)]
mod interposed;
#[cfg(madsim)]
pub(crate) mod madsim;
#[cfg(any(feature = "turmoil", madsim))]
mod nodes;
#[cfg(any(feature = "turmoil", madsim))]
pub(crate) mod program;
pub(crate) mod shared_names;
#[cfg(any(feature = "turmoil", madsim))]
mod time;
#[cfg(feature = "turmoil")]
pub(crate) mod turmoil;
