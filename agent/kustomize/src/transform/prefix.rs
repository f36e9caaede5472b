//! `namePrefix` and `nameSuffix`.

use muster_model::{Location, Node, Value};

use crate::failure::{Step, Stop, failed};
use crate::field_spec::{Create, FieldSpec};
use crate::resmap::ResMap;
use crate::resource::written;
use crate::scalars::set_untyped;

/// Where a text goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Affix {
    /// In front.
    Prefix,
    /// Behind.
    Suffix,
}

/// Adds the text to names. Kinds whose names mean something elsewhere keep theirs.
pub(crate) fn add(map: &mut ResMap, affix: Affix, text: &str, fields: &[FieldSpec]) -> Step<()> {
    for resource in map.list_mut() {
        let id = resource.original_id().into_owned();
        let keeps = id.gvk.kind == "CustomResourceDefinition"
            || id.gvk.kind == "Namespace"
            || (id.gvk.kind == "APIService" && id.gvk.group == "apiregistration.k8s.io");
        if keeps {
            continue;
        }
        for field in fields.iter().filter(|f| f.applies_to(&id.gvk)) {
            if field.path == "metadata/name" && !text.is_empty() {
                match affix {
                    Affix::Prefix => resource.prefixes.push(text.to_owned()),
                    Affix::Suffix => resource.suffixes.push(text.to_owned()),
                }
                resource.store_previous_id();
            }
            if !field.applies_to(&crate::id::Gvk::of(&resource.node)) {
                continue;
            }
            field
                .visit(
                    &mut resource.node,
                    Create::Scalar,
                    &mut |node: &mut Node| {
                        if matches!(node.value, Value::Map(_) | Value::List(_)) {
                            let message = format!("a name is a text, not {}", node.shape());
                            return Err(failed(message).field(field.path.clone()).into());
                        }
                        let name = match affix {
                            Affix::Prefix => format!("{text}{}", written(node)),
                            Affix::Suffix => format!("{}{text}", written(node)),
                        };
                        set_untyped(node, &name);
                        Ok(())
                    },
                )
                .map_err(|stop| on(stop, resource.file.as_deref()))?;
        }
    }
    Ok(())
}

/// Names the file of the object that a transformer failed on.
pub(crate) fn on(stop: Stop, file: Option<&str>) -> Stop {
    stop.or_at(|| Location::file(file.unwrap_or("a generated object")))
}
