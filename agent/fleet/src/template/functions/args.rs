//! Arguments of template functions, typed as Go types them.

use std::sync::{Arc, LazyLock};

use gotmpl::{Result, TemplateError, Value};

use crate::params::Params;

/// An error of a template function.
pub(super) fn fail<T>(message: impl Into<String>) -> Result<T> {
    Err(TemplateError::Exec(message.into()))
}

/// Checks how many arguments there are.
pub(super) fn count(args: &[Value], least: usize, most: usize) -> Result<()> {
    if (least..=most).contains(&args.len()) {
        return Ok(());
    }
    fail(format!(
        "wrong number of args: want {least} got {}",
        args.len()
    ))
}

/// Exactly `N` arguments.
pub(super) fn exactly<const N: usize>(args: &[Value]) -> Result<&[Value; N]> {
    args.try_into()
        .or_else(|_| fail(format!("wrong number of args: want {N} got {}", args.len())))
}

/// A text.
pub(super) fn text(value: &Value) -> Result<&str> {
    value.as_str().map_or_else(|| mismatch("string", value), Ok)
}

/// An int, as Go's parameters of type `int` take it: floats are refused.
pub(super) fn int(value: &Value) -> Result<i64> {
    match value {
        Value::Int(value) => Ok(*value),
        Value::Uint(value) => i64::try_from(*value).or_else(|_| fail("value overflows int")),
        other => mismatch("int", other),
    }
}

/// A length or a count: not negative, and bounded so that no call can fill the memory.
pub(super) fn size(value: &Value) -> Result<usize> {
    /// Far beyond any name, list or indentation of an object.
    const MOST: i64 = 1 << 20;
    let number = int(value)?;
    if number > MOST {
        return fail(format!("{number} is more than the {MOST} allowed"));
    }
    usize::try_from(number).or_else(|_| fail(format!("{number} is negative")))
}

/// A boolean.
pub(super) fn boolean(value: &Value) -> Result<bool> {
    match value {
        Value::Bool(value) => Ok(*value),
        other => mismatch("bool", other),
    }
}

/// A list.
pub(super) fn list(value: &Value) -> Result<&[Value]> {
    match value {
        Value::List(items) => Ok(items),
        other => mismatch("list", other),
    }
}

/// A mapping; no value is one that holds nothing, as for Go.
pub(super) fn dict(value: &Value) -> Result<&Arc<Params>> {
    static NOTHING: LazyLock<Arc<Params>> = LazyLock::new(Arc::default);
    match value {
        Value::Map(entries) => Ok(entries),
        Value::Nil => Ok(&NOTHING),
        other => mismatch("map", other),
    }
}

fn mismatch<T>(expected: &str, found: &Value) -> Result<T> {
    fail(format!(
        "wrong type for value; expected {expected}; got {}",
        found.type_name()
    ))
}

/// A mapping that is there, for functions to which no value is an error.
pub(super) fn given(value: &Value) -> Result<&Arc<Params>> {
    match value {
        Value::Nil => mismatch("map", value),
        value => dict(value),
    }
}

/// What sprig takes for empty: nil, false, zero, and what has no element.
pub(super) fn is_empty(value: &Value) -> bool {
    !value.is_truthy()
}

/// A value as text, as sprig's `toString` makes it.
pub(super) fn show(value: &Value) -> String {
    crate::params::show(value)
}

/// A list as texts, nil left out; anything else is a list of one.
pub(super) fn texts(value: &Value) -> Vec<String> {
    match value {
        Value::List(items) => items
            .iter()
            .filter(|item| !matches!(item, Value::Nil))
            .map(show)
            .collect(),
        Value::Nil => Vec::new(),
        other => vec![show(other)],
    }
}

/// Any value as an integer; what is none is 0.
#[expect(
    clippy::cast_possible_truncation,
    reason = "sprig truncates; out of range saturates instead of Go's undefined value"
)]
pub(super) fn to_int(value: &Value) -> i64 {
    match value {
        Value::Bool(value) => i64::from(*value),
        Value::Int(value) => *value,
        Value::Uint(value) => i64::try_from(*value).unwrap_or(i64::MAX),
        Value::Float(value) => *value as i64,
        Value::String(text) => parse_int(text),
        Value::Nil | Value::List(_) | Value::Map(_) | Value::Function(_) => 0,
    }
}

/// Go's `ParseInt` with base 0, after a fraction of zeros is cut off; 0 when it is no number.
fn parse_int(text: &str) -> i64 {
    let whole = match text.split_once('.') {
        Some((whole, zeros)) if zeros.bytes().all(|b| b == b'0') => whole,
        Some(_) => return 0,
        None => text,
    };
    let (sign, digits) = match whole.strip_prefix('-') {
        Some(digits) => (-1, digits),
        None => (1, whole.strip_prefix('+').unwrap_or(whole)),
    };
    let lower = digits.to_ascii_lowercase();
    let parsed = if let Some(hex) = lower.strip_prefix("0x") {
        i64::from_str_radix(hex, 16)
    } else if let Some(binary) = lower.strip_prefix("0b") {
        i64::from_str_radix(binary, 2)
    } else if let Some(octal) = lower.strip_prefix("0o") {
        i64::from_str_radix(octal, 8)
    } else if lower.len() > 1 && lower.starts_with('0') {
        i64::from_str_radix(&lower, 8)
    } else {
        lower.parse()
    };
    parsed.map_or(0, |number| sign * number)
}

/// Any value as a float; what is none is 0.
#[expect(clippy::cast_precision_loss, reason = "as in Go")]
pub(super) fn to_float(value: &Value) -> f64 {
    match value {
        Value::Bool(value) => f64::from(u8::from(*value)),
        Value::Int(value) => *value as f64,
        Value::Uint(value) => *value as f64,
        Value::Float(value) => *value,
        Value::String(text) => text.parse().unwrap_or_default(),
        Value::Nil | Value::List(_) | Value::Map(_) | Value::Function(_) => 0.0,
    }
}

/// A text as a value.
pub(super) fn string(text: impl AsRef<str>) -> Value {
    Value::String(text.as_ref().into())
}

/// Texts as a list.
pub(super) fn strings<T: AsRef<str>>(texts: impl IntoIterator<Item = T>) -> Value {
    Value::List(texts.into_iter().map(string).collect())
}
