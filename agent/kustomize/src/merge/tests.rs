use muster_model::{Budgets, json, yaml};

use super::*;
use crate::options::MergeKeys;

fn merged(object: &str, patch: &str) -> String {
    let read = |text: &str| {
        yaml::read(text.as_bytes(), &Budgets::default(), 0)
            .expect("YAML")
            .remove(0)
    };
    let schemas = Schemas::new(MergeKeys::Kustomize);
    let merger = Merger {
        schemas: &schemas,
        direction: Direction::Prepend,
        inference: Inference::Off,
    };
    let node = merge(merger, read(object), read(patch)).expect("it merges");
    node.map_or_else(|| "deleted".to_owned(), |n| json::to_canonical(&n))
}

const POD: &str =
    "{apiVersion: v1, kind: Pod, spec: {containers: [{name: a, image: x}, {name: b}]}}";

#[test]
fn entries_of_a_patch_come_first() {
    let patch = "{apiVersion: v1, kind: Pod, spec: {containers: [{name: c}, {name: b, image: y}]}}";
    assert_eq!(
        merged(POD, patch),
        r#"{"apiVersion":"v1","kind":"Pod","spec":{"containers":[{"name":"c"},{"image":"y","name":"b"},{"image":"x","name":"a"}]}}"#
    );
}

#[test]
fn a_directive_deletes_an_entry_or_the_object() {
    let patch = "{apiVersion: v1, kind: Pod, spec: {containers: [{name: a, $patch: delete}]}}";
    assert_eq!(
        merged(POD, patch),
        r#"{"apiVersion":"v1","kind":"Pod","spec":{"containers":[{"name":"b"}]}}"#
    );
    assert_eq!(
        merged(POD, "{apiVersion: v1, kind: Pod, $patch: delete}"),
        "deleted"
    );
}

#[test]
fn lists_of_unknown_kinds_are_replaced() {
    let object = "{apiVersion: example.com/v1, kind: X, list: [{name: a}]}";
    let patch = "{apiVersion: example.com/v1, kind: X, list: [{name: b}]}";
    assert_eq!(
        merged(object, patch),
        r#"{"apiVersion":"example.com/v1","kind":"X","list":[{"name":"b"}]}"#
    );
}

#[test]
fn null_takes_a_field_away() {
    let patch = "{apiVersion: v1, kind: Pod, spec: {containers: null}}";
    assert_eq!(
        merged(POD, patch),
        r#"{"apiVersion":"v1","kind":"Pod","spec":{}}"#
    );
}
