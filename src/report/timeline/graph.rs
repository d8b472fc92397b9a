//! The graph beside the rows: a lane per node, incarnations and pauses as bars, lifetimes beside them, messages as arrows.

use super::html::escape;
use super::rows::{Lasting, Span, Timeline, struck};
use crate::failure::failing_run::FailingRun;
use crate::failure::story::Mark;
use crate::report::words::Lexicon;

/// The width of a lane and the height of a row, in pixels.
pub(super) const LANE: usize = 34;
pub(super) const ROW: usize = 24;

/// The distance between an incarnation and each level of lifetimes beside it.
const BESIDE: usize = 5;

/// The height per letter of a slanted lane name, and the largest height of a name.
const LETTER: usize = 5;
const HEAD_MAX: usize = 140;

/// The height of the lane names.
pub(super) fn head_height(timeline: &Timeline<'_>, lexicon: &Lexicon<'_>) -> usize {
    let longest = timeline.lanes.iter().map(|node| lexicon.node(*node).chars().count()).max().unwrap_or(0);
    (longest * LETTER + 16).min(HEAD_MAX)
}

/// The graph as SVG.
pub(super) fn graph(failure: &FailingRun, timeline: &Timeline<'_>, lexicon: &Lexicon<'_>) -> String {
    let head = head_height(timeline, lexicon);
    let at = At { head };
    // Names lean over the lanes to their right.
    let (width, height) = (timeline.lanes.len() * LANE + LANE / 2, head + timeline.rows.len() * ROW);
    let mut svg = format!(
        "<svg class=\"graph\" width=\"{width}\" height=\"{height}\" viewBox=\"0 0 {width} {height}\" role=\"img\" \
         aria-label=\"incarnations and messages\">\n<defs><marker id=\"tip\" viewBox=\"0 0 6 6\" refX=\"6\" refY=\"3\" \
         markerWidth=\"6\" markerHeight=\"6\" orient=\"auto\"><path d=\"M0 0L6 3L0 6z\" class=\"tip\"/></marker></defs>\n"
    );
    for (lane, node) in timeline.lanes.iter().enumerate() {
        let (x, name) = (at.x(lane), escape(&lexicon.node(*node)));
        svg += &format!("<text x=\"{x}\" y=\"{y}\" transform=\"rotate(-45 {x} {y})\">{name}</text>\n", y = head - 8);
        svg += &format!("<path class=\"lane\" d=\"M{x} {head}V{height}\"/>\n");
    }
    for span in &timeline.spans {
        svg += &bar(span, &timeline.spans, &at, lexicon);
    }
    for (from, to) in &timeline.messages {
        svg += &arrow(timeline, *from, *to, &at);
    }
    for (row, step) in timeline.rows.iter().enumerate() {
        let y = at.y(row);
        let class = match step.mark {
            Mark::Broke => "broke",
            Mark::Turning => "turning",
            Mark::Scene => "scene",
        };
        let on = timeline.lanes.binary_search(&step.event.node).into_iter();
        let by = struck(failure, step.event).into_iter().filter_map(|node| timeline.lanes.binary_search(&node).ok());
        for x in on.chain(by).map(|lane| at.x(lane)) {
            svg += &match step.mark {
                Mark::Broke => format!("<path class=\"{class}\" d=\"M{} {}l8 8m0 -8l-8 8\"/>\n", x - 4, y - 4),
                _ => format!("<circle class=\"{class}\" cx=\"{x}\" cy=\"{y}\" r=\"3\"/>\n"),
            };
        }
    }
    svg + "</svg>\n"
}

/// The positions of lanes and rows.
struct At {
    head: usize,
}

impl At {
    fn x(&self, lane: usize) -> usize {
        lane * LANE + LANE / 2
    }

    fn y(&self, row: usize) -> usize {
        self.head + row * ROW + ROW / 2
    }
}

/// A bar from the beginning of a span to its end. Lifetimes are drawn beside their incarnation, and beside each other.
fn bar(span: &Span, all: &[Span], at: &At, lexicon: &Lexicon<'_>) -> String {
    let from = if span.rows.start == 0 { at.head } else { at.y(span.rows.start) };
    let to = at.y(span.rows.end).saturating_sub(if span.rows.end == 0 { 0 } else { ROW / 4 }).max(from + 2);
    let (class, beside, name) = match span.what {
        Lasting::Incarnation => ("incarnation", 0, String::new()),
        Lasting::Pause => ("pause", 0, String::new()),
        Lasting::Object(name) => {
            let level = all.iter().take_while(|other| *other != span).filter(|other| overlaps(other, span)).count();
            ("object", (level % 2 + 1) * BESIDE, format!("<title>{}</title>", escape(lexicon.name(name))))
        }
    };
    let x = at.x(span.lane) + beside;
    format!("<path class=\"{class}\" d=\"M{x} {from}V{to}\">{name}</path>\n")
}

fn overlaps(one: &Span, other: &Span) -> bool {
    let are_objects = matches!((one.what, other.what), (Lasting::Object(_), Lasting::Object(_)));
    are_objects && one.lane == other.lane && one.rows.start < other.rows.end && other.rows.start < one.rows.end
}

fn arrow(timeline: &Timeline<'_>, from: usize, to: usize, at: &At) -> String {
    let lane = |row: usize| timeline.lanes.binary_search(&timeline.rows[row].event.node).ok();
    let (Some(left), Some(right)) = (lane(from), lane(to)) else { return String::new() };
    let (x, end) = (at.x(left), at.x(right));
    let tip = if x < end { end - 5 } else { end + 5 };
    format!("<path class=\"message\" d=\"M{x} {}L{tip} {}\" marker-end=\"url(#tip)\"/>\n", at.y(from), at.y(to))
}
