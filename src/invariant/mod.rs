//! Invariants: a state machine over events for each, with the sentence that it prints. They see events only; `run/judge` acts on
//! their violations.
//!
//! | file | content |
//! |---|---|
//! | `catalogue` | the ids, claims, bounds and headings of the built-in invariants |
//! | `contract` | `Monitor`, the state machine of an invariant, and the facts that it may look up |
//! | `custom` | `Invariant`, the public trait for a user's own |
//! | `set`, `setup` | the monitors that judge one run, and the facts that they start from |
//! | `terms` | the invariants that a scenario turns off, their bounds, and known issues |
//! | `deaths`, `last_words`, `site` | words for ends of processes; their own last words; files for signatures |
//! | all others | one invariant each, named after its id |

mod blast_radius;
mod bounded_request;
mod bounded_shutdown;
mod catalogue;
mod close_once;
mod closed_or_open;
mod contract;
mod custom;
pub(crate) mod deaths;
mod honest_progress;
mod joined_before_teardown;
pub(crate) mod last_words;
#[cfg(test)]
mod lifetimes;
mod no_callback_after_deregistration;
mod no_client_error;
mod no_crash_loop;
mod no_deadlock;
mod no_silent_panic;
mod no_spin;
mod no_stale_epoch_effect;
mod no_stale_message;
mod no_unprovoked_exit;
mod no_use_after_teardown;
mod no_use_before_init;
pub(crate) mod nothing_left;
mod notify_before_close;
mod one_incarnation;
mod own_entry_only;
mod probed_claims;
mod set;
mod setup;
mod site;
mod slots_conserved;
mod terms;
#[cfg(test)]
mod testing;

pub(crate) use catalogue::{
    BOUNDED_SHUTDOWN, EVENTUALLY, NO_CRASH, NO_DEADLOCK, NO_SPIN, NO_UNSUPPORTED_CALL, NOTHING_ACKED_IS_LOST, RECOVERS,
    headline,
};
pub use catalogue::{Bound, BoundInfo, BoundUnit, InvariantInfo, invariants};
pub(crate) use contract::{Facts, Monitor};
pub use custom::{Break, EventKind, Invariant, Moment, ObservedEvent};
pub(crate) use no_client_error::ID as NO_CLIENT_ERROR;
pub(crate) use no_silent_panic::ID as NO_SILENT_PANIC;
pub(crate) use no_unprovoked_exit::ID as NO_UNPROVOKED_EXIT;
pub(crate) use set::{all, shown};
pub(crate) use setup::Setup;
pub(crate) use terms::Terms;
