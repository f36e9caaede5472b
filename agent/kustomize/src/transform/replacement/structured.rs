//! Replacements inside of a text that is itself YAML or JSON, such as a configuration file in a ConfigMap.

use muster_model::{Budgets, Node, Problem, Reason, Value, yaml};

use super::targets::{self, Shape};
use crate::failure::Step;
use crate::id::scalar_text;
use crate::path;
use crate::scalars::{find_mistyped, mistyped, set_written};

/// Sets the field inside of the text that the path leads through; false when there is no such text or field.
pub(super) fn set(
    node: &mut Node,
    value: &Node,
    parts: &[String],
    create: Option<Shape>,
) -> Step<bool> {
    let Some((length, mut inner)) = inner_document(node, parts) else {
        return Ok(false);
    };
    let places = match targets::find(&mut inner, &parts[length..], create) {
        Ok(found) if found.places.len() + found.lost > 0 => found.places,
        Ok(_) | Err(_) => return Ok(false),
    };
    let is_scalar = |node: &Node| !matches!(node.value, Value::Map(_) | Value::List(_));
    for place in &places {
        let Some(target) = path::at_mut(&mut inner, place) else {
            continue;
        };
        match (is_scalar(target), is_scalar(value)) {
            (true, true) => set_written(target, &scalar_text(value)),
            (true, false) => set_written(target, ""),
            (false, _) => target.value = value.value.clone(),
        }
    }
    let Ok(Some(field)) = path::lookup_mut(node, &parts[..length]) else {
        return Ok(false);
    };
    let old = scalar_text(field).into_owned();
    let Some(new) = serialize(&inner, &old)? else {
        return Ok(false);
    };
    set_written(field, &new);
    Ok(true)
}

/// How many fields the path leads to inside of a text.
pub(super) fn count_in_scalar(field: &Node, rest: &[String]) -> Step<usize> {
    let Some(mut inner) = parse(&scalar_text(field)) else {
        return Ok(0);
    };
    let found = targets::find(&mut inner, rest, None)?;
    Ok(found.places.len() + found.lost)
}

/// The first text on the path that is YAML, with the number of parts that lead to it.
fn inner_document(node: &Node, parts: &[String]) -> Option<(usize, Node)> {
    (1..parts.len()).find_map(|length| {
        let field = path::lookup(node, &parts[..length]).ok()??;
        if matches!(field.value, Value::Map(_) | Value::List(_) | Value::Null) {
            return None;
        }
        parse(&scalar_text(field)).map(|inner| (length, inner))
    })
}

fn parse(text: &str) -> Option<Node> {
    yaml::read(text.as_bytes(), &Budgets::default(), 0)
        .ok()?
        .into_iter()
        .next()
}

/// The document as a text again; `None` where kustomize cannot write it.
fn serialize(inner: &Node, old: &str) -> Step<Option<String>> {
    let is_json = old.trim_start().starts_with(['{', '[']);
    if is_json {
        if find_mistyped(inner).is_some() {
            return Ok(None);
        }
        let pretty = old.contains('\n') && old.contains("  ");
        let mut out = String::new();
        json(inner, pretty, 0, &mut out);
        return Ok(Some(out));
    }
    if old
        .lines()
        .any(|l| l.trim_start().starts_with('#') || l.contains(" #"))
    {
        return Err(Problem::new(
            Reason::NotSupported,
            "a replacement inside of a YAML text with comments",
        )
        .remedy("take the comments out of the text, or generate it whole")
        .into());
    }
    let mut out = String::new();
    block(inner, old, 0, &mut out);
    Ok(Some(out.trim().to_owned()))
}

/// JSON with sorted keys, in one line or indented by two.
fn json(node: &Node, pretty: bool, depth: usize, out: &mut String) {
    let line = |depth: usize, out: &mut String| {
        if pretty {
            out.push('\n');
            out.push_str(&"  ".repeat(depth));
        }
    };
    let (open, close, count) = match &node.value {
        Value::Map(map) => ('{', '}', map.len()),
        Value::List(items) => ('[', ']', items.len()),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {
            let text = muster_model::json::to_string(node);
            out.push_str(
                &text
                    .replace('<', "\\u003c")
                    .replace('>', "\\u003e")
                    .replace('&', "\\u0026"),
            );
            return;
        }
    };
    out.push(open);
    match &node.value {
        Value::Map(map) => {
            let mut members: Vec<_> = map.iter().collect();
            members.sort_unstable_by_key(|(key, _)| *key);
            for (index, (key, value)) in members.into_iter().enumerate() {
                if index > 0 {
                    out.push(',');
                }
                line(depth + 1, out);
                json(&Node::string(key), pretty, depth, out);
                out.push_str(if pretty { ": " } else { ":" });
                json(value, pretty, depth + 1, out);
            }
        }
        Value::List(items) => {
            for (index, value) in items.iter().enumerate() {
                if index > 0 {
                    out.push(',');
                }
                line(depth + 1, out);
                json(value, pretty, depth + 1, out);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
    if count > 0 {
        line(depth, out);
    }
    out.push(close);
}

/// YAML in block style, keys in the order they have, scalars quoted as they were.
fn block(node: &Node, source: &str, indent: usize, out: &mut String) {
    match &node.value {
        Value::Map(map) if !map.is_empty() => {
            for (index, (key, value)) in map.iter().enumerate() {
                if index > 0 {
                    out.push_str(&" ".repeat(indent));
                }
                out.push_str(scalar(&Node::string(key), "", indent).trim_end());
                out.push(':');
                nested(
                    value,
                    source,
                    indent,
                    matches!(value.value, Value::List(_)),
                    out,
                );
            }
        }
        Value::List(items) if !items.is_empty() => {
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    out.push_str(&" ".repeat(indent));
                }
                out.push_str("- ");
                if is_inline(item, source) {
                    out.push_str(&scalar(item, source, indent));
                    out.push('\n');
                } else {
                    block(item, source, indent + 2, out);
                }
            }
        }
        _ => {
            out.push_str(&scalar(node, source, indent));
            out.push('\n');
        }
    }
}

/// True for what stands on one line: scalars, empty collections, and flow collections.
fn is_inline(node: &Node, source: &str) -> bool {
    let flow = source
        .as_bytes()
        .get(node.span.start as usize)
        .is_some_and(|b| matches!(b, b'{' | b'['));
    match &node.value {
        Value::Map(map) => map.is_empty() || (flow && node.span.is_known()),
        Value::List(items) => items.is_empty() || (flow && node.span.is_known()),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => true,
    }
}

fn nested(value: &Node, source: &str, indent: usize, list: bool, out: &mut String) {
    if is_inline(value, source) {
        let text = scalar(value, source, indent);
        if !text.is_empty() {
            out.push(' ');
            out.push_str(&text);
        }
        out.push('\n');
        return;
    }
    let below = if list { indent } else { indent + 2 };
    out.push('\n');
    out.push_str(&" ".repeat(below));
    block(value, source, below, out);
}

/// A scalar or flow collection as it stands in the source; where it changed, with its present text quoted as before.
fn scalar(node: &Node, source: &str, indent: usize) -> String {
    let written = source
        .get(node.span.start as usize..node.span.end as usize)
        .filter(|_| node.span.is_known());
    if let Some(written) = written.filter(|w| !w.contains('\n') && parse(w).as_ref() == Some(node))
    {
        return written.to_owned();
    }
    let text = scalar_text(node);
    if let Some(tag) = mistyped(node) {
        return format!("{tag} {}", scalar(&Node::string(text), "", indent));
    }
    match (&node.value, written.and_then(|w| w.bytes().next())) {
        (Value::String(_), Some(b'"')) => muster_model::json::to_string(&Node::string(text)),
        (Value::String(_), Some(b'\'')) => format!("'{}'", text.replace('\'', "''")),
        (Value::Null | Value::Bool(_) | Value::Number(_), _) => text.into_owned(),
        (Value::Map(_) | Value::List(_), _) => flow(node, source),
        (Value::String(_), _) => {
            let printed = yaml::to_string(&Node::string(text));
            printed
                .trim_end_matches('\n')
                .replace('\n', &format!("\n{}", " ".repeat(indent)))
        }
    }
}

/// A collection in `{}` or `[]`.
fn flow(node: &Node, source: &str) -> String {
    let (open, items, close) = match &node.value {
        Value::Map(map) => {
            let key = |k: &str| scalar(&Node::string(k), "", 0);
            let member = |(k, v): (&str, &Node)| format!("{}: {}", key(k), scalar(v, source, 0));
            ('{', map.iter().map(member).collect::<Vec<_>>(), '}')
        }
        Value::List(items) => {
            let all = items.iter().map(|n| scalar(n, source, 0)).collect();
            ('[', all, ']')
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {
            return scalar(node, source, 0);
        }
    };
    format!("{open}{}{close}", items.join(", "))
}
