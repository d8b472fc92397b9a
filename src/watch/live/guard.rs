//! The guard of a watched simulation. It judges claims when it is dropped, and fails the test if one broke.
//! It knows no particular simulator.

use super::judge::judge;
use super::recorder::Recorder;
use super::sink::{self, Simulator};
use crate::failure::failing_run::{FailingRun, Totals};
use crate::failure::finding::Finding;
use crate::failure::record::RecordStore;
use crate::invariant::{Bound, Terms};
use crate::model::build::Build;
use crate::model::shell::quoted;
use crate::model::terminal::wants_colour;
use crate::model::violation::{Signature, Violation};
use crate::report::{Line, Paste, TestCommands, page};
use crate::run::request::{Ended, Record};
use crate::search::settings::Settings;
use afterlife_sim::digest_of;
use afterlife_sim::event::Digest;
use std::any::Any;
use std::marker::PhantomData;
use std::panic::Location;
use std::path::PathBuf;
use std::rc::Rc;

/// The claim that a panic breaks. A test that panics reports the panic itself.
const PANICS: &str = "no-silent-panic";

/// The claim about incarnations. Here incarnations are known only from the events in them.
const INCARNATIONS: &str = "one-incarnation";

/// The test of a simulation, and the command that repeats it.
#[derive(Clone, Debug)]
pub(crate) struct Origin {
    /// The test's name, or its location.
    test: String,
    /// The command that runs it.
    replay: String,
    /// The seed, if it is known.
    seed: Option<u64>,
    /// The simulator's name for its seed, for the comment after the command.
    seed_is: &'static str,
}

impl Origin {
    /// The origin of a simulation that is watched from this location. `environment` precedes the command, and `seed_is` is the
    /// simulator's name for its seed.
    pub(crate) fn of(location: &Location<'_>, environment: &str, seed: Option<u64>, seed_is: &'static str) -> Self {
        let package = std::env::var("CARGO_PKG_NAME").map(|package| format!(" -p {package}")).unwrap_or_default();
        let thread = std::thread::current();
        // Test runners name a test's thread after the test. Without a name, the file is used.
        let (test, replay) = match thread.name().filter(|name| *name != "main") {
            Some(name) => {
                let test = name.rsplit("::").next().unwrap_or(name).to_owned();
                (test, format!("{environment}cargo test{package} {} -- --exact --nocapture", quoted(name)))
            }
            None => {
                let file = location.file().rsplit('/').next().unwrap_or_default();
                let stem = file.strip_suffix(".rs").unwrap_or(file);
                let target =
                    if location.file().starts_with("tests/") { format!(" --test {stem}") } else { String::new() };
                (format!("{stem}-{}", location.line()), format!("{environment}cargo test{package}{target}"))
            }
        };
        Self { test, replay, seed, seed_is }
    }

    /// The shell command that repeats the run.
    fn command(&self) -> String {
        match (self.seed_is, self.seed) {
            ("", _) => self.replay.clone(),
            (is, None) => format!("{}  # with the same {is}", self.replay),
            (is, Some(seed)) => format!("{}  # with {is} {seed}", self.replay),
        }
    }
}

/// Watches a simulation until it is dropped. Then it judges every claim on the recorded events. If all hold, nothing happens;
/// if one broke, the story is printed and the test panics. If the test panics already, only the story is printed.
#[must_use = "dropping the guard ends the watch: write `let _watching = …`"]
pub struct Watching {
    listener: Option<u64>,
    origin: Origin,
    terms: Terms,
    /// A value of the simulator's side that must live until the end.
    _kept: Box<dyn Any>,
    /// Only the thread that began the watch is recorded.
    _here: PhantomData<Rc<()>>,
}

/// A watched simulation in which every claim held.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Held {
    /// The number of recorded events: probe events, panics, ends of incarnations.
    pub events: u64,
    /// The digest of the events, in hexadecimal digits. Two runs of one seed have the same digest.
    pub digest: String,
}

/// A watched simulation in which a claim broke. Its `Display` text is the story that a failed test prints.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{page}")]
#[non_exhaustive]
pub struct Breach {
    /// The signature, which groups equal failures across simulators.
    pub signature: Signature,
    /// The first violation.
    pub violation: Violation,
    /// The signatures of later violations.
    pub also: Vec<Signature>,
    /// The number of recorded events.
    pub events: u64,
    /// The digest of the events, in hexadecimal digits. Two runs of one seed have the same digest.
    pub digest: String,
    /// The folder of the record, if it could be written.
    pub record: Option<PathBuf>,
    page: String,
}

impl Watching {
    /// Begins to record.
    pub(crate) fn begin(simulator: Box<dyn Simulator>, recorder: Recorder, origin: Origin, kept: Box<dyn Any>) -> Self {
        let mut terms = Terms::default();
        terms.turn_off(INCARNATIONS).expect("the invariant is in the catalogue");
        let listener = Some(sink::begin(simulator, recorder));
        Self { listener, origin, terms, _kept: kept, _here: PhantomData }
    }

    /// Turns an invariant off. [`invariants`](crate::invariants) lists them.
    ///
    /// # Panics
    /// If no invariant has this name.
    #[track_caller]
    pub fn turn_off(mut self, id: &str) -> Self {
        self.terms.turn_off(id).unwrap_or_else(|why| panic!("{why}"));
        self
    }

    /// Turns on an invariant that is off by default.
    ///
    /// # Panics
    /// If no invariant has this name.
    #[track_caller]
    pub fn turn_on(mut self, id: &str) -> Self {
        self.terms.turn_on(id).unwrap_or_else(|why| panic!("{why}"));
        self
    }

    /// Declares a known issue: violations of this invariant whose signature or sentence contains all of these parts do not count.
    ///
    /// # Panics
    /// If no invariant has the id.
    #[track_caller]
    pub fn known_issue(mut self, id: &str, parts: &[&str]) -> Self {
        self.terms.known_issue(id, parts).unwrap_or_else(|why| panic!("{why}"));
        self
    }

    /// Sets the bound of an invariant.
    ///
    /// # Panics
    /// If no invariant has this name, or it has no such bound.
    #[track_caller]
    pub fn bound(mut self, id: &str, bound: impl Into<Bound>) -> Self {
        self.terms.bound(id, bound.into()).unwrap_or_else(|why| panic!("{why}"));
        self
    }

    /// Sets the seed that the story shows. The simulation itself is not changed.
    pub fn seed(mut self, seed: u64) -> Self {
        self.origin.seed = Some(seed);
        self
    }

    /// Ends the watch and returns the verdict instead of panicking. Nothing is printed.
    ///
    /// # Errors
    /// The first violation, with its story.
    pub fn finish(mut self) -> Result<Held, Box<Breach>> {
        self.end()
    }

    fn end(&mut self) -> Result<Held, Box<Breach>> {
        let recording = self.listener.take().and_then(sink::end).map(Recorder::finish);
        let recording = recording.expect("a listener exists until the watch ends");
        let record = Record { names: recording.texts.into_texts(), nodes: recording.hosts, ..Record::default() };
        let record = Record { events: recording.events, ..record };
        let (digest, events) = (digest_of(&record.names, &record.events), record.events.len() as u64);
        let mut violations = judge(&record, &self.terms);
        if std::thread::panicking() {
            violations.retain(|violation| violation.invariant != PANICS);
        }
        if violations.is_empty() {
            return Ok(Held { events, digest: digest.to_string() });
        }
        Err(Box::new(self.breach(violations, record, digest, Totals { events, virtual_ns: recording.now_ns })))
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
                token: self.origin.command(),
            },
            scenario: self.origin.test.clone(),
            build: Build::DEFAULT,
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
        let paste = Paste::Test(TestCommands { path: self.origin.test.clone(), ..TestCommands::default() });
        let shown = |line: &Line| if wants_colour() { format!("{line}\n") } else { format!("{line:#}\n") };
        let page: String = page(&failure, Some(&saved), &paste).iter().map(shown).collect();
        let page = page.trim_end().to_owned();
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
        // The macro lets the test runner capture the text.
        println!("{breach}");
        if !std::thread::panicking() {
            panic!("{} does not hold: {}", self.origin.test, breach.violation.sentence);
        }
    }
}
