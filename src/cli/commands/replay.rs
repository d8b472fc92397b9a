//! The command `replay`: one run, twice, in fresh processes.

use crate::cli::arguments::Replay;
use crate::cli::context::{human, meant, pool};
use crate::model::refusal::Refusal;
use crate::model::verdict::Verdict;
use crate::report::{replayed, written_elsewhere};
use crate::scenario::definition::Scenario;
use crate::search::replay::{Replayed, Wanted, replay};
use crate::search::settings::Settings;

pub(in crate::cli) fn replay_run(
    scenarios: &[Scenario],
    Replay { what, until, log }: &Replay,
    settings: &Settings,
) -> Result<Verdict, Refusal> {
    let (token, recorded) = meant(scenarios, what, settings)?;
    let log = log.as_ref().or(settings.log.as_ref());
    let wanted = Wanted { recorded: recorded.as_ref().map(|(failure, _)| failure), log, until_ns: *until };
    let outcome = replay(&pool(Some(1))?, &token, wanted)?;
    let mut human = human();
    let mut lines = replayed(&outcome, &token, human.paste(), log);
    if let (Replayed::RecordUnfit { .. }, Some((_, written))) = (&outcome, &recorded) {
        lines.extend(written_elsewhere(&written.elsewhere()));
    }
    human.print(&lines);
    Ok(outcome.verdict())
}
