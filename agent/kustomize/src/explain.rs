//! Which file and which step gave each field of an object.
//!
//! Nothing of the build knows about this: after each step every object is compared with what it was before, and what
//! differs is put down to that step.

use std::collections::BTreeMap;
use std::sync::Arc;

use muster_model::{Location, Node, RepoPath, Tree, Value};

use crate::build::{self, build_in};
use crate::failure::Failure;
use crate::options::Options;
use crate::resmap::ResMap;
use crate::resource::Resource;

/// One field of a rendered object: where it stands, what it is, and what gave it.
#[derive(Debug, Clone, PartialEq)]
pub struct Field {
    /// The path of the field: `spec.template.spec.containers[0].image`.
    pub path: String,
    /// Its value: a scalar, or an empty list or mapping.
    pub value: Node,
    /// The file, and the line where it is known.
    pub at: Location,
    /// The step: `resource`, or the built-in generator or transformer by kustomize's name.
    pub step: Arc<str>,
}

/// A rendered object with the origin of each of its fields.
#[derive(Debug, Clone, PartialEq)]
pub struct Explained {
    /// The object, as it is rendered.
    pub object: Node,
    /// Its fields in the order they are printed.
    pub fields: Vec<Field>,
}

/// Builds the directory as [`build`](fn@crate::build) does, and says of each object where its fields come from.
///
/// # Errors
/// As [`build`](fn@crate::build).
pub fn explain(
    tree: &dyn Tree,
    dir: &RepoPath,
    options: &Options,
) -> Result<Vec<Explained>, Failure> {
    let mut explained = Vec::new();
    build::run(tree, options, |session| {
        session.explains = true;
        let objects = build_in(session, dir)?;
        explained = std::mem::take(&mut session.explained);
        Ok(objects)
    })?;
    Ok(explained)
}

/// What a step is called and where it is asked for.
#[derive(Debug, Clone)]
pub(crate) struct Cause {
    pub(crate) step: Arc<str>,
    pub(crate) file: Arc<str>,
    pub(crate) line: u32,
    /// Whether what the step brings was read from `file`, so that its own lines are known.
    pub(crate) has_lines: bool,
}

impl Cause {
    /// A step that an entry of a kustomization asks for.
    pub(crate) fn new(step: &str, file: &str, line: u32) -> Self {
        Self {
            step: step.into(),
            file: file.into(),
            line,
            has_lines: false,
        }
    }

    /// What is read from a file.
    pub(crate) fn of_file(step: &str, file: &str) -> Self {
        Self {
            has_lines: true,
            ..Self::new(step, file, 0)
        }
    }
}

/// The origins of an object's fields, and the object as it was when they were noted.
#[derive(Debug, Clone, Default)]
pub(crate) struct Trail {
    seen: Node,
    marks: Mark,
}

/// Origins in the shape of the object.
#[derive(Debug, Clone)]
enum Mark {
    Leaf(Location, Arc<str>),
    Map(BTreeMap<Box<str>, Mark>),
    List(Vec<Mark>),
}

impl Default for Mark {
    fn default() -> Self {
        Self::Map(BTreeMap::new())
    }
}

/// Puts everything that changed since the last call down to `cause`.
pub(crate) fn note(map: &mut ResMap, cause: &Cause) {
    for resource in map.list_mut() {
        note_one(resource, cause);
    }
}

/// As [`note`], for one object.
pub(crate) fn note_one(resource: &mut Resource, cause: &Cause) {
    let trail = resource.trail.get_or_insert_default();
    let old = std::mem::take(&mut trail.marks);
    trail.marks = remark(Some((&trail.seen, old)), &resource.node, cause);
    trail.seen = resource.node.clone();
}

/// An object that is as a file has it.
pub(crate) fn of_file(node: &Node, file: &str) -> Explained {
    let marks = remark(None, node, &Cause::of_file("resource", file));
    let mut fields = Vec::new();
    collect(node, &marks, "", &mut fields);
    Explained {
        object: node.clone(),
        fields,
    }
}

/// The objects with their origins.
pub(crate) fn finish(list: &[Resource]) -> Vec<Explained> {
    list.iter()
        .map(|resource| {
            let mut fields = Vec::new();
            if let Some(trail) = &resource.trail {
                collect(&resource.node, &trail.marks, "", &mut fields);
            }
            Explained {
                object: resource.node.clone(),
                fields,
            }
        })
        .collect()
}

fn remark(old: Option<(&Node, Mark)>, new: &Node, cause: &Cause) -> Mark {
    match (&new.value, old) {
        (Value::Map(map), Some((node, Mark::Map(mut marks)))) if !map.is_empty() => {
            let children = map.iter().map(|(key, value)| {
                let before = node.get(key).zip(marks.remove(key));
                (key.into(), remark(before, value, cause))
            });
            Mark::Map(children.collect())
        }
        (Value::List(items), Some((node, Mark::List(marks)))) if !items.is_empty() => {
            Mark::List(remark_list(node, marks, items, cause))
        }
        (Value::Map(map), _) if !map.is_empty() => Mark::Map(
            map.iter()
                .map(|(key, value)| (key.into(), remark(None, value, cause)))
                .collect(),
        ),
        (Value::List(items), _) if !items.is_empty() => {
            Mark::List(items.iter().map(|n| remark(None, n, cause)).collect())
        }
        (_, Some((node, mark @ Mark::Leaf(..)))) if node == new => mark,
        _ => {
            let line = if cause.has_lines {
                new.span.line
            } else {
                cause.line
            };
            Mark::Leaf(Location::line(&*cause.file, line), Arc::clone(&cause.step))
        }
    }
}

/// Items are told apart by their names where they have any, else by equality, else by place.
fn remark_list(node: &Node, marks: Vec<Mark>, items: &[Node], cause: &Cause) -> Vec<Mark> {
    let old = node.as_list().unwrap_or_default();
    let mut left: Vec<Option<(&Node, Mark)>> = old.iter().zip(marks).map(Some).collect();
    let named = items
        .iter()
        .chain(old)
        .all(|item| item.get("name").is_some());
    let same = |a: &Node, b: &Node| {
        if named {
            a.get("name") == b.get("name")
        } else {
            a == b
        }
    };
    let mut before = Vec::with_capacity(items.len());
    for item in items {
        let found = left
            .iter_mut()
            .find(|o| o.as_ref().is_some_and(|(n, _)| same(n, item)));
        before.push(found.and_then(Option::take));
    }
    items
        .iter()
        .zip(before)
        .enumerate()
        .map(|(index, (item, before))| {
            let before = match before {
                None if !named => left.get_mut(index).and_then(Option::take),
                found => found,
            };
            remark(before, item, cause)
        })
        .collect()
}

fn collect(node: &Node, mark: &Mark, path: &str, out: &mut Vec<Field>) {
    match (&node.value, mark) {
        (Value::Map(map), Mark::Map(marks)) if !map.is_empty() => {
            let mut keys: Vec<&str> = map.keys().collect();
            keys.sort_unstable();
            for key in keys {
                if let Some((value, mark)) = map.get(key).zip(marks.get(key)) {
                    collect(value, mark, &join(path, key), out);
                }
            }
        }
        (Value::List(items), Mark::List(marks)) => {
            for (index, (item, mark)) in items.iter().zip(marks).enumerate() {
                collect(item, mark, &format!("{path}[{index}]"), out);
            }
        }
        (_, Mark::Leaf(at, step)) => out.push(Field {
            path: path.to_owned(),
            value: node.clone(),
            at: at.clone(),
            step: Arc::clone(step),
        }),
        _ => {}
    }
}

/// A key with dots stands in brackets.
fn join(path: &str, key: &str) -> String {
    if key.contains('.') {
        format!("{path}[{key}]")
    } else if path.is_empty() {
        key.to_owned()
    } else {
        format!("{path}.{key}")
    }
}
