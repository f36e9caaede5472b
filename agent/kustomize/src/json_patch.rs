//! JSON Patch (RFC 6902), with the liberties of the Go library kustomize uses: negative indexes count from the end.

use muster_model::{Map, Node, Value};

use crate::failure::{Step, failed};
use crate::record::{Place, Record, Unknown};

/// One operation.
#[derive(Debug, Clone)]
pub(crate) struct Operation {
    op: String,
    path: String,
    from: String,
    value: Node,
}

impl Operation {
    /// Reads a list of operations.
    pub(crate) fn read_all(node: &Node, file: &str) -> Step<Vec<Self>> {
        let Some(items) = node.as_list() else {
            return Err(failed("a JSON patch is a list of operations").into());
        };
        let place = Place::file(file);
        items
            .iter()
            .enumerate()
            .map(|(index, item)| {
                let record = Record::read(
                    item,
                    place.index(index),
                    &["op", "path", "from", "value"],
                    Unknown::Ignore,
                )?;
                Ok(Self {
                    op: record.text("op")?,
                    path: record.text("path")?,
                    from: record.text("from")?,
                    value: record.get("value").cloned().unwrap_or_default(),
                })
            })
            .collect()
    }

    /// Applies the operation.
    pub(crate) fn apply(&self, root: &mut Node) -> Step<()> {
        let done = match &*self.op {
            "add" => add(root, &self.path, self.value.clone()),
            "replace" => replace(root, &self.path, self.value.clone()),
            "remove" => remove(root, &self.path).map(drop),
            "move" => remove(root, &self.from).and_then(|value| add(root, &self.path, value)),
            "copy" => copied(root, &self.from).and_then(|value| add(root, &self.path, value)),
            "test" => self.test(root),
            other => return Err(failed(format!("unknown JSON patch operation {other:?}")).into()),
        };
        done.ok_or_else(|| {
            failed(format!(
                "JSON patch operation `{}` does not apply at {}",
                self.op, self.path
            ))
            .field(self.path.clone())
            .into()
        })
    }

    /// True when the operation reads or changes annotations, among which kustomize keeps its own.
    pub(crate) fn touches_annotations(&self) -> bool {
        let touches = |path: &str| {
            matches!(path, "" | "/metadata") || path.starts_with("/metadata/annotations")
        };
        touches(&self.path) || (!self.from.is_empty() && touches(&self.from))
    }

    fn test(&self, root: &mut Node) -> Option<()> {
        match get_mut(root, &self.path) {
            Some(node) => (*node == self.value).then_some(()),
            None => self.value.is_null().then_some(()),
        }
    }
}

/// The parent's path and the last key; `None` for the root.
fn split(path: &str) -> Option<(&str, String)> {
    let (parent, key) = path.rsplit_once('/')?;
    Some((parent, unescape(key)))
}

fn unescape(key: &str) -> String {
    key.replace("~1", "/").replace("~0", "~")
}

fn get_mut<'n>(root: &'n mut Node, path: &str) -> Option<&'n mut Node> {
    let mut node = root;
    for key in path.split('/').skip(1) {
        let key = unescape(key);
        node = match &mut node.value {
            Value::Map(map) => map.get_mut(&key)?,
            Value::List(items) => {
                let index = index(&key, items.len())?;
                items.get_mut(index)?
            }
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => return None,
        };
    }
    Some(node)
}

fn add(root: &mut Node, path: &str, value: Node) -> Option<()> {
    let (parent, key) = split(path)?;
    match &mut get_mut(root, parent)?.value {
        Value::Map(map) => drop(map.insert(key, value)),
        Value::List(items) if key == "-" => items.push(value),
        Value::List(items) => {
            let place = index(&key, items.len() + 1)?;
            if place > items.len() {
                return None;
            }
            items.insert(place, value);
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => return None,
    }
    Some(())
}

/// Sets a value; in a mapping also one that is not there, as the Go library does.
fn replace(root: &mut Node, path: &str, value: Node) -> Option<()> {
    let (parent, key) = split(path)?;
    match &mut get_mut(root, parent)?.value {
        Value::Map(map) => drop(map.insert(key, value)),
        Value::List(items) => {
            let place = index(&key, items.len())?;
            *items.get_mut(place)? = value;
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => return None,
    }
    Some(())
}

/// A copy of a value; null for a key that a mapping does not have.
fn copied(root: &mut Node, path: &str) -> Option<Node> {
    if let Some(node) = get_mut(root, path) {
        return Some(node.clone());
    }
    let (parent, _) = split(path)?;
    matches!(get_mut(root, parent)?.value, Value::Map(_)).then(Node::null)
}

fn remove(root: &mut Node, path: &str) -> Option<Node> {
    let (parent, key) = split(path)?;
    match &mut get_mut(root, parent)?.value {
        Value::Map(map) => Map::remove(map, &key),
        Value::List(items) => {
            let index = index(&key, items.len())?;
            (index < items.len()).then(|| items.remove(index))
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => None,
    }
}

fn index(key: &str, len: usize) -> Option<usize> {
    let index: i64 = key.parse().ok()?;
    let len = i64::try_from(len).ok()?;
    let index = if index < 0 { index + len } else { index };
    usize::try_from(index).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use muster_model::json;

    fn patched(object: &str, patch: &str) -> Option<String> {
        let mut node = json::from_slice(object.as_bytes()).expect("JSON");
        let patch = json::from_slice(patch.as_bytes()).expect("JSON");
        for operation in Operation::read_all(&patch, "patch").expect("operations") {
            operation.apply(&mut node).ok()?;
        }
        Some(json::to_canonical(&node))
    }

    #[test]
    fn operations_apply_as_in_the_rfc() {
        let object = r#"{"a":{"b/c":[1,2]},"d":1}"#;
        let patch = r#"[{"op":"add","path":"/a/b~1c/-","value":3},{"op":"add","path":"/a/b~1c/0","value":0},
            {"op":"remove","path":"/a/b~1c/-1"},{"op":"move","from":"/d","path":"/e"},{"op":"test","path":"/e","value":1},
            {"op":"copy","from":"/e","path":"/a/x"},{"op":"replace","path":"/e","value":null}]"#;
        assert_eq!(
            patched(object, patch).expect("it applies"),
            r#"{"a":{"b/c":[0,1,2],"x":1},"e":null}"#
        );
    }

    #[test]
    fn what_is_not_there_cannot_be_changed() {
        for operation in [
            r#"{"op":"remove","path":"/x"}"#,
            r#"{"op":"replace","path":"/x/y","value":1}"#,
            r#"{"op":"replace","path":"/l/1","value":1}"#,
            r#"{"op":"add","path":"/x/y","value":1}"#,
            r#"{"op":"add","path":"/l/5","value":1}"#,
            r#"{"op":"test","path":"/l","value":2}"#,
        ] {
            assert_eq!(
                patched(r#"{"l":[1]}"#, &format!("[{operation}]")),
                None,
                "{operation}"
            );
        }
    }
}
