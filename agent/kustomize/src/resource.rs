//! One object on its way through a build, with what kustomize remembers of it.

use std::borrow::Cow;

use muster_model::{Location, Map, Node, Problem, Reason, Value};

use crate::failure::Step;

use crate::id::{Gvk, Id, metadata_text, scalar_text};
use crate::origin::Origin;
use crate::scalars::{
    find_mistyped, is_identical, is_typed, is_untyped, set_untyped, settle_type, untyped,
};

/// How a generated object meets one of the same identity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Behavior {
    /// Not said: create.
    #[default]
    Unspecified,
    /// There must be none.
    Create,
    /// It takes the place of the other.
    Replace,
    /// Its data is laid over the other's.
    Merge,
}

impl Behavior {
    /// Reads the field's text; anything unknown counts as not said, as in kustomize.
    pub(crate) fn parse(text: &str) -> Self {
        match text {
            "create" => Self::Create,
            "replace" => Self::Replace,
            "merge" => Self::Merge,
            _ => Self::Unspecified,
        }
    }

    /// The field's text.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Unspecified => "unspecified",
            Self::Create => "create",
            Self::Replace => "replace",
            Self::Merge => "merge",
        }
    }
}

/// An identity the object had before a step changed it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Previous {
    pub(crate) name: String,
    pub(crate) namespace: String,
    pub(crate) kind: String,
}

/// An object and its history in this build.
#[derive(Debug, Clone, Default)]
pub(crate) struct Resource {
    /// The object; null once a patch deleted it.
    pub(crate) node: Node,
    /// Earlier identities, oldest first.
    pub(crate) previous: Vec<Previous>,
    /// Name prefixes added, innermost first.
    pub(crate) prefixes: Vec<String>,
    /// Name suffixes added, innermost first.
    pub(crate) suffixes: Vec<String>,
    /// Whether a hash of the content goes to the end of the name.
    pub(crate) needs_hash: bool,
    /// How it meets one of the same identity; `None` when nothing generated it.
    pub(crate) behavior: Option<Behavior>,
    /// As a patch: it may change the name.
    pub(crate) allow_name_change: bool,
    /// As a patch: it may change the kind.
    pub(crate) allow_kind_change: bool,
    /// Variables that read from it.
    pub(crate) var_names: Vec<String>,
    /// Where it comes from, when the kustomization asks for that.
    pub(crate) origin: Option<Origin>,
    /// What changed it, when the kustomization asks for that.
    pub(crate) transformations: Vec<Origin>,
    /// The file it was written in.
    pub(crate) file: Option<std::sync::Arc<str>>,
    /// Values that several fields share.
    pub(crate) groups: Option<Box<crate::shared::Groups>>,
    /// Whether a replacement changed it, so that a scalar may not fit its type.
    pub(crate) replaced: bool,
    /// What gave each field, when that is asked for.
    pub(crate) trail: Option<Box<crate::explain::Trail>>,
}

impl Resource {
    /// Wraps an object that was just read or made.
    pub(crate) fn new(node: Node) -> Self {
        let mut resource = Self {
            node,
            ..Self::default()
        };
        resource.read_bookkeeping();
        resource
    }

    /// The identity it has now.
    pub(crate) fn id(&self) -> Id<'_> {
        Id::of(&self.node)
    }

    /// The identity it was written with.
    pub(crate) fn original_id(&self) -> Id<'_> {
        self.previous_ids().next().unwrap_or_else(|| self.id())
    }

    /// Earlier identities, oldest first; group and version are the present ones.
    pub(crate) fn previous_ids(&self) -> impl Iterator<Item = Id<'_>> {
        let gvk = Gvk::of(&self.node);
        self.previous.iter().map(move |p| Id {
            gvk: Gvk {
                kind: Cow::Borrowed(&*p.kind),
                ..gvk.clone()
            },
            name: Cow::Borrowed(&*p.name),
            namespace: Cow::Borrowed(&*p.namespace),
            cluster_scoped: false,
        })
    }

    /// Every identity: the earlier ones, then the present one.
    pub(crate) fn all_ids(&self) -> impl Iterator<Item = Id<'_>> {
        self.previous_ids().chain(std::iter::once(self.id()))
    }

    /// True when a patch deleted the object.
    pub(crate) fn is_empty(&self) -> bool {
        match &self.node.value {
            Value::Null => true,
            Value::Map(map) => map.is_empty(),
            Value::List(items) => items.is_empty(),
            Value::Bool(_) | Value::Number(_) | Value::String(_) => false,
        }
    }

    /// Remembers the identity it has now.
    pub(crate) fn store_previous_id(&mut self) {
        let id = self.id();
        let previous = Previous {
            name: id.name.to_string(),
            namespace: id.effective_namespace().to_owned(),
            kind: id.gvk.kind.to_string(),
        };
        self.previous.push(previous);
    }

    /// `metadata.name`.
    pub(crate) fn name(&self) -> Cow<'_, str> {
        metadata_text(&self.node, "name")
    }

    /// `metadata.namespace`.
    pub(crate) fn namespace(&self) -> Cow<'_, str> {
        metadata_text(&self.node, "namespace")
    }

    /// The kind.
    pub(crate) fn kind(&self) -> Cow<'_, str> {
        crate::id::field_text(&self.node, "kind")
    }

    /// Sets `metadata.name`.
    pub(crate) fn set_name(&mut self, name: &str) {
        set_scalar(self.metadata_mut(), "name", name);
    }

    /// Sets `metadata.namespace`; empty takes it away.
    pub(crate) fn set_namespace(&mut self, namespace: &str) {
        if namespace.is_empty() {
            if let Some(metadata) = self
                .node
                .as_map_mut()
                .and_then(|m| m.get_mut("metadata"))
                .and_then(Node::as_map_mut)
            {
                metadata.remove("namespace");
            }
        } else {
            set_scalar(self.metadata_mut(), "namespace", namespace);
        }
    }

    /// Sets a field of the object itself to a text.
    pub(crate) fn set_text(&mut self, field: &str, text: &str) {
        if let Some(map) = self.node.as_map_mut() {
            set_scalar(map, field, text);
        }
    }

    /// Checks what no step may have done: take kind or name away, or leave annotations that are no texts by their keys.
    pub(crate) fn check_metadata(&self) -> Step<()> {
        let kind = self.kind();
        let refused = |field: &str, message: String| {
            let mut problem = Problem::new(Reason::InvalidObject, message).field(field);
            problem.at = self.location();
            Err(problem.into())
        };
        if kind.is_empty() || (!kind.ends_with("List") && self.name().is_empty()) {
            let message = format!("{} lost its kind or name", self.original_id());
            return refused("metadata.name", message);
        }
        if self
            .previous
            .iter()
            .any(|p| p.name.contains(',') || p.namespace.contains(','))
        {
            return refused(
                "metadata",
                "a name with a comma cannot be changed".to_owned(),
            );
        }
        match self.node.get("metadata").and_then(|m| m.get("annotations")) {
            Some(node) if node.as_list().is_some_and(|l| l.len() % 2 == 1) => {
                refused("metadata.annotations", "annotations are a list".to_owned())
            }
            Some(node) => match node.as_map().and_then(|m| m.keys().find(|k| is_typed(k))) {
                None => Ok(()),
                Some(key) => refused(
                    "metadata.annotations",
                    format!("kustomize makes no text of the key {key:?}"),
                ),
            },
            None => Ok(()),
        }
    }

    /// Checks that every scalar fits its type: a replacement may have put a text into a number.
    pub(crate) fn check_types(&self) -> Step<()> {
        let Some(node) = self.replaced.then(|| find_mistyped(&self.node)).flatten() else {
            return Ok(());
        };
        let message = format!(
            "a replacement puts the value {:?} into a field of {} that is no text",
            scalar_text(node),
            self.id()
        );
        let mut problem =
            Problem::new(Reason::BuildFailed, message).remedy("put the field's value in quotes");
        problem.at = self.location();
        Err(problem.into())
    }

    /// Makes texts of all annotations, as kustomize does whenever it sets one of its own.
    pub(crate) fn rewrite_annotations(&mut self) {
        if self
            .node
            .get("metadata")
            .and_then(|m| m.get("annotations"))
            .is_some()
        {
            self.set_texts("annotations", self.texts("annotations"));
        }
    }

    /// True when nothing was even written anew, the same or not: what kustomize asks of an object behind a validator.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        is_identical(&self.node, &other.node)
            && self.previous == other.previous
            && self.prefixes == other.prefixes
            && self.suffixes == other.suffixes
    }

    /// Makes the fields that share a value equal again, after a step.
    pub(crate) fn settle_groups(&mut self) {
        if let Some(groups) = &mut self.groups {
            groups.settle(&mut self.node);
        }
    }

    /// The mapping below `metadata`, made when it is not there.
    pub(crate) fn metadata_map(&mut self, field: &str) -> &mut Map {
        map_of(self.metadata_mut().get_or_insert_with(field, Node::default))
    }

    /// Sets `apiVersion` to null, as kustomize does to an object without one.
    pub(crate) fn clear_version(&mut self) {
        if let Some(map) = self.node.as_map_mut() {
            map.insert("apiVersion", Node::null());
        }
    }

    fn metadata_mut(&mut self) -> &mut Map {
        child_map(&mut self.node, "metadata")
    }

    /// Labels (or annotations) as texts.
    pub(crate) fn texts(&self, field: &str) -> Vec<(String, String)> {
        let node = self.node.get("metadata").and_then(|m| m.get(field));
        match node.map(|n| &n.value) {
            Some(Value::Map(map)) => map
                .iter()
                .map(|(k, v)| (k.to_owned(), written(v).into_owned()))
                .collect(),
            // kustomize takes the entries of a list for keys and values in turn, and fails silently at an empty key.
            Some(Value::List(items)) if items.iter().step_by(2).any(|n| written(n).is_empty()) => {
                Vec::new()
            }
            Some(Value::List(items)) => items
                .chunks_exact(2)
                .map(|pair| {
                    let text = |node: &Node| written(node).into_owned();
                    (text(&pair[0]), text(&pair[1]))
                })
                .collect::<std::collections::BTreeMap<_, _>>()
                .into_iter()
                .collect(),
            _ => Vec::new(),
        }
    }

    /// One label or annotation.
    pub(crate) fn text_of(&self, field: &str, key: &str) -> Option<Cow<'_, str>> {
        self.node.get("metadata")?.get(field)?.get(key).map(written)
    }

    /// Writes labels (or annotations) back; none of them takes the field away.
    pub(crate) fn set_texts(&mut self, field: &str, texts: Vec<(String, String)>) {
        let has_metadata = self.node.get("metadata").is_some();
        if texts.is_empty() && !has_metadata {
            return;
        }
        let metadata = self.metadata_mut();
        metadata.remove(field);
        if !texts.is_empty() {
            let map: Map = texts
                .into_iter()
                .map(|(k, v)| (k, Node::string(v)))
                .collect();
            metadata.insert(field, Node::map(map));
        }
    }

    /// Lays name, namespace, labels, annotations and history of `other` under this object's own.
    pub(crate) fn merge_metadata_from(&mut self, other: &Self) {
        self.set_texts(
            "labels",
            merged(other.texts("labels"), self.texts("labels")),
        );
        self.set_texts(
            "annotations",
            merged(other.texts("annotations"), self.texts("annotations")),
        );
        self.set_name(&other.name());
        self.set_namespace(&other.namespace());
        self.needs_hash &= other.needs_hash;
        self.previous.clone_from(&other.previous);
        self.prefixes.clone_from(&other.prefixes);
        self.suffixes.clone_from(&other.suffixes);
        self.behavior = other.behavior;
        self.allow_name_change = other.allow_name_change;
        self.allow_kind_change = other.allow_kind_change;
        self.var_names.clone_from(&other.var_names);
    }

    /// As a patch: what it changes is put down to this.
    pub(crate) fn cause(&self, step: &str) -> crate::explain::Cause {
        crate::explain::Cause::of_file(step, self.file.as_deref().unwrap_or_default())
    }

    /// The place to name in a message.
    pub(crate) fn location(&self) -> Option<Location> {
        self.file
            .as_deref()
            .map(|f| Location::line(f, self.node.span.line))
    }
}

/// A scalar as it was written, `null` and `~` included.
pub(crate) fn written(node: &Node) -> Cow<'_, str> {
    if node.is_null() {
        return match node.span.end.saturating_sub(node.span.start) {
            0 if is_untyped(node) => "".into(),
            0 if !node.span.is_known() => "null".into(),
            4 => "null".into(),
            1 => "~".into(),
            _ => "".into(),
        };
    }
    scalar_text(node)
}

/// Sets a field to a text without a type; quotes that are there stay.
fn set_scalar(map: &mut Map, field: &str, text: &str) {
    match map.get_mut(field) {
        Some(node) => set_untyped(node, text),
        None => {
            let mut node = untyped(text);
            settle_type(&mut node);
            map.insert(field, node);
        }
    }
}

/// The mapping under a key, made when it is not there.
pub(crate) fn child_map<'n>(node: &'n mut Node, key: &str) -> &'n mut Map {
    map_of(map_of(node).get_or_insert_with(key, Node::default))
}

/// The node's mapping; what is none becomes one.
fn map_of(node: &mut Node) -> &mut Map {
    if !matches!(node.value, Value::Map(_)) {
        node.value = Value::Map(Map::new());
    }
    node.as_map_mut()
        .expect("because it was just made a mapping")
}

fn merged(under: Vec<(String, String)>, over: Vec<(String, String)>) -> Vec<(String, String)> {
    let mut all: std::collections::BTreeMap<_, _> = under.into_iter().collect();
    all.extend(over);
    all.into_iter().collect()
}
