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
    node.value = if was_quoted(node) {
        quoted(text).value
    } else {
        plain(text).value
    };
}

/// True for a text that is a number, a boolean, null or a time without quotes.
pub(crate) fn is_typed(text: &str) -> bool {
    !matches!(plain(text).value, Value::String(_))
}

/// True for a text in quotes, or one that would be something else without them.
pub(crate) fn was_quoted(node: &Node) -> bool {
    match &node.value {
        Value::String(text) => text.quoted || text.text.is_empty() || is_typed(&text.text),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::List(_) | Value::Map(_) => false,
    }
}

/// A text in quotes.
pub(crate) fn quoted(text: &str) -> Node {
    let mut node = Node::string(text);
    if let Value::String(text) = &mut node.value {
        text.quoted = true;
    }
    node
}

/// What a scalar becomes that takes the place of another: it takes over the other's quotes.
pub(crate) fn in_place_of(old: &Node, new: &mut Node) {
    match &mut new.value {
        Value::String(text) => {
            // A `>` block in another's style prints as what it says.
            if let (Value::String(old), Some(raw)) =
                (&old.value, text.raw.take_if(|r| r.contains('\n')))
                && old.raw.is_none()
            {
                text.text = raw.into();
            }
            text.quoted |= was_quoted(old);
        }
        Value::Bool(_) | Value::Number(_) if was_quoted(old) => {
            new.value = quoted(&new.raw_scalar().unwrap_or_default()).value;
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::List(_) | Value::Map(_) => {}
    }
}

/// What a value is after a detour through JSON: numbers are floating point, as Go reads them.
pub(crate) fn through_json(node: &mut Node) {
    use muster_model::node::NumberValue;
    crate::shared::leave_group(node);
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
        Value::String(text) => {
            text.raw = None;
            text.quoted = false;
        }
        Value::Null => node.span = muster_model::Span::NONE,
        Value::Bool(_) => {}
    }
}
