//! Writes a record line by line.
//! It knows no folders; `store.rs` does.

use super::bounds::{LineSum, Size};
use super::compression::Compressor;
use super::environment::Environment;
use super::format::{Choice, Counts, Entry, FORMAT, Happened, Header, Sheet};
use super::program::Program;
use crate::failure::failing_run::FailingRun;
use crate::failure::test_origin::TestOrigin;
use crate::run::request::Record;
use std::io::{self, Write};

/// Writes the lines of one record.
pub(crate) struct Writer<W: Write> {
    to: Compressor<W>,
    counts: Counts,
    size: Size,
    sum: LineSum,
    line: Vec<u8>,
}

impl<W: Write> Writer<W> {
    /// An empty record.
    pub(crate) fn new(to: W) -> Self {
        let to = Compressor::new(to);
        Self { to, counts: Counts::default(), size: Size::default(), sum: LineSum::default(), line: Vec::new() }
    }

    /// Writes a line, unless no reader would read it.
    pub(crate) fn put(&mut self, entry: &Entry) -> io::Result<()> {
        let too_large = |limit: String| io::Error::other(format!("a record may not have {limit}"));
        match entry {
            Entry::Event(_) => {
                self.counts.events += 1;
                self.size.add_event().map_err(too_large)?;
            }
            Entry::Choice(_) => self.counts.choices += 1,
            Entry::Line(_) => self.counts.lines += 1,
            _ => {}
        }
        self.line.clear();
        serde_json::to_writer(&mut self.line, entry)?;
        self.size.add_line(self.line.len()).map_err(too_large)?;
        self.sum.add(&self.line);
        self.line.push(b'\n');
        self.to.write_all(&self.line)
    }

    /// Makes the lines so far readable.
    fn flush(&mut self) -> io::Result<()> {
        self.to.flush()
    }

    /// Writes the last two lines and returns the destination.
    pub(crate) fn finish(mut self) -> io::Result<W> {
        let fnv = self.sum.to_string();
        self.put(&Entry::Sum { fnv })?;
        self.put(&Entry::End(self.counts))?;
        self.to.finish()
    }
}

/// Writes the record of a finding. It has the events themselves instead of their digests.
pub(super) fn write<W: Write>(
    failure: &FailingRun,
    environment: Environment,
    program: Program,
    test: Option<&TestOrigin>,
    to: W,
) -> io::Result<W> {
    let FailingRun { finding, scenario, build, ended, record, totals, also, stack, shrunk } = failure;
    let mut writer = Writer::new(to);
    writer.put(&Entry::Record(Header {
        format: FORMAT,
        afterlife: env!("CARGO_PKG_VERSION").to_owned(),
        program,
        scenario: scenario.clone(),
        build: *build,
        seed: finding.seed,
        token: finding.token.clone(),
        signature: finding.signature.clone(),
        digest: finding.digest.to_string(),
        test: test.cloned(),
    }))?;
    writer.put(&Entry::Environment(environment))?;
    writer.put(&Entry::Finding(Box::new(Sheet {
        finding: finding.clone(),
        ended: ended.clone(),
        totals: *totals,
        also: also.clone(),
        stack: stack.clone(),
        shrunk: shrunk.clone(),
    })))?;
    let Record { names, nodes, events, sockets, digests: _, places, awaited, stacks, lines, strayed: _, choices } =
        record;
    // A file that is truncated later still has its origin and the token.
    writer.flush()?;
    for (id, name) in (0..).zip(nodes) {
        writer.put(&Entry::Node { id, name: name.clone() })?;
    }
    for (id, text) in (0..).zip(names).skip(1) {
        writer.put(&Entry::Text { id, text: text.clone() })?;
    }
    for (id, line) in places {
        writer.put(&Entry::Place { id: *id, line: line.clone(), awaited: awaited.get(id).cloned() })?;
    }
    for stack in stacks {
        writer.put(&Entry::Stack(stack.clone()))?;
    }
    for socket in sockets {
        writer.put(&Entry::Socket(socket.clone()))?;
    }
    // Choices and lines are written at their place among the events.
    let (mut choices, mut lines) = (choices.iter().peekable(), lines.iter().peekable());
    for event in events.iter().map(Some).chain([None]) {
        let before = event.map_or(u64::MAX, |event| event.seq.0);
        while let Some(asked) = choices.next_if(|asked| asked.events <= before) {
            writer.put(&Entry::Choice(Choice::from(asked)))?;
        }
        while let Some(line) = lines.next_if(|line| line.events <= before) {
            writer.put(&Entry::Line(line.clone()))?;
        }
        if let Some(event) = event {
            writer.put(&Entry::Event(Happened::from(event)))?;
        }
    }
    writer.finish()
}
