//! `muster render --explain`: which file and which step gave each field of an object.

use std::fmt::Write as _;

use muster_kustomize::{Explained, Options, explain};
use muster_model::problem::visible;
use muster_model::{Node, Problem, Reason, RepoPath, Tree, Value, json};

use crate::commands::console::Console;

/// Widest first column; longer lines push the second one out.
const WIDTH: usize = 72;

/// Prints the objects that `[NAMESPACE/]KIND/NAME` names.
pub(super) fn print(
    tree: &dyn Tree,
    dir: &RepoPath,
    options: &Options,
    wanted: &str,
    console: &mut Console,
) -> Result<(), Problem> {
    let all = explain(tree, dir, options).map_err(super::problem)?;
    let found: Vec<_> = all.iter().filter(|e| is_named(&e.object, wanted)).collect();
    if found.is_empty() {
        let names: Vec<_> = all.iter().map(|e| name_of(&e.object)).collect();
        let message = format!("{dir} renders no object {wanted:?}");
        return Err(Problem::new(Reason::PathNotFound, message)
            .remedy(format!("name one of {}", names.join(", "))));
    }
    for explained in found {
        console.text(&table(explained));
    }
    Ok(())
}

fn table(explained: &Explained) -> String {
    let lines: Vec<_> = explained
        .fields
        .iter()
        .map(|f| (format!("{}: {}", visible(&f.path), short(&f.value)), f))
        .collect();
    let width = lines.iter().map(|(text, _)| text.chars().count());
    let width = width.max().unwrap_or(0).min(WIDTH);
    let mut out = format!("# {}\n", visible(&name_of(&explained.object)));
    for (text, field) in lines {
        let at = visible(&field.at.to_string());
        writeln!(out, "{text:width$}  {at}  {}", field.step)
            .expect("because writing to a String cannot fail");
    }
    out
}

/// The value in one line, cut where it is long.
fn short(node: &Node) -> String {
    let text = match &node.value {
        Value::String(text) => visible(&text.text),
        _ => json::to_string(node),
    };
    match text.char_indices().nth(60) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

fn name_of(object: &Node) -> String {
    let text = |path: &[&str]| object.str_at(path).unwrap_or_default();
    let name = format!("{}/{}", text(&["kind"]), text(&["metadata", "name"]));
    match text(&["metadata", "namespace"]) {
        "" => name,
        namespace => format!("{namespace}/{name}"),
    }
}

fn is_named(object: &Node, wanted: &str) -> bool {
    let parts: Vec<&str> = wanted.split('/').collect();
    let text = |path: &[&str]| object.str_at(path).unwrap_or_default();
    let (namespace, kind, name) = match parts.as_slice() {
        [kind, name] => (None, kind, name),
        [namespace, kind, name] => (Some(namespace), kind, name),
        _ => return false,
    };
    text(&["kind"]).eq_ignore_ascii_case(kind)
        && text(&["metadata", "name"]) == *name
        && namespace.is_none_or(|n| text(&["metadata", "namespace"]) == *n)
}
