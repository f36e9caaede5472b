//! Texts that become scalars.

use muster_model::node::NumberValue;
use muster_model::{Budgets, Node, Number, Span, Value, yaml};

use crate::id::scalar_text;

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

// Marks lie in spans of nodes that were not read from a text.

/// Marks a scalar that kustomize made without a type: a text put in later is typed anew.
const UNTYPED: u32 = u32::MAX;

/// Marks a text that looks like another type, and has no quotes to say that it is none.
const BARE_TEXT: u32 = UNTYPED - 5;

/// Types whose scalars may be given a text that is none of theirs, and the mark for each.
const MISTYPED: [(&str, u32); 4] = [
    ("!!null", UNTYPED - 1),
    ("!!bool", UNTYPED - 2),
    ("!!int", UNTYPED - 3),
    ("!!float", UNTYPED - 4),
];

fn marked(mut node: Node, mark: u32) -> Node {
    node.span = Span {
        start: mark,
        end: mark,
        ..Span::NONE
    };
    node
}

fn has_mark(node: &Node, mark: u32) -> bool {
    !node.span.is_known() && node.span.start == mark
}

/// A scalar made without a type; without a text it is null.
pub(crate) fn untyped(text: &str) -> Node {
    let node = if text.is_empty() {
        Node::null()
    } else {
        plain(text)
    };
    marked(node, UNTYPED)
}

/// Puts a scalar in quotes that a merge takes for a text: one that was made without a type and looks like a number or
/// boolean, and a text that has no quotes and would be none without them.
pub(crate) fn settle_type(node: &mut Node) {
    if is_untyped(node) && matches!(node.value, Value::Number(_) | Value::Bool(_)) {
        node.value = quoted(&node.raw_scalar().unwrap_or_default()).value;
    }
    let is_bare = has_mark(node, BARE_TEXT);
    match &mut node.value {
        Value::String(text)
            if !text.quoted && (is_bare && is_typed(&text.text) || is_structure(&text.text)) =>
        {
            text.quoted = true;
        }
        Value::Null
        | Value::Bool(_)
        | Value::Number(_)
        | Value::String(_)
        | Value::List(_)
        | Value::Map(_) => {}
    }
}

/// True for a text of one line that is a mapping, a list or nothing at all without quotes.
fn is_structure(text: &str) -> bool {
    let may_be = text.contains(": ")
        || text.ends_with(':')
        || text.starts_with(['-', '[', '{', '?', '#', '&', '*', '!', '\u{feff}']);
    if !may_be || text.contains('\n') {
        return false;
    }
    yaml::read(text.as_bytes(), &Budgets::default(), 0).is_ok_and(|documents| {
        let first = documents.first();
        first.is_none_or(|node| matches!(node.value, Value::Map(_) | Value::List(_) | Value::Null))
    })
}

/// True for a scalar that was made without a type.
pub(crate) fn is_untyped(node: &Node) -> bool {
    has_mark(node, UNTYPED)
}

/// True when both are the same values from the same places.
pub(crate) fn is_identical(one: &Node, other: &Node) -> bool {
    one.span == other.span
        && match (&one.value, &other.value) {
            (Value::Map(one), Value::Map(other)) => {
                let mut pairs = one.iter().zip(other.iter());
                one.len() == other.len()
                    && pairs.all(|((k, v), (l, w))| k == l && is_identical(v, w))
            }
            (Value::List(one), Value::List(other)) => {
                let mut pairs = one.iter().zip(other);
                one.len() == other.len() && pairs.all(|(v, w)| is_identical(v, w))
            }
            (one, other) => one == other,
        }
}

/// True for a scalar without quotes that the reader made a text of because kustomize prints it as one: nothing at all, or
/// a time, inside of `{}` or `[]`.
pub(crate) fn became_text(node: &Node) -> bool {
    let length = (node.span.end as usize).saturating_sub(node.span.start as usize);
    let is_plain = |text: &str| node.span.is_known() && text.len() == length;
    matches!(&node.value, Value::String(text) if text.quoted && is_plain(&text.text))
}

/// What such a scalar is before it is printed.
pub(crate) fn as_written(node: &Node) -> Node {
    let text = scalar_text(node);
    if text.is_empty() {
        Node::null()
    } else {
        plain(&text)
    }
}

/// Sets a scalar to a text of no type: it keeps being a text where it had to be quoted, else it is typed anew.
pub(crate) fn set_untyped(node: &mut Node, text: &str) {
    let group = node.span.source;
    *node = if was_quoted(node) {
        marked(quoted(text), UNTYPED)
    } else {
        untyped(text)
    };
    node.span.source = group;
}

/// Sets the text of a scalar that keeps its type and its quotes, as a replacement does; what then does not fit its type
/// is an error only if it is still there in the end.
pub(crate) fn set_written(node: &mut Node, text: &str) {
    if has_mark(node, UNTYPED) {
        set_untyped(node, text);
        return;
    }
    let tag = match (mistyped(node), &mut node.value) {
        (Some(tag), _) => tag,
        (None, Value::String(_)) => {
            set_text(node, text);
            return;
        }
        (None, Value::Null) => "!!null",
        (None, Value::Bool(_)) => "!!bool",
        (None, Value::Number(number)) if is_float(number.value) => "!!float",
        (None, Value::Number(_)) => "!!int",
        (None, Value::List(_) | Value::Map(_)) => return,
    };
    let new = plain(text);
    let fits = match &new.value {
        Value::Null => tag == "!!null",
        Value::Bool(_) => tag == "!!bool",
        Value::Number(number) => tag == "!!float" || (tag == "!!int" && !is_float(number.value)),
        Value::String(_) | Value::List(_) | Value::Map(_) => false,
    };
    if fits {
        node.value = new.value;
        node.span = Span::NONE;
    } else if let Some((_, mark)) = MISTYPED.iter().find(|(name, _)| *name == tag) {
        *node = marked(Node::string(text), *mark);
    }
}

/// Sets a text that keeps its quotes.
fn set_text(node: &mut Node, text: &str) {
    let is_quoted = was_quoted(node);
    node.value = Node::string(text).value;
    keep_style(node, is_quoted);
}

/// Quotes a text, or takes its quotes away; it stays a text all the same.
fn keep_style(node: &mut Node, is_quoted: bool) {
    let Value::String(text) = &mut node.value else {
        return;
    };
    text.quoted = is_quoted;
    if !is_quoted && (text.text.is_empty() || is_typed(&text.text)) {
        node.span = Span {
            source: node.span.source,
            start: BARE_TEXT,
            end: BARE_TEXT,
            line: 0,
        };
    } else if has_mark(node, BARE_TEXT) {
        node.span = Span {
            source: node.span.source,
            ..Span::NONE
        };
    }
}

/// The type of a scalar whose text is none of that type.
pub(crate) fn mistyped(node: &Node) -> Option<&'static str> {
    if node.span.is_known() || node.span.start < UNTYPED - 4 || node.span.start == UNTYPED {
        return None;
    }
    let found = MISTYPED.iter().find(|(_, mark)| node.span.start == *mark);
    found.map(|(tag, _)| *tag)
}

/// The first scalar below a node whose text is none of its type.
pub(crate) fn find_mistyped(node: &Node) -> Option<&Node> {
    match &node.value {
        Value::Map(map) => map.values().find_map(find_mistyped),
        Value::List(items) => items.iter().find_map(find_mistyped),
        Value::String(_) => mistyped(node).map(|_| node),
        Value::Null | Value::Bool(_) | Value::Number(_) => None,
    }
}

fn is_float(value: NumberValue) -> bool {
    matches!(value, NumberValue::Float(_))
}

/// True for a text that is a number, a boolean, null or a time without quotes.
pub(crate) fn is_typed(text: &str) -> bool {
    !matches!(plain(text).value, Value::String(_))
}

/// True for a text in quotes, or one that was made and would be something else without them.
pub(crate) fn was_quoted(node: &Node) -> bool {
    match &node.value {
        Value::String(text) if text.quoted => true,
        // Written without quotes, but with a type: `!!str 12`.
        Value::String(_) if node.span.is_known() || has_mark(node, BARE_TEXT) => false,
        Value::String(text) => text.text.is_empty() || is_typed(&text.text),
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
    let is_quoted = was_quoted(old);
    match &mut new.value {
        Value::String(text) => {
            // A `>` block in another's style prints as what it says.
            let is_folded = matches!(&old.value, Value::String(old) if old.raw.is_some());
            if !is_folded && let Some(raw) = text.raw.take_if(|r| r.contains('\n')) {
                text.text = raw.into();
            }
            // A time in another's quotes is the text that was written.
            if is_quoted && let Some(raw) = text.raw.take_if(|r| !r.contains('\n')) {
                text.text = raw.into();
            }
            keep_style(new, is_quoted);
        }
        Value::Bool(_) | Value::Number(_) if is_quoted => {
            new.value = quoted(&new.raw_scalar().unwrap_or_default()).value;
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::List(_) | Value::Map(_) => {}
    }
}

/// What a value is after a detour through JSON: numbers are floating point, as Go reads them.
pub(crate) fn through_json(node: &mut Node) {
    node.span = Span::NONE;
    match &mut node.value {
        Value::List(items) => items.iter_mut().for_each(through_json),
        Value::Map(map) => map.iter_mut().for_each(|(_, v)| through_json(v)),
        Value::Number(number) => number_through_json(number),
        Value::String(text) => {
            text.raw = None;
            text.quoted = text.text.is_empty() || is_typed(&text.text);
        }
        Value::Null | Value::Bool(_) => {}
    }
}

fn number_through_json(number: &mut Number) {
    #[expect(clippy::cast_precision_loss, reason = "Go loses the same digits")]
    let float = match number.value {
        NumberValue::Int(value) if value.unsigned_abs() <= 1 << 53 => None,
        NumberValue::Int(value) => Some(value as f64),
        NumberValue::UInt(value) => Some(value as f64),
        NumberValue::Float(_) => None,
    };
    if let Some(float) = float {
        number.value = NumberValue::Float(float);
    }
    // Printed and read again: `3.0` is an integer then.
    if let Value::Number(read) = plain(&number.value.as_go_float()).value {
        *number = read;
    }
}
