//! The harness of test binaries that are their own runner program: their scenarios break on purpose, and their tests call the binary
//! as a user would.
//!
//! - `module`: scenarios and tests of one behaviour, and the `main` function over all modules
//! - `command`: the binary as a command, campaigns, and their output
//! - `single`: single runs under a given plan

#![allow(dead_code, unused_imports, unused_macros, reason = "each test binary uses a part")]

mod command;
mod module;
mod single;

pub(crate) use command::{Output, campaign, campaign_holds, cli, command, output_of, signature};
pub(crate) use module::{Module, campaigns, main, scenario, scenarios, trial, trials};
pub(crate) use single::{at, breaks, holds, recorded, replay};

/// Memory budgets need it. It makes no difference to scenarios without one.
#[global_allocator]
static MEMORY: afterlife::Memory = afterlife::Memory;
