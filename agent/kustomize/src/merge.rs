//! Strategic merge: a patch laid over an object, lists merged by their keys.
//!
//! Follows kustomize's own merge, which differs from the API server's: patch entries come first, `$patch` is understood,
//! and the directives for list order and retained keys are ordinary fields.

pub(crate) mod comments;
mod list;
mod schema;

use muster_model::{Budgets, Map, Node, Problem, Value, yaml};

use crate::failure::{Step, Stop, failed};
use crate::options::MergeKeys;
use crate::{scalars, shared};

pub(crate) use schema::Schemas;

/// Where entries of a patch go that the object's list does not have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// Behind the object's entries.
    Append,
    /// In front of them, as kustomize does.
    Prepend,
}

/// How lists of kinds without a known schema are merged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Inference {
    /// They are replaced.
    Off,
    /// They are merged by `name`, when every entry has one.
    ByName,
}

/// A merge in progress.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Merger<'s> {
    pub(crate) schemas: &'s Schemas,
    pub(crate) direction: Direction,
    pub(crate) inference: Inference,
}

/// What is known of the field at hand.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Known<'s> {
    /// Nothing: the object's kind may still say more.
    Nothing,
    /// A value of this type; `None`: nothing below it merges.
    Type(Option<&'s str>),
    /// A list merged by keys.
    List(&'s [String], Option<&'s str>),
}

/// Which of the two sides a result came from.
#[derive(Debug)]
pub(crate) enum Picked {
    /// The object's value, changed in place.
    Object(Node),
    /// The patch's value.
    Patch(Node),
    /// Nothing: the value goes.
    Nothing,
}

impl Picked {
    fn into_node(self) -> Option<Node> {
        match self {
            Self::Object(node) | Self::Patch(node) => Some(node),
            Self::Nothing => None,
        }
    }
}

/// A `$patch` directive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Directive {
    Merge,
    Replace,
    Delete,
}

const DIRECTIVE: &str = "$patch";

/// Lays `patch` over `object`; `None` when the patch deletes the object.
pub(crate) fn merge(merger: Merger<'_>, object: Node, patch: Node) -> Step<Option<Node>> {
    Ok(merger
        .walk(Some(object), Some(patch), Known::Nothing)?
        .into_node())
}

/// Lays a partial object over another, as kustomize's strategic merge does; `None` when the patch deletes the object.
///
/// # Errors
/// When the two do not have the same shape, or a directive is unknown.
pub fn strategic_merge(
    object: Node,
    patch: Node,
    direction: Direction,
    inference: Inference,
) -> Result<Option<Node>, Problem> {
    let schemas = Schemas::new(MergeKeys::Kustomize);
    let merger = Merger {
        schemas: &schemas,
        direction,
        inference,
    };
    merge(merger, object, patch).map_err(refused)
}

/// As [`strategic_merge`], for texts: schemas in line comments say how lists merge, as in kustomize.
///
/// # Errors
/// As [`strategic_merge`], and when a text is no YAML. Only the first document of each counts.
pub fn strategic_merge_texts(
    object: &str,
    patch: &str,
    direction: Direction,
    inference: Inference,
) -> Result<Option<Node>, Problem> {
    let mut schemas = Schemas::new(MergeKeys::Kustomize);
    let mut read = |text: &str, name: &str| -> Result<Node, Problem> {
        let mut documents = yaml::read(text.as_bytes(), &Budgets::default(), 0)
            .map_err(|error| crate::session::yaml_problem(&error, name))?;
        documents.truncate(1);
        if comments::may_have(text) {
            comments::mark(&mut documents, text, &mut schemas);
        }
        Ok(documents.pop().unwrap_or_default())
    };
    let (object, patch) = (read(object, "object")?, read(patch, "patch")?);
    let merger = Merger {
        schemas: &schemas,
        direction,
        inference,
    };
    merge(merger, object, patch).map_err(refused)
}

fn refused(stop: Stop) -> Problem {
    match stop {
        Stop::Refused(problem) => *problem,
        Stop::Missing => failed("a merge reads no files"),
    }
}

impl<'s> Merger<'s> {
    fn walk(self, object: Option<Node>, patch: Option<Node>, known: Known<'s>) -> Step<Picked> {
        let (object, patch) = (object.map(or_null), patch.map(or_null));
        let known = self.resolve(known, &[object.as_ref(), patch.as_ref()]);
        let leading = object
            .as_ref()
            .filter(|n| !n.is_null())
            .or(patch.as_ref().filter(|n| !n.is_null()));
        let Some(leading) = leading else {
            return Ok(both_null(object, patch));
        };
        same_shape(object.as_ref(), patch.as_ref())?;
        match &leading.value {
            Value::Map(_) => self.walk_map(object, patch, known),
            Value::List(_) if self.is_keyed(known, object.as_ref(), patch.as_ref()) => {
                self.walk_list(object, patch, known)
            }
            Value::List(_) | Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {
                Ok(match (object, patch) {
                    (_, Some(patch)) => Picked::Patch(patch),
                    (Some(object), None) => Picked::Object(object),
                    (None, None) => Picked::Nothing,
                })
            }
        }
    }

    fn walk_map(self, object: Option<Node>, patch: Option<Node>, known: Known<'s>) -> Step<Picked> {
        let Some(mut object) = object.filter(|n| !n.is_null()) else {
            let Some(mut patch) = patch else {
                return Ok(Picked::Nothing);
            };
            return match map_directive(&mut patch) {
                Ok(Directive::Delete) => Ok(Picked::Nothing),
                Ok(Directive::Merge | Directive::Replace) | Err(_) => {
                    Ok(Picked::Patch(self.absorb_fields(patch, known)?))
                }
            };
        };
        let Some(mut patch) = patch else {
            let fields = take_map(&mut object);
            let merged = self.walk_fields(fields, Map::new(), known)?;
            object.value = Value::Map(merged);
            return Ok(Picked::Object(object));
        };
        if patch.is_null() {
            return Ok(Picked::Nothing);
        }
        match map_directive(&mut patch)? {
            Directive::Delete => Ok(Picked::Nothing),
            Directive::Replace => Ok(Picked::Patch(self.absorb_fields(patch, known)?)),
            Directive::Merge => {
                let merged =
                    self.walk_fields(take_map(&mut object), take_map(&mut patch), known)?;
                object.value = Value::Map(merged);
                Ok(Picked::Object(object))
            }
        }
    }

    fn walk_fields(self, mut object: Map, patch: Map, known: Known<'s>) -> Step<Map> {
        if patch.is_empty() && !needs_walk(&object) {
            return Ok(object);
        }
        let mut names: Vec<String> = object.keys().map(str::to_owned).collect();
        let mut patch_values: std::collections::BTreeMap<Box<str>, (Node, u32)> = patch
            .into_members()
            .into_iter()
            .map(|m| (m.key, (m.value, m.key_span.source)))
            .collect();
        names.extend(
            patch_values
                .keys()
                .filter(|k| !object.contains_key(k))
                .map(|k| k.to_string()),
        );
        for name in names {
            let (new, patch_comment) = patch_values.remove(name.as_str()).unzip();
            let comment = object.member(&name).map_or(0, |m| m.key_span.source);
            let below = self
                .schemas
                .comment(comment)
                .or_else(|| self.schemas.comment(patch_comment.unwrap_or(0)))
                .unwrap_or_else(|| self.field(known, &name));
            let old = object.get_mut(&name).map(std::mem::take);
            let had = old.is_some();
            let scalar = old.as_ref().filter(|n| is_scalar(n)).cloned();
            match self.walk(old, new, below)? {
                Picked::Object(mut node) => {
                    scalars::settle_type(&mut node);
                    object.insert(name, node);
                }
                Picked::Patch(mut node) if !node.is_null() => {
                    if let Some(old) = scalar {
                        scalars::in_place_of(&old, &mut node);
                        shared::keep_group(&old, &mut node);
                    }
                    object.insert(name, node);
                }
                Picked::Patch(_) | Picked::Nothing if had => {
                    object.remove(&name);
                }
                Picked::Patch(_) | Picked::Nothing => {}
            }
        }
        Ok(object)
    }

    /// What becomes of a patch's value where the object has none: directives are obeyed, nulls go.
    fn absorb(self, node: Node, known: Known<'s>) -> Step<Option<Node>> {
        let node = or_null(node);
        let known = self.resolve(known, &[Some(&node)]);
        match &node.value {
            Value::Null => Ok(None),
            Value::Map(_) => {
                let mut node = node;
                match map_directive(&mut node)? {
                    Directive::Delete => Ok(None),
                    Directive::Merge | Directive::Replace => {
                        self.absorb_fields(node, known).map(Some)
                    }
                }
            }
            Value::List(_) if self.is_keyed(known, Some(&node), None) => {
                self.absorb_list(node, known)
            }
            Value::List(_) | Value::Bool(_) | Value::Number(_) | Value::String(_) => Ok(Some(node)),
        }
    }

    fn absorb_fields(self, mut node: Node, known: Known<'s>) -> Step<Node> {
        let mut out = Map::new();
        for mut member in take_map(&mut node).into_members() {
            let below = self
                .schemas
                .comment(member.key_span.source)
                .unwrap_or_else(|| self.field(known, &member.key));
            if let Some(value) = self.absorb(member.value, below)? {
                member.value = value;
                out.push_unchecked(member);
            }
        }
        node.value = Value::Map(out);
        Ok(node)
    }

    fn resolve(self, known: Known<'s>, nodes: &[Option<&Node>]) -> Known<'s> {
        if !matches!(known, Known::Nothing) {
            return known;
        }
        nodes
            .iter()
            .flatten()
            .filter_map(|node| self.schemas.of_object(node))
            .next()
            .map_or(Known::Nothing, |id| Known::Type(Some(id)))
    }

    fn field(self, known: Known<'s>, name: &str) -> Known<'s> {
        match known {
            Known::Nothing | Known::List(..) => Known::Nothing,
            Known::Type(None) => known,
            Known::Type(Some(id)) => self.schemas.field(id, name),
        }
    }

    fn is_keyed(self, known: Known<'s>, object: Option<&Node>, patch: Option<&Node>) -> bool {
        match (known, self.inference) {
            (Known::List(..), _) => true,
            (Known::Type(_), _) | (Known::Nothing, Inference::Off) => false,
            (Known::Nothing, Inference::ByName) => {
                [object, patch].into_iter().flatten().any(all_named)
            }
        }
    }
}

/// True when every entry of a list has a name; kustomize counts an empty list in.
fn all_named(node: &Node) -> bool {
    node.as_list()
        .is_some_and(|items| items.iter().all(|item| item.get("name").is_some()))
}

/// True when walking the fields without a patch could change anything: empty values go, directives are obeyed.
fn needs_walk(map: &Map) -> bool {
    map.values().any(|v| match &v.value {
        Value::Null => true,
        Value::Map(map) => needs_walk(map),
        Value::List(_) => true,
        Value::Bool(_) | Value::Number(_) => scalars::is_untyped(v),
        Value::String(_) => false,
    })
}

fn both_null(object: Option<Node>, patch: Option<Node>) -> Picked {
    match (object, patch) {
        // A null that was spelled out stays where the patch says nothing.
        (Some(object), None) if spelled_out(&object) => Picked::Object(object),
        (_, Some(_) | None) => Picked::Nothing,
    }
}

/// Nothing inside of `{}` is printed as an empty text, but merged as null.
fn or_null(mut node: Node) -> Node {
    if node.as_str() == Some("") && scalars::became_text(&node) {
        node.value = Value::Null;
    }
    node
}

/// True for `null` and `~`, false for nothing at all.
fn spelled_out(node: &Node) -> bool {
    !node.span.is_known() || node.span.end > node.span.start
}

fn same_shape(object: Option<&Node>, patch: Option<&Node>) -> Step<()> {
    let class = |node: &Node| match &node.value {
        Value::Map(_) => 0,
        Value::List(_) => 1,
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => 2,
    };
    match (
        object.filter(|n| !n.is_null()),
        patch.filter(|n| !n.is_null()),
    ) {
        (Some(object), Some(patch)) if class(object) != class(patch) => Err(failed(format!(
            "the patch has {} where the object has {}",
            patch.shape(),
            object.shape()
        ))
        .into()),
        _ => Ok(()),
    }
}

fn is_scalar(node: &Node) -> bool {
    matches!(
        node.value,
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_)
    )
}

fn take_map(node: &mut Node) -> Map {
    match std::mem::take(&mut node.value) {
        Value::Map(map) => map,
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::List(_) => {
            Map::new()
        }
    }
}

/// Takes the directive out of a mapping.
fn map_directive(patch: &mut Node) -> Step<Directive> {
    let Some(map) = patch.as_map_mut() else {
        return Ok(Directive::Merge);
    };
    let Some(text) = map.get(DIRECTIVE).and_then(Node::raw_scalar) else {
        return Ok(Directive::Merge);
    };
    let directive = parse_directive(&text)?;
    map.remove(DIRECTIVE);
    Ok(directive)
}

/// Takes the directives out of an entry that obeyed them; what is deleted is not walked.
fn forget_directives(node: &mut Node) {
    let deletes = matches!(map_directive(node), Ok(Directive::Delete));
    if let Some(map) = node.as_map_mut().filter(|_| !deletes) {
        map.iter_mut().for_each(|(_, v)| forget_directives(v));
    }
}

fn parse_directive(text: &str) -> Step<Directive> {
    match text {
        "merge" => Ok(Directive::Merge),
        "replace" => Ok(Directive::Replace),
        "delete" => Ok(Directive::Delete),
        _ => Err(failed(format!("unknown patch strategy {text:?}"))
            .field(DIRECTIVE)
            .into()),
    }
}

/// True when a patch asks for the whole object to be replaced.
pub(crate) fn replaces(patch: &Node) -> bool {
    patch.get(DIRECTIVE).and_then(Node::as_str) == Some("replace")
}

/// Takes the directive out of a list: the first entry that has one and nothing else.
fn list_directive(items: &mut Vec<Node>) -> Step<Directive> {
    let Some(entry) = items.iter().find(|i| i.get(DIRECTIVE).is_some()) else {
        return Ok(Directive::Merge);
    };
    if entry.as_map().is_some_and(|m| m.len() > 1) {
        return Ok(Directive::Merge);
    }
    let text = entry
        .get(DIRECTIVE)
        .and_then(Node::raw_scalar)
        .unwrap_or_default();
    let directive = parse_directive(&text)?;
    items.retain(|i| {
        i.get(DIRECTIVE)
            .and_then(Node::raw_scalar)
            .is_none_or(|t| t != text)
    });
    Ok(directive)
}

#[cfg(test)]
mod tests;
