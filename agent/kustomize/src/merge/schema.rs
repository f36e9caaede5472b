//! Which lists are merged by which keys, for built-in kinds and for the kinds of a given OpenAPI document.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::OnceLock;

use muster_model::{Map, Node, Value};

use super::Known;
use crate::id::field_text;
use crate::options::MergeKeys;

/// Reduced from the OpenAPI that kustomize 5.8.1 carries; see tables/README.md.
const TABLE_1_21: &str = include_str!("../../tables/merge-keys-1.21.txt");
/// Reduced from Kubernetes 1.37's OpenAPI; see tables/README.md.
const TABLE_1_37: &str = include_str!("../../tables/merge-keys-1.37.txt");

/// A field of a type; types go by the names of their OpenAPI definitions.
#[derive(Debug, Clone)]
enum Field {
    /// A mapping of this type.
    Map(String),
    /// A list merged by these keys; none: scalars, merged by value.
    List(Vec<String>, Option<String>),
}

type Fields = BTreeMap<String, Field>;

/// Types and kinds of one OpenAPI document.
#[derive(Debug, Default)]
pub(crate) struct Table {
    types: BTreeMap<String, Fields>,
    /// By apiVersion and kind.
    kinds: BTreeMap<(String, String), String>,
}

/// What the build did with the built-in table before a document was given. kustomize loads the table late, and whichever
/// was loaded last wins where both define a type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Builtin {
    /// Nothing asked for it: a document takes its place.
    Untouched,
    /// A kind it does not know was loaded: it is laid over a document.
    Asked,
    /// An object was merged by it: a document is laid over it.
    Used,
}

/// The tables in force.
#[derive(Debug)]
pub(crate) struct Schemas {
    custom: Option<Box<Table>>,
    keys: MergeKeys,
    state: Builtin,
    /// The apiVersions of the kinds that were loaded, as long as that may matter.
    loaded: BTreeMap<Box<str>, BTreeSet<Box<str>>>,
    fixed: bool,
    /// Schemas in comments: type `#1` has the field `#`, and so on.
    comments: Table,
    comment_count: u32,
}

impl Schemas {
    /// The built-in tables; they are read when something asks for them.
    pub(crate) fn new(keys: MergeKeys) -> Self {
        Self {
            custom: None,
            keys,
            state: Builtin::Untouched,
            loaded: BTreeMap::new(),
            fixed: false,
            comments: Table::default(),
            comment_count: 0,
        }
    }

    fn builtin(&self) -> impl Iterator<Item = &Table> {
        static OLD: OnceLock<Table> = OnceLock::new();
        static NEW: OnceLock<Table> = OnceLock::new();
        let new = match self.keys {
            MergeKeys::Kustomize => None,
            MergeKeys::Kubernetes137 => Some(NEW.get_or_init(|| Table::parse(TABLE_1_37))),
        };
        std::iter::once(OLD.get_or_init(|| Table::parse(TABLE_1_21))).chain(new)
    }

    /// True when a kustomization already said which document counts; later ones are not heard.
    pub(crate) fn is_fixed(&self) -> bool {
        self.fixed
    }

    /// Keeps the built-in table although the kustomization named a version.
    pub(crate) fn fix(&mut self) {
        self.fixed = true;
    }

    /// Puts a given OpenAPI document in force.
    pub(crate) fn set_custom(&mut self, document: &Node) {
        let is_unknown = |kind: &str, version: &str| {
            let mut tables = self.builtin();
            tables.all(|table| table.kind_named(version, kind).is_none())
        };
        let mut loaded = self.loaded.iter();
        if self.state == Builtin::Untouched
            && loaded.any(|(kind, versions)| versions.iter().any(|v| is_unknown(kind, v)))
        {
            self.state = Builtin::Asked;
        }
        self.custom = Some(Box::new(Table::from_openapi(document)));
        self.fixed = true;
    }

    /// Notes that an object is merged.
    pub(crate) fn note_merge(&mut self) {
        if self.custom.is_none() {
            self.state = Builtin::Used;
        }
    }

    /// Notes that an object was loaded.
    pub(crate) fn note_load(&mut self, node: &Node) {
        if self.custom.is_some() || self.state != Builtin::Untouched {
            return;
        }
        let (version, kind) = (field_text(node, "apiVersion"), field_text(node, "kind"));
        match self.loaded.get_mut(&*kind) {
            Some(versions) if versions.contains(&*version) => {}
            Some(versions) => drop(versions.insert(version.into())),
            None => {
                let versions = BTreeSet::from([version.into()]);
                self.loaded.insert(kind.into(), versions);
            }
        }
    }

    /// The tables, the one that counts first.
    fn tables(&self) -> impl Iterator<Item = &Table> {
        let custom = self.custom.as_deref();
        let builtin = self.builtin();
        let (before, behind, rest) = match (custom, self.state) {
            (Some(_), Builtin::Untouched) => (custom, None, None),
            (Some(_), Builtin::Used) => (custom, None, Some(builtin)),
            (Some(_), Builtin::Asked) => (None, custom, Some(builtin)),
            (None, _) => (None, None, Some(builtin)),
        };
        before
            .into_iter()
            .chain(rest.into_iter().flatten())
            .chain(behind)
            .chain((self.comment_count > 0).then_some(&self.comments))
    }

    /// Takes up a schema from a comment; what it says is found by the number.
    pub(crate) fn add_comment(&mut self, schema: &Node) -> u32 {
        self.comment_count += 1;
        let mut properties = Map::new();
        properties.insert("#", schema.clone());
        let mut owner = Map::new();
        owner.insert("properties", Node::map(properties));
        let name = format!("#{}", self.comment_count);
        self.comments.add_type(&name, &Node::map(owner));
        self.comment_count
    }

    /// What the schema of a comment says; 0 stands for no comment.
    pub(super) fn comment(&self, number: u32) -> Option<Known<'_>> {
        (number != 0).then(|| self.field(&format!("#{number}"), "#"))
    }

    /// The type of an object by its apiVersion and kind.
    pub(super) fn of_object(&self, node: &Node) -> Option<&str> {
        self.tables().find_map(|table| table.kind_of(node))
    }

    /// What is known of a field of a type.
    pub(super) fn field(&self, name: &str, field: &str) -> Known<'_> {
        let known = self
            .tables()
            .filter_map(|t| t.types.get(name))
            .find_map(|fields| fields.get(field).or_else(|| fields.get("{}")));
        match known {
            None => Known::Type(None),
            Some(Field::Map(name)) => Known::Type(Some(name)),
            Some(Field::List(keys, element)) => Known::List(keys, element.as_deref()),
        }
    }
}

impl Table {
    fn kind_of(&self, node: &Node) -> Option<&str> {
        self.kind_named(&field_text(node, "apiVersion"), &field_text(node, "kind"))
    }

    fn kind_named(&self, version: &str, kind: &str) -> Option<&str> {
        if version.is_empty() || kind.is_empty() {
            return None;
        }
        self.kinds
            .get(&(version.to_owned(), kind.to_owned()))
            .map(String::as_str)
    }

    fn parse(text: &str) -> Self {
        let mut table = Self::default();
        for line in text.lines() {
            let mut words = line.split(' ').filter(|w| !w.is_empty());
            match (words.next(), words.next()) {
                (Some("t"), Some(name)) => {
                    table
                        .types
                        .insert(name.to_owned(), words.filter_map(parse_field).collect());
                }
                (Some("k"), Some(version)) => {
                    if let (Some(kind), Some(name)) = (words.next(), words.next()) {
                        table
                            .kinds
                            .insert((version.to_owned(), kind.to_owned()), name.to_owned());
                    }
                }
                _ => {}
            }
        }
        table
    }

    fn from_openapi(document: &Node) -> Self {
        let mut table = Self::default();
        let Some(definitions) = document.get("definitions").and_then(Node::as_map) else {
            return table;
        };
        for (name, schema) in definitions.iter() {
            table.add_type(name, schema);
            for gvk in schema
                .get("x-kubernetes-group-version-kind")
                .and_then(Node::as_list)
                .unwrap_or_default()
            {
                let (group, version) = (field_text(gvk, "group"), field_text(gvk, "version"));
                let version = if group.is_empty() {
                    version.into_owned()
                } else {
                    format!("{group}/{version}")
                };
                table.kinds.insert(
                    (version, field_text(gvk, "kind").into_owned()),
                    name.to_owned(),
                );
            }
        }
        table
    }

    /// Adds the type of a schema; schemas written in place become types named by the way to them.
    fn add_type(&mut self, name: &str, schema: &Node) {
        let mut fields = Fields::new();
        let properties = schema.get("properties").and_then(Node::as_map);
        let any = schema
            .get("additionalProperties")
            .filter(|n| matches!(n.value, Value::Map(_)));
        for (field, property) in properties
            .into_iter()
            .flat_map(|m| m.iter())
            .chain(any.map(|n| ("{}", n)))
        {
            let strategy = field_text(property, "x-kubernetes-patch-strategy");
            let of_field = if strategy.split(',').any(|s| s == "merge") {
                let element = property
                    .get("items")
                    .and_then(|items| self.target(name, field, items));
                Some(Field::List(merge_keys(property), element))
            } else {
                self.target(name, field, property).map(Field::Map)
            };
            if let Some(of_field) = of_field {
                fields.insert(field.to_owned(), of_field);
            }
        }
        self.types.insert(name.to_owned(), fields);
    }

    fn target(&mut self, owner: &str, field: &str, schema: &Node) -> Option<String> {
        if let Some(reference) = schema.get("$ref").and_then(Node::as_str) {
            return reference.rsplit('/').next().map(str::to_owned);
        }
        schema
            .get("properties")
            .or_else(|| schema.get("additionalProperties"))?;
        let name = format!("{owner}/{field}");
        self.add_type(&name, schema);
        Some(name)
    }
}

fn merge_keys(property: &Node) -> Vec<String> {
    if let Some(keys) = property
        .get("x-kubernetes-list-map-keys")
        .and_then(Node::as_list)
    {
        return keys
            .iter()
            .filter_map(|k| k.as_str().map(str::to_owned))
            .collect();
    }
    property
        .get("x-kubernetes-patch-merge-key")
        .and_then(Node::as_str)
        .map(str::to_owned)
        .into_iter()
        .collect()
}

fn parse_field(word: &str) -> Option<(String, Field)> {
    let (name, target) = word.split_once('=')?;
    let field = match target.strip_prefix('*') {
        Some(list) => {
            let (keys, element) = list.split_once(':')?;
            let keys = keys
                .split(',')
                .filter(|k| !k.is_empty())
                .map(str::to_owned)
                .collect();
            Field::List(keys, Some(element.to_owned()).filter(|e| !e.is_empty()))
        }
        None => Field::Map(target.to_owned()),
    };
    Some((name.to_owned(), field))
}
