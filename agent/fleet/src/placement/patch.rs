//! The three operations of JSON Patch (RFC 6902) that overriders have.

use muster_model::{Node, Value};

/// One of the three operations.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Operator {
    Add,
    Remove,
    Replace,
}

impl Operator {
    pub(super) const WORDS: &'static [(&'static str, Self)] = &[
        ("add", Self::Add),
        ("remove", Self::Remove),
        ("replace", Self::Replace),
    ];
}

/// The node at an RFC 6901 pointer.
pub(super) fn get<'n>(root: &'n Node, pointer: &str) -> Option<&'n Node> {
    let mut node = root;
    for key in pointer.split('/').skip(1) {
        node = match &node.value {
            Value::Map(map) => map.get(&unescape(key))?,
            Value::List(items) => items.get(index(key, items.len())?)?,
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => return None,
        };
    }
    Some(node)
}

fn get_mut<'n>(root: &'n mut Node, pointer: &str) -> Option<&'n mut Node> {
    let mut node = root;
    for key in pointer.split('/').skip(1) {
        node = match &mut node.value {
            Value::Map(map) => map.get_mut(&unescape(key))?,
            Value::List(items) => {
                let index = index(key, items.len())?;
                items.get_mut(index)?
            }
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => return None,
        };
    }
    Some(node)
}

/// Applies one operation; what is not there cannot be replaced or removed. A negative index counts from the end, as in
/// the library Karmada uses.
pub(super) fn apply(root: &mut Node, operator: Operator, pointer: &str, value: Node) -> Option<()> {
    let (parent, key) = pointer.rsplit_once('/')?;
    let key = unescape(key);
    match (&mut get_mut(root, parent)?.value, operator) {
        (Value::Map(map), Operator::Add) => drop(map.insert(key, value)),
        (Value::Map(map), Operator::Replace) => *map.get_mut(&key)? = value,
        (Value::Map(map), Operator::Remove) => drop(map.remove(&key)?),
        (Value::List(items), Operator::Add) if key == "-" => items.push(value),
        (Value::List(items), Operator::Add) => {
            let at = index(&key, items.len() + 1)?;
            (at <= items.len()).then(|| items.insert(at, value))?;
        }
        (Value::List(items), Operator::Replace) => {
            let at = index(&key, items.len())?;
            *items.get_mut(at)? = value;
        }
        (Value::List(items), Operator::Remove) => {
            let at = index(&key, items.len())?;
            (at < items.len()).then(|| items.remove(at))?;
        }
        (Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_), _) => return None,
    }
    Some(())
}

/// A key as a part of a pointer.
pub(super) fn escape(key: &str) -> String {
    key.replace('~', "~0").replace('/', "~1")
}

fn unescape(key: &str) -> String {
    key.replace("~1", "/").replace("~0", "~")
}

fn index(key: &str, len: usize) -> Option<usize> {
    let index: i64 = key.parse().ok()?;
    let len = i64::try_from(len).ok()?;
    usize::try_from(if index < 0 { index + len } else { index }).ok()
}
