//! What kustomize changes in its resources on the way from YAML to YAML.
//!
//! Kustomize keeps a resource as it was written, prints it in that form, and reads it again to print the result. Three
//! forms do not survive: blocks that begin with `>`, nothing as a value inside `{}`, and times inside `[]` and `{}`.

use std::borrow::Cow;

use super::build::Tag;
use super::resolve::{Resolved, resolve};
use super::style;
use super::token::ScalarStyle;

/// The scalar as it comes out: its text and its style.
pub(super) fn scalar(
    text: Cow<'_, str>,
    style: ScalarStyle,
    tag: Tag,
    in_flow: bool,
) -> (Cow<'_, str>, ScalarStyle) {
    match style {
        ScalarStyle::Plain if in_flow && tag == Tag::None && becomes_text(&text) => {
            (text, ScalarStyle::Quoted)
        }
        ScalarStyle::Plain | ScalarStyle::Quoted | ScalarStyle::Folded => (text, style),
    }
}

/// True for what is printed in quotes inside `[]` and `{}`, though it is no text.
fn becomes_text(text: &str) -> bool {
    text.is_empty() || (text.contains(':') && matches!(resolve(text), Resolved::Timestamp(_)))
}

/// A folded text printed and read again, where that changes it: Go's printer doubles the line breaks behind a line that
/// is not indented, also where the reader does not halve them.
pub(super) fn folded(text: &str) -> Option<String> {
    // The printer used on the way lets tabs stand in blocks.
    let is_block = style::is_block_allowed(&text.replace('\t', "-"));
    if !is_block || text.contains(['\r', '\u{85}', '\u{2028}', '\u{2029}']) {
        return None;
    }
    let body = text.trim_start_matches('\n');
    let doubles = !body.is_empty() && !is_indented(body);
    let mut out = text[..text.len() - body.len()].to_owned();
    let mut rest = body;
    while !rest.is_empty() {
        let (line, tail) = rest.split_at(rest.find('\n').unwrap_or(rest.len()));
        rest = tail.trim_start_matches('\n');
        let breaks = tail.len() - rest.len();
        let is_doubled = doubles && !is_indented(line);
        let printed = breaks + usize::from(is_doubled && breaks > 0);
        let read = if rest.is_empty() {
            // One line break is clipped to one; more are kept.
            if breaks > 1 { printed } else { breaks }
        } else if is_indented(line) || is_indented(rest) {
            printed
        } else {
            printed - 1
        };
        out.push_str(line);
        if read == 0 && !rest.is_empty() {
            out.push(' ');
        }
        out.extend(std::iter::repeat_n('\n', read));
    }
    (out != text).then_some(out)
}

fn is_indented(line: &str) -> bool {
    line.starts_with([' ', '\t'])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn line_breaks_around_indented_lines_of_a_folded_text_are_doubled() {
        let cases = [
            ("a\n", None),
            ("a\nb\n", None),
            ("a\n\n b\nc\n", Some("a\n\n\n b\nc\n")),
            ("a\n\n", Some("a\n\n\n")),
            ("\na\n b", Some("\na\n\n b")),
            ("", None),
            ("a \n b", None),
            ("a\n\tb", Some("a\n\n\tb")),
        ];
        for (text, reprinted) in cases {
            assert_eq!(folded(text).as_deref(), reprinted, "{text:?}");
        }
    }
}
