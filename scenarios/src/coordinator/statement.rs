//! Statements and the plan segments that they become.
//! The language is just large enough for the workload: scans of several tables, a limit, and settings.

use super::error::{Code, QueryError};
use super::rpc::InstanceId;

/// The most scans in a query; with the final segment that makes six.
const TABLES_MAX: usize = 5;
/// The most instances of a segment.
const PARALLEL_MAX: u32 = 8;

/// A client's request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Request {
    Select(Select),
    /// `kill ID` ends another connection's query.
    Kill(String),
    /// `cancel` ends this connection's own query while it runs.
    Cancel,
}

/// `select from A,B limit N settings NAME=VALUE …` returns all rows of the tables.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Select {
    pub(super) tables: Vec<String>,
    pub(super) limit: Option<usize>,
    pub(super) settings: Settings,
}

/// The settings of a query.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Settings {
    /// The number of instances of each segment.
    pub(super) parallel: u32,
    /// Queries with a larger number wait for those with a smaller one; 0 means no priority.
    pub(super) priority: u32,
    /// `interactive_delay_optimizer_mode` in milliseconds. At 0 workers report no progress before their end.
    pub(super) progress_every_ms: u64,
    /// Retries failed instances on other workers.
    pub(super) bsp_mode: bool,
    /// The segment in which the statement throws.
    pub(super) throw_in: Option<u32>,
    pub(super) user: String,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            parallel: 2,
            priority: 0,
            progress_every_ms: 0,
            bsp_mode: false,
            throw_in: None,
            user: "default".to_owned(),
        }
    }
}

/// One instance of a scan, not yet placed on a worker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Scan {
    pub(super) id: InstanceId,
    pub(super) table: String,
    pub(super) partitions: Vec<u32>,
}

impl Select {
    /// Returns the instances of its scans. Segment 0, which gathers their rows, runs on the server.
    pub(super) fn scans(&self, partitions: u32) -> Vec<Scan> {
        let parallel_size = self.settings.parallel.min(partitions).max(1);
        let segments = (1_u32..).zip(&self.tables);
        let instances = segments.flat_map(|(segment, table)| (0..parallel_size).map(move |at| (segment, at, table)));
        let of = |at| (at..partitions).step_by(parallel_size as usize).collect();
        let scan = |(segment, parallel, table): (u32, u32, &String)| Scan {
            id: InstanceId { segment, parallel },
            table: table.clone(),
            partitions: of(parallel),
        };
        instances.map(scan).collect()
    }
}

/// Parses a statement.
pub(super) fn parse(text: &str) -> Result<Request, QueryError> {
    let wrong = |what: String| QueryError::new(Code::SyntaxError, what);
    let mut words = text.split_whitespace();
    let number = |word: Option<&str>| {
        word.and_then(|word| word.parse().ok()).ok_or_else(|| wrong(format!("a number is missing in `{text}`")))
    };
    match (words.next(), words.next()) {
        (Some("cancel"), None) => return Ok(Request::Cancel),
        (Some("kill"), Some(id)) => return Ok(Request::Kill(id.to_owned())),
        (Some("select"), Some("from")) => {}
        _ => return Err(wrong(format!("`{text}` begins neither with `select from` nor with `kill` and an id"))),
    }
    let tables = words.next().ok_or_else(|| wrong("no table is named".to_owned()))?;
    let mut select = Select { tables: tables.split(',').map(str::to_owned).collect(), ..Select::default() };
    if select.tables.len() > TABLES_MAX {
        return Err(wrong(format!("{} tables: {TABLES_MAX} is the most", select.tables.len())));
    }
    let settings = &mut select.settings;
    while let Some(word) = words.next() {
        match word.split_once('=') {
            None if word == "limit" => select.limit = Some(number(words.next())? as usize),
            None if word == "settings" => {}
            Some(("parallel", value)) => settings.parallel = (number(Some(value))? as u32).clamp(1, PARALLEL_MAX),
            Some(("priority", value)) => settings.priority = number(Some(value))? as u32,
            Some(("progress_every_ms", value)) => settings.progress_every_ms = number(Some(value))?,
            Some(("bsp_mode", value)) => settings.bsp_mode = number(Some(value))? == 1,
            Some(("throw_in", value)) => settings.throw_in = Some(number(Some(value))? as u32),
            Some(("user", value)) => settings.user = value.to_owned(),
            _ => return Err(wrong(format!("`{word}` is neither `limit` nor a setting"))),
        }
    }
    Ok(Request::Select(select))
}

#[cfg(test)]
mod tests {
    use super::{Request, Select, Settings, parse};

    #[test]
    fn a_selects_scans_cover_all_partitions() {
        let Ok(Request::Select(select)) = parse("select from a,b limit 7 settings parallel=3 priority=2 throw_in=1")
        else {
            panic!("a select")
        };
        let settings = Settings { parallel: 3, priority: 2, throw_in: Some(1), ..Settings::default() };
        assert_eq!(select, Select { tables: vec!["a".into(), "b".into()], limit: Some(7), settings });
        let scans = select.scans(8);
        assert_eq!(scans.len(), 6);
        let mut of_b: Vec<u32> =
            scans.iter().filter(|scan| scan.table == "b").flat_map(|scan| scan.partitions.clone()).collect();
        of_b.sort_unstable();
        assert_eq!(of_b, (0..8).collect::<Vec<_>>());
        assert_eq!(scans.last().map(|scan| scan.id.to_string()), Some("2.2".to_owned()));
    }

    #[test]
    fn an_invalid_statement_is_refused() {
        assert_eq!(parse("kill q7"), Ok(Request::Kill("q7".into())));
        assert_eq!(parse("cancel"), Ok(Request::Cancel));
        for wrong in
            ["", "insert", "select from", "select from a limit", "select from a where", "select from a,b,c,d,e,f"]
        {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
    }
}
