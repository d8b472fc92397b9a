//! Reads a fact from one line of a JSON log: the format of `tracing_subscriber::fmt().json()`, flattened or not, and similar ones.
//! It does not interpret the fact.

use super::log_fact::LogFact;
use serde_json::{Map, Value};

/// Reads a line: `None` if it is not a JSON object, `Some(None)` if it states no fact.
pub(crate) fn read(line: &str) -> Option<Option<LogFact>> {
    let Value::Object(line) = serde_json::from_str(line).ok()? else { return None };
    let places = places(&line);
    let field = |name: &str| places.iter().find_map(|place| place.get(name));
    let Some(kind) = field("fact").and_then(Value::as_str) else { return Some(None) };
    let site = match (field("site"), field("filename").or_else(|| field("file")), field("line_number")) {
        (Some(site), ..) => text(site),
        (None, Some(file), Some(line)) => format!("{}:{}", text(file), text(line)),
        _ => String::new(),
    };
    let number = |name: &str| field(name).map(text).filter(|number| number != "0" && !number.is_empty());
    Some(Some(LogFact {
        time_ns: field("timestamp").and_then(time_ns),
        node: field("node").map(text).unwrap_or_default(),
        thread: field("threadId").map(text).map_or(0, |id| digits(&id)),
        kind: kind.to_owned(),
        name: field("name").map(text).unwrap_or_default(),
        object: number("object"),
        part: number("part"),
        value: field("value").map_or(0, whole),
        text: field("text").map(text),
        site,
    }))
}

/// The objects that may hold a field, nearest first: the event, the top level, the current span, the spans around it.
fn places(line: &Map<String, Value>) -> Vec<&Map<String, Value>> {
    let inner = |name: &str| line.get(name).and_then(Value::as_object);
    let spans = line.get("spans").and_then(Value::as_array).into_iter().flatten().rev().filter_map(Value::as_object);
    inner("fields").into_iter().chain([line]).chain(inner("span")).chain(spans).collect()
}

fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// A whole number of 64 bits, signed or not. An unsigned number keeps its bits.
fn whole(value: &Value) -> i64 {
    match value {
        Value::Bool(held) => i64::from(*held),
        Value::String(text) => text.parse().or_else(|_| text.parse::<u64>().map(|value| value as i64)).unwrap_or(0),
        other => other.as_i64().or_else(|| other.as_u64().map(|value| value as i64)).unwrap_or(0),
    }
}

fn digits(text: &str) -> u32 {
    text.chars().filter_map(|letter| letter.to_digit(10)).fold(0, |number, digit| number.wrapping_mul(10) + digit)
}

/// Nanoseconds since 1970, from an RFC 3339 timestamp or from a number of seconds, milliseconds, microseconds or nanoseconds. The
/// size of the number tells its unit.
fn time_ns(value: &Value) -> Option<u64> {
    if let Some(text) = value.as_str() {
        let time: jiff::Timestamp = text.parse().ok()?;
        return u64::try_from(time.as_nanosecond()).ok();
    }
    let number = value.as_u64()?;
    let unit_ns = match number {
        0..100_000_000_000 => 1_000_000_000,
        100_000_000_000..100_000_000_000_000 => 1_000_000,
        100_000_000_000_000..100_000_000_000_000_000 => 1_000,
        _ => 1,
    };
    number.checked_mul(unit_ns)
}
