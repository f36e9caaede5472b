//! The changed lines of an object, with what is secret replaced.

use std::ops::Range;
use std::sync::Arc;

use imara_diff::{Algorithm, Diff, InternedInput, Token};
use muster_model::node::Value;
use muster_model::{Map, Node, json, marks, yaml};
use muster_sync::DesiredObject;

use super::members::Member;
use super::{Group, Side};
use crate::desire::Need;
use crate::each::collect;
use crate::survey::Surveyed;

/// Lines around a change that are shown with it.
const CONTEXT: u32 = 2;
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

/// The changed lines of a text and two around each change, every one behind its sign and a space; `  …` where lines
/// between two changes are left out.
#[must_use]
pub fn changed_lines(old: &str, new: &str) -> Vec<String> {
    let input = InternedInput::new(old, new);
    let mut diff = Diff::compute(Algorithm::Histogram, &input);
    diff.postprocess_lines(&input);
    let length = u32::try_from(input.before.len()).unwrap_or(u32::MAX);
    let mut out = Vec::new();
    // What of the old text is done with, and how far the context of the change before reaches.
    let (mut done, mut reach) = (0, 0);
    for hunk in diff.hunks() {
        let (start, end) = (hunk.before.start, hunk.before.end);
        push(&mut out, ' ', &input, &input.before, done..reach.min(start));
        done = reach.min(start);
        let ahead = start.saturating_sub(CONTEXT);
        if ahead > done && !out.is_empty() {
            out.push("  …".to_owned());
        }
        push(&mut out, ' ', &input, &input.before, ahead.max(done)..start);
        push(&mut out, '-', &input, &input.before, hunk.before);
        push(&mut out, '+', &input, &input.after, hunk.after);
        done = end;
        reach = end.saturating_add(CONTEXT).min(length);
    }
    push(&mut out, ' ', &input, &input.before, done..reach);
    out
}

fn push(
    out: &mut Vec<String>,
    sign: char,
    input: &InternedInput<&str>,
    side: &[Token],
    lines: Range<u32>,
) {
    let lines = side.get(lines.start as usize..lines.end as usize);
    for line in lines.unwrap_or_default() {
        let line = input.interner[*line].trim_end_matches('\n');
        out.push(format!("{sign} {line}"));
    }
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
    fn two_lines_around_each_change_are_shown_once() {
        let changed = |old: &str, new: &str| {
            let text = |words: &str| words.replace(' ', "\n") + "\n";
            changed_lines(&text(old), &text(new))
        };
        assert_eq!(changed("a b c", "a b c"), [""; 0]);
        assert_eq!(
            changed("a b c d e f", "a b c D e f"),
            ["  b", "  c", "- d", "+ D", "  e", "  f"]
        );
        // Close to each other: what is between them is neither left out nor repeated.
        assert_eq!(
            changed("a b c d", "A b c D"),
            ["- a", "+ A", "  b", "  c", "- d", "+ D"]
        );
        assert_eq!(
            changed("a 1 2 3 4 5 b", "A 1 2 3 4 5"),
            ["- a", "+ A", "  1", "  2", "  …", "  4", "  5", "- b"]
        );
        assert_eq!(changed_lines("a", "a\nb"), ["- a", "+ a", "+ b"]);
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
