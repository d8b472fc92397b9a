//! Reads a record line by line. Truncated records, damaged records and other files each have their own error.

use super::bounds::{LINE_BYTES_MAX, LineSum, Size};
use super::compression::{Decompressor, MAGIC};
use super::environment::Environment;
use super::error::RecordError;
use super::format::{Counts, Entry, FORMAT, Header, Written};
use crate::failure::failing_run::FailingRun;
use crate::failure::finding::Finding;
use crate::failure::replay_text;
use crate::failure::test_origin::TestOrigin;
use crate::model::visible::visible_json;
use crate::run::request::Record;
use serde::Deserialize;
use std::fmt::Display;
use std::io::{self, BufRead, BufReader, Cursor, ErrorKind, Read};
use std::path::{Path, PathBuf};

const FOREIGN: &str = "its first line is not that of a record";

/// The fields that decide whether the rest can be read.
#[derive(Deserialize)]
struct Stamp {
    kind: String,
    format: u32,
    afterlife: String,
}

/// Reads the lines of one record.
pub(crate) struct Reader<'a> {
    path: PathBuf,
    from: BufReader<Decompressor<BufReader<Box<dyn Read + 'a>>>>,
    /// The token that the record begins with, if it is one.
    token: Option<String>,
    text: String,
    /// The number of lines that were read.
    lines: u64,
    counts: Counts,
    size: Size,
    /// The time of the last event.
    time_ns: u64,
    /// The number of nodes.
    nodes: u16,
    /// The checksum of all lines before the current one, and with it.
    sums: [LineSum; 2],
    ended: bool,
}

impl<'a> Reader<'a> {
    /// A reader of this record, and its first line. `path` is for errors.
    pub(crate) fn new(path: &Path, mut from: impl Read + 'a) -> Result<(Self, Header), RecordError> {
        let path = path.to_owned();
        let unreadable = |source| RecordError::Unreadable { path: path.clone(), source };
        let foreign = |what: &str| RecordError::Foreign { path: path.clone(), what: what.to_owned() };
        let mut magic = Vec::new();
        from.by_ref().take(MAGIC.len() as u64).read_to_end(&mut magic).map_err(unreadable)?;
        if magic.is_empty() {
            return Err(foreign("it is empty"));
        }
        if magic != MAGIC {
            return Err(foreign("it is not compressed with zstd"));
        }
        let whole: Box<dyn Read + 'a> = Box::new(Cursor::new(magic).chain(from));
        let mut reader = Self {
            path: path.clone(),
            from: BufReader::new(Decompressor::new(BufReader::new(whole))),
            token: None,
            text: String::new(),
            lines: 0,
            counts: Counts::default(),
            size: Size::default(),
            time_ns: 0,
            nodes: 0,
            sums: [LineSum::default(); 2],
            ended: false,
        };
        let first = reader.text()?.unwrap_or_default();
        let stamp: Option<Stamp> = serde_json::from_str(first).ok().filter(|stamp: &Stamp| stamp.kind == "record");
        let Some(Stamp { format, afterlife, .. }) = stamp else { return Err(foreign(FOREIGN)) };
        if format != FORMAT {
            return Err(RecordError::Newer { path, found: format, written_by: afterlife });
        }
        let Entry::Record(header) = reader.parsed()? else { return Err(foreign(FOREIGN)) };
        reader.token = replay_text::check(&header.token).ok().flatten().map(|_| header.token.clone());
        Ok((reader, header))
    }

    /// The next line as it is, without its newline; `None` after the last.
    pub(crate) fn text(&mut self) -> Result<Option<&str>, RecordError> {
        self.text.clear();
        // A line that is too long is not read to its end.
        match self.from.by_ref().take(LINE_BYTES_MAX as u64 + 2).read_line(&mut self.text) {
            Ok(0) if self.ended => return Ok(None),
            Ok(0) => return Err(self.truncated()),
            Ok(_) if self.ended => return Err(self.malformed("there is data after the last line".to_owned())),
            Ok(bytes) if !self.text.ends_with('\n') && bytes <= LINE_BYTES_MAX => return Err(self.truncated()),
            Ok(_) => {}
            Err(error) if error.kind() == ErrorKind::UnexpectedEof => return Err(self.truncated()),
            Err(error) => return Err(self.malformed(error.to_string())),
        }
        if self.text.ends_with('\n') {
            self.text.pop();
        }
        self.lines += 1;
        self.size.add_line(self.text.len()).map_err(|limit| self.too_large(limit))?;
        self.sums[0] = self.sums[1];
        self.sums[1].add(self.text.as_bytes());
        self.ended = self.text.starts_with("{\"kind\":\"end\"");
        Ok(Some(&self.text))
    }

    /// The next line; `None` after the last.
    pub(crate) fn entry(&mut self) -> Result<Option<Entry>, RecordError> {
        if self.text()?.is_none() {
            return Ok(None);
        }
        let entry = self.parsed()?;
        match &entry {
            Entry::Event(event) => {
                self.size.add_event().map_err(|limit| self.too_large(limit))?;
                if event.seq() != self.counts.events {
                    let (met, expected) = (event.seq(), self.counts.events);
                    return Err(self.contradictory(format!("event {met} stands where event {expected} belongs")));
                }
                if event.time_ns() < self.time_ns {
                    return Err(self.contradictory(format!("event {} is earlier than the one before it", event.seq())));
                }
                if let Some(cause) = event.cause().filter(|cause| *cause >= event.seq()) {
                    let seq = event.seq();
                    return Err(
                        self.contradictory(format!("event {cause} causes event {seq}, and does not come before it"))
                    );
                }
                if let Some(node) = event.node().filter(|node| *node >= self.nodes) {
                    return Err(self.contradictory(format!(
                        "event {} is of node {node}, which the record does not have",
                        event.seq()
                    )));
                }
                self.counts.events += 1;
                self.time_ns = event.time_ns();
            }
            Entry::Sum { fnv } if *fnv != self.sums[0].to_string() => {
                return Err(self.contradictory("its lines have another checksum than it gives".to_owned()));
            }
            Entry::Node { .. } => self.nodes = self.nodes.saturating_add(1),
            Entry::Choice(_) => self.counts.choices += 1,
            Entry::Line(_) => self.counts.lines += 1,
            Entry::End(counts) if *counts != self.counts => {
                return Err(self.malformed(format!("{counts} were written, but {} were read", self.counts)));
            }
            _ => {}
        }
        Ok(Some(entry))
    }

    fn parsed(&self) -> Result<Entry, RecordError> {
        // serde's list of all other kinds would fill a page.
        let short = |error: String| error.split(", expected one of").next().unwrap_or_default().to_owned();
        serde_json::from_str(&self.text).map_err(|error| self.malformed(short(error.to_string())))
    }

    fn truncated(&self) -> RecordError {
        RecordError::Truncated { path: self.path.clone(), lines: self.lines, token: self.token.clone() }
    }

    fn too_large(&self, limit: String) -> RecordError {
        RecordError::TooLarge { path: self.path.clone(), limit, token: self.token.clone() }
    }

    pub(super) fn contradictory(&self, what: String) -> RecordError {
        RecordError::Contradictory { path: self.path.clone(), what }
    }

    pub(super) fn malformed(&self, what: String) -> RecordError {
        RecordError::Malformed { path: self.path.clone(), line: self.lines, what, token: self.token.clone() }
    }
}

/// Reads a whole record.
pub(super) fn read(path: &Path, from: impl Read) -> Result<(FailingRun, Written), RecordError> {
    let (mut reader, header) = Reader::new(path, from)?;
    let (mut environment, mut sheet, mut record) = (Environment::default(), None, Record::default());
    record.names.push(String::new());
    while let Some(entry) = reader.entry()? {
        match entry {
            Entry::Environment(read) => environment = read,
            Entry::Finding(read) => sheet = Some(read),
            Entry::Node { id, name } if usize::from(id) == record.nodes.len() => record.nodes.push(name),
            Entry::Text { id, text } if id as usize == record.names.len() => record.names.push(text),
            Entry::Node { .. } | Entry::Text { .. } => {
                return Err(reader.malformed("its number is out of sequence".to_owned()));
            }
            Entry::Place { id, line, awaited } => {
                record.places.insert(id, line);
                record.awaited.extend(awaited.map(|awaited| (id, awaited)));
            }
            Entry::Stack(stack) => record.stacks.push(stack),
            Entry::Socket(socket) => record.sockets.push(socket),
            Entry::Choice(choice) => match choice.asked() {
                Some(asked) => record.choices.push(asked),
                None => return Err(reader.malformed("`who` is not a hexadecimal number".to_owned())),
            },
            Entry::Line(line) => record.lines.push(line),
            Entry::Event(event) => record.events.push(event.into()),
            Entry::Record(_) => return Err(reader.malformed("a second header".to_owned())),
            Entry::End(_) | Entry::Sum { .. } | Entry::Unknown => {}
        }
    }
    let Some(sheet) = sheet else { return Err(reader.malformed("it has no finding".to_owned())) };
    header.test.iter().try_for_each(TestOrigin::check).map_err(|what| reader.contradictory(what))?;
    agree(&header, &sheet.finding).map_err(|what| reader.contradictory(what))?;
    let failure = FailingRun {
        finding: sheet.finding,
        scenario: header.scenario.clone(),
        build: header.build,
        ended: sheet.ended,
        record,
        totals: sheet.totals,
        also: sheet.also,
        stack: sheet.stack,
        shrunk: sheet.shrunk,
    };
    Ok((failure, Written { header, environment }))
}

/// Checks that the parts of a record name the same run. The digest cannot be computed again: what programs read is part of it, and no event.
fn agree(header: &Header, finding: &Finding) -> Result<(), String> {
    let differ = |what: &str, here: &dyn Display, there: &dyn Display| {
        format!("its {what} is {here} in one line and {there} in another")
    };
    let Header { token, scenario, build, seed, signature, digest, .. } = header;
    if *token != finding.token {
        return Err(differ("token", token, &finding.token));
    }
    if *seed != finding.seed {
        return Err(differ("seed", seed, &finding.seed));
    }
    if *signature != finding.signature || *signature != finding.violation.signature() {
        return Err(differ("signature", signature, &finding.violation.signature()));
    }
    if *digest != finding.digest.to_string() {
        return Err(differ("digest", digest, &finding.digest));
    }
    let Some(run) = replay_text::check(token)? else { return Ok(()) };
    if run.scenario != *scenario || run.build != *build || run.seed != *seed {
        let (here, there) =
            (format!("{scenario} {build}, seed {seed}"), format!("{} {}, seed {}", run.scenario, run.build, run.seed));
        return Err(format!("it is of {here}, and its token of {there}"));
    }
    Ok(())
}

/// Passes every line of a record to `take`, with its number from 1.
pub(super) fn each(path: &Path, from: impl Read, take: &mut dyn FnMut(u64, Entry)) -> Result<(), RecordError> {
    let (mut reader, header) = Reader::new(path, from)?;
    take(reader.lines, Entry::Record(header));
    while let Some(entry) = reader.entry()? {
        take(reader.lines, entry);
    }
    Ok(())
}

/// Returns whether these bytes begin like a compressed record.
pub(super) fn begins(bytes: &[u8]) -> bool {
    bytes.starts_with(&MAGIC)
}

/// Reads the origin of a record: its first two lines.
pub(super) fn written(path: &Path, from: impl Read) -> Result<Written, RecordError> {
    let (mut reader, header) = Reader::new(path, from)?;
    match reader.entry()? {
        Some(Entry::Environment(environment)) => Ok(Written { header, environment }),
        _ => Err(reader.malformed("the second line is not the environment".to_owned())),
    }
}

/// Copies the lines of a record. What a terminal would obey is written as JSON's own escapes.
pub(super) fn copy(path: &Path, from: impl Read, to: &mut dyn io::Write) -> Result<(), RecordError> {
    let (mut reader, _) = Reader::new(path, from)?;
    loop {
        // If the reader of the output has gone, the rest is not needed.
        if writeln!(to, "{}", visible_json(&reader.text)).is_err() || reader.text()?.is_none() {
            return Ok(());
        }
    }
}
