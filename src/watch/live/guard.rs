//! The guard of a watched simulation: claims are judged when it ends, and a test whose claims broke fails.
//! It knows no simulator.

use super::judge::judge;
use super::recorder::Hearing;
use super::sink::{self, Simulator};
use crate::failure::failing_run::{FailingRun, Totals};
use crate::failure::finding::Finding;
use crate::failure::record::RecordStore;
use crate::invariant::{Bound, Terms};
use crate::model::build::Build;
use crate::model::violation::{Signature, Violation};
use crate::report::{Paste, page};
use crate::run::request::{Ended, Record};
use crate::search::settings::Settings;
use afterlife_sim::digest_of;
use afterlife_sim::event::Digest;
use std::any::Any;
use std::io::Write;
use std::marker::PhantomData;
use std::panic::Location;
use std::path::PathBuf;
use std::rc::Rc;

/// The claim that a panic breaks; a test that fails by a panic tells of it itself.
const PANICS: &str = "no-silent-panic";

/// Judges our own room, and the lives that are known here only by what is told in them.
const LIVES: &str = "one-incarnation";

/// Where a simulation comes from, and how its test is had again.
#[derive(Clone, Debug)]
pub(crate) struct Origin {
    /// The test's name, or its place.
    test: String,
    /// The command that runs it.
    replay: String,
    /// The seed, if it is known.
    seed: Option<u64>,
    /// What the command line is to be read with: the simulator's word for its seed.
    seed_is: &'static str,
}

impl Origin {
    /// Of a simulation that is watched at this place. `environment` stands before the command, `seed_is` is what its simulator
    /// calls a seed.
    pub(crate) fn of(place: &Location<'_>, environment: &str, seed: Option<u64>, seed_is: &'static str) -> Self {
        let package = std::env::var("CARGO_PKG_NAME").map(|package| format!(" -p {package}")).unwrap_or_default();
        let thread = std::thread::current();
        // Test runners call a test's thread by its name; where they do not, its file is what is known.
        let (test, replay) = match thread.name().filter(|name| *name != "main") {
            Some(name) => {
                let test = name.rsplit("::").next().unwrap_or(name).to_owned();
                (test, format!("{environment}cargo test{package} {name} -- --exact --nocapture"))
            }
            None => {
                let file = place.file().rsplit('/').next().unwrap_or_default();
                let stem = file.strip_suffix(".rs").unwrap_or(file);
                let target = if place.file().starts_with("tests/") { format!(" --test {stem}") } else { String::new() };
                (format!("{stem}-{}", place.line()), format!("{environment}cargo test{package}{target}"))
            }
        };
        Self { test, replay, seed, seed_is }
    }

    /// How its run is had again, in words that a shell understands.
    fn again(&self) -> String {
        match (self.seed_is, self.seed) {
            ("", _) => self.replay.clone(),
            (is, None) => format!("{}  # with the same {is}", self.replay),
            (is, Some(seed)) => format!("{}  # with {is} {seed}", self.replay),
        }
    }
}

/// A simulation is watched as long as this lives. Dropping it judges every claim on what was heard: a test whose claims hold
/// goes on and nothing is said, one whose claims broke is told how and panics. A test that panics already is told what else
/// broke, and fails as it does.
#[must_use = "a simulation is watched as long as this lives: `let _watching = …`"]
pub struct Watching {
    listener: Option<u64>,
    origin: Origin,
    terms: Terms,
    /// What the simulator's side wants kept until then.
    _kept: Box<dyn Any>,
    /// Probes are heard on the thread on which it began.
    _here: PhantomData<Rc<()>>,
}

/// A watched simulation in which every claim held.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Held {
    /// How many events were heard: facts of probes, panics, ends of lives.
    pub events: u64,
    /// What two runs of one seed have in common: a digest of the events, in hexadecimal digits.
    pub digest: String,
}

/// A watched simulation in which a claim broke. It is displayed as the story that a failed test prints.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{page}")]
#[non_exhaustive]
pub struct Breach {
    /// What makes it the same as another, in this simulator or any other.
    pub signature: Signature,
    /// What broke first.
    pub violation: Violation,
    /// What else broke, later.
    pub also: Vec<Signature>,
    /// How many events were heard.
    pub events: u64,
    /// What two runs of one seed have in common: a digest of the events, in hexadecimal digits.
    pub digest: String,
    /// The folder of its record, if it could be written.
    pub record: Option<PathBuf>,
    page: String,
}

impl Watching {
    /// Begins to listen.
    pub(crate) fn begin(simulator: Box<dyn Simulator>, hearing: Hearing, origin: Origin, kept: Box<dyn Any>) -> Self {
        let mut terms = Terms::default();
        terms.without(LIVES).expect("the invariant is in the catalogue");
        let listener = Some(sink::begin(simulator, hearing));
        Self { listener, origin, terms, _kept: kept, _here: PhantomData }
    }

    /// Turns an invariant off, by its name; [`invariants`](crate::invariants) has them all.
    ///
    /// # Panics
    /// If there is none of that name.
    #[track_caller]
    pub fn without(mut self, id: &str) -> Self {
        self.terms.without(id).unwrap_or_else(|why| panic!("{why}"));
        self
    }

    /// Turns an invariant on that is off unless it is asked for.
    ///
    /// # Panics
    /// If there is none of that name.
    #[track_caller]
    pub fn also(mut self, id: &str) -> Self {
        self.terms.also(id).unwrap_or_else(|why| panic!("{why}"));
        self
    }

    /// Sets the bound of an invariant.
    ///
    /// # Panics
    /// If there is none of that name, or it has no such bound.
    #[track_caller]
    pub fn bound(mut self, id: &str, bound: impl Into<Bound>) -> Self {
        self.terms.bound(id, bound.into()).unwrap_or_else(|why| panic!("{why}"));
        self
    }

    /// Says which seed the simulation has, for the story; no simulator is asked to use it.
    pub fn seed(mut self, seed: u64) -> Self {
        self.origin.seed = Some(seed);
        self
    }

    /// Ends the watch here, and says what it came to, instead of panicking later. Nothing is printed.
    ///
    /// # Errors
    /// What broke first, with its story.
    pub fn finish(mut self) -> Result<Held, Box<Breach>> {
        self.end()
    }

    fn end(&mut self) -> Result<Held, Box<Breach>> {
        let heard = self.listener.take().and_then(sink::end).map(Hearing::finish);
        let heard = heard.expect("what began to listen is there until it ends");
        let record = Record { names: heard.texts.into_texts(), nodes: heard.hosts, ..Record::default() };
        let record = Record { events: heard.events, ..record };
        let (digest, events) = (digest_of(&record.names, &record.events), record.events.len() as u64);
        let mut violations = judge(&record, &self.terms);
        if std::thread::panicking() {
            violations.retain(|violation| violation.invariant != PANICS);
        }
        if violations.is_empty() {
            return Ok(Held { events, digest: digest.to_string() });
        }
        Err(Box::new(self.breach(violations, record, digest, Totals { events, virtual_ns: heard.now_ns })))
    }

    fn breach(&self, mut violations: Vec<Violation>, record: Record, digest: Digest, totals: Totals) -> Breach {
        let violation = violations.remove(0);
        let signature = violation.signature();
        let mut also: Vec<Signature> = Vec::new();
        for other in violations.iter().map(Violation::signature) {
            if other != signature && !also.contains(&other) {
                also.push(other);
            }
        }
        let failure = FailingRun {
            finding: Finding {
                signature: signature.clone(),
                violation: violation.clone(),
                first_run: 1,
                seed: self.origin.seed.unwrap_or_default(),
                plan: crate::fault::Plan::default(),
                digest,
                token: self.origin.again(),
            },
            scenario: self.origin.test.clone(),
            build: Build::Sound,
            ended: Ended::Whole,
            record,
            totals,
            also: also.clone(),
            stack: None,
            shrunk: None,
        };
        let out =
            Settings::of_this_process().ok().and_then(|settings| settings.out).unwrap_or_else(RecordStore::usual_root);
        let saved = RecordStore::at(out).save(&failure);
        let paste = Paste::Test { path: self.origin.test.clone(), package: None, kept: None };
        let choice = anstream::AutoStream::choice(&std::io::stdout());
        let mut shown = anstream::AutoStream::new(Vec::new(), choice);
        for line in page(&failure, Some(&saved), &paste) {
            // A vector takes every byte.
            let _ = writeln!(shown, "{line}");
        }
        let page = String::from_utf8_lossy(&shown.into_inner()).trim_end().to_owned();
        let record = Some(saved.folder).filter(|_| saved.unwritten.is_none());
        Breach { signature, violation, also, events: totals.events, digest: digest.to_string(), record, page }
    }
}

impl Drop for Watching {
    fn drop(&mut self) {
        if self.listener.is_none() {
            return;
        }
        let Err(breach) = self.end() else { return };
        // Through the macro, so that the test runner can hold it back.
        println!("{breach}");
        if !std::thread::panicking() {
            panic!("{} does not hold: {}", self.origin.test, breach.violation.sentence);
        }
    }
}
