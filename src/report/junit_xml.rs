//! A document of JUnit XML: suites, and cases with their results.
//! It knows no campaigns.

use std::fmt::{self, Display, Write as _};
use std::time::Duration;

/// The suites of a document, in order.
#[derive(Debug, Default)]
pub(super) struct Document {
    suites: Vec<Suite>,
}

impl Document {
    /// Adds a suite.
    pub(super) fn add(&mut self, suite: Suite) {
        self.suites.push(suite);
    }
}

/// The cases of a suite, in order.
#[derive(Debug)]
pub(super) struct Suite {
    name: String,
    time: Duration,
    cases: Vec<(String, CaseResult)>,
}

impl Suite {
    /// A suite without cases.
    pub(super) fn new(name: String, time: Duration) -> Self {
        Self { name, time, cases: Vec::new() }
    }

    /// Adds a case. Its class is the suite.
    pub(super) fn case(&mut self, name: &str, result: CaseResult) {
        self.cases.push((name.to_owned(), result));
    }
}

/// The result of a case.
#[derive(Debug)]
pub(super) enum CaseResult {
    /// It passed.
    Passed,
    /// It failed.
    Failure(Reason),
    /// It could not be judged.
    Error(Reason),
}

/// The reason why a case did not pass.
#[derive(Debug)]
pub(super) struct Reason {
    /// The kind of reason.
    pub(super) kind: String,
    /// One line.
    pub(super) message: String,
    /// All that is known, if that is more.
    pub(super) text: String,
}

impl Reason {
    /// A reason of one line.
    pub(super) fn new(kind: &str, message: impl Into<String>) -> Self {
        Self { kind: kind.to_owned(), message: message.into(), text: String::new() }
    }
}

/// The numbers of cases, as the attributes of a suite or a document.
#[derive(Clone, Copy, Default)]
struct Counts {
    tests: usize,
    failures: usize,
    errors: usize,
}

impl Counts {
    fn of<'a>(cases: impl Iterator<Item = &'a CaseResult>) -> Self {
        cases.fold(Self::default(), |counts, result| Self {
            tests: counts.tests + 1,
            failures: counts.failures + usize::from(matches!(result, CaseResult::Failure(_))),
            errors: counts.errors + usize::from(matches!(result, CaseResult::Error(_))),
        })
    }
}

impl Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { tests, failures, errors } = self;
        write!(f, "tests=\"{tests}\" failures=\"{failures}\" errors=\"{errors}\"")
    }
}

impl Display for Document {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let all = Counts::of(self.suites.iter().flat_map(|suite| suite.cases.iter().map(|(_, result)| result)));
        writeln!(f, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites name=\"afterlife\" {all}>")?;
        self.suites.iter().try_for_each(|suite| write!(f, "{suite}"))?;
        writeln!(f, "</testsuites>")
    }
}

impl Display for Suite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (name, counts) = (Attribute(&self.name), Counts::of(self.cases.iter().map(|(_, result)| result)));
        writeln!(f, "    <testsuite name={name} {counts} time=\"{:.3}\">", self.time.as_secs_f64())?;
        for (case, result) in &self.cases {
            write!(f, "        <testcase name={} classname={name}", Attribute(case))?;
            match result {
                CaseResult::Passed => writeln!(f, "/>")?,
                CaseResult::Failure(reason) => reason.write(f, "failure")?,
                CaseResult::Error(reason) => reason.write(f, "error")?,
            }
        }
        writeln!(f, "    </testsuite>")
    }
}

impl Reason {
    /// Writes the rest of a case.
    fn write(&self, f: &mut fmt::Formatter<'_>, element: &str) -> fmt::Result {
        let (kind, message, text) = (Attribute(&self.kind), Attribute(&self.message), Text(&self.text));
        writeln!(f, ">\n            <{element} type={kind} message={message}>{text}</{element}>\n        </testcase>")
    }
}

/// A quoted value of an attribute. A parser would read the end of a line as a space.
struct Attribute<'a>(&'a str);

impl Display for Attribute<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_char('"')?;
        escape(self.0, f, |letter| matches!(letter, '\n' | '\r' | '\t'))?;
        f.write_char('"')
    }
}

/// Text between elements.
struct Text<'a>(&'a str);

impl Display for Text<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        escape(self.0, f, |letter| letter == '\r')
    }
}

/// Writes text without markup. Letters that `as_number` names are numbers; those that no document of XML 1.0 may have are U+FFFD.
fn escape(text: &str, f: &mut fmt::Formatter<'_>, as_number: impl Fn(char) -> bool) -> fmt::Result {
    for letter in text.chars() {
        match letter {
            '<' => f.write_str("&lt;")?,
            '>' => f.write_str("&gt;")?,
            '&' => f.write_str("&amp;")?,
            '"' => f.write_str("&quot;")?,
            letter if as_number(letter) => write!(f, "&#{};", u32::from(letter))?,
            '\n' | '\r' | '\t' => f.write_char(letter)?,
            '\0'..=' ' | '\u{fffe}' | '\u{ffff}' if letter != ' ' => f.write_char(char::REPLACEMENT_CHARACTER)?,
            letter => f.write_char(letter)?,
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_document_has_its_suites_its_cases_and_their_counts() {
        let mut suite = Suite::new("raft <shipped>".to_owned(), Duration::from_millis(1_640));
        suite.case("held in 10 runs", CaseResult::Passed);
        let reason = Reason { text: "✗ it \"broke\"\n  & \u{1b}[1m".to_owned(), ..Reason::new("no-spin", "a\nb") };
        suite.case("no-spin · db", CaseResult::Failure(reason));
        suite.case("two runs of one seed differ", CaseResult::Error(Reason::new("two-ways", "seed 3")));
        let mut document = Document::default();
        document.add(suite);
        document.add(Suite::new("other".to_owned(), Duration::ZERO));
        insta::assert_snapshot!(document.to_string(), @r#"
        <?xml version="1.0" encoding="UTF-8"?>
        <testsuites name="afterlife" tests="3" failures="1" errors="1">
            <testsuite name="raft &lt;shipped&gt;" tests="3" failures="1" errors="1" time="1.640">
                <testcase name="held in 10 runs" classname="raft &lt;shipped&gt;"/>
                <testcase name="no-spin · db" classname="raft &lt;shipped&gt;">
                    <failure type="no-spin" message="a&#10;b">✗ it &quot;broke&quot;
          &amp; �[1m</failure>
                </testcase>
                <testcase name="two runs of one seed differ" classname="raft &lt;shipped&gt;">
                    <error type="two-ways" message="seed 3"></error>
                </testcase>
            </testsuite>
            <testsuite name="other" tests="0" failures="0" errors="0" time="0.000">
            </testsuite>
        </testsuites>
        "#);
    }
}
