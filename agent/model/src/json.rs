//! JSON in and out of [`Node`]; the canonical form is what digests are taken over.

use std::fmt::Write as _;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};

use crate::node::{Map, Member, Node, Number, NumberValue, Span, Text, Value};

/// Compact JSON, keys in the order they have.
#[must_use]
pub fn to_string(node: &Node) -> String {
    let mut out = String::new();
    write(node, false, &mut out);
    out
}

/// Compact JSON, keys sorted by bytes: equal values give equal texts.
#[must_use]
pub fn to_canonical(node: &Node) -> String {
    let mut out = String::new();
    write(node, true, &mut out);
    out
}

/// Reads one JSON value.
///
/// # Errors
/// When the bytes are not one JSON value.
pub fn from_slice(bytes: &[u8]) -> Result<Node, serde_json::Error> {
    serde_json::from_slice(bytes)
}

/// Turns a `serde_json` value into a node.
#[must_use]
pub fn from_value(value: &serde_json::Value) -> Node {
    serde_json::from_value(value.clone()).expect("because every JSON value is a node")
}

/// Turns a node into a `serde_json` value. Numbers JSON has no form for (infinities, NaN) become null.
#[must_use]
pub fn to_value(node: &Node) -> serde_json::Value {
    use serde_json::Value as Json;
    match &node.value {
        Value::Null => Json::Null,
        Value::Bool(value) => Json::Bool(*value),
        Value::Number(number) => match number.value {
            NumberValue::Int(value) => value.into(),
            NumberValue::UInt(value) => value.into(),
            NumberValue::Float(value) => {
                serde_json::Number::from_f64(value).map_or(Json::Null, Json::Number)
            }
        },
        Value::String(text) => Json::String(text.text.clone()),
        Value::List(items) => items.iter().map(to_value).collect(),
        Value::Map(map) => Json::Object(
            map.iter()
                .map(|(key, value)| (key.to_owned(), to_value(value)))
                .collect(),
        ),
    }
}

fn write(node: &Node, sorted: bool, out: &mut String) {
    match &node.value {
        Value::Null => out.push_str("null"),
        Value::Bool(value) => out.push_str(if *value { "true" } else { "false" }),
        Value::Number(number) => match number.value {
            NumberValue::Float(value) if !value.is_finite() => out.push_str("null"),
            value => write!(out, "{value}").expect("because writing to a String cannot fail"),
        },
        Value::String(text) => write_text(&text.text, out),
        Value::List(items) => {
            out.push('[');
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    out.push(',');
                }
                write(item, sorted, out);
            }
            out.push(']');
        }
        Value::Map(map) => write_map(map, sorted, out),
    }
}

fn write_map(map: &Map, sorted: bool, out: &mut String) {
    let mut members: Vec<_> = map.iter().collect();
    if sorted {
        members.sort_unstable_by_key(|(key, _)| *key);
    }
    out.push('{');
    for (index, (key, value)) in members.into_iter().enumerate() {
        if index > 0 {
            out.push(',');
        }
        write_text(key, out);
        out.push(':');
        write(value, sorted, out);
    }
    out.push('}');
}

fn write_text(text: &str, out: &mut String) {
    out.push('"');
    let mut rest = 0;
    for (index, byte) in text.bytes().enumerate() {
        if byte >= 0x20 && byte != b'"' && byte != b'\\' {
            continue;
        }
        out.push_str(&text[rest..index]);
        rest = index + 1;
        match byte {
            b'"' => out.push_str("\\\""),
            b'\\' => out.push_str("\\\\"),
            b'\n' => out.push_str("\\n"),
            b'\r' => out.push_str("\\r"),
            b'\t' => out.push_str("\\t"),
            other => {
                write!(out, "\\u{other:04x}").expect("because writing to a String cannot fail");
            }
        }
    }
    out.push_str(&text[rest..]);
    out.push('"');
}

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(NodeVisitor)
    }
}

struct NodeVisitor;

impl<'de> Visitor<'de> for NodeVisitor {
    type Value = Node;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("any JSON value")
    }
    fn visit_unit<E>(self) -> Result<Node, E> {
        Ok(Node::null())
    }
    fn visit_none<E>(self) -> Result<Node, E> {
        Ok(Node::null())
    }
    fn visit_bool<E>(self, value: bool) -> Result<Node, E> {
        Ok(Node::bool(value))
    }
    fn visit_i64<E>(self, value: i64) -> Result<Node, E> {
        Ok(Node::int(value))
    }
    fn visit_u64<E>(self, value: u64) -> Result<Node, E> {
        let value = i64::try_from(value).map_or(NumberValue::UInt(value), NumberValue::Int);
        Ok(Node::new(Value::Number(Number { value, raw: None })))
    }
    fn visit_f64<E>(self, value: f64) -> Result<Node, E> {
        Ok(Node::new(Value::Number(Number {
            value: NumberValue::Float(value),
            raw: None,
        })))
    }
    fn visit_str<E>(self, text: &str) -> Result<Node, E> {
        Ok(Node::string(text))
    }
    fn visit_string<E>(self, text: String) -> Result<Node, E> {
        Ok(Node::new(Value::String(Text {
            text,
            raw: None,
            quoted: false,
        })))
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Node, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = seq.next_element()? {
            items.push(item);
        }
        Ok(Node::list(items))
    }
    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Node, A::Error> {
        let mut members = Vec::new();
        while let Some((key, value)) = access.next_entry::<Box<str>, Node>()? {
            members.push(Member {
                key,
                key_span: Span::NONE,
                value,
            });
        }
        Ok(Node::map(Map::from_members(members)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn canonical_json_sorts_keys_and_escapes() {
        let node = from_slice(br#"{"b":[1,2.5,null,true],"a":"x\"\n\u0001"}"#).expect("JSON");
        assert_eq!(
            to_canonical(&node),
            r#"{"a":"x\"\n\u0001","b":[1,2.5,null,true]}"#
        );
    }
}
