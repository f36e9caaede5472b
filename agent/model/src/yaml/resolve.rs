//! What Go's YAML reader takes an unquoted scalar for.

use super::timestamp::{self, Timestamp};
use crate::node::NumberValue;

/// What an unquoted scalar stands for.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Resolved {
    /// A text.
    Text,
    /// `~`, `null` or nothing.
    Null,
    /// `true` or `false`; `yes` and `on` are texts.
    Bool(bool),
    /// A number.
    Number(NumberValue),
    /// A date or a time.
    Timestamp(Timestamp),
}

/// Types a scalar as the reader of kustomize does (YAML 1.1 numbers, YAML 1.2 booleans).
pub(super) fn resolve(text: &str) -> Resolved {
    let Some(first) = text.as_bytes().first() else {
        return Resolved::Null;
    };
    match first {
        b'~' | b'n' | b'N' | b't' | b'T' | b'f' | b'F' => word(text),
        b'.' => special(text)
            .or_else(|| point_number(text))
            .map_or(Resolved::Text, Resolved::Number),
        b'+' | b'-' | b'0'..=b'9' => digits(text),
        _ => Resolved::Text,
    }
}

/// Types a scalar that has a tag, which may be quoted. It is read as a timestamp only when its tag says so.
pub(super) fn resolve_tagged(text: &str, as_timestamp: bool) -> Resolved {
    match resolve(text) {
        Resolved::Timestamp(_) if !as_timestamp => Resolved::Text,
        resolved => resolved,
    }
}

/// True when printing the text without quotes would make something else of it for the reader of YAML 1.1, which also
/// takes `yes`, `on`, `y` and their like for booleans, or for one that knows base 60 (`12:30:45`).
pub(super) fn needs_quotes(text: &str) -> bool {
    match text {
        "y" | "Y" | "yes" | "Yes" | "YES" | "on" | "On" | "ON" | "n" | "N" | "no" | "No" | "NO"
        | "off" | "Off" | "OFF" => true,
        _ => (resolve(text) != Resolved::Text && !is_signed_octal(text)) || is_base_60(text),
    }
}

fn word(text: &str) -> Resolved {
    match text {
        "~" | "null" | "Null" | "NULL" => Resolved::Null,
        "true" | "True" | "TRUE" => Resolved::Bool(true),
        "false" | "False" | "FALSE" => Resolved::Bool(false),
        _ => Resolved::Text,
    }
}

fn special(text: &str) -> Option<NumberValue> {
    let value = match text {
        ".inf" | ".Inf" | ".INF" | "+.inf" | "+.Inf" | "+.INF" => f64::INFINITY,
        "-.inf" | "-.Inf" | "-.INF" => f64::NEG_INFINITY,
        ".nan" | ".NaN" | ".NAN" => f64::NAN,
        _ => return None,
    };
    Some(NumberValue::Float(value))
}

/// A number that begins with a point. Other than in numbers that begin with a digit, `_` must stand between digits.
fn point_number(text: &str) -> Option<NumberValue> {
    let separates = |at: &[u8]| at[0].is_ascii_digit() && at[2].is_ascii_digit();
    let mut places = text.as_bytes().windows(3);
    if text.ends_with('_') || !places.all(|at| at[1] != b'_' || separates(at)) {
        return None;
    }
    let bare = text.replace('_', "");
    is_float(&bare).then(|| float(&bare))?
}

fn digits(text: &str) -> Resolved {
    if let Some(value) = special(text) {
        return Resolved::Number(value);
    }
    // Long texts that begin with a digit (hashes, versions, addresses) are the common case: most end here.
    if !text.bytes().all(may_be_typed) {
        return Resolved::Text;
    }
    if let Some(stamp) = timestamp::parse(text) {
        return Resolved::Timestamp(stamp);
    }
    let bare;
    let text = if text.contains('_') {
        bare = text.replace('_', "");
        &bare
    } else {
        text
    };
    integer(text)
        .or_else(|| is_float(text).then(|| float(text))?)
        .or_else(|| signed_after_prefix(text))
        .map_or(Resolved::Text, Resolved::Number)
}

/// Bytes that occur in numbers, dates and times.
fn may_be_typed(byte: u8) -> bool {
    byte.is_ascii_hexdigit()
        || matches!(
            byte,
            b'+' | b'-'
                | b'.'
                | b','
                | b':'
                | b'_'
                | b' '
                | b'T'
                | b't'
                | b'Z'
                | b'x'
                | b'X'
                | b'o'
                | b'O'
        )
}

fn integer(text: &str) -> Option<NumberValue> {
    let (sign, digits) = match text.as_bytes().first()? {
        b'-' => (Some(true), &text[1..]),
        b'+' => (Some(false), &text[1..]),
        _ => (None, text),
    };
    let (radix, digits) = match digits.as_bytes() {
        [b'0', b'x' | b'X', ..] => (16, &digits[2..]),
        [b'0', b'b' | b'B', ..] => (2, &digits[2..]),
        [b'0', b'o' | b'O', ..] => (8, &digits[2..]),
        [b'0', _, ..] => (8, &digits[1..]),
        _ => (10, digits),
    };
    if !digits.bytes().all(|byte| char::from(byte).is_digit(radix)) {
        return None;
    }
    let magnitude = u64::from_str_radix(digits, radix).ok()?;
    if sign == Some(true) {
        return 0i64.checked_sub_unsigned(magnitude).map(NumberValue::Int);
    }
    match i64::try_from(magnitude) {
        Ok(value) => Some(NumberValue::Int(value)),
        // Go's unsigned parser takes no sign, so `+18446744073709551615` becomes a float.
        Err(_) if sign.is_some() => None,
        Err(_) => Some(NumberValue::UInt(magnitude)),
    }
}

/// Go also reads `0b-11` and `0o-7`.
fn signed_after_prefix(text: &str) -> Option<NumberValue> {
    let (radix, rest) = match text.as_bytes() {
        [b'0', b'b', b'+' | b'-', ..] => (2, &text[2..]),
        [b'0', b'o', b'+' | b'-', ..] => (8, &text[2..]),
        _ => return None,
    };
    i64::from_str_radix(rest, radix).ok().map(NumberValue::Int)
}

/// `0o-7` is a number for the newer of Go's two readers only.
fn is_signed_octal(text: &str) -> bool {
    let bare = text.replace('_', "");
    bare.starts_with("0o-") || bare.starts_with("0o+")
}

/// True for an optional sign, digits with at most one point among them, and an optional exponent.
fn is_float(text: &str) -> bool {
    let body = text.strip_prefix(['-', '+']).unwrap_or(text);
    let (number, exponent) = match body.find(['e', 'E']) {
        Some(at) => (&body[..at], Some(&body[at + 1..])),
        None => (body, None),
    };
    let (whole, fraction) = number.split_once('.').unwrap_or((number, "0"));
    let only_digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    let is_number = only_digits(whole)
        && only_digits(fraction)
        && !(whole.is_empty() && fraction.is_empty())
        && !number.is_empty();
    is_number
        && exponent.is_none_or(|part| {
            let part = part.strip_prefix(['-', '+']).unwrap_or(part);
            !part.is_empty() && only_digits(part)
        })
}

/// The float; `None` when it is too large, which leaves a text.
fn float(text: &str) -> Option<NumberValue> {
    let value: f64 = text.parse().ok()?;
    value.is_finite().then_some(NumberValue::Float(value))
}

/// `12:30:45` and the like: digits in groups below 60.
fn is_base_60(text: &str) -> bool {
    let body = text.strip_prefix(['-', '+']).unwrap_or(text);
    if !body.starts_with(|c: char| c.is_ascii_digit()) || !body.contains(':') {
        return false;
    }
    let (body, fraction) = body.split_once('.').unwrap_or((body, ""));
    let loose = |part: &str| part.bytes().all(|b| b.is_ascii_digit() || b == b'_');
    let mut groups = body.split(':');
    loose(groups.next().unwrap_or_default())
        && groups
            .all(|group| matches!(group.as_bytes(), [b'0'..=b'9'] | [b'0'..=b'5', b'0'..=b'9']))
        && loose(fraction)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(text: &str) -> String {
        match resolve(text) {
            Resolved::Number(value) => value.to_string(),
            other => format!("{other:?}"),
        }
    }

    #[test]
    fn numbers_are_read_as_go_reads_them() {
        let cases = [
            ("0644", "420"),
            ("0o644", "420"),
            ("0908", "908"),
            ("-010", "-8"),
            ("0x1F", "31"),
            ("0b11", "3"),
            ("1_000", "1000"),
            ("1e3", "1000"),
            ("1.10", "1.1"),
            ("+1", "1"),
            (".5", "0.5"),
            ("5.", "5"),
            (".51_0", "0.51"),
            ("12345678901234567890", "12345678901234567890"),
            ("0b-11", "-3"),
            ("-0", "0"),
        ];
        for (text, value) in cases {
            assert_eq!(number(text), value, "{text}");
        }
    }

    #[test]
    fn what_looks_like_a_number_but_is_none_stays_text() {
        for text in [
            "+", "-", ".", "._5", ".5_", ".5__1", "1e", "0x", "0xg", "1.2.3", "1e999", "12:30",
            "--1", "1 2", "e3", "0b2", "-.", "+e1",
        ] {
            assert_eq!(resolve(text), Resolved::Text, "{text}");
        }
    }

    #[test]
    fn texts_that_old_readers_take_for_something_else_need_quotes() {
        for text in [
            "yes",
            "off",
            "y",
            "",
            "~",
            "true",
            "1",
            "0x1",
            "1e3",
            "12:30:45",
            "2001-01-01",
            ".inf",
            "1_0",
        ] {
            assert!(needs_quotes(text), "{text}");
        }
        for text in ["yep", "nope", "a", "1.2.3", "0o-7", "12:60", "v1"] {
            assert!(!needs_quotes(text), "{text}");
        }
    }
}
