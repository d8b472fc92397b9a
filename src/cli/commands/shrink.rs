//! The command `shrink`: the smallest plan that still breaks the same claim.

use crate::cli::arguments::Shrink;
use crate::cli::context::{human, meant, paste, pool, root, store};
use crate::model::refusal::Refusal;
use crate::model::verdict::Verdict;
use crate::report::{page, replayed};
use crate::scenario::definition::Scenario;
use crate::search::campaign;
use crate::search::replay::{Replayed, Wanted, replay};
use crate::search::run_log::with_log;
use crate::search::settings::Settings;
use crate::search::shrink;

/// Shrinks a failing run and records the result.
pub(in crate::cli) fn shrink_run(
    scenarios: &[Scenario],
    shrink: &Shrink,
    settings: &Settings,
) -> Result<Verdict, Refusal> {
    let (token, recorded) = meant(scenarios, &shrink.what, settings)?;
    let pool = pool(None)?;
    let root = root(shrink.what.out.clone(), settings);
    let store = store(shrink.what.out.clone(), settings)?;
    let replays_max = shrink.shrink.or(settings.shrink).unwrap_or(shrink::REPLAYS_MAX);
    let mut human = human();
    let wanted = Wanted { recorded: recorded.as_ref().map(|(failure, _)| failure), ..Wanted::default() };
    let outcome = match replay(&pool, &token, wanted)? {
        Replayed::Broke(failure) => match campaign::shrink(&pool, *failure, replays_max)? {
            Ok(failure) => {
                let failure = with_log(&pool, failure)?;
                let saved = store.save(&failure);
                human.print(&page(&failure, Some(&saved), &paste(&root, settings)));
                return Ok(Verdict::Broke);
            }
            Err(nondeterminism) => Replayed::Nondeterministic([nondeterminism.first.0, nondeterminism.second.0]),
        },
        other => other,
    };
    let lines = replayed(&outcome, &token, human.paste(), None);
    human.print(&lines);
    Ok(outcome.verdict())
}
