//! The matrix generator: every combination of two generators.

use std::collections::BTreeMap;
use std::sync::Arc;

use muster_model::{Map, Node, Reason};

use super::{Depth, Generator, MAX_PARAMETER_SETS, ParameterSets, Scene, read_children};
use crate::decode::Decoder;
use crate::failure::Failure;
use crate::params::{self, Params};

/// Every combination of two generators.
#[derive(Debug, Clone, PartialEq)]
pub struct Matrix {
    pub(super) generators: Vec<Generator>,
    pub(super) template: Option<Node>,
}

impl Matrix {
    pub(super) fn read(decoder: &mut Decoder, node: &Node, path: &str, depth: Depth) -> Self {
        let mut fields = decoder.fields(node, path);
        let matrix = Self {
            generators: read_children(decoder, &mut fields, depth, without_nulls),
            template: fields.take("template").cloned(),
        };
        decoder.finish(fields);
        matrix
    }

    pub(super) fn generate<'m>(
        &self,
        scene: &mut Scene<'m, '_>,
    ) -> Result<ParameterSets<'m>, Failure> {
        let [first, second] = self.generators.as_slice() else {
            let what = if self.generators.len() < 2 {
                "less"
            } else {
                "more"
            };
            return Err(Failure::of(
                Reason::InvalidField,
                format!("found {what} than two generators, matrix supports only two"),
            ));
        };
        let rows = first.single(scene, "matrix")?;
        if rows.is_empty() {
            return Ok(rows);
        }
        let go = scene.language.is_go();
        if !second.templated {
            let columns = second.single(scene, "matrix")?;
            // Known before the first combination is made, so that none is made in vain.
            within_budget(rows.len().saturating_mul(columns.len()))?;
            agree(go, rows.iter().map(|row| (row, &columns)))?;
            return Ok(ParameterSets::matrix(rows, columns, go));
        }
        let mut columns = Vec::new();
        let mut combinations = 0;
        for row in rows.iter() {
            let others = second.interpolated(scene, &row)?.single(scene, "matrix")?;
            combinations += others.len();
            within_budget(combinations)?;
            columns.push(others);
        }
        agree(go, rows.iter().zip(&columns))?;
        Ok(ParameterSets::rows(rows, columns, go))
    }
}

/// The second child as Argo CD has it once the first's parameters are put into it: members of elements that are null are
/// lost on the way.
fn without_nulls(index: usize, child: &Node) -> Node {
    if index == 0 {
        return child.clone();
    }
    let mut child = child.clone();
    strip_elements(&mut child);
    child
}

/// Takes the nulls out of the elements of every list generator.
fn strip_elements(entry: &mut Node) {
    for kind in ["list", "matrix", "merge"] {
        let Some(map) = entry
            .as_map_mut()
            .and_then(|entry| entry.get_mut(kind))
            .and_then(Node::as_map_mut)
        else {
            continue;
        };
        if let Some(elements) = map.get_mut("elements") {
            strip(elements);
        }
        let children = map.get_mut("generators").and_then(Node::as_list_mut);
        children.into_iter().flatten().for_each(strip_elements);
    }
}

fn strip(node: &mut Node) {
    if let Some(items) = node.as_list_mut() {
        items.iter_mut().for_each(strip);
    }
    let Some(map) = node.as_map_mut() else {
        return;
    };
    let members = map.members().iter();
    let members = members.filter(|member| !member.value.is_null());
    let mut kept = Map::new();
    for mut member in members.cloned() {
        strip(&mut member.value);
        kept.push_unchecked(member);
    }
    *map = kept;
}

/// Refuses what cannot be combined, before anything is made of it.
fn agree<'s, 'm: 's>(
    go: bool,
    mut combinations: impl Iterator<Item = (Params, &'s ParameterSets<'m>)>,
) -> Result<(), Failure> {
    if go {
        return Ok(());
    }
    combinations.try_for_each(|(row, columns)| {
        let mut columns = columns.iter();
        columns.try_for_each(|column| combine(&row, column, go).map(drop))
    })
}

fn within_budget(combinations: usize) -> Result<(), Failure> {
    if combinations <= MAX_PARAMETER_SETS {
        return Ok(());
    }
    let message = format!("the matrix has more than {MAX_PARAMETER_SETS} combinations");
    let problem = muster_model::Problem::new(Reason::NodeBudget, message);
    Err(problem
        .remedy("narrow one of its generators with a selector, or use `merge` to complete one with the other")
        .into())
}

/// With Go templates the first generator wins; without, two different values under one name are an error.
pub(super) fn combine(one: &Params, mut other: Params, go: bool) -> Result<Params, Failure> {
    if go {
        params::merge_over(&mut other, one);
        return Ok(other);
    }
    let mut out: BTreeMap<Arc<str>, gotmpl::Value> = BTreeMap::new();
    for (key, value) in one.iter().chain(&other) {
        let text = params::text(&params::show(value));
        if let Some(first) = out.get(key)
            && *first != text
        {
            return Err(Failure::of(
                Reason::InvalidField,
                format!(
                    "both generators of the matrix give `{key}`, with different values: `{first}` and `{text}`"
                ),
            ));
        }
        out.insert(Arc::clone(key), text);
    }
    Ok(out)
}
