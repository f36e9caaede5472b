//! A namespace: what keeps it from going, and what `managedNamespaceMetadata` made of it.

use std::collections::BTreeMap;

use muster_model::observed::{NamespaceMetadata, NamespaceState};
use muster_model::{Node, marks};

use crate::record::MANAGER_PREFIX;

/// Most obstacles that are named.
const MAX_NAMED: usize = 8;

/// Reduces a live Namespace; `None` for anything else, and for its metadata alone.
pub(crate) fn reduce_namespace(object: &Node) -> Option<Box<NamespaceState>> {
    let is = |key, text| object.str_at(&[key]) == Some(text);
    (is("kind", "Namespace") && is("apiVersion", "v1")).then(|| {
        let terminating = object
            .at_path(&["metadata", "deletionTimestamp"])
            .is_some_and(|at| !at.is_null());
        Box::new(NamespaceState {
            terminating,
            held_by: if terminating {
                held_by(object)
            } else {
                Vec::new()
            },
            applied: applied(object),
        })
    })
}

/// What the namespace controller says is left. Of its words nothing is kept but the names of kinds and finalizers, and
/// their number.
fn held_by(object: &Node) -> Vec<String> {
    let conditions = object
        .at_path(&["status", "conditions"])
        .and_then(Node::as_list)
        .unwrap_or_default();
    let mut found = Vec::new();
    for condition in conditions {
        let text = |key| condition.str_at(&[key]).unwrap_or_default();
        if text("status") != "True" {
            continue;
        }
        match text("type") {
            "NamespaceDeletionDiscoveryFailure" | "NamespaceDeletionGroupVersionParsingFailure" => {
                found.push("API groups that cannot be discovered".to_owned());
            }
            "NamespaceDeletionContentFailure" => {
                found.push("content that cannot be deleted".to_owned());
            }
            "NamespaceContentRemaining" => {
                found
                    .extend(counted(text("message"), "has").map(|(name, n)| format!("{n} {name}")));
            }
            "NamespaceFinalizersRemaining" => {
                found.extend(
                    counted(text("message"), "in")
                        .map(|(name, n)| format!("finalizer {name} on {n}")),
                );
            }
            _ => {}
        }
    }
    let own = object.at_path(&["metadata", "finalizers"]);
    let own = own.and_then(Node::as_list).unwrap_or_default();
    let own = own
        .iter()
        .filter_map(Node::as_str)
        .filter(|name| is_name(name));
    found.extend(own.map(|name| format!("finalizer {name} of its own")));
    found.sort_unstable();
    found.dedup();
    found.truncate(MAX_NAMED);
    found
}

/// `<name> <word> <number> resource instances`, again and again: the names and numbers.
fn counted<'a>(message: &'a str, word: &'static str) -> impl Iterator<Item = (&'a str, u32)> {
    let words: Vec<&str> = message
        .split([' ', ',', ':'])
        .filter(|w| !w.is_empty())
        .collect();
    let found: Vec<(&str, u32)> = words
        .windows(3)
        .filter(|window| window[1] == word)
        .filter_map(|window| {
            let name = window[0].trim_end_matches('.');
            Some((name, window[2].parse().ok()?))
        })
        .filter(|(name, _)| is_name(name))
        .collect();
    found.into_iter()
}

/// A kind's plural, or a finalizer: lower-case letters, digits, dots, dashes, one slash.
fn is_name(text: &str) -> bool {
    !text.is_empty()
        && text.len() <= 128
        && text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'/' | b'_'))
}

/// The labels and annotations that our own apply owns, with their values; our marks apart.
fn applied(object: &Node) -> NamespaceMetadata {
    let entries = object.at_path(&["metadata", "managedFields"]);
    let own = entries
        .and_then(Node::as_list)
        .unwrap_or_default()
        .iter()
        .find(|entry| {
            let text = |key| entry.str_at(&[key]).unwrap_or_default();
            text("operation") == "Apply" && text("manager").starts_with(MANAGER_PREFIX)
        });
    let fields = own.and_then(|entry| entry.get("fieldsV1"));
    let owned = |section: &str| -> BTreeMap<String, String> {
        let Some(values) = object
            .at_path(&["metadata", section])
            .and_then(Node::as_map)
        else {
            return BTreeMap::new();
        };
        let owned = fields.and_then(|f| f.at_path(&["f:metadata", &format!("f:{section}")]));
        let is_owned = |key: &str| owned.is_some_and(|f| f.get(&format!("f:{key}")).is_some());
        values
            .iter()
            .filter(|(key, _)| is_owned(key) && !MARKS.contains(key))
            .filter_map(|(key, value)| Some((key.to_string(), value.as_str()?.to_owned())))
            .collect()
    };
    NamespaceMetadata {
        labels: owned("labels"),
        annotations: owned("annotations"),
    }
}

const MARKS: &[&str] = &[marks::APPLYSET_PART_OF, marks::APPLICATION, marks::APPLIED];

#[cfg(test)]
mod tests {
    use super::*;
    use muster_model::json;

    fn reduced(text: &str) -> NamespaceState {
        let node = json::from_slice(text.as_bytes()).expect("valid JSON");
        *reduce_namespace(&node).expect("a Namespace")
    }

    #[test]
    fn what_keeps_a_namespace_is_named_without_the_servers_words() {
        let state = reduced(
            r#"{"apiVersion":"v1","kind":"Namespace","metadata":{"name":"shop","deletionTimestamp":"2026-01-01T00:00:00Z",
            "finalizers":["example.com/own"]},"status":{"conditions":[
            {"type":"NamespaceContentRemaining","status":"True","message":"Some resources are remaining: configmaps. has 1 resource instances, widgets.example.com has 3 resource instances"},
            {"type":"NamespaceFinalizersRemaining","status":"True","message":"Some content in the namespace has finalizers remaining: example.com/hold in 4 resource instances, <b>x</b> in 1 resource instances"},
            {"type":"NamespaceDeletionDiscoveryFailure","status":"False","message":"secret"}]}}"#,
        );
        assert!(state.terminating);
        assert_eq!(
            state.held_by,
            [
                "1 configmaps",
                "3 widgets.example.com",
                "finalizer example.com/hold on 4",
                "finalizer example.com/own of its own"
            ]
        );
    }

    #[test]
    fn only_what_our_own_apply_owns_is_ours() {
        let state = reduced(
            r#"{"apiVersion":"v1","kind":"Namespace","metadata":{"name":"shop","labels":{"team":"shop","other":"x"},
            "annotations":{"note":"a"},"managedFields":[
            {"manager":"kubectl","operation":"Update","fieldsV1":{"f:metadata":{"f:labels":{"f:other":{}}}}},
            {"manager":"muster.bookstore","operation":"Apply","fieldsV1":{"f:metadata":{"f:labels":{"f:team":{}},"f:annotations":{"f:note":{}}}}}]}}"#,
        );
        assert_eq!(
            state.applied.labels,
            BTreeMap::from([("team".to_owned(), "shop".to_owned())])
        );
        assert_eq!(
            state.applied.annotations,
            BTreeMap::from([("note".to_owned(), "a".to_owned())])
        );
        assert_eq!((state.terminating, state.held_by), (false, Vec::new()));
    }
}
