//! Nodes to YAML, byte for byte as `kustomize build` prints an object.

use super::order;
use super::style::{self, Style};
use crate::float::shortest;
use crate::node::{Map, Node, NumberValue, Value};

/// Columns after which a text is folded at its next space; what Go's YAML printer is set to in kustomize.
const WIDTH: usize = 80;
/// Spaces per level.
const INDENT: usize = 2;
/// Bytes of the longest key that is printed as `key: value`; longer ones become `? key`.
const LONGEST_SIMPLE_KEY: usize = 128;

/// Prints one document.
#[must_use]
pub fn to_string(node: &Node) -> String {
    let mut out = String::new();
    write(node, &mut out);
    out
}

/// Prints documents with `---` between them.
pub fn write_documents<'n>(nodes: impl IntoIterator<Item = &'n Node>) -> String {
    let mut out = String::new();
    for node in nodes {
        if !out.is_empty() {
            out.push_str("---\n");
        }
        write(node, &mut out);
    }
    out
}

/// Prints one document at the end of `out`, which is empty or ends with a line break.
///
/// Keys come in natural order whatever their order in the node is. What a text was written as does not matter.
pub fn write(node: &Node, out: &mut String) {
    let mut writer = Writer {
        fresh: true,
        line: out.len(),
        out,
    };
    match &node.value {
        Value::List(items) if !items.is_empty() => writer.list(items, 0),
        Value::Map(map) if !map.is_empty() => writer.map(map, 0),
        _ => writer.scalar(node, 0),
    }
    if !writer.fresh {
        writer.out.push('\n');
    }
}

struct Writer<'o> {
    out: &'o mut String,
    /// Where the current line begins.
    line: usize,
    /// True when nothing was printed on the current line.
    fresh: bool,
}

impl Writer<'_> {
    fn start_line(&mut self, indent: usize) {
        if !self.fresh {
            self.out.push('\n');
        }
        self.line = self.out.len();
        self.fresh = false;
        self.pad(indent);
    }

    fn pad(&mut self, indent: usize) {
        const SPACES: &str = "                                ";
        let mut left = indent;
        while left > 0 {
            let now = left.min(SPACES.len());
            self.out.push_str(&SPACES[..now]);
            left -= now;
        }
    }

    /// Characters on the current line.
    fn column(&self) -> usize {
        self.out[self.line..].chars().count()
    }

    fn list(&mut self, items: &[Node], indent: usize) {
        for (index, item) in items.iter().enumerate() {
            if index > 0 || self.fresh {
                self.start_line(indent);
            }
            self.out.push('-');
            self.inline(item, indent);
        }
    }

    fn map(&mut self, map: &Map, indent: usize) {
        let mut members: Vec<_> = map.iter().collect();
        order::sort(&mut members);
        for (index, (key, value)) in members.into_iter().enumerate() {
            if index > 0 || self.fresh {
                self.start_line(indent);
            }
            if key.len() <= LONGEST_SIMPLE_KEY && !style::has_break(key) {
                self.text(key, indent, true);
                self.out.push(':');
                self.member(value, indent);
            } else {
                self.out.push_str("? ");
                self.text(key, indent, false);
                self.start_line(indent);
                self.out.push(':');
                self.inline(value, indent);
            }
        }
    }

    /// What follows `key:`.
    fn member(&mut self, value: &Node, indent: usize) {
        match &value.value {
            Value::List(items) if !items.is_empty() => {
                self.start_line(indent);
                self.list(items, indent);
            }
            Value::Map(map) if !map.is_empty() => {
                self.start_line(indent + INDENT);
                self.map(map, indent + INDENT);
            }
            _ => {
                self.out.push(' ');
                self.scalar(value, indent);
            }
        }
    }

    /// What follows `-`, or the colon after a `?` key: a collection begins on the same line.
    fn inline(&mut self, value: &Node, indent: usize) {
        self.out.push(' ');
        match &value.value {
            Value::List(items) if !items.is_empty() => self.list(items, indent + INDENT),
            Value::Map(map) if !map.is_empty() => self.map(map, indent + INDENT),
            _ => self.scalar(value, indent),
        }
    }

    /// A scalar or an empty collection; `indent` is that of the collection around it.
    fn scalar(&mut self, node: &Node, indent: usize) {
        self.fresh = false;
        match &node.value {
            Value::Null => self.out.push_str("null"),
            Value::Bool(value) => self.out.push_str(if *value { "true" } else { "false" }),
            Value::Number(number) => write_number(number.value, self.out),
            Value::String(text) => self.text(&text.text, indent, false),
            Value::List(_) => self.out.push_str("[]"),
            Value::Map(_) => self.out.push_str("{}"),
        }
    }

    fn text(&mut self, text: &str, indent: usize, is_key: bool) {
        match style::choose(text, is_key) {
            Style::Plain => self.plain(text, indent, is_key),
            Style::Single => self.single_quoted(text, indent, is_key),
            Style::Double => self.double_quoted(text, indent, is_key),
            Style::Literal => self.literal(text, indent + INDENT),
        }
    }

    fn plain(&mut self, text: &str, indent: usize, is_key: bool) {
        let short = text.len() + (self.out.len() - self.line) <= WIDTH;
        if short || is_key || !text.contains(' ') {
            self.out.push_str(text);
        } else {
            self.folded(text, indent);
        }
    }

    fn single_quoted(&mut self, text: &str, indent: usize, is_key: bool) {
        self.out.push('\'');
        let doubled;
        let text = if text.contains('\'') {
            doubled = text.replace('\'', "''");
            &doubled
        } else {
            text
        };
        if style::has_break(text) {
            self.single_quoted_lines(text, indent);
        } else {
            self.plain(text, indent, is_key);
        }
        self.out.push('\'');
    }

    /// Text with U+2028 or U+2029 in it: these end a line, and the next begins indented.
    fn single_quoted_lines(&mut self, text: &str, indent: usize) {
        let mut after_break = false;
        for line in text.split_inclusive(style::is_break) {
            let body = line.trim_end_matches(style::is_break);
            if after_break && !body.is_empty() {
                self.line = self.out.len();
                self.pad(indent + INDENT);
            }
            self.folded(body, indent);
            self.out.push_str(&line[body.len()..]);
            after_break = true;
        }
    }

    /// Breaks lines at single spaces once they are longer than [`WIDTH`].
    fn folded(&mut self, text: &str, indent: usize) {
        let mut column = self.column();
        let mut after_space = false;
        let mut rest = text;
        while let Some(at) = rest.find(' ') {
            let (word, tail) = rest.split_at(at);
            self.out.push_str(word);
            column += word.chars().count();
            // A line is never broken at a space the text begins with.
            let is_inside = rest.len() < text.len() || !word.is_empty();
            after_space = after_space && word.is_empty();
            rest = &tail[1..];
            if is_inside
                && !after_space
                && column > WIDTH
                && !rest.is_empty()
                && !rest.starts_with(' ')
            {
                self.start_line(indent + INDENT);
                column = indent + INDENT;
            } else {
                self.out.push(' ');
                column += 1;
            }
            after_space = true;
        }
        self.out.push_str(rest);
    }

    fn double_quoted(&mut self, text: &str, indent: usize, is_key: bool) {
        self.out.push('"');
        let mut column = self.column();
        let mut after_space = false;
        let mut chars = text.char_indices().peekable();
        // Go's printer escapes every character of a text that begins with a byte order mark.
        let all = text.starts_with('\u{feff}');
        while let Some((index, char)) = chars.next() {
            if char == ' ' && !all {
                let inside = index > 0 && index + 1 < text.len();
                if !is_key && !after_space && column > WIDTH && inside {
                    self.start_line(indent + INDENT);
                    column = indent + INDENT;
                    if chars.peek().is_some_and(|(_, next)| *next == ' ') {
                        self.out.push('\\');
                        column += 1;
                    }
                } else {
                    self.out.push(' ');
                    column += 1;
                }
                after_space = true;
                continue;
            }
            after_space = false;
            let before = self.out.len();
            if all {
                style::escape(char, self.out);
            } else {
                style::push_escaped(char, self.out);
            }
            let is_verbatim = self.out.len() - before == char.len_utf8();
            column += if is_verbatim {
                1
            } else {
                self.out.len() - before
            };
        }
        self.out.push('"');
    }

    fn literal(&mut self, text: &str, indent: usize) {
        self.out.push('|');
        self.out.push_str(style::literal_hints(text));
        self.out.push('\n');
        let mut after_break = true;
        for line in text.split_inclusive(style::is_break) {
            let body = line.trim_end_matches(style::is_break);
            if !body.is_empty() {
                self.line = self.out.len();
                self.pad(indent);
                self.out.push_str(body);
            }
            self.out.push_str(&line[body.len()..]);
            after_break = body.len() < line.len();
        }
        self.fresh = after_break;
    }
}

fn write_number(value: NumberValue, out: &mut String) {
    match value {
        NumberValue::Int(value) => push_display(value, out),
        NumberValue::UInt(value) => push_display(value, out),
        NumberValue::Float(value) if value.is_nan() => out.push_str(".nan"),
        NumberValue::Float(value) if value.is_infinite() => {
            out.push_str(if value < 0.0 { "-.inf" } else { ".inf" });
        }
        NumberValue::Float(value) => write_float(value, out),
    }
}

/// A float passes through JSON first: whole numbers that fit 64 bits come back as integers. The others are printed
/// with an exponent from the 7th digit on and below 1e-4.
fn write_float(value: f64, out: &mut String) {
    let json = NumberValue::Float(value).to_string();
    if let Ok(whole) = json.parse::<i64>() {
        return push_display(whole, out);
    }
    if json.parse::<u64>().is_ok() {
        return out.push_str(&json);
    }
    let scientific = shortest(value);
    let (digits, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    match exponent.parse::<i32>() {
        Ok(exponent) if !(-4..21).contains(&exponent) || exponent >= 6 => {
            let sign = if exponent < 0 { '-' } else { '+' };
            push_display(
                format_args!("{digits}e{sign}{:02}", exponent.unsigned_abs()),
                out,
            );
        }
        _ => out.push_str(&json),
    }
}

fn push_display(value: impl std::fmt::Display, out: &mut String) {
    use std::fmt::Write as _;
    write!(out, "{value}").expect("because writing to a String cannot fail");
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json;

    fn print(json: &str) -> String {
        to_string(&json::from_slice(json.as_bytes()).expect("JSON"))
    }

    #[test]
    fn collections_are_indented_as_kustomize_indents_them() {
        assert_eq!(
            print(r#"{"b":[{"x":1,"a":[2,[3,[]]]},{}],"a":{"c":null}}"#),
            "a:\n  c: null\nb:\n- a:\n  - 2\n  - - 3\n    - []\n  x: 1\n- {}\n"
        );
        assert_eq!(print("[[1],{}]"), "- - 1\n- {}\n");
        assert_eq!(print(r#""x""#), "x\n");
    }

    #[test]
    fn texts_are_quoted_where_they_must_be() {
        let cases = [
            ("true", "\"true\""),
            ("", "\"\""),
            (" a", "' a'"),
            ("it's: ", "'it''s: '"),
            ("a: b", "'a: b'"),
            ("a #b", "'a #b'"),
            ("- a", "'- a'"),
            ("a\\tb", "\"a\\tb\""),
            ("😀", "\"\\U0001F600\""),
            ("-a", "-a"),
            ("a:b#c", "a:b#c"),
        ];
        for (text, printed) in cases {
            assert_eq!(
                print(&format!("[\"{text}\"]")),
                format!("- {printed}\n"),
                "{text}"
            );
        }
    }

    #[test]
    fn lines_become_literals() {
        assert_eq!(print(r#"{"a":"x\n\n y\n"}"#), "a: |\n  x\n\n   y\n");
        assert_eq!(print(r#"{"a":" x\ny"}"#), "a: |2-\n   x\n  y\n");
        assert_eq!(print(r#"{"a":"x\n\n","b":1}"#), "a: |+\n  x\n\nb: 1\n");
        assert_eq!(print(r#"{"a":"x \ny"}"#), "a: \"x \\ny\"\n");
    }

    #[test]
    fn long_texts_are_folded_at_the_space_behind_column_80() {
        let long = "0123456789".repeat(8);
        assert_eq!(
            print(&format!("{{\"a\":\"{long} b c\"}}")),
            format!("a: {long}\n  b c\n")
        );
        assert_eq!(
            print(&format!("[\"{long}: b\"]")),
            format!("- '{long}:\n  b'\n")
        );
    }

    #[test]
    fn long_keys_take_a_line_of_their_own() {
        let long = "k".repeat(129);
        assert_eq!(
            print(&format!("{{\"{long}\":{{\"a\":[1]}}}}")),
            format!("? {long}\n: a:\n  - 1\n")
        );
    }

    #[test]
    fn floats_are_printed_as_go_prints_them() {
        assert_eq!(
            print("[1.5,1.0,1234567.5,0.00001,1e20,1e21,18446744073709551615]"),
            "- 1.5\n- 1\n- 1.2345675e+06\n- 1e-05\n- 1e+20\n- 1e+21\n- 18446744073709551615\n"
        );
    }
}
