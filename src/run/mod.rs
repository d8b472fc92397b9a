//! One run: the request for it, its execution, the observer that judges it, and the reply.
//!
//! | file | content |
//! |---|---|
//! | `request` | requests, replies and records: the data that campaigns and runners exchange |
//! | `account` | the achievements of one run, for the account of its campaign |
//! | `log_filter`, `facts/`, `trace` | what programs trace: filters, structured facts, and the subscriber of a run |
//! | `roles`, `alarms`, `subscriptions` | node roles, the observer's alarms, and the readers of each kind of event |
//! | `injector`, `claim_check`, `judge` | the plan, the scenario's own claims, and the catalogue of invariants |
//! | `passed_over` | the known issues that a run met, and what follows from them |
//! | `observer` | all three on one run, and the decision when the run is over |
//! | `description` | the run as the scenario's function describes it, or its mistake |
//! | `execute` | the run itself, in the process that was forked for it |

pub(crate) mod account;
mod alarms;
mod claim_check;
mod description;
pub(crate) mod execute;
pub(crate) mod facts;
mod injector;
mod judge;
pub(crate) mod log_filter;
pub(crate) mod observer;
mod passed_over;
pub(crate) mod request;
mod roles;
mod subscriptions;
pub mod trace;
