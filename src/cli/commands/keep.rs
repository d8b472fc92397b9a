//! The command `keep`: a failing run becomes a line in the regressions file, and runs first from then on.

use crate::cli::arguments::What;
use crate::cli::context::{human, own, pool, read};
use crate::cli::select;
use crate::failure::regressions::{RegressionFiles, here};
use crate::failure::token::Token;
use crate::model::refusal::Refusal;
use crate::model::verdict::Verdict;
use crate::model::violation::Signature;
use crate::report::{kept, replayed};
use crate::scenario::definition::Scenario;
use crate::search::replay::{Replayed, Wanted, replay};
use crate::search::settings::Settings;

/// Carries out `keep`.
pub(in crate::cli) fn keep(scenarios: &[Scenario], what: &What, settings: &Settings) -> Result<Verdict, Refusal> {
    let (token, signature) = match read(what, settings) {
        Ok((failure, _)) => (own(&failure)?, failure.finding.signature),
        // A token needs no record.
        Err(_) if Token::is_meant(&what.what) => {
            let token = select::token(scenarios, &what.what)?;
            select::named(scenarios, &token)?;
            match replay(&pool(Some(1))?, &token, Wanted::default())? {
                Replayed::Broke(failure) => (token, failure.finding.signature),
                Replayed::Held(_) => {
                    return Err(Refusal::new(
                        "that run breaks nothing",
                        "keep a run that breaks; `replay` shows its result",
                    ));
                }
                other => {
                    let mut human = human();
                    let lines = replayed(&other, &token, human.paste(), None);
                    human.print(&lines);
                    return Ok(other.verdict());
                }
            }
        }
        Err(refusal) => return Err(refusal),
    };
    let token: Token = token;
    select::named(scenarios, &token)?;
    add_regression(&RegressionFiles::of_this_program(settings.regressions.as_deref()), &token, &signature)
}

/// Adds a run with the claim that it broke to a file of regressions, unless the file has it, and prints the file.
pub(in crate::cli) fn add_regression(
    files: &RegressionFiles,
    token: &Token,
    signature: &Signature,
) -> Result<Verdict, Refusal> {
    let (file, new) = files.add(token, signature.as_str())?;
    human().print(&kept(&here(&file), new, signature));
    Ok(Verdict::Held)
}
