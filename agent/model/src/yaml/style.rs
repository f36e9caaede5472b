//! How a text is quoted, so that it is read back as the same text.

use super::resolve;

/// The four forms a text is printed in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Style {
    /// As it is.
    Plain,
    /// `'…'`.
    Single,
    /// `"…"` with escapes.
    Double,
    /// `|` and the lines below.
    Literal,
}

/// What about a text forbids some of the forms.
#[derive(Default)]
struct Features {
    /// Something that means more than itself outside quotes.
    indicator: bool,
    /// A character that can only be written as an escape.
    special: bool,
    has_break: bool,
    space_then_break: bool,
    break_then_space: bool,
    ends_with_space: bool,
    /// A space or a line break at either end.
    blank_edge: bool,
}

/// Picks the form.
pub(super) fn choose(text: &str, is_key: bool) -> Style {
    if text.contains('\n') {
        let block = is_block_allowed(text);
        return if block && !is_key {
            Style::Literal
        } else {
            Style::Double
        };
    }
    if resolve::needs_quotes(text) {
        return Style::Double;
    }
    if is_simple(text) {
        return Style::Plain;
    }
    let features = Features::of(text);
    if features.special || features.space_then_break || features.break_then_space {
        Style::Double
    } else if features.indicator || features.has_break || features.blank_edge {
        Style::Single
    } else {
        Style::Plain
    }
}

/// True when the text can be printed as a block, where nothing can be escaped.
pub(super) fn is_block_allowed(text: &str) -> bool {
    let features = Features::of(text);
    !features.ends_with_space && !features.space_then_break && !features.special
}

/// True for texts that begin with a letter or a digit and have only letters, digits and `-_./` in them.
fn is_simple(text: &str) -> bool {
    text.bytes()
        .next()
        .is_some_and(|b| b.is_ascii_alphanumeric())
        && text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.' | b'/'))
}

impl Features {
    fn of(text: &str) -> Self {
        let mut found = Self {
            indicator: text.starts_with("---") || text.starts_with("..."),
            ends_with_space: text.ends_with(' '),
            blank_edge: text.starts_with([' ', '\n', '\r', '\u{85}', '\u{2028}', '\u{2029}'])
                || text.ends_with([' ', '\n', '\r', '\u{85}', '\u{2028}', '\u{2029}']),
            ..Self::default()
        };
        let mut chars = text.chars().peekable();
        let mut before = None;
        while let Some(char) = chars.next() {
            let before_blank = matches!(chars.peek(), None | Some(' ' | '\t'));
            found.indicator |= match before {
                None => begins_something(char, before_blank),
                Some(before) => {
                    (char == ':' && before_blank) || (char == '#' && is_blank_or_break(before))
                }
            };
            found.special |= !is_printable(char);
            found.has_break |= is_break(char);
            found.space_then_break |= before == Some(' ') && is_break(char);
            found.break_then_space |= before.is_some_and(is_break) && char == ' ';
            before = Some(char);
        }
        found
    }
}

fn begins_something(first: char, before_blank: bool) -> bool {
    match first {
        '#' | ',' | '[' | ']' | '{' | '}' | '&' | '*' | '!' | '|' | '>' | '\'' | '"' | '%'
        | '@' | '`' => true,
        '?' | ':' | '-' => before_blank,
        _ => false,
    }
}

fn is_blank_or_break(char: char) -> bool {
    matches!(char, ' ' | '\t' | '\0') || is_break(char)
}

/// Line breaks of YAML 1.1.
pub(super) fn is_break(char: char) -> bool {
    matches!(char, '\n' | '\r' | '\u{85}' | '\u{2028}' | '\u{2029}')
}

/// True when a line break of YAML 1.1 is in the text.
pub(super) fn has_break(text: &str) -> bool {
    text.contains(is_break)
}

fn is_printable(char: char) -> bool {
    matches!(char, '\n' | ' '..='~' | '\u{a0}'..='\u{d7ff}' | '\u{e000}'..='\u{fffd}')
        && char != '\u{feff}'
}

/// The header of a literal: how far it is indented where the text does not show it, and what its end is.
pub(super) fn literal_hints(text: &str) -> &'static str {
    let hint = text.starts_with(|c| c == ' ' || is_break(c));
    let mut from_end = text.chars().rev();
    let last = from_end.next().is_some_and(is_break);
    let last_two = last && from_end.next().is_none_or(is_break);
    match (hint, last, last_two) {
        (false, false, _) => "-",
        (false, true, false) => "",
        (false, true, true) => "+",
        (true, false, _) => "2-",
        (true, true, false) => "2",
        (true, true, true) => "2+",
    }
}

/// Adds a character of a double-quoted text, escaped where it must be.
pub(super) fn push_escaped(char: char, out: &mut String) {
    if is_printable(char) && !is_break(char) && char != '"' && char != '\\' {
        out.push(char);
    } else {
        escape(char, out);
    }
}

/// Adds the escape of a character.
pub(super) fn escape(char: char, out: &mut String) {
    use std::fmt::Write as _;
    let short = match char {
        '\0' => '0',
        '\u{7}' => 'a',
        '\u{8}' => 'b',
        '\t' => 't',
        '\n' => 'n',
        '\u{b}' => 'v',
        '\u{c}' => 'f',
        '\r' => 'r',
        '\u{1b}' => 'e',
        '"' => '"',
        '\\' => '\\',
        '\u{85}' => 'N',
        '\u{a0}' => '_',
        '\u{2028}' => 'L',
        '\u{2029}' => 'P',
        _ => {
            let code = u32::from(char);
            match code {
                0..0x100 => write!(out, "\\x{code:02X}"),
                0x100..0x1_0000 => write!(out, "\\u{code:04X}"),
                _ => write!(out, "\\U{code:08X}"),
            }
            .expect("because writing to a String cannot fail");
            return;
        }
    };
    out.push('\\');
    out.push(short);
}
