//! Finds, or makes, the fields a replacement's path leads to; several, where it says so.

use muster_model::{Map, Node, Value};

use crate::failure::{Step, failed};
use crate::path::list_index;
use crate::scalars::plain;
use crate::selector::regex;

/// What a made field is to hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    Scalar,
    List,
    Map,
}

/// Whether a field was there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Made {
    /// It was.
    Before,
    /// It was just made.
    Now,
}

/// What is done with a field.
pub(super) type Visit<'v> = &'v mut dyn FnMut(&mut Node, Made) -> Step<()>;

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
            Self::Scalar => Node::null(),
            Self::List => Node::list(Vec::new()),
            Self::Map => Node::map(Map::new()),
        }
    }
}

/// Calls `set` on every field at the path; gives back how many there were.
pub(super) fn visit(
    node: &mut Node,
    path: &[String],
    create: Option<Shape>,
    set: Visit<'_>,
) -> Step<usize> {
    visit_at(node, Made::Before, path, create, set)
}

fn visit_at(
    node: &mut Node,
    made: Made,
    path: &[String],
    create: Option<Shape>,
    set: Visit<'_>,
) -> Step<usize> {
    let Some((part, rest)) = path.split_first() else {
        set(node, made)?;
        return Ok(1);
    };
    if let Ok(index) = part.parse::<usize>() {
        return at_index(node, index, rest, create, set);
    }
    if let Some(index) = list_index(part) {
        let (field, pattern) = index?;
        return in_entries(node, field, pattern, rest, create, set);
    }
    if part == "*" {
        let mut found = 0;
        for item in entries(node, part)? {
            found += visit_at(item, Made::Before, rest, create, set)?;
        }
        return Ok(found);
    }
    in_field(node, part, rest, create, set)
}

fn in_field(
    node: &mut Node,
    name: &str,
    rest: &[String],
    create: Option<Shape>,
    set: Visit<'_>,
) -> Step<usize> {
    if node.is_null() && create.is_some() {
        node.value = Value::Map(Map::new());
    }
    if node.is_null() {
        return Ok(0);
    }
    let shape = node.shape();
    let Some(map) = node.as_map_mut() else {
        return Err(failed(format!(
            "{name:?} is looked up in {shape}, not in a mapping"
        ))
        .into());
    };
    let mut made = Made::Before;
    if !map.contains_key(name) {
        let Some(create) = create else { return Ok(0) };
        map.insert(name, next_shape(rest, create).node());
        made = Made::Now;
    }
    let Some(field) = map.get_mut(name) else {
        return Ok(0);
    };
    let is_scalar = matches!(
        field.value,
        Value::String(_) | Value::Number(_) | Value::Bool(_)
    );
    if is_scalar && !rest.is_empty() {
        return super::structured::find_in_scalar(field, rest);
    }
    visit_at(field, made, rest, create, set)
}

fn at_index(
    node: &mut Node,
    index: usize,
    rest: &[String],
    create: Option<Shape>,
    set: Visit<'_>,
) -> Step<usize> {
    let mut made = Made::Before;
    let items = entries(node, &index.to_string())?;
    if let Some(create) = create.filter(|_| items.len() == index) {
        items.push(next_shape(rest, create).node());
        made = Made::Now;
    }
    let count = items.len();
    let Some(item) = items.get_mut(index) else {
        return Err(failed(format!(
            "index {index} specified but only {count} elements found"
        ))
        .into());
    };
    visit_at(item, made, rest, create, set)
}

fn in_entries(
    node: &mut Node,
    field: &str,
    pattern: &str,
    rest: &[String],
    create: Option<Shape>,
    set: Visit<'_>,
) -> Step<usize> {
    let matcher = regex(pattern)?;
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
    let mut found = 0;
    for item in items.iter_mut().filter(|i| matching(i)) {
        found += visit_at(item, Made::Before, below, create, set)?;
    }
    if found == 0 && create.is_some() {
        let mut item = if field.is_empty() {
            plain(pattern)
        } else {
            Node::map([(field, plain(pattern))].into_iter().collect())
        };
        if matching(&item) {
            found += visit_at(&mut item, Made::Before, below, create, set)?;
        }
        items.push(item);
    }
    Ok(found)
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
