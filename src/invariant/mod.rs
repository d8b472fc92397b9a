//! Invariants: each one file, one small state machine over events, with the sentence that it prints.
//! They see events only; what is done about a violation is the watch's business.

mod blast_radius;
mod bounded_request;
mod bounded_shutdown;
mod catalogue;
mod close_once;
mod closed_or_open;
mod contract;
pub(crate) mod deaths;
mod honest_progress;
mod joined_before_teardown;
#[cfg(test)]
mod lifetimes;
mod no_callback_after_deregistration;
mod no_crash_loop;
mod no_deadlock;
mod no_silent_panic;
mod no_spin;
mod no_stale_epoch_effect;
mod no_stale_message;
mod no_use_after_teardown;
mod no_use_before_init;
pub(crate) mod nothing_left;
mod notify_before_close;
mod one_incarnation;
mod own_entry_only;
mod probed_claims;
mod set;
mod site;
mod slots_conserved;
mod terms;
#[cfg(test)]
mod testing;

pub use catalogue::{About, Bound, Bounded, Unit, invariants};
pub(crate) use catalogue::{NOTHING_ACKED_IS_LOST, RECOVERS};
pub(crate) use contract::{Facts, Invariant, Setup};
pub(crate) use set::{all, shown};
pub(crate) use terms::Terms;
