//! Small pieces of HTML: escaped text and elements.

/// Escapes a text for elements and quoted attributes.
pub(super) fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            // HTML has no control characters. The page shows their escapes.
            control if control.is_control() && control != '\n' => escaped.extend(control.escape_default()),
            other => escaped.push(other),
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
