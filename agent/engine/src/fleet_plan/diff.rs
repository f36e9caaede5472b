//! The changed lines of an object, with what is secret replaced.

use std::sync::Arc;

use muster_model::node::Value;
use muster_model::{Map, Node, json, marks, yaml};
use muster_sync::DesiredObject;

use super::members::Member;
use super::{Group, Side};
use crate::desire::Need;
use crate::each::collect;
use crate::line_diff::changed_lines;
use crate::survey::Surveyed;

/// Lines of one object's diff at most; a generated object can have thousands.
const MAX_LINES: usize = 400;
/// kubectl's copy of the whole object.
const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";

/// Puts the diffs into the groups: both sides of each are rendered once, for its first Application.
pub(super) fn fill(
    groups: Vec<(Group, &Member<'_>)>,
    from: Option<Side<'_>>,
    to: Side<'_>,
) -> Result<Vec<Group>, Need> {
    let filled = collect(to.question.each, groups.len(), |index| {
        let (group, member) = &groups[index];
        let mut group = group.clone();
        let Some(from) = from.filter(|_| !group.change.is_empty()) else {
            return Ok(group);
        };
        let old = bodies(from, member)?;
        let new = bodies(to, member)?;
        let key = to.question.memory.key();
        for change in &mut group.change {
            let find = |objects: &Arc<[DesiredObject]>| {
                let object = objects.iter().find(|object| object.id == change.object);
                object.map(|object| shown(&object.body(), key))
            };
            if let (Some(old), Some(new)) = (find(&old), find(&new)) {
                change.diff = lines(&old, &new);
            }
        }
        Ok(group)
    });
    filled.into_iter().collect()
}

fn bodies(side: Side<'_>, member: &Member<'_>) -> Result<Arc<[DesiredObject]>, Need> {
    let place = &member.place;
    let found: Option<Surveyed<'_>> = side.survey.get(&place.cluster, &place.application);
    match found {
        Some(found) => Ok(side.survey.bodies(side.question, found)?.into()),
        None => Ok(Arc::from([])),
    }
}

/// An object as it may be shown: of a Secret everything but its metadata and type is a keyed digest, and so is kubectl's
/// copy of it (HAZARDS.md T-56).
#[must_use]
pub fn shown(body: &Node, key: &[u8]) -> Node {
    let is_secret =
        body.str_at(&["apiVersion"]) == Some("v1") && body.str_at(&["kind"]) == Some("Secret");
    let Some(map) = body.as_map().filter(|_| is_secret) else {
        return body.clone();
    };
    let mut out = Map::new();
    for (name, value) in map.iter() {
        let value = match name {
            "apiVersion" | "kind" | "type" | "immutable" => value.clone(),
            "metadata" => metadata(value, key),
            _ => masked(value, key),
        };
        out.insert(name, value);
    }
    Node::map(out)
}

fn metadata(node: &Node, key: &[u8]) -> Node {
    let mut node = node.clone();
    let annotations = node.as_map_mut().and_then(|map| map.get_mut("annotations"));
    if let Some(annotations) = annotations.and_then(Node::as_map_mut)
        && let Some(copy) = annotations.get_mut(LAST_APPLIED)
    {
        *copy = masked(copy, key);
    }
    node
}

/// Every scalar below, as a digest that only who has the key can repeat.
fn masked(node: &Node, key: &[u8]) -> Node {
    match &node.value {
        Value::Null => node.clone(),
        Value::Bool(_) | Value::Number(_) | Value::String(_) => {
            let text = json::to_canonical(node);
            Node::string(format!(
                "hmac:{}",
                marks::keyed(key, text.as_bytes()).short()
            ))
        }
        Value::List(items) => Node::list(items.iter().map(|item| masked(item, key)).collect()),
        Value::Map(map) => {
            let mut out = Map::new();
            for (name, value) in map.iter() {
                out.insert(name, masked(value, key));
            }
            Node::map(out)
        }
    }
}

/// The changed lines of an object, and those around them.
fn lines(old: &Node, new: &Node) -> Vec<String> {
    let mut out = changed_lines(&yaml::to_string(old), &yaml::to_string(new));
    if out.len() > MAX_LINES {
        let more = out.len() - MAX_LINES;
        out.truncate(MAX_LINES);
        out.push(format!("  … {more} more lines"));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node(text: &str) -> Node {
        json::from_slice(text.as_bytes()).expect("JSON")
    }

    #[test]
    fn nothing_secret_is_shown_and_a_change_of_it_is() {
        let secret = |value: &str| {
            node(&format!(
                r#"{{"apiVersion":"v1","kind":"Secret","metadata":{{"name":"login","annotations":{{"{LAST_APPLIED}":"{value}"}}}},"stringData":{{"password":"{value}"}},"odd":["{value}"]}}"#
            ))
        };
        let diff = lines(
            &shown(&secret("canary-1"), b"k"),
            &shown(&secret("canary-2"), b"k"),
        );
        let text = diff.join("\n");
        assert!(
            !text.contains("canary") && text.contains("+   password: hmac:"),
            "{text}"
        );
        assert_eq!(shown(&secret("a"), b"k"), shown(&secret("a"), b"k"));
        assert_ne!(shown(&secret("a"), b"k"), shown(&secret("a"), b"other"));
    }

    #[test]
    fn only_changed_lines_are_shown() {
        let old = node(r#"{"apiVersion":"v1","kind":"ConfigMap","data":{"a":"1","b":"2"}}"#);
        let new = node(r#"{"apiVersion":"v1","kind":"ConfigMap","data":{"a":"1","b":"3"}}"#);
        let diff = lines(&shown(&old, b""), &shown(&new, b""));
        assert_eq!(
            diff.iter()
                .filter(|line| !line.starts_with(' '))
                .collect::<Vec<_>>(),
            ["-   b: \"2\"", "+   b: \"3\""]
        );
    }
}
