//! What a field is to server-side apply: granular, atomic, a list with keys or a set; a reduced table of the built-in
//! kinds' `x-kubernetes-*` extensions. Custom kinds have lists that are atomic and maps that are not, as an API server
//! treats a CRD that says nothing.

use muster_model::kinds::builtin_scope;
use muster_model::node::Value;
use muster_model::{GroupKind, Node};

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
}

impl Schema {
    /// The schema of `kind`.
    #[must_use]
    pub fn of(kind: &GroupKind) -> Self {
        Self {
            kind: kind.clone(),
            builtin: builtin_scope(kind).is_some()
                || kind.is("apiextensions.k8s.io", "CustomResourceDefinition"),
        }
    }

    /// How the value at `path` merges; `path` holds field names only.
    #[must_use]
    pub fn shape(&self, path: &[String], node: &Node) -> Shape {
        let last = path.last().map(String::as_str).unwrap_or_default();
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
