//! Objects as server-side apply sees them: their paths, what two of them differ in, one merged over another, paths
//! taken away. After the rules of sigs.k8s.io/structured-merge-diff.

use muster_model::{Map, Node, node::Value};

use super::field_set::{Element, FieldSet, key_of, value_of};
use super::schema::{Schema, Shape};

/// Fields nobody owns: the object's identity and what the server writes.
const UNOWNED: &[&[&str]] = &[
    &["apiVersion"],
    &["kind"],
    &["metadata", "creationTimestamp"],
    &["metadata", "deletionTimestamp"],
    &["metadata", "generation"],
    &["metadata", "managedFields"],
    &["metadata", "name"],
    &["metadata", "namespace"],
    &["metadata", "resourceVersion"],
    &["metadata", "uid"],
];

/// What changed from one object to another.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Difference {
    /// Paths only the new one has.
    pub added: FieldSet,
    /// Paths whose value differs.
    pub modified: FieldSet,
    /// Paths only the old one has.
    pub removed: FieldSet,
}

impl Difference {
    /// True when the two are equal.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.added.is_empty() && self.modified.is_empty() && self.removed.is_empty()
    }
}

/// The paths an applier of `object` owns.
#[must_use]
pub fn fields_of(schema: &Schema, object: &Node) -> FieldSet {
    let mut set = FieldSet::default();
    collect(schema, &mut Vec::new(), object, &mut set);
    owned(set)
}

/// Takes away what nobody owns.
fn owned(mut set: FieldSet) -> FieldSet {
    for path in UNOWNED {
        forget(&mut set, path);
    }
    if let Some(metadata) = set.children.get_mut(&Element::Field("metadata".to_owned())) {
        metadata.member = false;
    }
    set
}

fn forget(set: &mut FieldSet, path: &[&str]) {
    let Some((first, rest)) = path.split_first() else {
        return;
    };
    let element = Element::Field((*first).to_owned());
    if rest.is_empty() {
        set.children.remove(&element);
    } else if let Some(child) = set.children.get_mut(&element) {
        forget(child, rest);
        if child.is_empty() || child.children.is_empty() {
            set.children.remove(&element);
        }
    }
}

fn collect(schema: &Schema, path: &mut Vec<String>, node: &Node, set: &mut FieldSet) {
    match (schema.shape(path, node), &node.value) {
        (Shape::Granular, Value::Map(map)) => {
            set.member |= map.is_empty() || schema.is_deduced(path);
            for (name, value) in map.iter() {
                path.push(name.to_owned());
                collect(
                    schema,
                    path,
                    value,
                    set.child(Element::Field(name.to_owned())),
                );
                path.pop();
            }
            set.children.retain(|_, child| !child.is_empty());
        }
        (Shape::Keyed(keys), Value::List(items)) => {
            for item in items {
                let child = set.child(key_of(item, keys));
                child.member = true;
                collect(schema, path, item, child);
            }
        }
        (Shape::Set, Value::List(items)) => {
            for item in items {
                set.child(value_of(item)).member = true;
            }
        }
        _ => set.member = true,
    }
}

/// Every path of a subtree that was added or removed, the containers themselves included.
fn whole(schema: &Schema, path: &mut Vec<String>, node: &Node, set: &mut FieldSet) {
    set.member = true;
    match (schema.shape(path, node), &node.value) {
        (Shape::Granular, Value::Map(map)) => {
            for (name, value) in map.iter() {
                path.push(name.to_owned());
                let child = set.child(Element::Field(name.to_owned()));
                whole(schema, path, value, child);
                path.pop();
            }
        }
        (Shape::Keyed(keys), Value::List(items)) => {
            for item in items {
                whole(schema, path, item, set.child(key_of(item, keys)));
            }
        }
        _ => collect(schema, path, node, set),
    }
}

/// What changed from `old` to `new`.
#[must_use]
pub fn compare(schema: &Schema, old: &Node, new: &Node) -> Difference {
    let mut difference = Difference::default();
    walk(
        schema,
        &mut Vec::new(),
        Some(old),
        Some(new),
        [
            &mut difference.added,
            &mut difference.modified,
            &mut difference.removed,
        ],
    );
    Difference {
        added: owned(difference.added),
        modified: owned(difference.modified),
        removed: owned(difference.removed),
    }
}

fn walk(
    schema: &Schema,
    path: &mut Vec<String>,
    old: Option<&Node>,
    new: Option<&Node>,
    [added, modified, removed]: [&mut FieldSet; 3],
) {
    let (old, new) = match (old, new) {
        (None, None) => return,
        (None, Some(new)) => return whole(schema, path, new, added),
        (Some(old), None) => return whole(schema, path, old, removed),
        (Some(old), Some(new)) => (old, new),
    };
    if old == new {
        return;
    }
    let shape = schema.shape(path, new);
    if shape != schema.shape(path, old) || shape == Shape::Atomic {
        modified.member = true;
        return;
    }
    for (element, before, after) in pairs(shape, old, new) {
        if let Element::Field(name) = &element {
            path.push(name.clone());
        }
        walk(
            schema,
            path,
            before,
            after,
            [
                added.child(element.clone()),
                modified.child(element.clone()),
                removed.child(element.clone()),
            ],
        );
        if matches!(element, Element::Field(_)) {
            path.pop();
        }
    }
    for set in [added, modified, removed] {
        set.children.retain(|_, child| !child.is_empty());
    }
}

type Pair<'a> = (Element, Option<&'a Node>, Option<&'a Node>);

fn pairs<'a>(shape: Shape, old: &'a Node, new: &'a Node) -> Vec<Pair<'a>> {
    let old = elements(shape, old);
    let new = elements(shape, new);
    let find = |items: &[(Element, &'a Node)], wanted: &Element| {
        let found = items.iter().find(|(element, _)| element == wanted);
        found.map(|(_, node)| *node)
    };
    let gone = old
        .iter()
        .filter(|(element, _)| find(&new, element).is_none())
        .map(|(element, node)| (element.clone(), Some(*node), None));
    let kept = new
        .iter()
        .map(|(element, node)| (element.clone(), find(&old, element), Some(*node)));
    kept.chain(gone).collect()
}

/// The children of a container, by element.
fn elements(shape: Shape, node: &Node) -> Vec<(Element, &Node)> {
    match (shape, &node.value) {
        (Shape::Granular, Value::Map(map)) => map
            .iter()
            .map(|(name, value)| (Element::Field(name.to_owned()), value))
            .collect(),
        (Shape::Keyed(keys), Value::List(items)) => items
            .iter()
            .map(|item| (key_of(item, keys), item))
            .collect(),
        (Shape::Set, Value::List(items)) => {
            items.iter().map(|item| (value_of(item), item)).collect()
        }
        _ => Vec::new(),
    }
}

/// `config` merged over `live`.
#[must_use]
pub fn merge(schema: &Schema, live: &Node, config: &Node) -> Node {
    merge_at(schema, &mut Vec::new(), live, config)
}

fn merge_at(schema: &Schema, path: &mut Vec<String>, live: &Node, config: &Node) -> Node {
    let shape = schema.shape(path, config);
    if shape != schema.shape(path, live) {
        return config.clone();
    }
    match (shape, &live.value, &config.value) {
        (Shape::Granular, Value::Map(live), Value::Map(config)) => {
            let mut out = live.clone();
            for (name, value) in config.iter() {
                path.push(name.to_owned());
                let merged = match live.get(name) {
                    Some(old) => merge_at(schema, path, old, value),
                    None => value.clone(),
                };
                out.insert(name, merged);
                path.pop();
            }
            Node::map(out)
        }
        (Shape::Keyed(keys), Value::List(live), Value::List(config)) => {
            let mut out = live.clone();
            for item in config {
                let element = key_of(item, keys);
                match out.iter_mut().find(|old| key_of(old, keys) == element) {
                    Some(old) => *old = merge_at(schema, path, old, item),
                    None => out.push(item.clone()),
                }
            }
            Node::list(out)
        }
        (Shape::Set, Value::List(live), Value::List(config)) => {
            let new = config.iter().filter(|item| !live.contains(item));
            Node::list(live.iter().chain(new).cloned().collect())
        }
        _ => config.clone(),
    }
}

/// The object without the paths of `set`, each with everything below it.
#[must_use]
pub fn remove(schema: &Schema, object: &Node, set: &FieldSet) -> Node {
    remove_at(schema, &mut Vec::new(), object, set)
}

fn remove_at(schema: &Schema, path: &mut Vec<String>, node: &Node, set: &FieldSet) -> Node {
    let shape = schema.shape(path, node);
    let nothing = FieldSet::default();
    let mut kept = Vec::new();
    for (element, child) in elements(shape, node) {
        let below = set.children.get(&element).unwrap_or(&nothing);
        if below.member {
            continue;
        }
        if let Element::Field(name) = &element {
            path.push(name.clone());
        }
        kept.push((element.clone(), remove_at(schema, path, child, below)));
        if matches!(element, Element::Field(_)) {
            path.pop();
        }
    }
    match shape {
        Shape::Granular => Node::map(named(kept)),
        Shape::Keyed(_) | Shape::Set => {
            Node::list(kept.into_iter().map(|(_, item)| item).collect())
        }
        Shape::Atomic => node.clone(),
    }
}

fn named(items: Vec<(Element, Node)>) -> Map {
    items
        .into_iter()
        .filter_map(|(element, node)| match element {
            Element::Field(name) => Some((name, node)),
            Element::Key(_) | Element::Value(_) => None,
        })
        .collect()
}

/// The identity of an object, and the fields that its type has even when nothing is set: what a create is compared with.
#[must_use]
pub fn empty_like(object: &Node) -> Node {
    let kept = ["apiVersion", "kind"];
    let mut map: Map = kept
        .iter()
        .filter_map(|key| Some((*key, object.get(key)?.clone())))
        .collect();
    let kind = object.str_at(&["kind"]).unwrap_or_default();
    let spec = match kind {
        "Deployment" | "StatefulSet" | "DaemonSet" => Some(serde_json::json!({
            "strategy": {}, "template": {"metadata": {}, "spec": {"containers": []}},
        })),
        "Service" | "Namespace" => Some(serde_json::json!({})),
        _ => None,
    };
    if let Some(spec) = spec {
        map.insert("spec", muster_model::json::from_value(&spec));
    }
    Node::map(map)
}
