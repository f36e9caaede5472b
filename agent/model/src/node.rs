//! A YAML or JSON value that remembers where it was written.
//!
//! Keys keep the order they were written in. A scalar that YAML's typing rules changed (numbers, booleans such as
//! `True`, timestamps, `!!binary`) keeps the text it was written as, since kustomize's replacements copy that text.

use std::fmt;

use crate::float;

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

/// A mapping in the order it was written. Keys are unique.
#[derive(Debug, Clone, Default)]
pub struct Map {
    entries: Vec<Member>,
}

/// One member of a mapping.
#[derive(Debug, Clone)]
pub struct Member {
    /// The key.
    pub key: Box<str>,
    /// Where the key was written.
    pub key_span: Span,
    /// The value.
    pub value: Node,
}

impl Map {
    /// An empty mapping.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// A mapping of members with different keys: for readers that checked.
    #[must_use]
    pub fn from_unique(members: Vec<Member>) -> Self {
        Self { entries: members }
    }

    /// Number of members.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// True when there is no member.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The value under `key`.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&Node> {
        self.entries
            .iter()
            .find(|m| &*m.key == key)
            .map(|m| &m.value)
    }

    /// The value under `key`, to change.
    pub fn get_mut(&mut self, key: &str) -> Option<&mut Node> {
        self.entries
            .iter_mut()
            .find(|m| &*m.key == key)
            .map(|m| &mut m.value)
    }

    /// The member with `key`.
    #[must_use]
    pub fn member(&self, key: &str) -> Option<&Member> {
        self.entries.iter().find(|m| &*m.key == key)
    }

    /// True when `key` is there.
    #[must_use]
    pub fn contains_key(&self, key: &str) -> bool {
        self.get(key).is_some()
    }

    /// Sets `key`, in place when it is there, else at the end; gives back the old value.
    pub fn insert(&mut self, key: impl Into<Box<str>>, value: Node) -> Option<Node> {
        let key = key.into();
        match self.get_mut(&key) {
            Some(old) => Some(std::mem::replace(old, value)),
            None => {
                self.entries.push(Member {
                    key,
                    key_span: Span::NONE,
                    value,
                });
                None
            }
        }
    }

    /// Adds a member without looking whether the key is there: for readers that checked.
    pub fn push_unchecked(&mut self, member: Member) {
        self.entries.push(member);
    }

    /// Takes `key` away, keeping the order of the others.
    pub fn remove(&mut self, key: &str) -> Option<Node> {
        let index = self.entries.iter().position(|m| &*m.key == key)?;
        Some(self.entries.remove(index).value)
    }

    /// The value under `key`, made by `make` when it is not there.
    pub fn get_or_insert_with(&mut self, key: &str, make: impl FnOnce() -> Node) -> &mut Node {
        let index = self
            .entries
            .iter()
            .position(|m| &*m.key == key)
            .unwrap_or_else(|| {
                self.entries.push(Member {
                    key: key.into(),
                    key_span: Span::NONE,
                    value: make(),
                });
                self.entries.len() - 1
            });
        &mut self.entries[index].value
    }

    /// Keeps the members `keep` says yes to.
    pub fn retain(&mut self, mut keep: impl FnMut(&str, &mut Node) -> bool) {
        self.entries.retain_mut(|m| keep(&m.key, &mut m.value));
    }

    /// Keys and values in order.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = (&str, &Node)> + ExactSizeIterator {
        self.entries.iter().map(|m| (&*m.key, &m.value))
    }

    /// Keys and values in order, values to change.
    pub fn iter_mut(
        &mut self,
    ) -> impl DoubleEndedIterator<Item = (&str, &mut Node)> + ExactSizeIterator {
        self.entries.iter_mut().map(|m| (&*m.key, &mut m.value))
    }

    /// Members in order, with the places of the keys.
    #[must_use]
    pub fn members(&self) -> &[Member] {
        &self.entries
    }

    /// The keys in order.
    pub fn keys(&self) -> impl Iterator<Item = &str> {
        self.entries.iter().map(|m| &*m.key)
    }

    /// The values in order.
    pub fn values(&self) -> impl Iterator<Item = &Node> {
        self.entries.iter().map(|m| &m.value)
    }

    /// The members, by value.
    #[must_use]
    pub fn into_members(self) -> Vec<Member> {
        self.entries
    }
}

impl PartialEq for Map {
    /// Equal when the same keys have equal values; order does not count.
    fn eq(&self, other: &Self) -> bool {
        self.len() == other.len()
            && self
                .iter()
                .all(|(key, value)| other.get(key) == Some(value))
    }
}

impl<K: Into<Box<str>>> FromIterator<(K, Node)> for Map {
    fn from_iter<I: IntoIterator<Item = (K, Node)>>(items: I) -> Self {
        let mut map = Self::new();
        for (key, value) in items {
            map.insert(key, value);
        }
        map
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

    #[test]
    fn maps_are_equal_whatever_their_order() {
        let one: Map = [("a", Node::int(1)), ("b", Node::int(2))]
            .into_iter()
            .collect();
        let two: Map = [("b", Node::int(2)), ("a", Node::int(1))]
            .into_iter()
            .collect();
        assert_eq!(one, two);
    }
}
