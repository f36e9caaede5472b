//! Reports as pages that need nothing else: no script, no font, no picture from anywhere.

mod graph;
mod plan;
mod verdict;

use std::fmt::Write as _;

use muster_engine::lines::{Lines, Tone};
use muster_model::problem::visible;

pub(super) use graph::graph;
pub(super) use plan::plan;
pub(super) use verdict::verdict;

const STYLE: &str = include_str!("html/style.css");

/// A whole page; `title` is text, `body` is HTML.
pub(super) fn page(title: &str, body: &str) -> String {
    format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\
         <title>{title}</title>\n<style>\n{STYLE}</style></head>\n<body><main>\n<h1>{title}</h1>\n{body}\
         <footer>muster {}</footer>\n</main></body></html>\n",
        env!("CARGO_PKG_VERSION"),
        title = escape(title),
    )
}

/// Text, safe inside an element or a quoted attribute; control characters are shown escaped.
pub(super) fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in visible(text).chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c => out.push(c),
        }
    }
    out
}

/// A report of lines, each in the colour of its tone.
pub(super) fn report(title: &str, lines: &Lines) -> String {
    let mut body = "<pre>".to_owned();
    for line in &lines.0 {
        let class = class(line.tone);
        let _ = writeln!(
            body,
            "<span class=\"{class}\">{}</span>",
            escape(&line.text)
        );
    }
    body.push_str("</pre>\n");
    page(title, &body)
}

/// The style class of a tone.
fn class(tone: Tone) -> &'static str {
    match tone {
        Tone::Plain => "plain",
        Tone::Heading => "heading",
        Tone::Good => "good",
        Tone::Bad => "bad",
        Tone::Busy => "busy",
        Tone::Faint => "soft",
    }
}

/// A row of figures, each with the word below it.
fn figures(figures: &[(String, &str, &str)]) -> String {
    let mut out = "<div class=\"figures\">\n".to_owned();
    for (number, word, class) in figures {
        let _ = writeln!(
            out,
            "<div class=\"figure {class}\"><b>{}</b>{}</div>",
            escape(number),
            escape(word)
        );
    }
    out.push_str("</div>\n");
    out
}

/// A problem, as a compiler prints it.
fn problem(problem: &muster_model::Problem, class: &str) -> String {
    let mut out = format!("<div class=\"problem {class}\">");
    if let Some(at) = &problem.at {
        let _ = write!(
            out,
            "<code class=\"at\">{}</code> ",
            escape(&at.to_string())
        );
    }
    let _ = write!(
        out,
        "{} <span class=\"tag\">{}</span>",
        escape(&problem.message),
        problem.reason
    );
    if let Some(field) = &problem.field {
        let _ = write!(out, "<br>field <code>{}</code>", escape(field));
    }
    for location in &problem.chain {
        let _ = write!(
            out,
            "<br>from <code>{}</code>",
            escape(&location.to_string())
        );
    }
    let remedy = problem
        .remedy
        .as_deref()
        .unwrap_or_else(|| problem.reason.remedy());
    let _ = writeln!(
        out,
        "<br><span class=\"help\">{}</span></div>",
        escape(remedy)
    );
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markup_in_a_name_stays_text() {
        assert_eq!(
            escape("<script a='b'>\u{1b}&"),
            "&lt;script a=&#39;b&#39;&gt;\\u{1b}&amp;"
        );
        let page = page("<b>", "");
        assert!(page.contains("<title>&lt;b&gt;</title>"), "{page}");
        assert!(
            !page.contains("http://") && !page.contains("https://"),
            "{page}"
        );
    }
}
