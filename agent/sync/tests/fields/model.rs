//! The model: a value with the schema it is of, and the `fieldsV1` that an API server writes when it is applied
//! (structured-merge-diff: a field for each leaf, list maps by their keys with defaults filled in, sets by their values,
//! atomic lists and mappings as a whole).

use std::collections::{BTreeMap, BTreeSet};

use muster_model::{Map, Node, json};
use proptest::prelude::*;

/// More leaves than a test takes away at once.
const SMALL: usize = 4;

/// A value, and what the schema says of it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Tree {
    /// A number or a text.
    Scalar(i64),
    /// An atomic list: one leaf.
    AtomicList(Vec<i64>),
    /// An atomic mapping: one leaf.
    AtomicMap(BTreeMap<String, i64>),
    /// Named fields.
    Map(BTreeMap<String, Tree>),
    /// A list map keyed by `port` and `protocol`, the second defaulted to `TCP`.
    Ports(Vec<Port>),
    /// A set of texts.
    Set(BTreeSet<String>),
    /// A field that the server knows and drops.
    Pruned,
}

/// An item of a list map.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Port {
    port: i64,
    protocol: Option<&'static str>,
    rest: BTreeMap<String, Tree>,
}

/// A leaf of a value: where it is in the object, and where in `fieldsV1`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Leaf {
    pub(crate) pointer: String,
    pub(crate) path: Vec<String>,
}

impl Port {
    fn key(&self) -> String {
        let protocol = self.protocol.unwrap_or("TCP");
        format!("k:{{\"port\":{},\"protocol\":\"{protocol}\"}}", self.port)
    }
}

impl Tree {
    /// The value as Git has it.
    pub(crate) fn node(&self) -> Node {
        match self {
            Self::Scalar(number) => Node::int(*number),
            Self::Pruned => Node::int(0),
            Self::AtomicList(items) => Node::list(items.iter().map(|n| Node::int(*n)).collect()),
            Self::AtomicMap(map) => Node::map(
                map.iter()
                    .map(|(k, n)| (k.as_str(), Node::int(*n)))
                    .collect(),
            ),
            Self::Map(map) => Node::map(
                map.iter()
                    .map(|(k, tree)| (k.as_str(), tree.node()))
                    .collect(),
            ),
            Self::Set(texts) => {
                Node::list(texts.iter().map(|t| Node::string(t.as_str())).collect())
            }
            Self::Ports(ports) => Node::list(ports.iter().map(port_node).collect()),
        }
    }

    /// What the server writes in our entry once this was applied.
    pub(crate) fn fields(&self) -> Node {
        match self {
            Self::Scalar(_) | Self::AtomicList(_) | Self::AtomicMap(_) | Self::Pruned => leaf(),
            Self::Map(map) => Node::map(
                map.iter()
                    .filter(|(_, tree)| **tree != Self::Pruned)
                    .map(|(key, tree)| (format!("f:{key}"), tree.fields()))
                    .collect(),
            ),
            Self::Set(texts) => Node::map(
                texts
                    .iter()
                    .map(|text| {
                        (
                            format!("v:{}", json::to_string(&Node::string(text.as_str()))),
                            leaf(),
                        )
                    })
                    .collect(),
            ),
            Self::Ports(ports) => Node::map(
                ports
                    .iter()
                    .map(|port| (port.key(), port_fields(port)))
                    .collect(),
            ),
        }
    }

    /// Every leaf: what can be lost by itself.
    pub(crate) fn leaves(&self) -> Vec<Leaf> {
        let mut found = Vec::new();
        self.collect(
            &Leaf {
                pointer: String::new(),
                path: Vec::new(),
            },
            &mut found,
        );
        found
    }

    fn collect(&self, at: &Leaf, found: &mut Vec<Leaf>) {
        match self {
            Self::Pruned => {}
            Self::Scalar(_) | Self::AtomicList(_) | Self::AtomicMap(_) => found.push(at.clone()),
            Self::Map(map) if map.is_empty() => {}
            Self::Map(map) => {
                for (key, tree) in map {
                    tree.collect(&at.below(key, format!("f:{key}")), found);
                }
            }
            Self::Set(texts) => {
                for (index, text) in texts.iter().enumerate() {
                    let entry = format!("v:{}", json::to_string(&Node::string(text.as_str())));
                    found.push(at.below(&index.to_string(), entry));
                }
            }
            Self::Ports(ports) => {
                for (index, port) in ports.iter().enumerate() {
                    let item = at.below(&index.to_string(), port.key());
                    for (key, tree) in &port.rest {
                        tree.collect(&item.below(key, format!("f:{key}")), found);
                    }
                }
            }
        }
    }

    /// True when two items of a list map can be told apart by a default alone.
    pub(crate) fn is_ambiguous(&self) -> bool {
        self.any(&|tree| match tree {
            Self::Ports(ports) => ports.iter().enumerate().any(|(index, one)| {
                let twin = |other: &Port| other.port == one.port;
                one.protocol.is_none()
                    && ports
                        .iter()
                        .enumerate()
                        .any(|(at, other)| at != index && twin(other))
            }),
            _ => false,
        })
    }

    /// True when there is an empty mapping or list: the server may drop it.
    pub(crate) fn has_hollow(&self) -> bool {
        self.any(&|tree| match tree {
            Self::Map(map) => map.is_empty(),
            Self::AtomicMap(map) => map.is_empty(),
            Self::AtomicList(items) => items.is_empty(),
            Self::Set(texts) => texts.is_empty(),
            Self::Ports(ports) => ports.is_empty(),
            Self::Scalar(_) | Self::Pruned => false,
        })
    }

    /// True when a lost leaf can be named exactly: nothing is told apart by a default, nothing is empty, and no set is so
    /// small that it may be lost as a whole.
    pub(crate) fn is_exact(&self) -> bool {
        let small = |tree: &Self| matches!(tree, Self::Set(texts) if texts.len() < SMALL);
        !self.is_ambiguous() && !self.has_hollow() && !self.any(&small)
    }

    fn any(&self, holds: &impl Fn(&Self) -> bool) -> bool {
        let below = |trees: &BTreeMap<String, Self>| trees.values().any(|tree| tree.any(holds));
        holds(self)
            || match self {
                Self::Map(map) => below(map),
                Self::Ports(ports) => ports.iter().any(|port| below(&port.rest)),
                Self::Scalar(_)
                | Self::AtomicList(_)
                | Self::AtomicMap(_)
                | Self::Set(_)
                | Self::Pruned => false,
            }
    }
}

impl Leaf {
    fn below(&self, token: &str, entry: String) -> Self {
        let mut path = self.path.clone();
        path.push(entry);
        Self {
            pointer: format!(
                "{}/{}",
                self.pointer,
                token.replace('~', "~0").replace('/', "~1")
            ),
            path,
        }
    }
}

fn leaf() -> Node {
    Node::map(Map::new())
}

fn port_node(port: &Port) -> Node {
    let mut map = Map::from_iter([("port", Node::int(port.port))]);
    if let Some(protocol) = port.protocol {
        map.insert("protocol", Node::string(protocol));
    }
    for (key, tree) in &port.rest {
        map.insert(key.as_str(), tree.node());
    }
    Node::map(map)
}

/// The item itself, the key fields that were set, and the rest.
fn port_fields(port: &Port) -> Node {
    let mut map = Map::from_iter([(".", leaf()), ("f:port", leaf())]);
    if port.protocol.is_some() {
        map.insert("f:protocol", leaf());
    }
    for (key, tree) in port.rest.iter().filter(|(_, tree)| **tree != Tree::Pruned) {
        map.insert(format!("f:{key}"), tree.fields());
    }
    Node::map(map)
}

/// Takes a leaf out of an entry, as the server does when another manager owns it from now on; an item of a list or a
/// mapping that has nothing left goes too.
pub(crate) fn lose(fields: &mut Node, path: &[String]) {
    let Some((first, rest)) = path.split_first() else {
        return;
    };
    let Some(map) = fields.as_map_mut() else {
        return;
    };
    if rest.is_empty() {
        map.remove(first);
        return;
    }
    let Some(next) = map.get_mut(first) else {
        return;
    };
    lose(next, rest);
    if next.as_map().is_some_and(Map::is_empty) {
        map.remove(first);
    }
}

/// A whole object: a mapping.
pub(crate) fn object() -> impl Strategy<Value = Tree> {
    mapping(tree(Shape::Any), 1..5).prop_map(Tree::Map)
}

/// One of which every lost leaf can be named.
pub(crate) fn exact_object() -> impl Strategy<Value = Tree> {
    mapping(tree(Shape::Exact), 1..5).prop_map(Tree::Map)
}

/// What is generated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Shape {
    Any,
    Exact,
}

impl Shape {
    /// A size, without empty things where leaves are to be named.
    fn size(self, most: usize) -> std::ops::Range<usize> {
        match self {
            Self::Any => 0..most,
            Self::Exact => 1..most,
        }
    }
}

fn tree(shape: Shape) -> impl Strategy<Value = Tree> {
    let members = match shape {
        Shape::Any => 0..6,
        Shape::Exact => SMALL..6,
    };
    let simple = prop_oneof![
        4 => (0_i64..9).prop_map(Tree::Scalar),
        1 => prop::collection::vec(0_i64..9, shape.size(3)).prop_map(Tree::AtomicList),
        1 => mapping(0_i64..9, shape.size(3)).prop_map(Tree::AtomicMap),
        1 => prop::collection::btree_set("[x-z]{1,2}", members).prop_map(Tree::Set),
    ];
    simple.prop_recursive(3, 24, 4, move |inner| {
        prop_oneof![
            2 => mapping(inner.clone(), shape.size(4)).prop_map(Tree::Map),
            1 => prop::collection::vec(port(inner), shape.size(4))
                .prop_map(move |ports| distinct(ports, shape))
                .prop_map(Tree::Ports),
        ]
    })
}

fn port(inner: impl Strategy<Value = Tree>) -> impl Strategy<Value = Port> {
    let protocol = prop_oneof![Just(None), Just(Some("TCP")), Just(Some("UDP"))];
    (80_i64..83, protocol, mapping(inner, 0..3)).prop_map(|(port, protocol, rest)| Port {
        port,
        protocol,
        rest,
    })
}

/// The server refuses two items with one key.
fn distinct(ports: Vec<Port>, shape: Shape) -> Vec<Port> {
    let mut seen = BTreeSet::new();
    let key = |port: &Port| match shape {
        Shape::Any => port.key(),
        Shape::Exact => port.port.to_string(),
    };
    ports
        .into_iter()
        .filter(|port| seen.insert(key(port)))
        .collect()
}

fn mapping<T: std::fmt::Debug>(
    values: impl Strategy<Value = T>,
    size: std::ops::Range<usize>,
) -> impl Strategy<Value = BTreeMap<String, T>> {
    // Names with a slash and a tilde: pointers escape them. Not `port` and `protocol`.
    prop::collection::btree_map("[a-e]|x/y|m~n", values, size)
}
