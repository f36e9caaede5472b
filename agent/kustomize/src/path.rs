//! Dotted paths into objects, as variables and replacements write them: `spec.containers.[name=web].ports.0`.

use muster_model::{Node, Value};

use crate::failure::{Step, failed};
use crate::field_spec::split_path;
use crate::id::scalar_text;

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
            Some(Place::Key) => node.as_map_mut().and_then(|m| m.get_mut(part)),
            Some(Place::Index(index)) => node.as_list_mut().and_then(|l| l.get_mut(index)),
        };
        let Some(next) = next else { return Ok(None) };
        node = next;
    }
    Ok(Some(node))
}

enum Place {
    Key,
    Index(usize),
}

fn step<'n>(node: &'n Node, part: &str) -> Step<Option<&'n Node>> {
    Ok(match place(node, part)? {
        None => None,
        Some(Place::Key) => node.get(part),
        Some(Place::Index(index)) => node.as_list().and_then(|l| l.get(index)),
    })
}

fn place(node: &Node, part: &str) -> Step<Option<Place>> {
    if node.is_null() {
        return Ok(None);
    }
    if let Ok(index) = part.parse::<i64>() {
        let index = usize::try_from(index)
            .map_err(|_| failed(format!("index {part} cannot be negative")))?;
        return Ok((index < list(node, part)?.len()).then_some(Place::Index(index)));
    }
    if part == "-" {
        return Ok(list(node, part)?.len().checked_sub(1).map(Place::Index));
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
            .map(Place::Index));
    }
    match &node.value {
        Value::Map(map) => Ok(map.contains_key(part).then_some(Place::Key)),
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
