//! Puts the parameters of a matrix' first generator into the second.

use muster_model::node::{Member, Value as NodeValue};
use muster_model::{Map, Node};

use super::Scene;
use crate::failure::Failure;
use crate::params::{self, Params};

/// The generator with every text executed, except overriding templates, which children of a matrix do not have, and
/// selectors, which see the parameters the generator itself gives.
pub(super) fn generator(
    scene: &mut Scene<'_, '_>,
    node: &Node,
    with: &Params,
) -> Result<Node, Failure> {
    entry(scene, node, &params::map(with.clone()))
}

/// One entry of `generators`: `{list: …}`, `{clusters: …}`, ….
fn entry(scene: &mut Scene<'_, '_>, node: &Node, with: &gotmpl::Value) -> Result<Node, Failure> {
    each_member(node, |member| match &*member.key {
        "selector" => Ok(member.value.clone()),
        name => kind(scene, name, &member.value, with),
    })
}

/// What an entry holds.
fn kind(
    scene: &mut Scene<'_, '_>,
    name: &str,
    node: &Node,
    with: &gotmpl::Value,
) -> Result<Node, Failure> {
    each_member(node, |member| match (name, &*member.key) {
        (_, "template") => Ok(member.value.clone()),
        ("clusters" | "git", "values") => values(scene, &member.value, with),
        ("matrix" | "merge", "generators") => children(scene, &member.value, with),
        _ => Ok(scene.renderer.deep(scene.language, &member.value, with)?),
    })
}

fn children(scene: &mut Scene<'_, '_>, node: &Node, with: &gotmpl::Value) -> Result<Node, Failure> {
    let items = node.as_list().unwrap_or_default().iter();
    let items = items.map(|item| entry(scene, item, with));
    Ok(Node::list(items.collect::<Result<_, _>>()?).at(node.span))
}

/// A value that needs a parameter the generator itself will give stays as it is: it is executed later.
fn values(scene: &mut Scene<'_, '_>, node: &Node, with: &gotmpl::Value) -> Result<Node, Failure> {
    each_member(node, |member| {
        let text = member.value.as_str().unwrap_or_default();
        match scene.renderer.text(scene.language.strict(), text, with) {
            Ok(text) => Ok(Node::string(text).at(member.value.span)),
            Err(error) if error.is_missing_key() => Ok(member.value.clone()),
            Err(error) => Err(error.into()),
        }
    })
}

fn each_member(
    node: &Node,
    mut change: impl FnMut(&Member) -> Result<Node, Failure>,
) -> Result<Node, Failure> {
    let NodeValue::Map(map) = &node.value else {
        return Ok(node.clone());
    };
    let mut out = Map::new();
    for member in map.members() {
        out.push_unchecked(Member {
            key: member.key.clone(),
            key_span: member.key_span,
            value: change(member)?,
        });
    }
    Ok(Node::map(out).at(node.span))
}
