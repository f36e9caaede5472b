//! Schemas in line comments: `containers: # {"type": "array", "x-kubernetes-patch-strategy": "merge", …}`.
//!
//! kustomize reads how a list merges also from the comment behind its key. The reader keeps no comments; here they are
//! looked up in the text, only in files that have such a schema at all. The number of a schema stands in the place of
//! the key, so that it stays with the field.

use muster_model::{Map, Node, Value, json};

use super::Schemas;

/// What every such comment has in it.
const MARKS: [&str; 2] = ["x-kubernetes-patch-strategy", "\"$ref\""];

/// True when the text may have schemas in comments.
pub(crate) fn may_have(text: &str) -> bool {
    MARKS.iter().any(|mark| text.contains(mark)) && text.contains('#')
}

/// Finds the schemas in the comments of a text that was read into these nodes.
pub(crate) fn mark(nodes: &mut [Node], text: &str, schemas: &mut Schemas) {
    for node in nodes {
        match &mut node.value {
            Value::Map(map) => {
                let mut members = std::mem::take(map).into_members();
                for member in &mut members {
                    if let Some(schema) = comment_of(&member.value, member.key_span.end, text) {
                        member.key_span.source = schemas.add_comment(&schema);
                    }
                    mark(std::slice::from_mut(&mut member.value), text, schemas);
                }
                *map = Map::from_unique(members);
            }
            Value::List(items) => mark(items, text, schemas),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }
}

/// The schema in the comment behind a key, or behind a collection that ends in the key's line.
fn comment_of(value: &Node, key_end: u32, text: &str) -> Option<Node> {
    if !matches!(value.value, Value::Map(_) | Value::List(_)) {
        return None;
    }
    let rest_of_line = |from: u32| text.get(from as usize..)?.lines().next();
    let behind_key = rest_of_line(key_end)?.trim_start().strip_prefix(':')?;
    let comment = match behind_key.trim_start() {
        comment if comment.starts_with('#') => comment,
        _ => rest_of_line(value.span.end)?.trim_start(),
    };
    let schema = comment.strip_prefix('#')?.trim();
    json::from_slice(schema.as_bytes())
        .ok()
        .filter(|n| n.as_map().is_some_and(|m| !m.is_empty()))
}
