//! The commands, one file each. A command gathers its resources, calls the code that does the work, and prints the result.

mod audit;
mod check;
mod keep;
mod list;
mod main_job;
mod replay;
mod run;
mod show;
mod shrink;
mod tables;
mod triage;

pub(super) use audit::audit_log;
pub(super) use check::check_pairs;
pub(super) use keep::{add_regression, keep};
pub(super) use list::{list, list_engines};
pub(super) use main_job::main_job;
pub(super) use replay::replay_run;
pub(super) use run::run_campaigns;
pub(super) use show::show_finding;
pub(super) use shrink::shrink_run;
pub(super) use tables::{table_of_engines, table_of_variants};
pub(super) use triage::triage;
