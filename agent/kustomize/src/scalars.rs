//! Texts that become scalars.

use muster_model::{Budgets, Node, Value, yaml};

/// The value an unquoted text has in YAML.
pub(crate) fn plain(text: &str) -> Node {
    let first = text.as_bytes().first().copied().unwrap_or(b' ');
    let may_differ = first.is_ascii_digit()
        || matches!(
            first,
            b'-' | b'+' | b'.' | b'~' | b't' | b'T' | b'f' | b'F' | b'n' | b'N'
        );
    if !may_differ || text.contains(['\n', ':', '#', ',', '[', '{', '"', '\'']) {
        return Node::string(text);
    }
    match yaml::read(text.as_bytes(), &Budgets::default(), 0) {
        Ok(documents) => match documents.into_iter().next() {
            Some(node) if !matches!(node.value, Value::Map(_) | Value::List(_)) => {
                Node::new(node.value)
            }
            Some(_) => Node::string(text),
            None => Node::null(),
        },
        Err(_) => Node::string(text),
    }
}

/// Sets a scalar to a text of no type: it keeps being a text where it had to be quoted, else it is typed anew.
pub(crate) fn set_untyped(node: &mut Node, text: &str) {
    let was_quoted = node
        .as_str()
        .is_some_and(|old| !matches!(plain(old).value, Value::String(_)));
    node.value = if was_quoted {
        Node::string(text).value
    } else {
        plain(text).value
    };
}

/// What a value is after a detour through JSON: numbers are floating point, as Go reads them.
pub(crate) fn through_json(node: &mut Node) {
    use muster_model::node::NumberValue;
    match &mut node.value {
        Value::List(items) => items.iter_mut().for_each(through_json),
        Value::Map(map) => map.iter_mut().for_each(|(_, v)| through_json(v)),
        Value::Number(number) => {
            number.raw = None;
            #[expect(clippy::cast_precision_loss, reason = "Go loses the same digits")]
            let float = match number.value {
                NumberValue::Int(value) if value.unsigned_abs() <= 1 << 53 => return,
                NumberValue::Int(value) => value as f64,
                NumberValue::UInt(value) => value as f64,
                NumberValue::Float(_) => return,
            };
            number.value = NumberValue::Float(float);
        }
        Value::String(text) => text.raw = None,
        Value::Null => node.span = muster_model::Span::NONE,
        Value::Bool(_) => {}
    }
}
