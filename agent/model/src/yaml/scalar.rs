//! The values of scalars, with the text they were written as where typing changed it.

use super::resolve::{Resolved, resolve};
use crate::node::{Number, NumberValue, Text, Value};

/// The value of an unquoted scalar.
pub(super) fn plain(text: &str) -> Value {
    match resolve(text) {
        Resolved::Text => string(text),
        Resolved::Null => Value::Null,
        Resolved::Bool(value) => Value::Bool(value),
        Resolved::Number(value) => number(value, text),
        Resolved::Timestamp(stamp) => stamp.to_json_text().map_or_else(
            || string(text),
            |json| {
                let raw = (json != text).then(|| text.into());
                Value::String(Text { text: json, raw })
            },
        ),
    }
}

/// A text as it stands.
pub(super) fn string(text: &str) -> Value {
    Value::String(Text {
        text: text.to_owned(),
        raw: None,
    })
}

fn number(value: NumberValue, text: &str) -> Value {
    let raw = (value.to_string() != text).then(|| text.into());
    Value::Number(Number { value, raw })
}
