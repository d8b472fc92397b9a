//! The scenarios, builds and tokens that arguments name.
//! Nothing is guessed: a name without a match is refused, with the nearest names.

use crate::failure::token::{Token, TokenError};
use crate::failure::token_engine::check_engine;
use crate::model::build::Build;
use crate::model::engine::Engine;
use crate::model::nearest::nearest;
use crate::model::refusal::Refusal;
use crate::model::verdict::Verdict;
use crate::scenario::definition::Scenario;

/// The scenarios whose name contains the filter; only one of them if the filter is its whole name.
pub(super) fn matching<'a>(scenarios: &'a [Scenario], filter: Option<&str>) -> Result<Vec<&'a Scenario>, Refusal> {
    let Some(filter) = filter else {
        return match scenarios {
            [] => Err(Refusal::new("this program has no scenarios", "pass some to afterlife::main")
                .ending(Verdict::NothingMatched)),
            all => Ok(all.iter().collect()),
        };
    };
    if let Some(named) = scenarios.iter().find(|scenario| scenario.name() == filter) {
        return Ok(vec![named]);
    }
    let matching: Vec<_> = scenarios.iter().filter(|scenario| scenario.name().contains(filter)).collect();
    if matching.is_empty() {
        let why = format!("no scenario's name contains `{filter}`");
        return Err(Refusal::new(why, names_near(scenarios, filter)).ending(Verdict::NothingMatched));
    }
    Ok(matching)
}

/// The scenarios that run on this engine in this program; all of them without an engine.
pub(super) fn on(scenarios: &[Scenario], engine: Option<Engine>) -> Result<Vec<Scenario>, Refusal> {
    let Some(engine) = engine else { return Ok(scenarios.to_vec()) };
    if !engine.is_here() {
        let why = format!("this program was built without {engine}");
        return Err(Refusal::new(why, engine.how_to_build()));
    }
    let on_it: Vec<_> = scenarios.iter().copied().filter(|scenario| scenario.engine() == engine).collect();
    if on_it.is_empty() {
        let why = format!("no scenario of this program runs on {engine}");
        let next = format!("drop --engine: the scenarios run on {}", Engine::PORTABLE);
        return Err(Refusal::new(why, next).ending(Verdict::NothingMatched));
    }
    Ok(on_it)
}

/// The builds of a scenario, reduced to the wanted one if there is one.
pub(super) fn builds(scenario: &Scenario, wanted: Option<Build>) -> Vec<Build> {
    scenario.declared_builds().iter().copied().filter(|build| wanted.is_none_or(|wanted| wanted == *build)).collect()
}

/// Refuses a build that no matching scenario has.
pub(super) fn no_such_build(scenarios: &[&Scenario], build: Build) -> Refusal {
    let named: Vec<_> = scenarios.iter().map(|scenario| scenario.name()).collect();
    let mut labels: Vec<&str> = Vec::new();
    for declared in scenarios.iter().flat_map(|scenario| scenario.declared_builds()) {
        if !labels.contains(&declared.label()) {
            labels.push(declared.label());
        }
    }
    let hint = match nearest(build.label(), labels.iter().copied()).first() {
        Some(near) => format!("did you mean {near}? "),
        None => String::new(),
    };
    Refusal::new(
        format!("{} has no build `{build}`", named.join(", ")),
        format!("{hint}Write --build {}", labels.join(" or --build ")),
    )
}

/// Parses a token. If its scenario's name is damaged, the refusal says so.
pub(super) fn token(scenarios: &[Scenario], text: &str) -> Result<Token, Refusal> {
    text.parse::<Token>().map_err(|error| {
        let begins_like =
            |scenario: &Scenario| text.split_once('-').is_some_and(|(_, rest)| rest.starts_with(scenario.name()));
        let near = names_near(scenarios, Token::scenario_meant(text));
        let unknown = error == TokenError::Damaged && !scenarios.iter().any(begins_like);
        let refusal = Refusal::from(error);
        if unknown { Refusal::new(format!("{}; it names no known scenario", refusal.why), near) } else { refusal }
    })
}

/// The scenario that a token names, if it has the token's build.
pub(super) fn named<'a>(scenarios: &'a [Scenario], token: &Token) -> Result<&'a Scenario, Refusal> {
    let Some(scenario) = scenarios.iter().find(|scenario| scenario.name() == token.scenario) else {
        let why = format!("there is no scenario `{}` here", token.scenario);
        return Err(Refusal::new(why, names_near(scenarios, &token.scenario)).ending(Verdict::Unfit));
    };
    if !scenario.declared_builds().contains(&token.build) {
        return Err(no_such_build(&[scenario], token.build).ending(Verdict::Unfit));
    }
    check_engine(token, scenario)?;
    Ok(scenario)
}

fn names_near(scenarios: &[Scenario], word: &str) -> String {
    match nearest(word, scenarios.iter().map(|scenario| scenario.name())).as_slice() {
        [] => "see `list` for the scenarios".to_owned(),
        [one] => format!("did you mean {one}? See `list` for all scenarios"),
        several => format!("did you mean one of {}? See `list` for all scenarios", several.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_build_is_refused_with_the_declared_ones_and_the_nearest() {
        const BUILDS: &[Build] = &[Build::new("shipped"), Build::new("patched")];
        let raft = Scenario::new("raft-master", |_| {}).builds(BUILDS);
        let echo = Scenario::new("echo", |_| {});
        let refusal = no_such_build(&[&raft, &echo], Build::new("shiped"));
        assert_eq!(refusal.verdict.code(), 2);
        assert!(refusal.why.ends_with("no build `shiped`"), "{refusal}");
        assert_eq!(refusal.next, "did you mean shipped? Write --build shipped or --build patched or --build default");
        let refusal = no_such_build(&[&echo], Build::new("loud"));
        assert_eq!(refusal.next, "Write --build default");
    }
}
