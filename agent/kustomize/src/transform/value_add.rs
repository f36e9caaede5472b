//! The ValueAddTransformer: a text set, or put into a path, in selected objects.

use muster_model::{Node, Value};

use crate::failure::{Step, failed};
use crate::field_spec::split_path;
use crate::id::scalar_text;
use crate::kustomization::read_all;
use crate::record::{Record, Unknown};
use crate::resmap::ResMap;
use crate::scalars::set_untyped;
use crate::selector::Selector;
use crate::transform::namespace::Namespace;

/// One target.
#[derive(Debug)]
pub(crate) struct Target {
    selector: Option<Selector>,
    field_path: String,
    file_path_position: usize,
}

/// Reads the targets of a configuration or of a file of them.
pub(crate) fn read_targets(record: &Record<'_>) -> Step<Vec<Target>> {
    read_all(record, "targets", |node, place| {
        let known = ["selector", "fieldPath", "filePathPosition"];
        let record = Record::read(node, place, &known, Unknown::Ignore)?;
        let field_path = record.text("fieldPath")?;
        if field_path.is_empty() {
            return Err(failed("fieldPath cannot be empty")
                .field("fieldPath")
                .into());
        }
        let position = record.int("filePathPosition")?.unwrap_or(0);
        Ok(Target {
            selector: record
                .get("selector")
                .map(|n| Selector::read(n, record.at("selector"), Unknown::Ignore))
                .transpose()?,
            field_path,
            file_path_position: usize::try_from(position).map_err(|_| {
                failed("filePathPosition cannot be negative").field("filePathPosition")
            })?,
        })
    })
}

/// Sets the value in every target.
pub(crate) fn transform(map: &mut ResMap, value: &str, targets: &[Target]) -> Step<()> {
    for target in targets {
        let selected = match &target.selector {
            None => (0..map.list().len()).collect(),
            Some(selector) => selector.compile()?.select(map.list()),
        };
        for index in selected {
            let resource = &mut map.list_mut()[index];
            if target.field_path == "metadata/namespace" {
                Namespace {
                    name: value.to_owned(),
                    ..Namespace::default()
                }
                .set_in(resource)?;
            } else {
                set(&mut resource.node, value, target)?;
            }
        }
    }
    Ok(())
}

fn set(node: &mut Node, value: &str, target: &Target) -> Step<()> {
    let mut node = node;
    for key in split_path(&target.field_path, '/') {
        if node.is_null() {
            node.value = Value::Map(muster_model::Map::new());
        }
        let Some(map) = node.as_map_mut() else {
            return Err(failed(format!("no mapping on the way to {}", target.field_path)).into());
        };
        node = map.get_or_insert_with(&key, Node::null);
    }
    if matches!(node.value, Value::Map(_) | Value::List(_)) {
        return Err(failed(format!(
            "{} is {}, not a text",
            target.field_path,
            node.shape()
        ))
        .into());
    }
    let new = match target.file_path_position {
        0 => value.to_owned(),
        position => insert_part(&scalar_text(node), position - 1, value),
    };
    set_untyped(node, &new);
    Ok(())
}

/// Puts a part into a path, at most at its end.
fn insert_part(path: &str, position: usize, part: &str) -> String {
    let absolute = path.starts_with('/');
    let mut parts: Vec<&str> = path
        .split('/')
        .filter(|p| !p.is_empty() && *p != ".")
        .collect();
    parts.insert(position.min(parts.len()), part);
    format!("{}{}", if absolute { "/" } else { "" }, parts.join("/"))
}
