//! The dispatch from a command to the function that carries it out.

use super::arguments::{Command, Replay, What};
use super::commands::{
    audit_log, check_pairs, keep, list, list_engines, main_job, replay_run, run_campaigns, show_finding, shrink_run,
    table_of_engines, table_of_variants, triage,
};
use super::context::{pool, store};
use super::select;
use crate::model::refusal::Refusal;
use crate::model::verdict::Verdict;
use crate::scenario::definition::Scenario;
use crate::search::campaign::Reporter;
use crate::search::settings::Settings;
use crate::search::shrink;

/// Carries out a command. Without one, it replays the token of `AFTERLIFE_REPLAY` if that is set, or runs the main job.
pub(super) fn carry_out(
    scenarios: &[Scenario],
    command: Option<Command>,
    settings: &Settings,
    reporter: &mut dyn Reporter,
) -> Result<Verdict, Refusal> {
    if let (Some(command), Some(_)) = (&command, &settings.replay)
        && searches(command)
    {
        return Err(Refusal::new(
            "AFTERLIFE_REPLAY asks for one run, and this command for others",
            "unset AFTERLIFE_REPLAY, or leave out the command: then the token is replayed",
        ));
    }
    match (command, &settings.replay) {
        (Some(Command::Run(run)), _) => run_campaigns(scenarios, &run, settings, reporter),
        (Some(Command::Replay(replay)), _) => replay_run(scenarios, &replay, settings),
        (Some(Command::Shrink(shrink)), _) => shrink_run(scenarios, &shrink, settings),
        (Some(Command::Keep(what)), _) => keep(scenarios, &what, settings),
        (Some(Command::Show(show)), _) => show_finding(&show, settings),
        (Some(Command::List(list)), _) if list.engines => list_engines(),
        (Some(Command::List(_)), _) => list(scenarios),
        (Some(Command::Check(check)), _) => check_pairs(scenarios, &check),
        (Some(Command::Triage(arguments)), _) => triage(&arguments.folders, settings),
        (Some(Command::Audit(audit)), _) => audit_log(&audit.log),
        (Some(Command::Variants(variants)), _) => table_of_variants(scenarios, &variants),
        (Some(Command::Engines(engines)), _) => table_of_engines(scenarios, &engines),
        (None, Some(token)) => {
            let what = What { what: token.clone(), out: None };
            if settings.keep {
                return keep(scenarios, &what, settings);
            }
            replay_run(scenarios, &Replay { what, until: None, log: None }, settings)
        }
        (None, None) => {
            let store = store(None, settings)?;
            let shrink = settings.shrink.unwrap_or(shrink::REPLAYS_MAX);
            main_job(&select::matching(scenarios, None)?, &pool(None)?, &store, shrink, reporter)
        }
    }
}

/// Returns whether a command chooses runs by their seeds.
fn searches(command: &Command) -> bool {
    match command {
        Command::Run(_) | Command::Check(_) | Command::Variants(_) | Command::Engines(_) => true,
        Command::Replay(_)
        | Command::Shrink(_)
        | Command::Keep(_)
        | Command::Show(_)
        | Command::List(_)
        | Command::Triage(_)
        | Command::Audit(_) => false,
    }
}
