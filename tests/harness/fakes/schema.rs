//! What a field is to server-side apply: granular, atomic, a list with keys or a set. For built-in kinds a reduced table
//! of their `x-kubernetes-*` extensions; for custom kinds what their CustomResourceDefinition says, and where it says
//! nothing, lists that are atomic and maps that are not.

use std::sync::Arc;

use muster_model::kinds::builtin_scope;
use muster_model::node::Value;
use muster_model::{GroupKind, Node};
use serde_json::Value as Json;

/// How a value merges.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// As a whole.
    Atomic,
    /// Field by field.
    Granular,
    /// Item by item, found by these fields.
    Keyed(&'static [&'static str]),
    /// Item by item, found by its value.
    Set,
}

/// Lists of built-in kinds that merge by key, wherever they lie.
const KEYED: &[(&str, &[&str])] = &[
    ("conditions", &["type"]),
    ("containers", &["name"]),
    ("env", &["name"]),
    ("ephemeralContainers", &["name"]),
    ("hostAliases", &["ip"]),
    ("imagePullSecrets", &["name"]),
    ("initContainers", &["name"]),
    ("ownerReferences", &["uid"]),
    ("resourceClaims", &["name"]),
    ("secrets", &["name"]),
    (
        "topologySpreadConstraints",
        &["topologyKey", "whenUnsatisfiable"],
    ),
    ("volumeDevices", &["devicePath"]),
    ("volumeMounts", &["mountPath"]),
    ("volumes", &["name"]),
    ("webhooks", &["name"]),
];

/// Maps of built-in kinds that are replaced as a whole (`x-kubernetes-map-type: atomic`).
const ATOMIC_MAPS: &[&str] = &[
    "claimRef",
    "configMapKeyRef",
    "fieldRef",
    "labelSelector",
    "namespaceSelector",
    "nodeSelector",
    "objectSelector",
    "podSelector",
    "resourceFieldRef",
    "roleRef",
    "scaleTargetRef",
    "secretKeyRef",
    "selector",
];

/// The schema of one kind.
#[derive(Debug, Clone)]
pub struct Schema {
    kind: GroupKind,
    builtin: bool,
    /// `openAPIV3Schema` of a custom kind.
    structural: Option<Arc<Json>>,
}

impl Schema {
    /// The schema of `kind`.
    #[must_use]
    pub fn of(kind: &GroupKind) -> Self {
        Self {
            kind: kind.clone(),
            builtin: builtin_scope(kind).is_some()
                || kind.is("apiextensions.k8s.io", "CustomResourceDefinition"),
            structural: None,
        }
    }

    /// The schema of a custom kind that its definition gives.
    #[must_use]
    pub fn defined(kind: &GroupKind, structural: Option<Arc<Json>>) -> Self {
        Self {
            structural,
            ..Self::of(kind)
        }
    }

    /// True when the status is written as a subresource only. The definitions of the tests have none.
    #[must_use]
    pub fn has_status(&self) -> bool {
        self.builtin
    }

    /// What the definition says of the field at `path`, if anything.
    fn structural_at(&self, path: &[String]) -> Option<&Json> {
        let mut at = self.structural.as_deref()?;
        for name in path {
            while at["type"] == "array" {
                at = &at["items"];
            }
            let property = &at["properties"][name];
            at = if property.is_object() {
                property
            } else {
                Some(&at["additionalProperties"]).filter(|values| values.is_object())?
            };
        }
        Some(at)
    }

    /// True below a field that its definition says nothing of: there the server guesses what it sees.
    #[must_use]
    pub fn is_deduced(&self, path: &[String]) -> bool {
        let declared = matches!(path.first().map(String::as_str), None | Some("metadata"));
        self.structural.is_some() && !declared && self.structural_at(path).is_none()
    }

    fn structural_shape(says: &Json) -> Option<Shape> {
        let text = |key: &str| says[key].as_str().unwrap_or_default();
        match (
            text("x-kubernetes-list-type"),
            text("x-kubernetes-map-type"),
        ) {
            ("map", _) => Some(Shape::Keyed(keys_of(says))),
            ("set", _) => Some(Shape::Set),
            ("atomic", _) | (_, "atomic") => Some(Shape::Atomic),
            _ => None,
        }
    }

    /// How the value at `path` merges; `path` holds field names only.
    #[must_use]
    pub fn shape(&self, path: &[String], node: &Node) -> Shape {
        let last = path.last().map(String::as_str).unwrap_or_default();
        let scalar = !matches!(node.value, Value::Map(_) | Value::List(_));
        let says = self.structural_at(path).filter(|_| !scalar);
        // A path names fields alone: an item of a list is found where the list is.
        let is_item = matches!(node.value, Value::Map(_));
        let says = says.map(|says| match says["type"].as_str() {
            Some("array") if is_item => &says["items"],
            _ => says,
        });
        if let Some(shape) = says.and_then(Self::structural_shape) {
            return shape;
        }
        match &node.value {
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => Shape::Atomic,
            Value::Map(_) if self.builtin && self.knows(path) && ATOMIC_MAPS.contains(&last) => {
                Shape::Atomic
            }
            Value::Map(_) => Shape::Granular,
            Value::List(_) if path == ["metadata", "finalizers"] => Shape::Set,
            Value::List(_) if path == ["metadata", "ownerReferences"] => Shape::Keyed(&["uid"]),
            Value::List(_) if self.builtin => self.list(path, last),
            Value::List(_) => Shape::Atomic,
        }
    }

    fn list(&self, path: &[String], last: &str) -> Shape {
        if last == "ports" {
            return self.ports(path);
        }
        KEYED
            .iter()
            .find(|(name, _)| *name == last)
            .map_or(Shape::Atomic, |(_, keys)| Shape::Keyed(keys))
    }

    fn ports(&self, path: &[String]) -> Shape {
        if self.kind.is("", "Service") && path.len() == 2 {
            Shape::Keyed(&["port", "protocol"])
        } else if path.iter().any(|field| field.ends_with("ontainers")) {
            Shape::Keyed(&["containerPort", "protocol"])
        } else {
            Shape::Atomic
        }
    }

    /// False inside maps whose keys the user chooses, where a field's name says nothing.
    fn knows(&self, path: &[String]) -> bool {
        let free = ["labels", "annotations", "data", "stringData", "matchLabels"];
        !path[..path.len().saturating_sub(1)]
            .iter()
            .any(|field| free.contains(&field.as_str()))
            && path.first().is_some_and(|first| first != "data")
    }
}

/// The keys of a list. Definitions are few and live as long as the test that makes them, so their keys may live on.
fn keys_of(says: &Json) -> &'static [&'static str] {
    let keys = says["x-kubernetes-list-map-keys"].as_array();
    let keys: Vec<&'static str> = keys
        .into_iter()
        .flatten()
        .filter_map(Json::as_str)
        .map(interned)
        .collect();
    keys.leak()
}

fn interned(key: &str) -> &'static str {
    key.to_owned().leak()
}
