//! Documents to objects: lists are opened, what is no object is refused.

use muster_model::{Location, Node, Problem, Reason, Value};

use crate::failure::Step;
use crate::id::{field_text, metadata_text};
use crate::resource::Resource;
use crate::scalars;

/// The objects of a file's documents.
pub(crate) fn resources(documents: Vec<Node>, file: &str) -> Step<Vec<Resource>> {
    let file: std::sync::Arc<str> = file.into();
    let nodes = unwrap_list(documents, &file)?;
    let mut queue: std::collections::VecDeque<Node> = valid(nodes, &file)?.into();
    let mut out = Vec::with_capacity(queue.len());
    while let Some(node) = queue.pop_front() {
        if !field_text(&node, "kind").ends_with("List") {
            out.push(make(node, &file));
            continue;
        }
        match node.get("items") {
            None => out.push(make(node, &file)),
            Some(items) if items.is_null() => {}
            Some(items) => {
                let Some(items) = items.as_list() else {
                    return Err(problem(&node, &file, "items of a list is no list").into());
                };
                let mut items = items.to_vec();
                items.iter_mut().for_each(typed_only);
                queue.extend(valid(items, &file)?);
            }
        }
    }
    Ok(out)
}

/// A file that is one `List` gives its items in place; other lists are opened behind the rest.
fn unwrap_list(mut documents: Vec<Node>, file: &str) -> Step<Vec<Node>> {
    if let [one] = documents.as_mut_slice()
        && matches!(&*field_text(one, "kind"), "List" | "ResourceList")
        && (one.get("items").is_some() || one.get("functionConfig").is_some())
    {
        let items = one.as_map_mut().and_then(|m| m.remove("items"));
        return match items.map(|n| n.value) {
            Some(Value::List(items)) => Ok(items),
            Some(Value::Map(map)) if !map.is_empty() => {
                Err(problem(one, file, "items of a list is no list").into())
            }
            _ => Ok(Vec::new()),
        };
    }
    Ok(documents)
}

fn make(node: Node, file: &std::sync::Arc<str>) -> Resource {
    let mut resource = Resource::new(node);
    resource.file = Some(std::sync::Arc::clone(file));
    resource
}

fn valid(nodes: Vec<Node>, file: &str) -> Step<Vec<Node>> {
    let mut out = Vec::with_capacity(nodes.len());
    for node in nodes {
        match &node.value {
            Value::Null => continue,
            Value::Map(map) if map.is_empty() => continue,
            Value::List(items) if items.is_empty() => continue,
            Value::Map(_) => {}
            Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::List(_) => {
                return Err(problem(&node, file, "a document is no object").into());
            }
        }
        let kind = field_text(&node, "kind");
        if kind.is_empty() {
            return Err(problem(&node, file, "missing kind in object")
                .field("kind")
                .into());
        }
        if !kind.ends_with("List") && metadata_text(&node, "name").is_empty() {
            return Err(
                problem(&node, file, format!("missing metadata.name in {kind}"))
                    .field("metadata.name")
                    .into(),
            );
        }
        out.push(node);
    }
    Ok(out)
}

fn problem(node: &Node, file: &str, message: impl Into<String>) -> Problem {
    Problem::new(Reason::InvalidObject, message).at(Location::line(file, node.span.line))
}

/// Forgets how numbers were written, and quotes all texts: a list's items pass through JSON.
fn typed_only(node: &mut Node) {
    if scalars::became_text(node) {
        *node = scalars::as_written(node).at(node.span);
    }
    match &mut node.value {
        Value::List(items) => items.iter_mut().for_each(typed_only),
        Value::Map(map) => map.iter_mut().for_each(|(_, v)| typed_only(v)),
        Value::Number(number) => number.raw = None,
        Value::String(text) => {
            text.quoted = true;
            // A block that printing would change is not printed on the way.
            if let Some(raw) = text.raw.take().filter(|r| r.contains('\n')) {
                text.text = raw.into();
            }
        }
        // It was spelled out on the way.
        Value::Null => node.span.end = node.span.end.max(node.span.start + 4),
        Value::Bool(_) => {}
    }
}
