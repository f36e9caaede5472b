//! The hash of a generated object's content at the end of its name.

use muster_model::{Digest, Node, Value};

use crate::failure::{Step, failed};
use crate::resmap::ResMap;
use crate::resource::Resource;

/// Adds the hash to the names of the objects that want one.
pub(crate) fn add_to_names(map: &mut ResMap) -> Step<()> {
    if !map.list().iter().any(|r| r.needs_hash) {
        return Ok(());
    }
    for resource in map.list_mut().iter_mut().filter(|r| r.needs_hash) {
        let hash = of(resource)?;
        let name = format!("{}-{hash}", resource.name());
        resource.store_previous_id();
        resource.set_name(&name);
    }
    Ok(())
}

/// The hash as kustomize computes it: over kind and content; the name counts as empty.
fn of(resource: &Resource) -> Step<String> {
    let node = &resource.node;
    let mut fields = vec![
        ("data", content(node, "data")),
        ("kind", quoted(&resource.kind())),
        ("name", quoted("")),
    ];
    let optional = match &*resource.kind() {
        "ConfigMap" => "binaryData",
        "Secret" => {
            fields.push(("type", content(node, "type")));
            "stringData"
        }
        other => {
            let message = format!("a {other} cannot get a hash suffix");
            return Err(failed(message)
                .remedy("only ConfigMaps and Secrets can")
                .into());
        }
    };
    if node
        .get(optional)
        .is_some_and(|n| matches!(n.value, Value::Map(_)))
    {
        fields.push((optional, content(node, optional)));
    }
    fields.sort_unstable();
    let body: Vec<_> = fields
        .iter()
        .map(|(key, value)| format!("{}:{value}", quoted(key)))
        .collect();
    let digest = Digest::of(format!("{{{}}}", body.join(",")).as_bytes()).hex();
    Ok(digest.chars().take(10).map(readable).collect())
}

/// Digits that could make a word or a number are exchanged.
fn readable(digit: char) -> char {
    match digit {
        '0' => 'g',
        '1' => 'h',
        '3' => 'k',
        'a' => 'm',
        'e' => 't',
        other => other,
    }
}

fn content(node: &Node, field: &str) -> String {
    let Some(value) = node.get(field) else {
        return quoted("");
    };
    match &value.value {
        Value::Map(_) | Value::List(_) => {
            let mut value = value.clone();
            crate::scalars::through_json(&mut value);
            go_escaped(&muster_model::json::to_canonical(&value))
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {
            quoted(&crate::resource::written(value))
        }
    }
}

fn quoted(text: &str) -> String {
    go_escaped(&muster_model::json::to_string(&Node::string(text)))
}

/// Go's JSON escapes what HTML would trip over, and two separators of lines. They only occur inside of texts.
fn go_escaped(json: &str) -> String {
    if !json.contains(['<', '>', '&', '\u{2028}', '\u{2029}', '\u{7f}']) {
        return json.to_owned();
    }
    json.replace('<', "\\u003c")
        .replace('>', "\\u003e")
        .replace('&', "\\u0026")
        .replace('\u{2028}', "\\u2028")
        .replace('\u{2029}', "\\u2029")
}
