//! The matrix generator: every combination of two generators.

use std::collections::BTreeMap;
use std::sync::Arc;

use muster_model::{Node, Reason};

use super::{Depth, Generator, MAX_PARAMETER_SETS, Scene, read_children};
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
            generators: read_children(decoder, &mut fields, depth),
            template: fields.take("template").cloned(),
        };
        decoder.finish(fields);
        matrix
    }

    pub(super) fn generate(&self, scene: &mut Scene<'_>) -> Result<Vec<Params>, Failure> {
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
        let mut out = Vec::new();
        let mut constant: Option<Vec<Params>> = None;
        let ones = first.single(scene, "matrix")?;
        let rows = ones.len();
        for one in ones {
            let others = match &constant {
                Some(params) => params.clone(),
                None => second.interpolated(scene, &one)?.single(scene, "matrix")?,
            };
            if !second.templated && constant.is_none() {
                // Known before the first combination is made, so that none is made in vain.
                within_budget(rows.saturating_mul(others.len()))?;
                constant = Some(others.clone());
            }
            within_budget(out.len() + others.len())?;
            for other in others {
                out.push(combine(&one, other, scene.language.is_go())?);
            }
        }
        Ok(out)
    }
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
fn combine(one: &Params, mut other: Params, go: bool) -> Result<Params, Failure> {
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
