//! Which lists are merged by which keys, for built-in kinds and for the kinds of a given OpenAPI document.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use muster_model::{Node, Value};

use super::Known;
use crate::id::field_text;
use crate::options::MergeKeys;

/// Reduced from the OpenAPI that kustomize 5.8.1 carries; see tables/README.md.
const TABLE_1_21: &str = include_str!("../../tables/merge-keys-1.21.txt");
/// Reduced from Kubernetes 1.37's OpenAPI; see tables/README.md.
const TABLE_1_37: &str = include_str!("../../tables/merge-keys-1.37.txt");

/// A type: which table, and its number there.
pub(crate) type TypeId = (usize, usize);

/// A field of a type.
#[derive(Debug, Clone)]
enum Field {
    /// A mapping of this type.
    Map(usize),
    /// A list merged by these keys; none: scalars, merged by value.
    List(Vec<String>, Option<usize>),
}

/// Types and kinds of one OpenAPI document.
#[derive(Debug, Default)]
pub(crate) struct Table {
    types: Vec<BTreeMap<String, Field>>,
    kinds: BTreeMap<(String, String), usize>,
}

/// The tables in force, the first that knows a kind answers.
#[derive(Debug)]
pub(crate) struct Schemas {
    custom: Option<Box<Table>>,
    builtin: Vec<&'static Table>,
    /// Whether anything asked for the built-in table before another was set: then both are in force, as in kustomize.
    touched: bool,
    fixed: bool,
}

const CUSTOM: usize = usize::MAX;

impl Schemas {
    /// The built-in tables.
    pub(crate) fn new(keys: MergeKeys) -> Self {
        static OLD: OnceLock<Table> = OnceLock::new();
        static NEW: OnceLock<Table> = OnceLock::new();
        let mut builtin = vec![OLD.get_or_init(|| Table::parse(TABLE_1_21))];
        match keys {
            MergeKeys::Kustomize => {}
            MergeKeys::Kubernetes137 => builtin.push(NEW.get_or_init(|| Table::parse(TABLE_1_37))),
        }
        Self {
            custom: None,
            builtin,
            touched: false,
            fixed: false,
        }
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
        self.custom = Some(Box::new(Table::from_openapi(document)));
        self.fixed = true;
        if !self.touched {
            self.builtin.clear();
        }
    }

    /// Notes that an object was looked up.
    pub(crate) fn touch(&mut self) {
        if self.custom.is_none() {
            self.touched = true;
        }
    }

    /// The type of an object by its apiVersion and kind.
    pub(super) fn of_object(&self, node: &Node) -> Option<TypeId> {
        let (version, kind) = (field_text(node, "apiVersion"), field_text(node, "kind"));
        if version.is_empty() || kind.is_empty() {
            return None;
        }
        let key = (version.into_owned(), kind.into_owned());
        if let Some(id) = self.custom.as_ref().and_then(|t| t.kinds.get(&key)) {
            return Some((CUSTOM, *id));
        }
        self.builtin
            .iter()
            .enumerate()
            .find_map(|(table, t)| t.kinds.get(&key).map(|id| (table, *id)))
    }

    /// What is known of a field.
    pub(super) fn field(&self, (table, id): TypeId, name: &str) -> Known<'_> {
        let types = if table == CUSTOM {
            self.custom.as_deref().map(|t| &t.types)
        } else {
            self.builtin.get(table).map(|t| &t.types)
        };
        let Some(fields) = types.and_then(|t| t.get(id)) else {
            return Known::Nothing;
        };
        match fields.get(name).or_else(|| fields.get("{}")) {
            None => Known::Type(None),
            Some(Field::Map(id)) => Known::Type(Some((table, *id))),
            Some(Field::List(keys, element)) => Known::List(keys, element.map(|id| (table, id))),
        }
    }
}

impl Table {
    fn parse(text: &str) -> Self {
        let mut table = Self::default();
        for line in text.lines() {
            let mut words = line.split(' ').filter(|w| !w.is_empty());
            match words.next() {
                Some("t") => {
                    words.next();
                    table.types.push(words.filter_map(parse_field).collect());
                }
                Some("k") => {
                    if let (Some(version), Some(kind), Some(id)) =
                        (words.next(), words.next(), words.next())
                    {
                        let key = (version.to_owned(), kind.to_owned());
                        table
                            .kinds
                            .insert(key, id.parse().unwrap_or(usize::MAX - 1));
                    }
                }
                Some(_) | None => {}
            }
        }
        table
    }

    fn from_openapi(document: &Node) -> Self {
        let mut table = Self::default();
        let Some(definitions) = document.get("definitions").and_then(Node::as_map) else {
            return table;
        };
        let numbers: BTreeMap<&str, usize> = definitions.keys().zip(0..).collect();
        let target = |schema: &Node| -> Option<usize> {
            let reference = schema.get("$ref")?.as_str()?;
            numbers.get(reference.rsplit('/').next()?).copied()
        };
        let mut extra = Vec::new();
        for (index, (_, schema)) in definitions.iter().enumerate() {
            let fields = table.fields_of(schema, &target, definitions.len(), &mut extra);
            table.types.push(fields);
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
                table
                    .kinds
                    .insert((version, field_text(gvk, "kind").into_owned()), index);
            }
        }
        table.types.extend(extra);
        table
    }

    /// The fields of a schema; schemas written in place become types of their own behind the named ones.
    fn fields_of(
        &self,
        schema: &Node,
        target: &dyn Fn(&Node) -> Option<usize>,
        named: usize,
        extra: &mut Vec<BTreeMap<String, Field>>,
    ) -> BTreeMap<String, Field> {
        let mut fields = BTreeMap::new();
        let properties = schema.get("properties").and_then(Node::as_map);
        let any = schema
            .get("additionalProperties")
            .filter(|n| matches!(n.value, Value::Map(_)));
        let all = properties
            .into_iter()
            .flat_map(|m| m.iter())
            .chain(any.map(|n| ("{}", n)));
        for (name, property) in all {
            let mut resolve = |node: &Node| {
                target(node).or_else(|| {
                    node.get("properties")
                        .or_else(|| node.get("additionalProperties"))
                        .map(|_| {
                            let place = extra.len();
                            extra.push(BTreeMap::new());
                            extra[place] = self.fields_of(node, target, named, extra);
                            named + place
                        })
                })
            };
            let strategy = field_text(property, "x-kubernetes-patch-strategy");
            if strategy.split(',').any(|s| s == "merge") {
                let element = property.get("items").and_then(&mut resolve);
                fields.insert(name.to_owned(), Field::List(merge_keys(property), element));
            } else if let Some(id) = resolve(property) {
                fields.insert(name.to_owned(), Field::Map(id));
            }
        }
        fields
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
            Field::List(keys, element.parse().ok())
        }
        None => Field::Map(target.parse().ok()?),
    };
    Some((name.to_owned(), field))
}
