//! A token: one run on one line, short enough to paste: `a2-<scenario>-<seed>-<payload>`.
//! It contains no events and no code, so a replay shows the behaviour of the code that replays it.

use crate::failure::fnv::fnv;
use crate::fault::Plan;
use crate::model::build::Build;
use crate::model::engine::Engine;
use crate::model::refusal::Refusal;
use crate::run::request::Request;
use data_encoding::BASE64URL_NOPAD;
use std::fmt;
use std::str::FromStr;

/// The version of the format, with which a token begins.
const VERSION: &str = "a2";

/// The bit in the first byte of the payload that indicates that a plan follows.
const PLAN_FOLLOWS: u8 = 0b001;

/// The bits of the engine in the first byte of the payload. The length of the build's label and the label follow.
const ENGINE_SHIFT: u32 = 1;
const ENGINE_BITS: u8 = 0b11 << ENGINE_SHIFT;

/// The length of the checksum at the end of the payload. One typing error in sixteen million passes it.
const CHECKSUM_BYTES: usize = 3;

/// A run that can be replayed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token {
    /// The scenario's name.
    pub scenario: String,
    /// Its build.
    pub build: Build,
    /// The engine on which it ran. The same seed is another run on another engine.
    pub engine: Engine,
    /// The seed.
    pub seed: u64,
    /// The plan; `None` if it is the one that the seed draws.
    pub plan: Option<Plan>,
}

/// The reason why a text cannot be replayed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TokenError {
    /// It does not begin like a token.
    #[error("`{text}` is not a token")]
    NotOne {
        /// The text.
        text: String,
    },
    /// It has another version of the format.
    #[error("the token has version {failure}, but this code reads {VERSION}")]
    OtherVersion {
        /// The version that it names.
        failure: String,
    },
    /// It ends before its payload.
    #[error("the token ends too early: after the scenario come a seed and a payload")]
    Short,
    /// Its checksum is not that of its content.
    #[error("the token's checksum does not match: it is truncated or mistyped")]
    Damaged,
    /// Its checksum matches, but its content is unknown to this code.
    #[error("the token's plan cannot be read: {what}")]
    Unreadable {
        /// The unknown content.
        what: String,
    },
}

impl TokenError {
    /// The next step for the user.
    pub fn next(&self) -> String {
        match self {
            Self::NotOne { .. } => {
                format!("a token looks like {VERSION}-raft-master-47-AgQBAAkD; `last`, an id and a path also work")
            }
            Self::OtherVersion { failure } => {
                format!("replay it with the afterlife that wrote {failure} tokens, or hunt for it again here")
            }
            Self::Short | Self::Damaged => "copy the token whole, from the line that begins with `replay`".to_owned(),
            Self::Unreadable { .. } => {
                "replay it with the afterlife that wrote it, or hunt for it again here".to_owned()
            }
        }
    }
}

impl From<TokenError> for Refusal {
    fn from(error: TokenError) -> Self {
        Self::new(error.to_string(), error.next())
    }
}

impl Token {
    /// Returns whether a text begins like a token: with a version and a dash.
    pub(crate) fn is_meant(text: &str) -> bool {
        version_of(text.trim()).is_some()
    }

    /// The scenario that a damaged token seems to name.
    pub(crate) fn scenario_meant(text: &str) -> &str {
        let rest = text.split_once('-').map_or("", |(_, rest)| rest);
        splits(rest).next().map_or(rest, |(scenario, ..)| scenario)
    }

    /// The token of a request.
    pub(crate) fn of(request: &Request) -> Self {
        let Request { scenario, build, engine, seed, plan, .. } = request.clone();
        Self { scenario, build, engine, seed, plan }
    }

    /// The request for its run.
    pub(crate) fn request(&self, record: bool) -> Request {
        Request {
            scenario: self.scenario.clone(),
            build: self.build,
            engine: self.engine,
            seed: self.seed,
            plan: self.plan.clone(),
            record,
            stack_at: None,
            log: None,
            only_plan: false,
            until_ns: None,
        }
    }

    fn body(&self) -> Vec<u8> {
        let engine: u8 = match self.engine {
            Engine::Native => 0,
            Engine::Turmoil => 1,
            Engine::Madsim => 2,
        };
        // The default build has an empty label.
        let label = if self.build == Build::DEFAULT { "" } else { self.build.label() };
        let mut body = vec![engine << ENGINE_SHIFT, label.len() as u8];
        body.extend(label.bytes());
        if let Some(plan) = &self.plan {
            body[0] |= PLAN_FOLLOWS;
            body.extend(plan.encode());
        }
        body
    }

    fn from_body(scenario: &str, seed: u64, body: &[u8]) -> Result<Self, TokenError> {
        let unreadable = |what: String| TokenError::Unreadable { what };
        let (&first, rest) = body.split_first().ok_or(TokenError::Short)?;
        let engine = match (first & ENGINE_BITS) >> ENGINE_SHIFT {
            0 => Engine::Native,
            1 => Engine::Turmoil,
            2 => Engine::Madsim,
            other => return Err(unreadable(format!("engine number {other}"))),
        };
        if first & !(PLAN_FOLLOWS | ENGINE_BITS) != 0 {
            return Err(unreadable(format!("first byte {first:#010b}")));
        }
        let (&length, rest) = rest.split_first().ok_or_else(|| unreadable("no build".to_owned()))?;
        let cut = || unreadable(format!("a build's label of {length} bytes"));
        let (label, rest) = rest.split_at_checked(usize::from(length)).ok_or_else(cut)?;
        let build = match label {
            [] => Build::DEFAULT,
            label => str::from_utf8(label).map_err(|_| cut())?.parse().map_err(unreadable)?,
        };
        let plan = match first & PLAN_FOLLOWS {
            0 if rest.is_empty() => None,
            0 => return Err(unreadable("bytes after its end".to_owned())),
            _ => Some(Plan::decode(rest).map_err(|error| unreadable(error.to_string()))?),
        };
        Ok(Self { scenario: scenario.to_owned(), build, engine, seed, plan })
    }
}

impl fmt::Display for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut payload = self.body();
        let sum = checksum(&self.scenario, self.seed, &payload);
        payload.extend_from_slice(&sum);
        write!(f, "{VERSION}-{}-{}-{}", self.scenario, self.seed, BASE64URL_NOPAD.encode(&payload))
    }
}

impl FromStr for Token {
    type Err = TokenError;

    fn from_str(text: &str) -> Result<Self, TokenError> {
        let text = text.trim();
        let version = version_of(text).ok_or_else(|| TokenError::NotOne { text: text.to_owned() })?;
        if version != VERSION {
            return Err(TokenError::OtherVersion { failure: version.to_owned() });
        }
        let rest = &text[version.len() + 1..];
        // Names of scenarios may have dashes and numbers, and so may payloads. Each number between two dashes is tried as the
        // seed, and the checksum decides.
        let mut complete = false;
        for (scenario, seed, payload) in splits(rest) {
            complete |= !payload.is_empty();
            let Ok(bytes) = BASE64URL_NOPAD.decode(payload.as_bytes()) else { continue };
            let Some(end) = bytes.len().checked_sub(CHECKSUM_BYTES).filter(|end| *end > 0) else { continue };
            let (body, sum) = bytes.split_at(end);
            if checksum(scenario, seed, body) == sum {
                return Self::from_body(scenario, seed, body);
            }
        }
        Err(if complete { TokenError::Damaged } else { TokenError::Short })
    }
}

/// The version that a text names, if it begins like a token: `a`, digits, a dash.
fn version_of(text: &str) -> Option<&str> {
    let (version, _) = text.split_once('-')?;
    let digits = version.strip_prefix('a')?;
    (!digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit())).then_some(version)
}

/// All ways to split `<scenario>-<seed>-<payload>`. The payload may be empty.
fn splits(rest: &str) -> impl Iterator<Item = (&str, u64, &str)> {
    rest.match_indices('-').filter_map(move |(at, _)| {
        let scenario = &rest[..at];
        let after = &rest[at + 1..];
        let (seed, payload) = after.split_once('-').unwrap_or((after, ""));
        // `+5` parses as a number, but no seed is printed like that.
        let plain = !seed.is_empty() && seed.bytes().all(|byte| byte.is_ascii_digit());
        (plain && !scenario.is_empty()).then_some(())?;
        Some((scenario, seed.parse().ok()?, payload))
    })
}

/// A checksum of everything in the token, folded to three bytes.
fn checksum(scenario: &str, seed: u64, body: &[u8]) -> [u8; CHECKSUM_BYTES] {
    let sum = fnv(scenario.bytes().chain([0xff]).chain(seed.to_le_bytes()).chain(body.iter().copied()));
    let folded = sum ^ (sum >> 24) ^ (sum >> 48);
    let [first, second, third, ..] = folded.to_le_bytes();
    [first, second, third]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fault::strategies::plan;
    use crate::fault::{Fault, Injection, Trigger};
    use afterlife_sim::event::NodeId;
    use proptest::prelude::*;
    use std::time::Duration;

    fn stop_after_open() -> Plan {
        Plan {
            injections: vec![
                Injection {
                    trigger: Trigger::on(NodeId(0), "open metadata-db", 2, Duration::from_millis(3)),
                    fault: Fault::stop(NodeId(0), Duration::from_secs(30), Duration::from_secs(1)),
                },
                Injection {
                    trigger: Trigger::at(Duration::from_millis(431)),
                    fault: Fault::one_way_partition(NodeId(0), NodeId(2), Duration::from_millis(500)),
                },
            ],
        }
    }

    fn token(scenario: &str, build: Build, seed: u64, plan: Option<Plan>) -> Token {
        Token { scenario: scenario.into(), build, engine: Engine::Native, seed, plan }
    }

    #[test]
    fn the_text_of_a_token_is_stable() {
        let drawn = token("raft-master", Build::new("shipped"), 47, None);
        let cut = token("raft-master", Build::new("patched"), u64::MAX, Some(stop_after_open()));
        let none = token("kv", Build::DEFAULT, 0, Some(Plan::default()));
        let turmoil = Token { engine: Engine::Turmoil, ..drawn.clone() };
        insta::assert_snapshot!(drawn, @"a2-raft-master-47-AAdzaGlwcGVkOnDV");
        insta::assert_snapshot!(cut, @"a2-raft-master-18446744073709551615-AQdwYXRjaGVkAgEQb3BlbiBtZXRhZGF0YS1kYgACwI23AQAAgNiO4W-AlOvcAwDAk8LNAQYAAgGAyrXuAQ1fOg");
        insta::assert_snapshot!(none, @"a2-kv-0-AQAASzaJ");
        insta::assert_snapshot!(turmoil, @"a2-raft-master-47-AgdzaGlwcGVktI2D");
        insta::assert_snapshot!(Token { engine: Engine::Madsim, ..drawn }, @"a2-raft-master-47-BAdzaGlwcGVk_Tdv");
        let hold = |until: Option<&str>| {
            let (node, lasting) = (NodeId(2), Duration::from_secs(4));
            let fault = match until {
                None => Fault::hold_thread(node, 3, lasting),
                Some(edge) => Fault::hold_thread_until(node, 3, edge, lasting),
            };
            Injection { trigger: Trigger::at(Duration::from_secs(1)), fault }
        };
        let held = Plan { injections: vec![hold(None), hold(Some("close metadata-db"))] };
        insta::assert_snapshot!(token("kv", Build::DEFAULT, 0, Some(held)), @"a2-kv-0-AQACAICU69wDBAIDgNCs8w4AAICU69wDBAIDgNCs8w4BEWNsb3NlIG1ldGFkYXRhLWRiSiJJ");
    }

    #[test]
    fn every_proper_prefix_of_a_token_is_refused() {
        let whole = token("raft-master", Build::new("shipped"), 47, Some(stop_after_open())).to_string();
        for end in 0..whole.len() {
            assert!(whole[..end].parse::<Token>().is_err(), "{} was read", &whole[..end]);
        }
    }

    #[test]
    fn a_scenario_whose_name_looks_like_a_seed_is_read_back() {
        for name in ["raft-2-master", "3", "a2-47", "x-9-"] {
            let whole = token(name, Build::DEFAULT, 12, None);
            assert_eq!(whole.to_string().parse(), Ok(whole));
        }
    }

    #[test]
    fn an_error_names_the_next_step() {
        let said = |text: &str| {
            let why = text.parse::<Token>().expect_err("this is no token");
            format!("{why}\n  next: {}", why.next())
        };
        insta::assert_snapshot!(said("banana"), @r"
        `banana` is not a token
          next: a token looks like a2-raft-master-47-AgQBAAkD; `last`, an id and a path also work
        ");
        insta::assert_snapshot!(said("a1-raft-master-47-AAAA"), @r"
        the token has version a1, but this code reads a2
          next: replay it with the afterlife that wrote a1 tokens, or hunt for it again here
        ");
        insta::assert_snapshot!(said("a2-raft-master-47"), @r"
        the token ends too early: after the scenario come a seed and a payload
          next: copy the token whole, from the line that begins with `replay`
        ");
        insta::assert_snapshot!(said("a2-raft-master-47-AAAAAAA"), @r"
        the token's checksum does not match: it is truncated or mistyped
          next: copy the token whole, from the line that begins with `replay`
        ");
    }

    proptest! {
        #[test]
        fn a_token_is_parsed_as_it_was_printed(
            scenario in "[a-z][a-z0-9-]{0,20}",
            label in "[a-z0-9._-]{1,32}",
            engine in proptest::sample::select(Engine::ALL.to_vec()),
            seed: u64,
            plan in proptest::option::of(plan()),
        ) {
            let build = label.parse().expect("it is a label");
            let token = Token { scenario, build, engine, seed, plan };
            prop_assert_eq!(token.to_string().parse(), Ok(token));
        }

        #[test]
        fn no_text_makes_the_parser_panic(text in "(a2-)?.{0,60}") {
            let _ = text.parse::<Token>();
        }

        #[test]
        fn one_wrong_letter_is_detected(at in 3usize..40, letter in proptest::char::range('A', 'Z')) {
            let whole = token("raft-master", Build::new("shipped"), 47, Some(stop_after_open())).to_string();
            let mut letters: Vec<char> = whole.chars().collect();
            prop_assume!(letters[at] != letter);
            letters[at] = letter;
            prop_assert!(letters.into_iter().collect::<String>().parse::<Token>().is_err());
        }
    }
}
