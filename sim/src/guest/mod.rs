//! turmoil and madsim as guest engines: each runs the programs of all nodes on one thread of the simulation, the guest thread.
//! The engine has the network and the tasks; files, lifecycles, events and their observer stay the kernel's.
//!
//! ```text
//! shared       program        what a node runs, and its stop requests
//!              clock          the time of the running program
//!              state          the state that the kernel keeps for the engine of this build
//!              shared_names   C names that madsim defines as well (in native builds, too)
//! turmoil      engine         the entry points of the harness
//!              guest_thread   turmoil's simulation, its hosts and links
//!              engine_state   the state of turmoil alone
//!              kernel         operations of the kernel for turmoil alone
//! madsim       the same, and
//!              incarnation    names an incarnation of a node
//!              interposed     our functions of the shared names, for madsim
//! ```

#[cfg(all(feature = "turmoil", madsim))]
compile_error!("a build has one guest engine: turmoil by its feature, or madsim by its feature and `--cfg madsim`");
#[cfg(all(madsim, not(feature = "madsim")))]
compile_error!("a build with `--cfg madsim` needs the feature `madsim` of afterlife");

#[cfg(any(feature = "turmoil", madsim))]
mod clock;
#[cfg(madsim)]
pub(crate) mod madsim;
#[cfg(any(feature = "turmoil", madsim))]
pub(crate) mod program;
pub(crate) mod shared_names;
#[cfg(any(feature = "turmoil", madsim))]
mod state;
#[cfg(feature = "turmoil")]
pub(crate) mod turmoil;
