//! The values of scalars, with the text they were written as where typing changed it.

use std::borrow::Cow;

use base64::Engine as _;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

use super::build::Tag;
use super::error::YamlError;
use super::resolve::{Resolved, resolve, resolve_tagged};
use super::token::ScalarStyle;
use crate::node::{Node, Number, NumberValue, Text, Value};

/// Base64 as Go's decoder takes it: padded, with any bits after the end.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &base64::alphabet::STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_allow_trailing_bits(true)
        .with_decode_padding_mode(DecodePaddingMode::RequireCanonical),
);

/// The value of a scalar.
pub(super) fn value(
    text: Cow<'_, str>,
    style: ScalarStyle,
    tag: Tag,
    line: u32,
) -> Result<Value, YamlError> {
    let resolved = match (tag, style) {
        (Tag::None, ScalarStyle::Quoted | ScalarStyle::Folded)
        | (Tag::Str | Tag::Other | Tag::Merge, _) => Resolved::Text,
        (Tag::None, ScalarStyle::Plain) => resolve(&text),
        (Tag::Binary, _) => {
            return binary(&text, line).map(|text| {
                Value::String(Text {
                    text,
                    raw: None,
                    quoted: false,
                })
            });
        }
        (Tag::Int | Tag::Float | Tag::Bool | Tag::Null | Tag::Timestamp, _) => {
            tagged(&text, tag, line)?
        }
    };
    match resolved {
        Resolved::Text => Ok(Value::String(Text {
            text: text.into_owned(),
            raw: None,
            quoted: style != ScalarStyle::Plain,
        })),
        Resolved::Null => Ok(Value::Null),
        Resolved::Bool(value) => Ok(Value::Bool(value)),
        Resolved::Number(value) => number(value, &text, line),
        Resolved::Timestamp(stamp) => {
            let json = stamp.to_json_text().ok_or_else(|| {
                YamlError::syntax(line, "the time zone is a day or more away; quote the text")
            })?;
            let raw = (json != text).then(|| text.into_owned().into_boxed_str());
            Ok(Value::String(Text {
                text: json,
                raw,
                quoted: false,
            }))
        }
    }
}

/// A scalar with a tag that says what it must be.
fn tagged(text: &str, tag: Tag, line: u32) -> Result<Resolved, YamlError> {
    let resolved = resolve_tagged(text, tag == Tag::Timestamp);
    let (name, fits) = match (tag, resolved) {
        (Tag::Int, Resolved::Number(NumberValue::Int(_) | NumberValue::UInt(_))) => ("int", true),
        (Tag::Float, Resolved::Number(NumberValue::Int(_) | NumberValue::Float(_))) => {
            ("float", true)
        }
        (Tag::Bool, Resolved::Bool(_)) => ("bool", true),
        (Tag::Null, Resolved::Null) => ("null", true),
        (Tag::Timestamp, Resolved::Timestamp(_)) => ("timestamp", true),
        (Tag::Int, _) => ("int", false),
        (Tag::Float, _) => ("float", false),
        (Tag::Bool, _) => ("bool", false),
        (Tag::Null, _) => ("null", false),
        (_, _) => ("timestamp", false),
    };
    if !fits {
        return Err(YamlError::syntax(
            line,
            format!("the value does not fit its tag !!{name}; correct it or remove the tag"),
        ));
    }
    Ok(resolved)
}

fn number(value: NumberValue, text: &str, line: u32) -> Result<Value, YamlError> {
    let is_as_written = match value {
        NumberValue::Float(float) if !float.is_finite() => {
            return Err(YamlError::syntax(
                line,
                format!("{text} is no number for Kubernetes; quote it if it is a text"),
            ));
        }
        NumberValue::Int(_) | NumberValue::UInt(_) => is_plain_decimal(text),
        NumberValue::Float(_) => false,
    };
    let raw = (!is_as_written && value.to_string() != text).then(|| text.into());
    Ok(Value::Number(Number { value, raw }))
}

/// True for digits without a leading zero: as every integer is printed.
fn is_plain_decimal(text: &str) -> bool {
    let digits = text.strip_prefix('-').unwrap_or(text).as_bytes();
    match digits {
        [b'0'] => digits.len() == text.len(),
        [b'1'..=b'9', rest @ ..] => rest.iter().all(u8::is_ascii_digit),
        _ => false,
    }
}

fn binary(text: &str, line: u32) -> Result<String, YamlError> {
    let packed: Vec<u8> = text
        .bytes()
        .filter(|b| !matches!(b, b'\n' | b'\r'))
        .collect();
    let bytes = BASE64.decode(packed).map_err(|_| {
        YamlError::syntax(
            line,
            "the !!binary value is not base64; correct it or remove the tag",
        )
    })?;
    String::from_utf8(bytes).map_err(|_| {
        YamlError::syntax(
            line,
            "the !!binary value is not text; put it under binaryData as base64 without the tag",
        )
    })
}

/// The text of a key. A number or a boolean stays as written in the outermost mapping, as in Go; elsewhere its value
/// is written out, as `kubectl` does it.
pub(super) fn key(
    text: &str,
    style: ScalarStyle,
    tag: Tag,
    is_outermost: bool,
    line: u32,
) -> Result<Box<str>, YamlError> {
    if is_text(text, style, tag) {
        return Ok(text.into());
    }
    let value = value(text.into(), style, tag, line)?;
    if is_outermost && value != Value::Null && tag != Tag::Binary {
        return Ok(text.into());
    }
    alias_key(&Node::new(value), line)
}

/// The text of a key below the outermost mapping of a resource, where kustomize takes nothing else.
pub(super) fn text_key(
    text: &str,
    style: ScalarStyle,
    tag: Tag,
    line: u32,
) -> Result<Box<str>, YamlError> {
    if is_text(text, style, tag) {
        return Ok(text.into());
    }
    Err(YamlError::syntax(
        line,
        format!("key {text:?} is no text; put it in quotes"),
    ))
}

fn is_text(text: &str, style: ScalarStyle, tag: Tag) -> bool {
    match tag {
        Tag::None => style != ScalarStyle::Plain || resolve(text) == Resolved::Text,
        Tag::Str => true,
        Tag::Int | Tag::Float | Tag::Bool | Tag::Null | Tag::Timestamp => false,
        Tag::Binary | Tag::Merge | Tag::Other => false,
    }
}

/// The text of a key that an alias stands for: numbers and booleans are written out.
pub(super) fn alias_key(node: &Node, line: u32) -> Result<Box<str>, YamlError> {
    match &node.value {
        Value::String(Text {
            text, raw: None, ..
        }) => Ok(text.as_str().into()),
        Value::Number(number) => Ok(number.value.to_string().into()),
        Value::Bool(value) => Ok(value.to_string().into()),
        Value::String(_) | Value::Null | Value::List(_) | Value::Map(_) => {
            Err(YamlError::syntax(line, "a key must be a text; quote it"))
        }
    }
}
