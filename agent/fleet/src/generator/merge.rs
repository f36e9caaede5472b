//! The merge generator: parameters of the first generator, completed by the others.

use std::collections::{BTreeMap, BTreeSet};

use muster_model::node::Value as NodeValue;
use muster_model::{Node, Reason};

use super::sets::Completion;
use super::{Depth, Generator, ParameterSets, Scene, read_children};
use crate::decode::Decoder;
use crate::failure::Failure;
use crate::params;

/// Parameters of the first generator, completed by the others where the merge keys are equal.
#[derive(Debug, Clone, PartialEq)]
pub struct Merge {
    pub(super) generators: Vec<Generator>,
    merge_keys: Vec<String>,
    pub(super) template: Option<Node>,
}

impl Merge {
    pub(super) fn read(decoder: &mut Decoder, node: &Node, path: &str, depth: Depth) -> Self {
        let mut fields = decoder.fields(node, path);
        let merge = Self {
            generators: read_children(decoder, &mut fields, depth, |_, child| child.clone()),
            merge_keys: decoder.texts(&mut fields, "mergeKeys"),
            template: fields.take("template").cloned(),
        };
        decoder.finish(fields);
        merge
    }

    pub(super) fn generate<'m>(
        &self,
        scene: &mut Scene<'m, '_>,
    ) -> Result<ParameterSets<'m>, Failure> {
        if self.generators.len() < 2 {
            return Err(refused(
                "found less than two generators, merge requires two or more",
            ));
        }
        let mut sets = Vec::new();
        for generator in &self.generators {
            sets.push(generator.single(scene, "merge")?);
        }
        let base = sets.remove(0);
        let keys = self.keys_of(&base)?;
        let mut others = Vec::new();
        for sets in sets {
            let positions = self.keys_of(&sets)?;
            let mut of = vec![None; base.len()];
            for (key, index) in &keys {
                of[*index] = positions.get(key).copied();
            }
            others.push(Completion { sets, of });
        }
        Ok(ParameterSets::merged(base, others, scene.language.is_go()))
    }

    /// The position of each parameter set by the values of its merge keys, which have to be unique.
    fn keys_of(&self, sets: &ParameterSets<'_>) -> Result<BTreeMap<String, usize>, Failure> {
        let names: BTreeSet<&str> = self.merge_keys.iter().map(String::as_str).collect();
        if names.is_empty() {
            return Err(refused(
                "no merge keys were specified, merge requires at least one",
            ));
        }
        let mut positions = BTreeMap::new();
        for (index, params) in sets.iter().enumerate() {
            let value = |name: &&str| {
                let value = params.get(*name).cloned().unwrap_or(gotmpl::Value::Nil);
                ((*name).into(), value)
            };
            let key = params::to_json(&params::map(names.iter().map(value).collect()));
            if positions.insert(key.clone(), index).is_some() {
                return Err(refused(format!(
                    "the parameters of a generator are not unique by the merge keys: {key} is there twice"
                )));
            }
        }
        Ok(positions)
    }
}

fn refused(message: impl Into<String>) -> Failure {
    Failure::of(Reason::InvalidField, message)
}

/// Completes a generator's own template with the ApplicationSet's: what is missing or empty is taken from there.
pub(crate) fn fill_template(own: &Node, base: &Node) -> Node {
    match (&own.value, &base.value) {
        (NodeValue::Map(own_map), NodeValue::Map(base_map)) => {
            let mut out = own_map.clone();
            for (key, value) in base_map.iter() {
                match out.get(key).map(|mine| fill_template(mine, value)) {
                    Some(filled) => {
                        out.insert(key, filled);
                    }
                    None => {
                        out.insert(key, value.clone());
                    }
                }
            }
            Node::map(out).at(own.span)
        }
        _ if is_zero(own) => base.clone(),
        _ => own.clone(),
    }
}

fn is_zero(node: &Node) -> bool {
    match &node.value {
        NodeValue::Null => true,
        NodeValue::Bool(value) => !value,
        NodeValue::Number(_) => node.as_int() == Some(0),
        NodeValue::String(text) => text.text.is_empty(),
        NodeValue::List(items) => items.is_empty(),
        NodeValue::Map(map) => map.is_empty(),
    }
}
