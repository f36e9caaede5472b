//! Parameters: what generators give and templates read.
//!
//! A parameter is a value as Go's template engine has it. Numbers read from JSON or YAML are floats, as Go's
//! `encoding/json` makes them.

use std::collections::BTreeMap;
use std::sync::Arc;

use gotmpl::Value;
use muster_model::node::{NumberValue, Value as NodeValue};
use muster_model::{Map, Node, json};

/// One set of parameters, by name.
pub type Params = BTreeMap<Arc<str>, Value>;

/// A text parameter.
#[must_use]
pub fn text(value: &str) -> Value {
    Value::String(value.into())
}

/// A list of values.
#[must_use]
pub fn list(values: impl IntoIterator<Item = Value>) -> Value {
    Value::List(values.into_iter().collect())
}

/// A mapping.
#[must_use]
pub fn map(params: Params) -> Value {
    Value::Map(Arc::new(params))
}

/// A node as a parameter.
#[must_use]
pub fn from_node(node: &Node) -> Value {
    match &node.value {
        NodeValue::Null => Value::Nil,
        NodeValue::Bool(value) => Value::Bool(*value),
        NodeValue::Number(number) => Value::Float(number_as_float(number.value)),
        NodeValue::String(value) => text(&value.text),
        NodeValue::List(items) => list(items.iter().map(from_node)),
        NodeValue::Map(entries) => map(from_map(entries)),
    }
}

/// A mapping's members as parameters.
#[must_use]
pub fn from_map(map: &Map) -> Params {
    map.iter()
        .map(|(key, value)| (Arc::from(key), from_node(value)))
        .collect()
}

/// `encoding/json` reads every number into a float64.
#[expect(
    clippy::cast_precision_loss,
    reason = "Go loses the same digits; templates print what Argo CD prints"
)]
fn number_as_float(number: NumberValue) -> f64 {
    match number {
        NumberValue::Int(value) => value as f64,
        NumberValue::UInt(value) => value as f64,
        NumberValue::Float(value) => value,
    }
}

/// A parameter as a node. Floats without a fraction become integers, as JSON prints them.
#[must_use]
pub fn to_node(value: &Value) -> Node {
    match value {
        Value::Bool(value) => Node::bool(*value),
        Value::Int(value) => Node::int(*value),
        Value::Uint(value) => {
            i64::try_from(*value).map_or_else(|_| number(NumberValue::UInt(*value)), Node::int)
        }
        Value::Float(value) => number(NumberValue::Float(*value)),
        Value::String(value) => Node::string(&**value),
        Value::List(items) => Node::list(items.iter().map(to_node).collect()),
        Value::Map(entries) => Node::map(
            entries
                .iter()
                .map(|(key, value)| (&**key, to_node(value)))
                .collect(),
        ),
        Value::Nil | Value::Function(_) => Node::null(),
    }
}

fn number(value: NumberValue) -> Node {
    Node::new(NodeValue::Number(muster_model::Number { value, raw: None }))
}

/// A value as Go's `encoding/json` prints it: sorted keys, `<`, `>` and `&` escaped.
#[must_use]
pub fn to_json(value: &Value) -> String {
    escape_html(&json::to_canonical(&to_node(value)))
}

/// Escapes what `encoding/json` escapes beyond JSON's own rules.
#[must_use]
pub fn escape_html(json: &str) -> String {
    let mut out = String::with_capacity(json.len());
    for c in json.chars() {
        match c {
            '<' => out.push_str("\\u003c"),
            '>' => out.push_str("\\u003e"),
            '&' => out.push_str("\\u0026"),
            '\u{2028}' => out.push_str("\\u2028"),
            '\u{2029}' => out.push_str("\\u2029"),
            c => out.push(c),
        }
    }
    out
}

/// A value as Go prints it with `%v`.
#[must_use]
pub fn show(value: &Value) -> String {
    match value {
        Value::Nil => "<nil>".to_owned(),
        Value::Float(float) => show_float(*float),
        Value::List(items) => {
            let items: Vec<String> = items.iter().map(show).collect();
            format!("[{}]", items.join(" "))
        }
        Value::Map(entries) => {
            let entry = |(key, value): (&Arc<str>, &Value)| format!("{key}:{}", show(value));
            let entries: Vec<String> = entries.iter().map(entry).collect();
            format!("map[{}]", entries.join(" "))
        }
        Value::Bool(_) | Value::Int(_) | Value::Uint(_) | Value::String(_) | Value::Function(_) => {
            value.to_string()
        }
    }
}

/// A float as Go's `%v` prints it: shortest digits, exponent form below 1e-4 and from 1e6 on (`strconv`, format `g`).
#[must_use]
pub fn show_float(value: f64) -> String {
    if value.is_nan() {
        return "NaN".to_owned();
    }
    if value.is_infinite() {
        return if value > 0.0 { "+Inf" } else { "-Inf" }.to_owned();
    }
    let scientific = format!("{value:e}");
    let (digits, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or_default();
    if value == 0.0 || (-4..6).contains(&exponent) {
        return format!("{value}");
    }
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{digits}e{sign}{:02}", exponent.abs())
}

/// Copies what `from` has into `into`, mappings merged key by key; where both have a value, `from` wins.
pub fn merge_over(into: &mut Params, from: &Params) {
    for (key, value) in from {
        match (into.get_mut(key), value) {
            (Some(Value::Map(old)), Value::Map(new)) => merge_over(Arc::make_mut(old), new),
            (Some(old), value) => *old = value.clone(),
            (None, value) => {
                into.insert(Arc::clone(key), value.clone());
            }
        }
    }
}

/// Copies what `from` has and `into` lacks (or has empty), mappings merged key by key.
pub fn merge_under(into: &mut Params, from: &Params) {
    for (key, value) in from {
        match (into.get_mut(key), value) {
            (Some(Value::Map(old)), Value::Map(new)) => merge_under(Arc::make_mut(old), new),
            (Some(old), value) if !old.is_truthy() => *old = value.clone(),
            (Some(_), _) => {}
            (None, value) => {
                into.insert(Arc::clone(key), value.clone());
            }
        }
    }
}

/// Every leaf by its path of keys joined with dots, as text: what post-selectors match and fasttemplate reads. Empty
/// lists and mappings have no leaf.
#[must_use]
pub fn flatten(params: &Params) -> BTreeMap<String, String> {
    let mut out = BTreeMap::new();
    for (key, value) in params {
        flatten_into(key, value, &mut out);
    }
    out
}

fn flatten_into(path: &str, value: &Value, out: &mut BTreeMap<String, String>) {
    match value {
        Value::Map(entries) => {
            for (key, value) in entries.iter() {
                flatten_into(&format!("{path}.{key}"), value, out);
            }
        }
        // Argo CD keeps segments as a Go []string, which flattening takes for one value.
        Value::List(_) if path == "path.segments" || path.ends_with(".path.segments") => {
            out.insert(path.to_owned(), show(value));
        }
        Value::List(items) => {
            for (index, value) in items.iter().enumerate() {
                flatten_into(&format!("{path}.{index}"), value, out);
            }
        }
        leaf => {
            out.insert(path.to_owned(), show(leaf));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn params(json_text: &str) -> Params {
        from_map(
            json::from_slice(json_text.as_bytes())
                .expect("JSON")
                .as_map()
                .expect("a mapping"),
        )
    }

    #[test]
    fn floats_print_as_go_prints_them() {
        assert_eq!(show_float(3.0), "3");
        assert_eq!(show_float(0.5), "0.5");
        assert_eq!(show_float(100_000.0), "100000");
        assert_eq!(show_float(123_456_789_012.0), "1.23456789012e+11");
        assert_eq!(show_float(1e-7), "1e-07");
    }

    #[test]
    fn merging_goes_into_mappings_and_replaces_the_rest() {
        let mut into = params(r#"{"a":{"b":"1","c":"2"},"l":[1]}"#);
        merge_over(&mut into, &params(r#"{"a":{"b":"9"},"l":[],"n":true}"#));
        assert_eq!(into, params(r#"{"a":{"b":"9","c":"2"},"l":[],"n":true}"#));
    }

    #[test]
    fn flattening_joins_keys_with_dots() {
        let flat = flatten(&params(r#"{"a":{"b":[1,"x"]},"c":true}"#));
        let flat: Vec<_> = flat.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
        assert_eq!(flat, [("a.b.0", "1"), ("a.b.1", "x"), ("c", "true")]);
    }
}
