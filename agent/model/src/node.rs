//! A YAML or JSON value that remembers where it was written.
//!
//! Keys keep the order they were written in. A scalar that YAML's typing rules changed (numbers, booleans such as
//! `True`, timestamps, `!!binary`) keeps the text it was written as, since kustomize's replacements copy that text.

mod map;

use std::fmt;

use crate::float;

pub(crate) use map::first_repeat;
pub use map::{Map, Member};

/// Which blob a span lies in, as numbered by whoever parsed it (see `Sources` in the renderer). 0 stands for
/// "the one text just parsed".
pub type SourceId = u32;

/// Where a node was written: a line and a byte range of one source.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Span {
    /// The blob.
    pub source: SourceId,
    /// Line, from 1; 0 when the node was not read from a text.
    pub line: u32,
    /// First byte.
    pub start: u32,
    /// One past the last byte.
    pub end: u32,
}

impl Span {
    /// The span of a node that was made, not read.
    pub const NONE: Self = Self {
        source: 0,
        line: 0,
        start: 0,
        end: 0,
    };

    /// True for a node that was read from a text.
    #[must_use]
    pub fn is_known(&self) -> bool {
        self.line != 0
    }
}

/// A value with its place. Equality ignores the place.
#[derive(Clone, Default)]
pub struct Node {
    /// The value.
    pub value: Value,
    /// Where it was written.
    pub span: Span,
}

/// The seven shapes of a value.
#[derive(Debug, Clone, PartialEq, Default)]
pub enum Value {
    /// `null`, `~` or nothing.
    #[default]
    Null,
    /// A boolean.
    Bool(bool),
    /// A number.
    Number(Number),
    /// A text.
    String(Text),
    /// A list.
    List(Vec<Node>),
    /// A mapping.
    Map(Map),
}

/// A text, and the text it was written as where YAML's typing changed it (`2001-01-01` → `2001-01-01T00:00:00Z`).
#[derive(Clone, Default)]
pub struct Text {
    /// The text as JSON has it.
    pub text: String,
    /// As written, where different.
    pub raw: Option<Box<str>>,
    /// Whether it was written in quotes or as a block.
    pub quoted: bool,
}

/// A number as JSON prints it and as it was written.
#[derive(Clone)]
pub struct Number {
    /// The value.
    pub value: NumberValue,
    /// As written, where different from what [`fmt::Display`] of the value prints (`0644`, `1e3`, `0x1F`, `1.10`).
    pub raw: Option<Box<str>>,
}

/// The value of a number: integers that fit 64 bits stay exact.
#[derive(Debug, Clone, Copy)]
pub enum NumberValue {
    /// A signed integer.
    Int(i64),
    /// An integer above `i64::MAX`.
    UInt(u64),
    /// Anything else, infinities and NaN included (YAML has them, JSON does not).
    Float(f64),
}

impl Node {
    /// Wraps a value that was not read from a text.
    #[must_use]
    pub fn new(value: Value) -> Self {
        Self {
            value,
            span: Span::NONE,
        }
    }

    /// A null.
    #[must_use]
    pub fn null() -> Self {
        Self::new(Value::Null)
    }

    /// A boolean.
    #[must_use]
    pub fn bool(value: bool) -> Self {
        Self::new(Value::Bool(value))
    }

    /// An integer.
    #[must_use]
    pub fn int(value: i64) -> Self {
        Self::new(Value::Number(Number {
            value: NumberValue::Int(value),
            raw: None,
        }))
    }

    /// A text.
    pub fn string(text: impl Into<String>) -> Self {
        Self::new(Value::String(Text {
            text: text.into(),
            raw: None,
            quoted: false,
        }))
    }

    /// A list.
    #[must_use]
    pub fn list(items: Vec<Self>) -> Self {
        Self::new(Value::List(items))
    }

    /// A mapping.
    #[must_use]
    pub fn map(map: Map) -> Self {
        Self::new(Value::Map(map))
    }

    /// The same node with a place.
    #[must_use]
    pub fn at(mut self, span: Span) -> Self {
        self.span = span;
        self
    }

    /// The text, when this is one.
    #[must_use]
    pub fn as_str(&self) -> Option<&str> {
        if let Value::String(text) = &self.value {
            Some(&text.text)
        } else {
            None
        }
    }

    /// The boolean, when this is one.
    #[must_use]
    pub fn as_bool(&self) -> Option<bool> {
        if let Value::Bool(value) = self.value {
            Some(value)
        } else {
            None
        }
    }

    /// The integer, when this is one that fits `i64`.
    #[must_use]
    pub fn as_int(&self) -> Option<i64> {
        match &self.value {
            Value::Number(Number {
                value: NumberValue::Int(value),
                ..
            }) => Some(*value),
            _ => None,
        }
    }

    /// The items, when this is a list.
    #[must_use]
    pub fn as_list(&self) -> Option<&[Self]> {
        if let Value::List(items) = &self.value {
            Some(items)
        } else {
            None
        }
    }

    /// The items to change, when this is a list.
    pub fn as_list_mut(&mut self) -> Option<&mut Vec<Self>> {
        if let Value::List(items) = &mut self.value {
            Some(items)
        } else {
            None
        }
    }

    /// The mapping, when this is one.
    #[must_use]
    pub fn as_map(&self) -> Option<&Map> {
        if let Value::Map(map) = &self.value {
            Some(map)
        } else {
            None
        }
    }

    /// The mapping to change, when this is one.
    pub fn as_map_mut(&mut self) -> Option<&mut Map> {
        if let Value::Map(map) = &mut self.value {
            Some(map)
        } else {
            None
        }
    }

    /// True for null.
    #[must_use]
    pub fn is_null(&self) -> bool {
        matches!(self.value, Value::Null)
    }

    /// The value under `key`, when this is a mapping that has it.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&Self> {
        self.as_map()?.get(key)
    }

    /// The value under a path of keys.
    #[must_use]
    pub fn at_path(&self, path: &[&str]) -> Option<&Self> {
        path.iter().try_fold(self, |node, key| node.get(key))
    }

    /// The text under a path of keys.
    #[must_use]
    pub fn str_at(&self, path: &[&str]) -> Option<&str> {
        self.at_path(path)?.as_str()
    }

    /// A word for the shape, for messages: `a text`, `a mapping`, ….
    #[must_use]
    pub fn shape(&self) -> &'static str {
        match &self.value {
            Value::Null => "null",
            Value::Bool(_) => "a boolean",
            Value::Number(_) => "a number",
            Value::String(_) => "a text",
            Value::List(_) => "a list",
            Value::Map(_) => "a mapping",
        }
    }

    /// A scalar as it was written: `0644`, `yes`, `2001-01-01`; `None` for lists and mappings, empty for null.
    #[must_use]
    pub fn raw_scalar(&self) -> Option<String> {
        match &self.value {
            Value::Null => Some(String::new()),
            Value::Bool(value) => Some(value.to_string()),
            Value::Number(number) => Some(number.written()),
            Value::String(text) => Some(text.raw.as_deref().unwrap_or(&text.text).to_owned()),
            Value::List(_) | Value::Map(_) => None,
        }
    }
}

impl PartialEq for Node {
    fn eq(&self, other: &Self) -> bool {
        self.value == other.value
    }
}

impl fmt::Debug for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&crate::json::to_string(self))
    }
}

impl PartialEq for Text {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl fmt::Debug for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.text, f)
    }
}

impl Number {
    /// The number as it was written.
    #[must_use]
    pub fn written(&self) -> String {
        self.raw
            .as_deref()
            .map_or_else(|| self.value.to_string(), ToOwned::to_owned)
    }
}

impl NumberValue {
    /// The number as a floating point number, printed as Go's YAML writer does: `1e+06`, `1.5`.
    #[must_use]
    pub fn as_go_float(self) -> String {
        #[expect(clippy::cast_precision_loss, reason = "Go loses the same digits")]
        let value = match self {
            Self::Int(value) => value as f64,
            Self::UInt(value) => value as f64,
            Self::Float(value) => value,
        };
        float::general(value)
    }
}

impl PartialEq for Number {
    fn eq(&self, other: &Self) -> bool {
        self.value == other.value
    }
}

impl fmt::Debug for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.value, f)
    }
}

impl PartialEq for NumberValue {
    fn eq(&self, other: &Self) -> bool {
        match (*self, *other) {
            (Self::Int(a), Self::Int(b)) => a == b,
            (Self::UInt(a), Self::UInt(b)) => a == b,
            (Self::Float(a), Self::Float(b)) => a.to_bits() == b.to_bits(),
            (Self::Int(_) | Self::UInt(_) | Self::Float(_), _) => false,
        }
    }
}

impl fmt::Display for NumberValue {
    /// As Go's `encoding/json` prints it: shortest digits, exponent form below 1e-6 and from 1e21 on.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Int(value) => write!(f, "{value}"),
            Self::UInt(value) => write!(f, "{value}"),
            Self::Float(value) => float::write(value, f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_print_as_go_prints_them() {
        let print = |value| NumberValue::Float(value).to_string();
        assert_eq!(print(1000.0), "1000");
        assert_eq!(print(1.1), "1.1");
        assert_eq!(print(1e21), "1e+21");
        assert_eq!(print(1e-7), "1e-7");
        assert_eq!(print(0.000_001), "0.000001");
        assert_eq!(print(-954_308_723_871.031_3), "-954308723871.0312");
        assert_eq!(print(123_456_789_012_345_680.0), "123456789012345680");
        assert_eq!(print(0.001_234_567_890_123_456_7), "0.0012345678901234567");
    }
}
