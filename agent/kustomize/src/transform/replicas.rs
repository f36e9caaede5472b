//! `replicas`.

use muster_model::{Node, Value};

use crate::failure::{Step, failed};
use crate::field_spec::{Create, FieldSpec};
use crate::kustomization::Replica;
use crate::resmap::ResMap;
use crate::scalars;

/// Sets the replica count of the workloads with a name.
pub(crate) fn transform(map: &mut ResMap, replica: &Replica, fields: &[FieldSpec]) -> Step<()> {
    let mut found = false;
    for field in fields {
        for index in
            map.matching_any_id(|id| id.name == replica.name && id.gvk.is_selected(&field.gvk))
        {
            found = true;
            let resource = &mut map.list_mut()[index];
            if !field.applies_to(&crate::id::Gvk::of(&resource.node)) {
                continue;
            }
            field
                .visit(
                    &mut resource.node,
                    Create::Scalar,
                    &mut |node: &mut Node| {
                        if matches!(node.value, Value::Map(_) | Value::List(_)) {
                            return Err(failed(format!(
                                "replicas is a number, not {}",
                                node.shape()
                            ))
                            .into());
                        }
                        // A quoted value stays quoted.
                        *node = match scalars::was_quoted(node) {
                            true => scalars::quoted(&replica.count.to_string()),
                            false => Node::int(replica.count),
                        };
                        Ok(())
                    },
                )
                .map_err(|stop| super::prefix::on(stop, resource.file.as_deref()))?;
        }
    }
    if found {
        return Ok(());
    }
    let kinds: Vec<_> = fields.iter().map(|f| f.gvk.to_string()).collect();
    let message = format!(
        "no workload named {:?} has replicas (looked at {})",
        replica.name,
        kinds.join(", ")
    );
    Err(failed(message).field("replicas").into())
}
