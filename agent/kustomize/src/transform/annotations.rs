//! `commonAnnotations`.

use std::collections::BTreeMap;

use muster_model::{Node, Value};

use crate::failure::{Step, failed};
use crate::field_spec::{Create, FieldSpec};
use crate::resmap::ResMap;

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
        for field in fields.iter().filter(|f| f.applies_to(&gvk)) {
            field
                .visit(&mut resource.node, Create::Map, &mut |node| {
                    set(node, entries)
                })
                .map_err(|stop| crate::transform::prefix::on(stop, resource.file.as_deref()))?;
        }
    }
    Ok(())
}

fn set(node: &mut Node, entries: &BTreeMap<String, String>) -> Step<()> {
    match &mut node.value {
        Value::Map(map) => {
            for (key, value) in entries {
                map.insert(&**key, Node::string(value));
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
