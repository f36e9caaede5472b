//! Sets of field paths, as `metadata.managedFields[].fieldsV1` holds them.

use std::collections::BTreeMap;

use muster_model::{Map, Node, json};

/// One step of a path.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Element {
    /// `f:<name>`: a field of a struct, or a key of a map.
    Field(String),
    /// `k:<keys>`: an item of a list that is a map; canonical JSON of its keys.
    Key(String),
    /// `v:<value>`: an item of a list that is a set; its JSON.
    Value(String),
}

impl Element {
    fn encode(&self) -> String {
        match self {
            Self::Field(name) => format!("f:{name}"),
            Self::Key(keys) => format!("k:{keys}"),
            Self::Value(value) => format!("v:{value}"),
        }
    }

    fn decode(text: &str) -> Option<Self> {
        let (tag, rest) = text.split_once(':')?;
        let rest = rest.to_owned();
        match tag {
            "f" => Some(Self::Field(rest)),
            "k" => Some(Self::Key(rest)),
            "v" => Some(Self::Value(rest)),
            _ => None,
        }
    }
}

/// A set of paths: a tree whose nodes say whether they are members themselves.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct FieldSet {
    /// True when the path that leads here is in the set.
    pub member: bool,
    /// What is below.
    pub children: BTreeMap<Element, FieldSet>,
}

impl FieldSet {
    /// The set below one step, made when it is not there.
    pub fn child(&mut self, element: Element) -> &mut Self {
        self.children.entry(element).or_default()
    }

    /// True when no path is in the set.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        !self.member && self.children.values().all(Self::is_empty)
    }

    /// Paths in either.
    #[must_use]
    pub fn union(mut self, other: &Self) -> Self {
        self.member |= other.member;
        for (element, theirs) in &other.children {
            let mine = self.children.remove(element).unwrap_or_default();
            self.children.insert(element.clone(), mine.union(theirs));
        }
        self
    }

    /// Paths in both.
    #[must_use]
    pub fn intersection(&self, other: &Self) -> Self {
        self.combine(other, |mine, theirs| mine && theirs)
    }

    /// Paths in `self` that are not in `other`.
    #[must_use]
    pub fn difference(&self, other: &Self) -> Self {
        self.combine(other, |mine, theirs| mine && !theirs)
    }

    /// Paths in `self` that are neither in `other` nor below one that is.
    #[must_use]
    pub fn without_subtrees(&self, other: &Self) -> Self {
        if other.member {
            return Self::default();
        }
        let nothing = Self::default();
        let children = self.children.iter().map(|(element, mine)| {
            let theirs = other.children.get(element).unwrap_or(&nothing);
            (element.clone(), mine.without_subtrees(theirs))
        });
        Self {
            member: self.member,
            children: children.filter(|(_, set)| !set.is_empty()).collect(),
        }
    }

    /// The set with every named field on the way to a member made a member itself.
    #[must_use]
    pub fn with_named_ancestors(&self) -> Self {
        let children = self.children.iter().map(|(element, set)| {
            let mut set = set.with_named_ancestors();
            set.member |= matches!(element, Element::Field(_)) && !set.is_empty();
            (element.clone(), set)
        });
        Self {
            member: self.member,
            children: children.collect(),
        }
    }

    fn combine(&self, other: &Self, keep: fn(bool, bool) -> bool) -> Self {
        let nothing = Self::default();
        let children = self.children.iter().map(|(element, mine)| {
            let theirs = other.children.get(element).unwrap_or(&nothing);
            (element.clone(), mine.combine(theirs, keep))
        });
        Self {
            member: keep(self.member, other.member),
            children: children.filter(|(_, set)| !set.is_empty()).collect(),
        }
    }

    /// `fieldsV1`.
    #[must_use]
    pub fn to_node(&self) -> Node {
        let mut map = Map::new();
        if self.member && !self.children.is_empty() {
            map.insert(".", Node::map(Map::new()));
        }
        for (element, set) in &self.children {
            map.insert(element.encode(), set.to_node());
        }
        Node::map(map)
    }

    /// Reads what [`Self::to_node`] wrote.
    #[must_use]
    pub fn from_node(node: &Node) -> Self {
        let mut set = Self::read(node);
        // The root stands for the object, which nobody owns.
        set.member = false;
        set
    }

    fn read(node: &Node) -> Self {
        let mut set = Self::default();
        let Some(map) = node.as_map() else {
            return set;
        };
        set.member = map.is_empty();
        for (key, below) in map.iter() {
            if key == "." {
                set.member = true;
            } else if let Some(element) = Element::decode(key) {
                set.children.insert(element, Self::read(below));
            }
        }
        set
    }

    /// Every member as text, for conflicts and for people: `.spec.replicas`.
    #[must_use]
    pub fn paths(&self) -> Vec<String> {
        let mut out = Vec::new();
        self.print("", &mut out);
        out
    }

    fn print(&self, prefix: &str, out: &mut Vec<String>) {
        if self.member {
            out.push(prefix.to_owned());
        }
        for (element, set) in &self.children {
            let step = match element {
                Element::Field(name) => format!(".{name}"),
                Element::Key(text) | Element::Value(text) => format!("[{text}]"),
            };
            set.print(&format!("{prefix}{step}"), out);
        }
    }
}

/// The element of an item in a list with `keys`.
#[must_use]
pub fn key_of(item: &Node, keys: &[&str]) -> Element {
    let named: Map = keys
        .iter()
        .filter_map(|key| {
            let value = item.get(key).cloned();
            // `protocol` is the one key with a default (core/v1).
            let value = value.or_else(|| (*key == "protocol").then(|| Node::string("TCP")));
            Some((*key, value?))
        })
        .collect();
    Element::Key(json::to_canonical(&Node::map(named)))
}

/// The element of an item in a set.
#[must_use]
pub fn value_of(item: &Node) -> Element {
    Element::Value(json::to_canonical(item))
}
