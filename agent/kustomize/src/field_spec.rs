//! A path to fields of objects of some kinds, in kustomize's notation: `spec/template/spec/containers[]/image`.

use std::borrow::Cow;

use muster_model::{Map, Node, Value};

use crate::failure::{Step, failed};
use crate::id::Gvk;
use crate::record::{Place, Record, Unknown};
use crate::scalars::untyped;

/// What is made where a path ends in nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Create {
    /// Nothing.
    No,
    /// A scalar, set afterwards.
    Scalar,
    /// A mapping.
    Map,
}

/// A path to fields of objects of some kinds.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct FieldSpec {
    /// Of which kinds; empty parts match all.
    pub(crate) gvk: Gvk<'static>,
    /// The path as written.
    pub(crate) path: Cow<'static, str>,
    /// Whether a missing field is made.
    pub(crate) create: bool,
    segments: Vec<Segment>,
}

/// One step of a path.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Segment {
    name: Cow<'static, str>,
    list: bool,
}

impl Segment {
    fn new(name: Cow<'static, str>) -> Self {
        let stripped = match &name {
            Cow::Borrowed(name) => name.strip_suffix("[]").map(Cow::Borrowed),
            Cow::Owned(name) => name.strip_suffix("[]").map(|n| Cow::Owned(n.to_owned())),
        };
        match stripped {
            Some(name) => Self { name, list: true },
            None => Self { name, list: false },
        }
    }
}

impl FieldSpec {
    /// A path of objects of some kinds.
    pub(crate) fn new(gvk: Gvk<'static>, path: impl Into<Cow<'static, str>>, create: bool) -> Self {
        let path = path.into();
        let segments = match &path {
            // The built-in paths: nothing is copied.
            Cow::Borrowed(path) if !path.starts_with('/') && !path.contains('\\') => path
                .split('/')
                .map(|name| Segment::new(Cow::Borrowed(name)))
                .collect(),
            path => split_path(path, '/')
                .into_iter()
                .map(|name| Segment::new(Cow::Owned(name)))
                .collect(),
        };
        Self {
            gvk,
            path,
            create,
            segments,
        }
    }

    /// Reads one from a configuration.
    pub(crate) fn read(node: &Node, place: Place, unknown: Unknown) -> Step<Self> {
        let record = Record::read(
            node,
            place,
            &["group", "version", "kind", "path", "create"],
            unknown,
        )?;
        let gvk = read_gvk(&record)?;
        Ok(Self::new(gvk, record.text("path")?, record.flag("create")?))
    }

    /// True for an object of one of the kinds.
    pub(crate) fn applies_to(&self, gvk: &Gvk<'_>) -> bool {
        gvk.is_selected(&self.gvk)
    }

    /// Calls `set` on every field at the path; `create` says what is made when this path asks for it.
    pub(crate) fn visit(
        &self,
        node: &mut Node,
        create: Create,
        set: &mut dyn FnMut(&mut Node) -> Step<()>,
    ) -> Step<()> {
        let create = if self.create { create } else { Create::No };
        visit(node, &self.segments, create, set, &self.path)
    }

    /// True when the other has the same path and kinds that this one is selected by.
    pub(crate) fn covers(&self, other: &Self) -> bool {
        self.path == other.path && self.gvk.is_selected(&other.gvk)
    }
}

/// Reads group, version and kind.
pub(crate) fn read_gvk(record: &Record<'_>) -> Step<Gvk<'static>> {
    Ok(Gvk {
        group: record.text("group")?.into(),
        version: record.text("version")?.into(),
        kind: record.text("kind")?.into(),
    })
}

/// Adds paths to others: one that is there already is not added, one that disagrees is an error.
pub(crate) fn merge(into: &mut Vec<FieldSpec>, more: &[FieldSpec]) -> Step<()> {
    for spec in more {
        match into.iter().find(|s| s.covers(spec)) {
            None => into.push(spec.clone()),
            Some(there) if there.create == spec.create => {}
            Some(_) => {
                return Err(failed(format!("conflicting field specs for {}", spec.path)).into());
            }
        }
    }
    Ok(())
}

/// Splits a path; a backslash before the separator keeps it.
pub(crate) fn split_path(path: &str, separator: char) -> Vec<String> {
    let mut parts: Vec<&str> = path.split(separator).collect();
    if parts.len() > 1 && parts[0].is_empty() {
        parts.remove(0);
    }
    let mut out: Vec<String> = Vec::with_capacity(parts.len());
    for part in parts {
        match out.last_mut() {
            Some(last) if last.ends_with('\\') => {
                last.pop();
                last.push(separator);
                last.push_str(part);
            }
            _ => out.push(part.to_owned()),
        }
    }
    out
}

fn visit(
    node: &mut Node,
    segments: &[Segment],
    create: Create,
    set: &mut dyn FnMut(&mut Node) -> Step<()>,
    path: &str,
) -> Step<()> {
    let Some((segment, rest)) = segments.split_first() else {
        return set(node);
    };
    match &mut node.value {
        Value::Null => Ok(()),
        Value::List(items) => items
            .iter_mut()
            .try_for_each(|item| visit(item, segments, create, set, path)),
        Value::Map(map) => {
            let Some(field) = field_of(map, segment, rest.is_empty(), create) else {
                return Ok(());
            };
            visit(field, rest, create, set, path)
        }
        Value::Bool(_) | Value::Number(_) | Value::String(_) => Err(failed(format!(
            "expected a list or a mapping on the way to {path}, found {}",
            node.shape()
        ))
        .into()),
    }
}

fn field_of<'m>(
    map: &'m mut Map,
    segment: &Segment,
    last: bool,
    create: Create,
) -> Option<&'m mut Node> {
    let make = match create {
        _ if segment.list => None,
        Create::No => None,
        Create::Scalar if last => Some(Value::Null),
        Create::Scalar | Create::Map => Some(Value::Map(Map::new())),
    };
    let Some(value) = make else {
        let field = map.get_mut(&segment.name)?;
        if segment.list && field.is_null() {
            field.value = Value::List(Vec::new());
        }
        return Some(field);
    };
    let field = map.get_or_insert_with(&segment.name, || match &value {
        Value::Null => untyped(""),
        _ => Node::default(),
    });
    if field.is_null() {
        field.value = value;
    }
    Some(field)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_backslash_keeps_the_separator() {
        assert_eq!(
            split_path("metadata/annotations/a.b\\/c", '/'),
            ["metadata", "annotations", "a.b/c"]
        );
        assert_eq!(split_path("/a/b", '/'), ["a", "b"]);
    }
}
