//! Small pieces of HTML: escaped text and elements.

use crate::model::visible::visible;

/// Escapes a text for elements and quoted attributes.
pub(super) fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            // HTML has no control characters, and controls of the writing direction reorder what stands beside them.
            '\n' => escaped.push('\n'),
            other => escaped.push_str(&visible(other.encode_utf8(&mut [0; 4]))),
        }
    }
    escaped
}

/// An element with a class, around HTML.
pub(super) fn classed(element: &str, class: &str, inner: &str) -> String {
    let class = if class.is_empty() { String::new() } else { format!(" class=\"{class}\"") };
    format!("<{element}{class}>{inner}</{element}>\n")
}

/// A folded block of text lines; empty without lines.
pub(super) fn folded(title: &str, lines: &[String]) -> String {
    if lines.is_empty() {
        return String::new();
    }
    let text: Vec<String> = lines.iter().map(|line| escape(line)).collect();
    format!("<details><summary>{}</summary><pre>{}</pre></details>\n", escape(title), text.join("\n"))
}
