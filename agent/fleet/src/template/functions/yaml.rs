//! `toYaml`, `fromYaml` and `fromYamlArray`.

use gotmpl::{Result, Value};
use muster_model::{Node, yaml};

use super::Function;
use super::args::{exactly, fail, string, text};
use crate::params;
use crate::yaml_text;

pub(super) const TABLE: &[(&str, Function)] = &[
    ("fromYaml", from_yaml),
    ("fromYamlArray", from_yaml_array),
    ("toYaml", to_yaml),
];

fn to_yaml(args: &[Value]) -> Result<Value> {
    let [value] = exactly(args)?;
    let printed = yaml::to_string(&params::to_node(value));
    Ok(string(printed.strip_suffix('\n').unwrap_or(&printed)))
}

fn from_yaml(args: &[Value]) -> Result<Value> {
    let node = parse(args)?;
    if node.as_map().is_none() && !node.is_null() {
        return fail(format!("expected a mapping, found {}", node.shape()));
    }
    Ok(params::map(
        node.as_map().map(params::from_map).unwrap_or_default(),
    ))
}

fn from_yaml_array(args: &[Value]) -> Result<Value> {
    let node = parse(args)?;
    if node.as_list().is_none() && !node.is_null() {
        return fail(format!("expected a list, found {}", node.shape()));
    }
    let items = node.as_list().unwrap_or_default();
    Ok(params::list(items.iter().map(params::from_node)))
}

/// The first document of a text; nothing is null.
fn parse(args: &[Value]) -> Result<Node> {
    let [value] = exactly(args)?;
    match yaml_text::read(text(value)?.as_bytes()) {
        Ok(documents) => Ok(documents.into_iter().next().unwrap_or_else(Node::null)),
        Err(error) => fail(error.to_string()),
    }
}
