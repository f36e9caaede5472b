//! Nodes from what the grammar finds: keys, tags, anchors, budgets.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use super::error::YamlError;
use super::merge;
use super::reprint;
use super::scalar;
use super::token::{Mark, ScalarStyle};
use crate::budgets::Budgets;
use crate::node::{Map, Member, Node, SourceId, Span, Text, Value};

/// What stands before a node.
#[derive(Debug, Default)]
pub(super) struct Properties<'t> {
    pub(super) anchor: Option<&'t str>,
    pub(super) tag: Option<Tag>,
    /// True for a collection in `[]` or `{}`.
    pub(super) is_flow: bool,
}

impl Properties<'_> {
    pub(super) fn is_empty(&self) -> bool {
        self.anchor.is_none() && self.tag.is_none()
    }
}

/// The tags that change what a scalar stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tag {
    /// `!`: as if there were none.
    None,
    Str,
    Int,
    Float,
    Bool,
    Null,
    Timestamp,
    Binary,
    Merge,
    /// Any other: a scalar stays the text it is, a collection is not affected.
    Other,
}

impl Tag {
    /// What `!!` stands for.
    pub(super) const STANDARD: &'static str = "tag:yaml.org,2002:";

    pub(super) fn new(prefix: &str, suffix: &str) -> Self {
        let joined;
        let name = if prefix == Self::STANDARD {
            suffix
        } else {
            joined = format!("{prefix}{suffix}");
            match joined.strip_prefix(Self::STANDARD) {
                Some(name) => name,
                None if joined == "!" => return Self::None,
                None => return Self::Other,
            }
        };
        match name {
            "str" => Self::Str,
            "int" => Self::Int,
            "float" => Self::Float,
            "bool" => Self::Bool,
            "null" => Self::Null,
            "timestamp" => Self::Timestamp,
            "binary" => Self::Binary,
            "merge" => Self::Merge,
            _ => Self::Other,
        }
    }
}

/// What the nodes are read for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Purpose {
    /// To know what the text says.
    Values,
    /// To build what kustomize builds, with what it changes on the way.
    Resources,
    /// To know what a kustomization says: of two equal keys the last counts.
    Kustomization,
}

/// Puts nodes together.
pub(super) struct Builder<'t, 'b> {
    budgets: &'b Budgets,
    purpose: Purpose,
    source: SourceId,
    text: &'t str,
    /// Bytes of the file before the text.
    skipped: usize,
    stack: Vec<Open<'t>>,
    /// Items of all lists being read. Each list is cut off in its final size.
    items: Vec<Node>,
    /// Members of all mappings being read.
    members: Vec<Member>,
    root: Option<Node>,
    anchors: BTreeMap<&'t str, Anchored>,
    /// Names that aliases use, found when the first anchor is met.
    aliased: Option<BTreeSet<&'t str>>,
    nodes: usize,
    alias_nodes: usize,
    document_line: u32,
    count: usize,
    /// The documents read so far.
    pub(super) documents: Vec<Node>,
}

struct Open<'t> {
    anchor: Option<&'t str>,
    span: Span,
    is_flow: bool,
    items: Items,
}

/// A collection being read. What it holds so far lies in the builder from `start` on.
enum Items {
    List {
        start: usize,
    },
    Map {
        start: usize,
        key: Option<Key>,
        merge: Option<Box<Node>>,
    },
}

enum Key {
    Text(Box<str>, Span),
    Merge,
}

struct Anchored {
    node: Node,
    nodes: usize,
    depth: usize,
}

impl<'t, 'b> Builder<'t, 'b> {
    pub(super) fn new(
        text: &'t str,
        skipped: usize,
        budgets: &'b Budgets,
        purpose: Purpose,
        source: SourceId,
    ) -> Self {
        Self {
            budgets,
            purpose,
            source,
            text,
            skipped,
            stack: Vec::with_capacity(32),
            items: Vec::with_capacity(64),
            members: Vec::with_capacity(64),
            root: None,
            anchors: BTreeMap::new(),
            aliased: None,
            nodes: 0,
            alias_nodes: 0,
            document_line: 0,
            count: 0,
            documents: Vec::new(),
        }
    }

    pub(super) fn start_document(&mut self, at: Mark) -> Result<(), YamlError> {
        self.count += 1;
        if self.count > self.budgets.documents {
            return Err(YamlError::budget(
                at.line_number(),
                format!(
                    "more than {} documents; split the file",
                    self.budgets.documents
                ),
            ));
        }
        self.document_line = at.line_number();
        self.nodes = 0;
        self.alias_nodes = 0;
        self.anchors.clear();
        Ok(())
    }

    /// Keeps the document unless it is empty.
    pub(super) fn end_document(&mut self) {
        let root = self.root.take().filter(|node| !node.is_null());
        self.documents.extend(root);
    }

    pub(super) fn open_list(
        &mut self,
        at: Mark,
        properties: Properties<'t>,
    ) -> Result<(), YamlError> {
        let start = self.items.len();
        self.open(at, properties, Items::List { start })
    }

    pub(super) fn open_map(
        &mut self,
        at: Mark,
        properties: Properties<'t>,
    ) -> Result<(), YamlError> {
        let items = Items::Map {
            start: self.members.len(),
            key: None,
            merge: None,
        };
        self.open(at, properties, items)
    }

    fn open(
        &mut self,
        at: Mark,
        properties: Properties<'t>,
        items: Items,
    ) -> Result<(), YamlError> {
        self.check_depth(self.stack.len() + 1, at.line_number())?;
        if self.expects_key() {
            return Err(collection_as_key(at.line_number()));
        }
        // From here on the name means this collection, which no alias inside it may use.
        if let Some(name) = properties.anchor {
            self.anchors.remove(name);
        }
        let span = self.span(at, at.offset());
        self.stack.push(Open {
            anchor: properties.anchor,
            span,
            is_flow: properties.is_flow,
            items,
        });
        Ok(())
    }

    fn check_depth(&self, depth: usize, line: u32) -> Result<(), YamlError> {
        if depth <= self.budgets.depth {
            return Ok(());
        }
        Err(YamlError::budget(
            line,
            format!("nested deeper than {} levels", self.budgets.depth),
        ))
    }

    /// Ends the innermost collection. Without an `end` it ends where its last value does.
    pub(super) fn close(&mut self, end: Option<usize>) -> Result<(), YamlError> {
        let Some(mut open) = self.stack.pop() else {
            return Ok(());
        };
        if let Some(end) = end {
            open.span.end = self.number(end);
        }
        let value = match open.items {
            Items::List { start } => Value::List(self.items.split_off(start)),
            Items::Map { start, merge, .. } => {
                let members = self.members.split_off(start);
                let mut map = match self.purpose {
                    Purpose::Kustomization => Map::from_members(members),
                    Purpose::Values | Purpose::Resources => {
                        merge::refuse_duplicates(&members)?;
                        Map::from_unique(members)
                    }
                };
                if let Some(value) = merge {
                    merge::expand(&mut map, *value)?;
                }
                Value::Map(map)
            }
        };
        let node = Node {
            value,
            span: open.span,
        };
        self.add(node, open.anchor)
    }

    pub(super) fn scalar(
        &mut self,
        text: Cow<'t, str>,
        style: ScalarStyle,
        properties: Properties<'t>,
        at: Mark,
        end: usize,
    ) -> Result<(), YamlError> {
        let span = self.span(at, end);
        let tag = properties.tag.unwrap_or(Tag::None);
        if self.expects_key() {
            self.key(&text, style, tag, span)?;
            return self.anchor_key(properties.anchor, span);
        }
        let (text, style) = match self.purpose {
            Purpose::Values | Purpose::Kustomization => (text, style),
            Purpose::Resources if style == ScalarStyle::Folded => {
                return self.folded(text.into_owned(), span, properties.anchor);
            }
            Purpose::Resources => reprint::scalar(text, style, tag, self.in_flow()),
        };
        let value = scalar::value(text, style, tag, span.line)?;
        self.add(Node { value, span }, properties.anchor)
    }

    /// A text in a `>` block: what it says is kept beside what printing makes of it.
    fn folded(
        &mut self,
        written: String,
        span: Span,
        anchor: Option<&'t str>,
    ) -> Result<(), YamlError> {
        let text = match reprint::folded(&written) {
            Some(text) if text != written => Text {
                text,
                raw: Some(written.into_boxed_str()),
                quoted: true,
            },
            _ => Text {
                text: written,
                raw: None,
                quoted: true,
            },
        };
        let value = Value::String(text);
        self.add(Node { value, span }, anchor)
    }

    /// True when the next node is the key of a mapping.
    fn expects_key(&self) -> bool {
        let items = self.stack.last().map(|open| &open.items);
        matches!(items, Some(Items::Map { key: None, .. }))
    }

    fn key(
        &mut self,
        text: &str,
        style: ScalarStyle,
        tag: Tag,
        span: Span,
    ) -> Result<(), YamlError> {
        let is_plain = tag == Tag::None && style == ScalarStyle::Plain;
        let found = if text == "<<" && (is_plain || tag == Tag::Merge) {
            Key::Merge
        } else {
            let is_outermost = self.stack.len() == 1;
            let key = match self.purpose {
                Purpose::Resources if !is_outermost => {
                    scalar::text_key(text, style, tag, span.line)?
                }
                _ => scalar::key(text, style, tag, is_outermost, span.line)?,
            };
            Key::Text(key, span)
        };
        self.set_key(found, span)
    }

    fn set_key(&mut self, found: Key, span: Span) -> Result<(), YamlError> {
        let Some(Items::Map { key, merge, .. }) = self.stack.last_mut().map(|open| &mut open.items)
        else {
            return Ok(());
        };
        if matches!(found, Key::Merge) && merge.is_some() {
            return Err(YamlError::syntax(
                span.line,
                "`<<` is there twice; use one `<<` with a list",
            ));
        }
        *key = Some(found);
        Ok(())
    }

    /// Remembers a key that has an anchor.
    fn anchor_key(&mut self, anchor: Option<&'t str>, span: Span) -> Result<(), YamlError> {
        let Some(name) = anchor else {
            return Ok(());
        };
        let text = match self.stack.last().map(|open| &open.items) {
            Some(Items::Map {
                key: Some(Key::Text(text, _)),
                ..
            }) => text.to_string(),
            _ => "<<".to_owned(),
        };
        self.remember(name, &Node::string(text).at(span))
    }

    /// Puts a copy of the anchored node here. The copy keeps the place of the original.
    pub(super) fn alias(&mut self, name: &'t str, at: Mark, end: usize) -> Result<(), YamlError> {
        let span = self.span(at, end);
        let node = self.anchored(name, span.line)?;
        if self.expects_key() {
            let key = scalar::alias_key(&node, span.line)?;
            return self.set_key(Key::Text(key, span), span);
        }
        if let Some(open) = self.stack.last_mut() {
            open.span.end = span.end;
            let is_merge = matches!(
                open.items,
                Items::Map {
                    key: Some(Key::Merge),
                    ..
                }
            );
            if is_merge && node.as_map().is_none() {
                return Err(merge::not_a_map(span.line));
            }
        }
        let is_nothing = node.is_null() && node.span.start == node.span.end;
        if is_nothing && self.purpose == Purpose::Resources && self.in_flow() {
            return self.add(Node::string("").at(span), None);
        }
        self.add(node, None)
    }

    /// A copy of an anchored node, counted.
    fn anchored(&mut self, name: &str, line: u32) -> Result<Node, YamlError> {
        let Some(anchored) = self.anchors.get(name) else {
            let message = format!(
                "there is no finished anchor &{name} before this alias; define it above, or quote the text"
            );
            return Err(YamlError::syntax(line, message));
        };
        self.check_depth(self.stack.len() + anchored.depth, line)?;
        self.alias_nodes += anchored.nodes;
        self.nodes += anchored.nodes - 1;
        if self.alias_nodes > self.budgets.alias_nodes {
            return Err(self.too_many_aliases(line));
        }
        Ok(anchored.node.clone())
    }

    /// True inside `[]` and `{}`.
    fn in_flow(&self) -> bool {
        self.stack.last().is_some_and(|open| open.is_flow)
    }

    fn too_many_aliases(&self, line: u32) -> YamlError {
        YamlError::budget(
            line,
            format!(
                "aliases make more than {} values of this document; write them out",
                self.budgets.alias_nodes
            ),
        )
    }

    /// Puts a finished node where it belongs.
    fn add(&mut self, node: Node, anchor: Option<&'t str>) -> Result<(), YamlError> {
        self.nodes += 1;
        if self.nodes > self.budgets.nodes {
            return Err(YamlError::budget(
                node.span.line,
                format!(
                    "the document has more than {} values; split it",
                    self.budgets.nodes
                ),
            ));
        }
        if let Some(name) = anchor {
            self.remember(name, &node)?;
        }
        let Some(open) = self.stack.last_mut() else {
            self.root = Some(node);
            return Ok(());
        };
        open.span.end = open.span.end.max(node.span.end);
        match &mut open.items {
            Items::List { .. } => self.items.push(node),
            Items::Map { key, merge, .. } => match key.take() {
                Some(Key::Text(key, key_span)) => self.members.push(Member {
                    key,
                    key_span,
                    value: node,
                }),
                Some(Key::Merge) => *merge = Some(Box::new(node)),
                None => return Err(collection_as_key(node.span.line)),
            },
        }
        Ok(())
    }

    /// Keeps a copy of an anchored node, if an alias may ask for it. Copies count as alias nodes: nested anchors would
    /// otherwise multiply a large document.
    fn remember(&mut self, name: &'t str, node: &Node) -> Result<(), YamlError> {
        let text = self.text;
        let aliased = self.aliased.get_or_insert_with(|| aliased_names(text));
        if !aliased.contains(name) {
            return Ok(());
        }
        let (nodes, depth) = extent(node);
        self.alias_nodes += nodes;
        if self.alias_nodes > self.budgets.alias_nodes {
            return Err(self.too_many_aliases(node.span.line));
        }
        let node = node.clone();
        self.anchors.insert(name, Anchored { node, nodes, depth });
        Ok(())
    }

    fn span(&self, at: Mark, end: usize) -> Span {
        Span {
            source: self.source,
            line: at.line_number(),
            start: self.number(at.offset()),
            end: self.number(end),
        }
    }

    fn number(&self, offset: usize) -> u32 {
        u32::try_from(offset + self.skipped).unwrap_or(u32::MAX)
    }
}

fn collection_as_key(line: u32) -> YamlError {
    YamlError::syntax(
        line,
        "a key is a list or a mapping; use a text, and quote it if it begins with `[` or `{`",
    )
}

/// Every name that follows a `*` somewhere in the text.
fn aliased_names(text: &str) -> BTreeSet<&str> {
    text.split('*')
        .skip(1)
        .map(|rest| {
            let end = rest.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_' || c == '-'));
            &rest[..end.unwrap_or(rest.len())]
        })
        .filter(|name| !name.is_empty())
        .collect()
}

/// Number of nodes and levels.
fn extent(node: &Node) -> (usize, usize) {
    let mut nodes = 0;
    let mut deepest = 0;
    let mut open = vec![(node, 0)];
    while let Some((node, depth)) = open.pop() {
        nodes += 1;
        deepest = deepest.max(depth);
        match &node.value {
            Value::List(items) => open.extend(items.iter().map(|item| (item, depth + 1))),
            Value::Map(map) => open.extend(map.values().map(|value| (value, depth + 1))),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }
    (nodes, deepest)
}
