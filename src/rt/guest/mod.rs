//! The guest engine that this program was built with, under one set of names.
//!
//! | file | content |
//! |---|---|
//! | `turmoil`, `madsim` | the guest engines: how they run programs, and how they report the running task |
//! | `native` | the no-op implementation of a program without a guest |
//! | `stop_requests` | the stop requests of a node on a guest |

#[cfg(madsim)]
mod madsim;
#[cfg(not(any(feature = "turmoil", madsim)))]
mod native;
#[cfg(any(feature = "turmoil", madsim))]
mod stop_requests;
#[cfg(feature = "turmoil")]
mod turmoil;

#[cfg(any(feature = "turmoil", madsim))]
pub(crate) use afterlife_sim::guests::{Main, Program, is_muted};
#[cfg(madsim)]
pub(crate) use madsim::{HAS_NATIVE, PORTABLE, TASKS_ARE_TOKIOS, current_task, report_turns, run};
#[cfg(not(any(feature = "turmoil", madsim)))]
pub(crate) use native::{
    HAS_NATIVE, Main, PORTABLE, Program, StopRequests, TASKS_ARE_TOKIOS, current_task, is_muted, report_turns, run,
};
#[cfg(any(feature = "turmoil", madsim))]
pub(crate) use stop_requests::StopRequests;
#[cfg(feature = "turmoil")]
pub(crate) use turmoil::{HAS_NATIVE, PORTABLE, TASKS_ARE_TOKIOS, current_task, report_turns, run};
