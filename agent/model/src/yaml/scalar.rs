//! How go-yaml types a plain scalar.

use crate::node::{Number, NumberValue, Text, Value};

/// The value of an unquoted scalar.
pub(super) fn plain(text: &str) -> Value {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Value::Null,
        "true" | "True" | "TRUE" => return Value::Bool(true),
        "false" | "False" | "FALSE" => return Value::Bool(false),
        _ => {}
    }
    number(text).map_or_else(|| string(text), Value::Number)
}

/// A text as it stands.
pub(super) fn string(text: &str) -> Value {
    Value::String(Text {
        text: text.to_owned(),
        raw: None,
    })
}

fn number(text: &str) -> Option<Number> {
    let first = *text.as_bytes().first()?;
    if !(first.is_ascii_digit() || matches!(first, b'-' | b'+' | b'.')) {
        return None;
    }
    let value = special(text)
        .or_else(|| integer(&text.replace('_', "")))
        .or_else(|| float(&text.replace('_', "")))?;
    let raw = (value.to_string() != text).then(|| text.into());
    Some(Number { value, raw })
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

fn integer(text: &str) -> Option<NumberValue> {
    let (negative, digits) = match text.as_bytes().first()? {
        b'-' => (true, &text[1..]),
        b'+' => (false, &text[1..]),
        _ => (false, text),
    };
    let (radix, digits) = match digits.as_bytes() {
        [b'0', b'x' | b'X', ..] => (16, &digits[2..]),
        [b'0', b'b' | b'B', ..] => (2, &digits[2..]),
        [b'0', b'o' | b'O', ..] => (8, &digits[2..]),
        [b'0', _, ..] if digits.bytes().all(|b| (b'0'..=b'7').contains(&b)) => (8, &digits[1..]),
        _ => (10, digits),
    };
    if digits.is_empty()
        || !digits.bytes().all(|b| char::from(b).is_digit(radix))
        || (radix == 10 && digits.len() > 1 && digits.starts_with('0'))
    {
        return None;
    }
    let magnitude = u64::from_str_radix(digits, radix).ok()?;
    if negative {
        return 0i64.checked_sub_unsigned(magnitude).map(NumberValue::Int);
    }
    Some(i64::try_from(magnitude).map_or(NumberValue::UInt(magnitude), NumberValue::Int))
}

fn float(text: &str) -> Option<NumberValue> {
    let body = text.strip_prefix(['-', '+']).unwrap_or(text);
    let shaped = body
        .bytes()
        .all(|b| b.is_ascii_digit() || matches!(b, b'.' | b'e' | b'E' | b'-' | b'+'))
        && body.bytes().any(|b| b.is_ascii_digit());
    let value: f64 = shaped.then(|| text.parse().ok())??;
    value.is_finite().then_some(NumberValue::Float(value))
}
