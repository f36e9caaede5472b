//! `crds`: OpenAPI definitions that say which fields of custom resources refer to other objects.

use muster_model::{Node, Value};

use crate::config::{BackReference, Config};
use crate::failure::Step;
use crate::field_spec::{FieldSpec, merge};
use crate::id::Gvk;

/// Deepest nesting of definitions that is followed; kustomize itself does not stop at a definition that holds itself.
const MAX_DEPTH: usize = 32;

/// The fields a file of definitions declares.
pub(crate) fn config_of(document: &Node) -> Step<Config> {
    let mut config = Config::default();
    let Some(definitions) = document.as_map() else {
        return Ok(config);
    };
    for (name, definition) in definitions.iter() {
        let Some(properties) = properties(definition) else {
            continue;
        };
        if !["kind", "apiVersion", "metadata"]
            .iter()
            .all(|p| properties.get(p).is_some())
        {
            continue;
        }
        let kind = name.rsplit('.').next().unwrap_or(name).to_owned();
        let gvk = Gvk {
            kind: kind.into(),
            ..Gvk::default()
        };
        load(&mut config, &gvk, document, name, &mut Vec::new())?;
    }
    Ok(config)
}

fn properties(definition: &Node) -> Option<&Node> {
    definition
        .get("Schema")
        .or_else(|| definition.get("schema"))?
        .get("properties")
}

fn load(
    config: &mut Config,
    gvk: &Gvk<'static>,
    all: &Node,
    name: &str,
    path: &mut Vec<String>,
) -> Step<()> {
    let Some(Value::Map(fields)) = all.get(name).and_then(properties).map(|n| &n.value) else {
        return Ok(());
    };
    if path.len() >= MAX_DEPTH {
        return Ok(());
    }
    for (field, property) in fields.iter() {
        path.push(field.to_owned());
        let spec = |more: &[&str]| {
            let mut parts = path.clone();
            parts.extend(more.iter().map(|m| (*m).to_owned()));
            FieldSpec::new(gvk.clone(), parts.join("/"), false)
        };
        let text = |key: &str| property.get(key).and_then(Node::as_str);
        if text("x-kubernetes-annotation").is_some() {
            merge(&mut config.common_annotations, &[spec(&[])])?;
        }
        if text("x-kubernetes-label-selector").is_some() {
            merge(&mut config.common_labels, &[spec(&[])])?;
        }
        if text("x-kubernetes-identity").is_some() {
            merge(&mut config.name_prefix, &[spec(&[])])?;
        }
        if let (Some(version), Some(kind)) = (
            text("x-kubernetes-object-ref-api-version"),
            text("x-kubernetes-object-ref-kind"),
        ) {
            let key = text("x-kubernetes-object-ref-name-key").unwrap_or("name");
            config.add_back_reference(BackReference {
                target: Gvk {
                    group: "".into(),
                    version: version.to_owned().into(),
                    kind: kind.to_owned().into(),
                },
                referrers: vec![spec(&[key])],
            })?;
        }
        if let Some(reference) = text("$ref") {
            load(config, gvk, all, reference, path)?;
        }
        path.pop();
    }
    Ok(())
}
