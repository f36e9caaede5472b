//! Examples as real servers write them, and random objects with the fields their manager must own.

use muster_model::{Map, Node, json};
use proptest::prelude::*;

use super::*;

fn read(text: &str) -> Node {
    json::from_slice(text.as_bytes()).expect("valid JSON")
}

fn of(fields: &str, desired: &str) -> Coverage {
    covers(&read(fields), &read(desired))
}

fn missing(paths: &[&str]) -> Coverage {
    Coverage::Missing(paths.iter().map(ToString::to_string).collect())
}

#[test]
fn owned_leaves_and_atomic_ancestors_cover() {
    let fields =
        r#"{"f:metadata":{"f:labels":{"f:app":{}}},"f:spec":{"f:replicas":{},"f:selector":{}}}"#;
    let desired = r#"{"apiVersion":"apps/v1","kind":"Deployment","metadata":{"name":"a","namespace":"b","labels":{"app":"x"}},"spec":{"replicas":2,"selector":{"matchLabels":{"app":"x"}}}}"#;
    assert_eq!(of(fields, desired), Coverage::Full);
}

#[test]
fn a_mapping_that_was_folded_into_ours_does_not_hide_what_others_took_within() {
    let desired = read(r#"{"data":{"a":"1"},"spec":{"selector":{"app":"x"}}}"#);
    let ours = read(r#"{"f:data":{},"f:spec":{"f:selector":{}}}"#);
    assert_eq!(covers(&ours, &desired), Coverage::Full);
    let taken = |other: &str| taken_from_within(&ours, &desired, &read(other));
    assert_eq!(taken(r#"{"f:data":{"f:a":{}}}"#), ["/data/a"]);
    let elsewhere = r#"{"f:data":{"f:b":{}},"f:spec":{"f:selector":{}}}"#;
    assert!(taken(elsewhere).is_empty());
}

#[test]
fn a_field_that_left_our_entry_is_missing() {
    assert_eq!(
        of(r#"{"f:data":{"f:b":{}}}"#, r#"{"data":{"a":"1","b":"2"}}"#),
        missing(&["/data/a"])
    );
    assert_eq!(
        of("{}", r#"{"metadata":{"name":"n","labels":{"a":"1"}}}"#),
        missing(&["/metadata/labels/a"])
    );
}

#[test]
fn keyed_items_are_found_though_the_server_defaults_a_key() {
    let fields = r#"{"f:ports":{"k:{\"port\":53,\"protocol\":\"TCP\"}":{".":{},"f:port":{}},"k:{\"port\":53,\"protocol\":\"UDP\"}":{".":{},"f:port":{},"f:protocol":{}}}}"#;
    let desired = r#"{"ports":[{"port":53},{"port":53,"protocol":"UDP"}]}"#;
    assert_eq!(of(fields, desired), Coverage::Full);
    assert_eq!(
        of(fields, r#"{"ports":[{"port":54}]}"#),
        missing(&["/ports/0"])
    );
}

#[test]
fn sets_match_by_value_and_atomic_lists_as_a_whole() {
    let fields = r#"{"f:finalizers":{"v:\"a\"":{},"v:\"b\"":{}},"f:args":{}}"#;
    assert_eq!(
        of(fields, r#"{"finalizers":["b"],"args":["x","y"]}"#),
        Coverage::Full
    );
    assert_eq!(
        of(fields, r#"{"finalizers":["c"]}"#),
        missing(&["/finalizers/0"])
    );
}

#[test]
fn empty_values_that_the_server_may_drop_are_not_conclusive() {
    assert_eq!(
        of(
            r#"{"f:spec":{"f:a":{}}}"#,
            r#"{"spec":{"a":1,"b":{},"c":null}}"#
        ),
        Coverage::Inconclusive(vec!["/spec/b".to_owned()])
    );
}

#[test]
fn ignored_fields_do_not_count() {
    let ignored = ["/spec/replicas".to_owned()].into();
    let desired = read(r#"{"spec":{"replicas":3,"paused":true}}"#);
    let fields = read(r#"{"f:spec":{"f:paused":{}}}"#);
    assert_eq!(covers_except(&fields, &desired, &ignored), Coverage::Full);
}

#[test]
fn a_pointer_through_a_keyed_list_finds_its_owner() {
    let fields = read(r#"{"f:spec":{"f:containers":{"k:{\"name\":\"b\"}":{"f:image":{}}}}}"#);
    let desired =
        read(r#"{"spec":{"containers":[{"name":"a","image":"x"},{"name":"b","image":"y"}]}}"#);
    assert!(owns(&fields, &desired, "/spec/containers/1/image"));
    assert!(!owns(&fields, &desired, "/spec/containers/0/image"));
    assert!(!owns(&fields, &desired, "/spec/replicas"));
    assert_eq!(
        owned_leaves(&fields, &desired),
        ["/spec/containers/1/image"]
    );
}

/// How a server treats a list.
#[derive(Debug, Clone, Copy)]
enum ListKind {
    Atomic,
    Keyed,
    Set,
}

/// A random value, and the fields that an Apply of it makes its manager own (structured-merge-diff's `ToFieldSet`).
fn value(depth: u32) -> BoxedStrategy<(Node, Node)> {
    let leaf = (0_i64..100).prop_map(|n| (Node::int(n), Node::map(Map::new())));
    if depth == 0 {
        return leaf.boxed();
    }
    prop_oneof![
        2 => leaf,
        3 => proptest::collection::btree_map("[a-d/~]{1,2}", value(depth - 1), 1..4)
            .prop_map(mapping),
        1 => (
            proptest::collection::vec(value(depth - 1), 1..4),
            prop_oneof![Just(ListKind::Atomic), Just(ListKind::Keyed), Just(ListKind::Set)],
        )
            .prop_map(|(items, kind)| list(items, kind)),
    ]
    .boxed()
}

fn mapping(members: std::collections::BTreeMap<String, (Node, Node)>) -> (Node, Node) {
    let mut value = Map::new();
    let mut fields = Map::new();
    for (key, (member, owned)) in members {
        fields.insert(format!("f:{key}"), owned);
        value.insert(key, member);
    }
    (Node::map(value), Node::map(fields))
}

fn list(items: Vec<(Node, Node)>, kind: ListKind) -> (Node, Node) {
    let mut fields = Map::new();
    let values = items
        .into_iter()
        .enumerate()
        .map(|(index, (item, owned))| match kind {
            ListKind::Atomic => item,
            ListKind::Set => {
                let text = format!("member-{index}");
                fields.insert(format!("v:\"{text}\""), Node::map(Map::new()));
                Node::string(text)
            }
            ListKind::Keyed => {
                let name = format!("item-{index}");
                let (value, own) = mapping([("x".to_owned(), (item, owned))].into());
                let mut value = value.as_map().expect("a mapping").clone();
                let mut own = own.as_map().expect("a mapping").clone();
                value.insert("name", Node::string(&*name));
                own.insert(".", Node::map(Map::new()));
                own.insert("f:name", Node::map(Map::new()));
                fields.insert(format!("k:{{\"name\":\"{name}\"}}"), Node::map(own));
                Node::map(value)
            }
        })
        .collect();
    (Node::list(values), Node::map(fields))
}

/// Takes the `n`th leaf away, and parents that are left without any.
fn without_leaf(fields: &Node, n: &mut usize) -> Option<Node> {
    if is_leaf(fields) {
        *n = n.wrapping_sub(1);
        return (*n != usize::MAX).then(|| fields.clone());
    }
    let kept: Map = fields
        .as_map()
        .expect("a mapping")
        .iter()
        .filter_map(|(key, value)| Some((key, without_leaf(value, n)?)))
        .collect();
    (!kept.is_empty()).then(|| Node::map(kept))
}

fn leaves(fields: &Node) -> usize {
    match fields.as_map() {
        Some(map) if !map.is_empty() => map.iter().map(|(_, value)| leaves(value)).sum(),
        _ => 1,
    }
}

proptest! {
    #[test]
    fn what_an_apply_makes_us_own_covers_what_was_applied(
        members in proptest::collection::btree_map("[a-d]{1,3}", value(3), 1..4)
    ) {
        let (desired, fields) = mapping(members);
        prop_assert_eq!(covers(&fields, &desired), Coverage::Full);
    }

    #[test]
    fn a_field_taken_by_somebody_else_is_never_overlooked(
        members in proptest::collection::btree_map("[a-d]{1,3}", value(3), 1..4),
        pick in any::<proptest::sample::Index>(),
    ) {
        let (desired, fields) = mapping(members);
        let mut n = pick.index(leaves(&fields));
        let lost = without_leaf(&fields, &mut n).unwrap_or_else(|| Node::map(Map::new()));
        // A keyed item's own path and its key are not fields that somebody else could take.
        prop_assume!(!only_identity_lost(&fields, &lost));
        prop_assert_ne!(covers(&lost, &desired), Coverage::Full);
    }
}

/// True when the trees differ in a `.` only.
fn only_identity_lost(before: &Node, after: &Node) -> bool {
    let strip = |node: &Node| {
        json::to_string(node)
            .replace("\".\":{},", "")
            .replace("\".\":{}", "")
    };
    strip(before) == strip(after)
}
