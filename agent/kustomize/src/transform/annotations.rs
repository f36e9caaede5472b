//! `commonAnnotations`.

use std::collections::BTreeMap;

use muster_model::{Node, Span, Value};

use crate::failure::{Step, failed};
use crate::field_spec::{Create, FieldSpec};
use crate::resmap::ResMap;
use crate::scalars;

/// Sets the entries in the mappings at the paths.
pub(crate) fn set_entries(
    map: &mut ResMap,
    entries: &BTreeMap<String, String>,
    fields: &[FieldSpec],
) -> Step<()> {
    if entries.is_empty() {
        return Ok(());
    }
    for resource in map.list_mut() {
        let gvk = crate::id::Gvk::of(&resource.node).into_owned();
        let mut groups = resource.groups.take().unwrap_or_default();
        for field in fields.iter().filter(|f| f.applies_to(&gvk)) {
            if field.path == "metadata/annotations" && resource.has_bookkeeping() {
                // kustomize keeps it there, so that the mapping exists.
                resource.metadata_map("annotations");
            }
        }
        // Key by key: a field that one key makes is there for the next.
        for (key, value) in entries {
            let shared = groups.start(Node::string(value));
            for field in fields.iter().filter(|f| f.applies_to(&gvk)) {
                field
                    .visit(&mut resource.node, Create::Map, &mut |node| {
                        set(node, key, &shared)
                    })
                    .map_err(|stop| crate::transform::prefix::on(stop, resource.file.as_deref()))?;
            }
        }
        resource.groups = Some(groups);
    }
    Ok(())
}

fn set(node: &mut Node, key: &str, value: &Node) -> Step<()> {
    match &mut node.value {
        Value::Map(map) => {
            if scalars::is_typed(key) {
                return Err(failed(format!("key {key:?} would not be a text")).into());
            }
            match map.get_mut(key) {
                // The value is written anew, in whatever group it was.
                Some(there) => {
                    *there = Node::new(value.value.clone()).at(Span {
                        source: there.span.source,
                        ..Span::NONE
                    });
                }
                None => drop(map.insert(key, value.clone())),
            }
            Ok(())
        }
        Value::Null => Ok(()),
        Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::List(_) => {
            Err(failed(format!(
                "expected a mapping to set labels or annotations in, found {}",
                node.shape()
            ))
            .into())
        }
    }
}
