//! Dotted paths into objects, as variables and replacements write them: `spec.containers.[name=web].ports.0`.

use muster_model::{Node, Value};

use crate::failure::{Step, failed};
use crate::field_spec::split_path;
use crate::id::scalar_text;

/// One step into an object: a path that was found is a list of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Part {
    /// Into a mapping.
    Key(String),
    /// Into a list.
    Index(usize),
}

/// Splits at dots; text in brackets stays together.
pub(crate) fn split(path: &str) -> Vec<String> {
    let parts = split_path(path, '.');
    let mut out = Vec::with_capacity(parts.len());
    let mut parts = parts.into_iter();
    while let Some(part) = parts.next() {
        if !part.starts_with('[') || part.ends_with(']') {
            out.push(part);
            continue;
        }
        let mut bracketed = part;
        for more in parts.by_ref() {
            bracketed.push('.');
            bracketed.push_str(&more);
            if more.ends_with(']') {
                break;
            }
        }
        if bracketed.contains('=') {
            out.push(bracketed);
        } else {
            out.push(bracketed.trim_matches(['[', ']']).to_owned());
        }
    }
    out
}

/// `[field=value]` as field and value.
pub(crate) fn list_index(part: &str) -> Option<Step<(&str, &str)>> {
    let inner = part.strip_prefix('[')?.strip_suffix(']')?;
    Some(inner.split_once('=').ok_or_else(|| {
        failed(format!(
            "{part:?} must be [fieldName=fieldValue] to match a list entry"
        ))
        .into()
    }))
}

/// The node at a place.
pub(crate) fn at<'n>(node: &'n Node, path: &[Part]) -> Option<&'n Node> {
    path.iter().try_fold(node, |node, part| match part {
        Part::Key(key) => node.get(key),
        Part::Index(index) => node.as_list()?.get(*index),
    })
}

/// As [`at`], to change it.
pub(crate) fn at_mut<'n>(node: &'n mut Node, path: &[Part]) -> Option<&'n mut Node> {
    path.iter().try_fold(node, |node, part| match part {
        Part::Key(key) => node.as_map_mut()?.get_mut(key),
        Part::Index(index) => node.as_list_mut()?.get_mut(*index),
    })
}

/// Steps through a path; `None` when it leads nowhere.
pub(crate) fn lookup<'n>(node: &'n Node, path: &[String]) -> Step<Option<&'n Node>> {
    let mut node = node;
    for part in path.iter().map(|p| p.trim()).filter(|p| !p.is_empty()) {
        let Some(next) = step(node, part)? else {
            return Ok(None);
        };
        node = next;
    }
    Ok(Some(node))
}

/// As [`lookup`], to change what is found.
pub(crate) fn lookup_mut<'n>(node: &'n mut Node, path: &[String]) -> Step<Option<&'n mut Node>> {
    let mut node = node;
    for part in path.iter().map(|p| p.trim()).filter(|p| !p.is_empty()) {
        let next = match place(node, part)? {
            None => return Ok(None),
            Some(Part::Key(_)) => node.as_map_mut().and_then(|m| m.get_mut(part)),
            Some(Part::Index(index)) => node.as_list_mut().and_then(|l| l.get_mut(index)),
        };
        let Some(next) = next else { return Ok(None) };
        node = next;
    }
    Ok(Some(node))
}

/// As [`lookup`], but where it is found.
pub(crate) fn locate(node: &Node, path: &[String]) -> Step<Option<Vec<Part>>> {
    let mut node = node;
    let mut places = Vec::new();
    for part in path.iter().map(|p| p.trim()).filter(|p| !p.is_empty()) {
        let (Some(place), Some(next)) = (place(node, part)?, step(node, part)?) else {
            return Ok(None);
        };
        places.push(place);
        node = next;
    }
    Ok(Some(places))
}

fn step<'n>(node: &'n Node, part: &str) -> Step<Option<&'n Node>> {
    Ok(match place(node, part)? {
        None => None,
        Some(Part::Key(_)) => node.get(part),
        Some(Part::Index(index)) => node.as_list().and_then(|l| l.get(index)),
    })
}

fn place(node: &Node, part: &str) -> Step<Option<Part>> {
    if node.is_null() {
        return Ok(None);
    }
    if let Ok(index) = part.parse::<i64>() {
        let index = usize::try_from(index)
            .map_err(|_| failed(format!("index {part} cannot be negative")))?;
        return Ok((index < list(node, part)?.len()).then_some(Part::Index(index)));
    }
    if part == "-" {
        return Ok(list(node, part)?.len().checked_sub(1).map(Part::Index));
    }
    if part == "*" {
        return Err(failed("a wildcard is not supported here").into());
    }
    if let Some(index) = list_index(part) {
        let (field, value) = index?;
        let items = list(node, part)?;
        return Ok(items
            .iter()
            .position(|item| matches_entry(item, field, value))
            .map(Part::Index));
    }
    match &node.value {
        Value::Map(map) => Ok(map.contains_key(part).then(|| Part::Key(part.to_owned()))),
        _ => Err(failed(format!(
            "{part:?} is looked up in {}, not in a mapping",
            node.shape()
        ))
        .into()),
    }
}

fn list<'n>(node: &'n Node, part: &str) -> Step<&'n [Node]> {
    node.as_list().ok_or_else(|| {
        failed(format!(
            "{part} is looked up in {}, not in a list",
            node.shape()
        ))
        .into()
    })
}

fn matches_entry(item: &Node, field: &str, value: &str) -> bool {
    if field.is_empty() {
        return scalar_text(item) == value;
    }
    item.get(field).is_some_and(|n| scalar_text(n) == value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn brackets_keep_dots_together() {
        assert_eq!(
            split("a.b\\.c.[name=x.y].d"),
            ["a", "b.c", "[name=x.y]", "d"]
        );
        assert_eq!(
            split("metadata.annotations.[a.b/c]"),
            ["metadata", "annotations", "a.b/c"]
        );
        assert_eq!(split("spec.0"), ["spec", "0"]);
    }
}
