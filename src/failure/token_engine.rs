//! The check that this program can replay a token on the engine that the token names.

use crate::failure::token::Token;
use crate::model::engine::Engine;
use crate::model::refusal::Refusal;
use crate::model::verdict::Verdict;
use crate::scenario::definition::Scenario;

/// Refuses a token that this program's scenario of its name cannot replay.
pub(crate) fn check_engine(token: &Token, scenario: &Scenario) -> Result<(), Refusal> {
    let (wanted, here) = (token.engine, scenario.engine());
    if !wanted.is_here() {
        let why = format!("the token is from a run on {wanted}, and this program was built without it");
        return Err(Refusal::new(why, wanted.how_to_build()));
    }
    if wanted != here {
        let why =
            format!("the token is from a run on {wanted}, and {} runs on {here} in this program", scenario.name());
        let next = match wanted {
            Engine::Native if here == Engine::Madsim => "build without --cfg madsim".to_owned(),
            Engine::Native => format!("build without --features {here}"),
            Engine::Turmoil | Engine::Madsim => {
                "write the scenario against `afterlife::rt` alone, and mark it with `Scenario::portable`".to_owned()
            }
        };
        return Err(Refusal::new(why, next));
    }
    match token.plan.as_ref().and_then(|plan| plan.unsupported_by(wanted)) {
        None => Ok(()),
        Some(need) => {
            let why = format!(
                "the token's plan needs {}, which {wanted} does not support: {}",
                need.words(),
                wanted.support(need).1
            );
            Err(Refusal::new(why, "see `list --engines` for the capabilities of each engine").ending(Verdict::Unfit))
        }
    }
}
