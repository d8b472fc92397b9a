//! A question, asked of the real system by a process of its own, and of the simulation by a node of its own; and the comparison of the
//! answers.

use crate::differences::DIFFERENCES;
use crate::harness::{Module, command, trial};
use afterlife::{Build, Engine, Plan, Scenario, Sim, Token};
use std::collections::BTreeSet;
use std::process::{Command, ExitCode};
use std::sync::OnceLock;

/// Set for a process that answers one question of the real system.
const ASK: &str = "CONFORMANCE_ASK";

/// The beginning of the line with an answer, which may be empty.
const MARK: &str = "answer: ";

/// The folder in which a process that answers works.
const FOLDER: &str = "CONFORMANCE_FOLDER";

/// A question about the system.
#[derive(Clone, Copy)]
pub(crate) struct Question {
    /// Its name, which is a sentence.
    pub(crate) name: &'static str,
    /// Asks it here.
    pub(crate) ask: fn() -> String,
    /// The scenario in which a node asks it.
    pub(crate) script: fn(&mut Sim),
}

/// The questions about one part of the system.
#[derive(Clone, Copy)]
pub(crate) struct Subject {
    pub(crate) name: &'static str,
    pub(crate) questions: &'static [Question],
}

/// Questions, each a function whose name asks it and whose result answers it.
macro_rules! questions {
    ($(fn $name:ident() -> String $body:block)*) => {
        $(fn $name() -> String $body)*

        /// The questions of this file.
        pub(crate) const QUESTIONS: &[crate::question::Question] = &[$(crate::question::Question {
            name: stringify!($name),
            ask: $name,
            script: |sim| crate::question::in_a_node(sim, $name),
        }),*];
    };
}
pub(crate) use questions;

/// The scenario of a question: its node prints the answer.
pub(crate) fn in_a_node(sim: &mut Sim, ask: fn() -> String) {
    let asker = sim.client_main("asker", move |_| {
        println!("{MARK}{}", one_line(&ask()));
        0
    });
    sim.may_fail(asker);
}

fn one_line(text: &str) -> String {
    text.replace('\n', "\\n")
}

/// The folder for files of the question: a temporary one of the real system, the root in a node.
pub(crate) fn folder() -> String {
    static REAL: OnceLock<Option<String>> = OnceLock::new();
    REAL.get_or_init(|| std::env::var(FOLDER).ok()).clone().unwrap_or_default()
}

/// The main function: a process that answers one question, a runner of the simulation, or the tests.
pub(crate) fn main(subjects: &'static [Subject]) -> ExitCode {
    let questions = || subjects.iter().flat_map(|subject| subject.questions);
    if let Ok(name) = std::env::var(ASK) {
        let question = questions().find(|question| question.name == name).expect("there is such a question");
        println!("{MARK}{}", one_line(&(question.ask)()));
        return ExitCode::SUCCESS;
    }
    let scenarios: Vec<Scenario> = questions().map(|question| Scenario::new(question.name, question.script)).collect();
    let mut trials = vec![
        trial("conformance::every_difference_is_of_a_question", move || every_difference_is_known(subjects)),
        trial("conformance::there_are_enough_questions", move || {
            let names: BTreeSet<_> = questions().map(|question| question.name).collect();
            assert_eq!(names.len(), questions().count(), "two questions have one name");
            assert!(names.len() >= QUESTIONS_MIN, "{} questions", names.len());
        }),
    ];
    trials.extend(subjects.iter().map(|subject| trial(&format!("conformance::{}", subject.name), || compare(subject))));
    crate::harness::main([Module::new(scenarios, trials)])
}

/// The most times that the real system is asked.
const TRIES: usize = 3;

/// Fewer questions would not be worth their name.
const QUESTIONS_MIN: usize = 250;

/// The answer among the lines that a process printed.
fn answer_in(printed: &str) -> Option<String> {
    printed.lines().find_map(|line| line.strip_prefix(MARK)).map(str::to_owned)
}

/// The answer of the real system.
fn real(question: &Question, folder: &str) -> String {
    let folder = format!("{folder}/{}", question.name);
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&folder).expect("the folder of temporary files can be written to");
    let mut process = Command::new(std::env::current_exe().expect("this process has an executable"));
    process.env_clear().env(ASK, question.name).env(FOLDER, &folder).current_dir(&folder);
    let output = process.output().expect("this executable can be started again");
    match output.status.code() {
        Some(0) => answer_in(&String::from_utf8_lossy(&output.stdout)).unwrap_or_default(),
        _ => format!("{} {}", output.status, String::from_utf8_lossy(&output.stderr).trim()),
    }
}

/// The answer of the simulation.
fn simulated(question: &Question) -> String {
    let plan = Some(Plan { injections: Vec::new() });
    let token =
        Token { scenario: question.name.to_owned(), build: Build::DEFAULT, engine: Engine::PORTABLE, seed: 1, plan };
    let reply = afterlife::testing::reply_to(&token).expect("the runner replies");
    let record = &reply["record"];
    let name = |number: &serde_json::Value| record["names"][number.as_u64()? as usize].as_str().map(str::to_owned);
    let events = record["events"].as_array().into_iter().flatten();
    let printed = events.filter_map(|event| answer_in(&name(&event["what"]["Line"]["text"])?)).next_back();
    printed.unwrap_or_else(|| {
        let violation = &reply["violations"][0];
        // The rest of a refusal is a stack.
        let sentence = violation["sentence"].as_str().and_then(|text| text.lines().next()).unwrap_or_default();
        format!("{}: {sentence}", violation["invariant"].as_str().unwrap_or("no answer"))
    })
}

/// The names of questions about IPv6 have this in them. Containers often lack it.
const V6: &str = "_v6";

/// The answer of the real system that agrees, or else its last one: a machine with much else to do may take longer than a question waits.
fn agreeing(simulated: &str, ask: impl Fn() -> String) -> String {
    let answers = std::iter::repeat_with(ask).take(TRIES);
    let mut last = String::new();
    for answer in answers {
        last = answer;
        if last == simulated {
            break;
        }
    }
    last
}

/// Compares the answers to the questions of a subject.
fn compare(subject: &Subject) {
    // The harness's own switch, so that this binary is a runner.
    let _ = command(&[]);
    let folder = format!("{}/conformance", env!("CARGO_TARGET_TMPDIR"));
    let mut wrong = Vec::new();
    let has_v6 = std::net::TcpListener::bind("[::1]:0").is_ok();
    for question in subject.questions {
        if question.name.contains(V6) && !has_v6 {
            eprintln!("{} is not asked: this system has no IPv6", question.name);
            continue;
        }
        let simulated = simulated(question);
        let real = agreeing(&simulated, || real(question, &folder));
        let expected = DIFFERENCES.iter().find(|difference| difference.question == question.name);
        match expected {
            None if real == simulated => {}
            None => wrong.push(format!("{}\n    Linux      {real}\n    simulation {simulated}", question.name)),
            Some(_) if real == simulated => wrong.push(format!("{} differs no longer: {real}", question.name)),
            Some(difference) if !simulated.starts_with(difference.simulated) => {
                wrong.push(format!(
                    "{}\n    expected   {}\n    simulation {simulated}",
                    question.name, difference.simulated
                ));
            }
            Some(_) => {}
        }
    }
    assert!(
        wrong.is_empty(),
        "{} of {} answers are wrong:\n{}",
        wrong.len(),
        subject.questions.len(),
        wrong.join("\n")
    );
}

fn every_difference_is_known(subjects: &[Subject]) {
    for difference in DIFFERENCES {
        let is_asked = subjects.iter().flat_map(|of| of.questions).any(|question| question.name == difference.question);
        assert!(is_asked && difference.why.len() > 20, "{} is no question, or has no reason", difference.question);
    }
}
