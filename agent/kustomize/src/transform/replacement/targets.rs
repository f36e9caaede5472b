//! Finds, or makes, the fields a replacement's path leads to; several, where it says so.
//!
//! All are found before any is set, as kustomize does.

use muster_model::{Map, Node, Value};

use crate::failure::{Step, failed};
use crate::path::{Part, list_index};
use crate::pattern::Pattern;
use crate::scalars::untyped;

/// What a made field is to hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    Scalar,
    List,
    Map,
}

/// What a path leads to.
#[derive(Debug, Default)]
pub(super) struct Found {
    /// Where the fields are.
    pub(super) places: Vec<Vec<Part>>,
    /// How many lie inside of texts; kustomize loses what is put there.
    pub(super) lost: usize,
}

impl Shape {
    /// The shape of a value.
    pub(super) fn of(node: &Node) -> Self {
        match &node.value {
            Value::Map(_) => Self::Map,
            Value::List(_) => Self::List,
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => Self::Scalar,
        }
    }

    fn node(self) -> Node {
        match self {
            Self::Scalar => untyped(""),
            Self::List => Node::list(Vec::new()),
            Self::Map => Node::map(Map::new()),
        }
    }
}

/// Finds every field at the path, and makes what is missing first where `create` says as what.
pub(super) fn find(node: &mut Node, path: &[String], create: Option<Shape>) -> Step<Found> {
    let mut search = Search {
        create,
        here: Vec::new(),
        found: Found::default(),
    };
    search.visit(node, path)?;
    Ok(search.found)
}

/// A search on its way through an object.
struct Search {
    create: Option<Shape>,
    here: Vec<Part>,
    found: Found,
}

impl Search {
    fn visit(&mut self, node: &mut Node, path: &[String]) -> Step<()> {
        let Some((part, rest)) = path.split_first() else {
            self.found.places.push(self.here.clone());
            return Ok(());
        };
        if node.is_null() && self.create.is_some() && part != "*" {
            // kustomize makes the rest below the null, where nothing is printed.
            self.found.lost += 1;
            return Ok(());
        }
        if let Ok(index) = part.parse::<usize>() {
            return self.at_index(node, index, rest);
        }
        if let Some(index) = list_index(part) {
            let (field, pattern) = index?;
            return self.in_entries(node, field, pattern, rest);
        }
        if part == "*" {
            for (index, item) in entries(node, part)?.iter_mut().enumerate() {
                self.below(Part::Index(index), item, rest)?;
            }
            return Ok(());
        }
        self.in_field(node, part, rest)
    }

    fn below(&mut self, place: Part, node: &mut Node, rest: &[String]) -> Step<()> {
        self.here.push(place);
        let visited = self.visit(node, rest);
        self.here.pop();
        visited
    }

    fn in_field(&mut self, node: &mut Node, name: &str, rest: &[String]) -> Step<()> {
        if node.is_null() {
            return Ok(());
        }
        let shape = node.shape();
        let Some(map) = node.as_map_mut() else {
            return Err(failed(format!(
                "{name:?} is looked up in {shape}, not in a mapping"
            ))
            .into());
        };
        if !map.contains_key(name) {
            let Some(create) = self.create else {
                return Ok(());
            };
            map.insert(name, next_shape(rest, create).node());
        }
        let Some(field) = map.get_mut(name) else {
            return Ok(());
        };
        let is_scalar = matches!(
            field.value,
            Value::String(_) | Value::Number(_) | Value::Bool(_)
        );
        if is_scalar && !rest.is_empty() {
            self.found.lost += super::structured::count_in_scalar(field, rest)?;
            return Ok(());
        }
        self.below(Part::Key(name.to_owned()), field, rest)
    }

    fn at_index(&mut self, node: &mut Node, index: usize, rest: &[String]) -> Step<()> {
        let items = entries(node, &index.to_string())?;
        if let Some(create) = self.create.filter(|_| items.len() == index) {
            items.push(next_shape(rest, create).node());
        }
        let count = items.len();
        let Some(item) = items.get_mut(index) else {
            return Err(failed(format!(
                "index {index} specified but only {count} elements found"
            ))
            .into());
        };
        self.below(Part::Index(index), item, rest)
    }

    fn in_entries(
        &mut self,
        node: &mut Node,
        field: &str,
        pattern: &str,
        rest: &[String],
    ) -> Step<()> {
        let matcher = Pattern::anywhere(pattern)?;
        let items = entries(node, field)?;
        let matching = |item: &Node| {
            let value = if field.is_empty() {
                Some(item)
            } else {
                item.get(field)
            };
            value
                .and_then(Node::raw_scalar)
                .is_some_and(|text| matcher.is_match(text.trim()))
        };
        // The rest of the path does not count for a list of scalars.
        let below = if field.is_empty() { &[] } else { rest };
        let before = self.found.places.len() + self.found.lost;
        for (index, item) in items.iter_mut().enumerate().filter(|(_, i)| matching(i)) {
            self.below(Part::Index(index), item, below)?;
        }
        if self.found.places.len() + self.found.lost > before || self.create.is_none() {
            return Ok(());
        }
        let mut item = if field.is_empty() {
            untyped(pattern)
        } else {
            Node::map([(field, untyped(pattern))].into_iter().collect())
        };
        if matching(&item) {
            self.below(Part::Index(items.len()), &mut item, below)?;
        }
        items.push(item);
        Ok(())
    }
}

fn entries<'n>(node: &'n mut Node, part: &str) -> Step<&'n mut Vec<Node>> {
    if node.is_null() {
        node.value = Value::List(Vec::new());
    }
    let shape = node.shape();
    node.as_list_mut()
        .ok_or_else(|| failed(format!("{part} is looked up in {shape}, not in a list")).into())
}

fn next_shape(rest: &[String], last: Shape) -> Shape {
    match rest.first() {
        None => last,
        Some(next) if next.starts_with('[') && next.ends_with(']') => Shape::List,
        Some(next) if next.parse::<usize>().is_ok() => Shape::List,
        Some(_) => Shape::Map,
    }
}
