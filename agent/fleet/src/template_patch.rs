//! `templatePatch`: a strategic merge of the rendered Application.
//!
//! Argo CD's Application type has one list with a merge strategy, `metadata.finalizers`; every other list is replaced.

use muster_model::node::Value as NodeValue;
use muster_model::{Map, Node, Reason};

use crate::failure::Failure;
use crate::yaml_text;

/// Directives of strategic merge patches.
const PATCH: &str = "$patch";
const DELETE_FROM: &str = "$deleteFromPrimitiveList/";
const ORDER: &str = "$setElementOrder/";

/// Applies a rendered patch. The project cannot be changed by it, as in Argo CD.
///
/// # Errors
/// When the patch is no YAML mapping, or uses a directive that is none.
pub(crate) fn apply(application: &Node, patch: &str) -> Result<Node, Failure> {
    let refused =
        |why: String| Failure::of(Reason::TemplateFailed, format!("templatePatch: {why}"));
    let documents = yaml_text::read(patch.as_bytes())
        .map_err(|error| refused(format!("line {}: {error}", error.line())))?;
    let Some(patch) = documents.first() else {
        return Ok(application.clone());
    };
    if patch.as_map().is_none() {
        return Err(refused(format!(
            "expected a mapping, found {}",
            patch.shape()
        )));
    }
    let mut patched = merge(application, patch, "").map_err(refused)?;
    restore_project(&mut patched, application);
    Ok(patched)
}

fn merge(base: &Node, patch: &Node, path: &str) -> Result<Node, String> {
    let (NodeValue::Map(base_map), NodeValue::Map(patch_map)) = (&base.value, &patch.value) else {
        return Ok(patch.clone().at(base.span));
    };
    match patch_map.get(PATCH).map(|directive| directive.as_str()) {
        None => {}
        Some(Some("replace")) => {
            let mut whole = patch_map.clone();
            whole.remove(PATCH);
            return Ok(Node::map(whole).at(base.span));
        }
        Some(Some("delete")) => return Ok(Node::map(Map::new()).at(base.span)),
        Some(_) => return Err(format!("`{PATCH}` is `replace` or `delete`")),
    }
    let mut out = base_map.clone();
    for (key, value) in patch_map.iter() {
        let path = format!("{path}.{key}");
        if let Some(list) = key.strip_prefix(DELETE_FROM) {
            let gone = value.as_list().unwrap_or_default();
            if let Some(items) = out.get_mut(list).and_then(Node::as_list_mut) {
                items.retain(|item| !gone.contains(item));
            }
            continue;
        }
        if key.starts_with(ORDER) {
            // Only says in which order the elements of a merged list stand.
            continue;
        }
        if key.starts_with('$') {
            return Err(format!(
                "`{key}` is no directive of a strategic merge patch that applies here"
            ));
        }
        let merged = match (out.get(key), &value.value) {
            (_, NodeValue::Null) => {
                out.remove(key);
                continue;
            }
            (Some(mine), NodeValue::Map(_)) if mine.as_map().is_some() => {
                merge(mine, value, &path)?
            }
            (Some(mine), NodeValue::List(items)) if path == ".metadata.finalizers" => {
                appended(mine, items)
            }
            // A directive about a mapping that is not there takes it away, whatever it says.
            (_, NodeValue::Map(map)) if map.contains_key(PATCH) => {
                out.remove(key);
                continue;
            }
            (_, NodeValue::Map(_)) => merge(&Node::map(Map::new()), value, &path)?,
            _ => value.clone(),
        };
        out.insert(key, merged.at(base.span));
    }
    Ok(Node::map(out).at(base.span))
}

fn appended(base: &Node, items: &[Node]) -> Node {
    let mut all = base.as_list().unwrap_or_default().to_vec();
    for item in items {
        if !all.contains(item) {
            all.push(item.clone());
        }
    }
    Node::list(all)
}

fn restore_project(patched: &mut Node, original: &Node) {
    let project = original.at_path(&["spec", "project"]).cloned();
    let spec = patched
        .as_map_mut()
        .and_then(|map| map.get_mut("spec"))
        .and_then(Node::as_map_mut);
    if let Some(spec) = spec {
        match project {
            Some(project) => {
                spec.insert("project", project);
            }
            None => {
                spec.remove("project");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use muster_model::{Budgets, json, yaml};

    fn node(text: &str) -> Node {
        yaml::read(text.as_bytes(), &Budgets::default(), 0)
            .expect("YAML")
            .remove(0)
    }

    #[test]
    fn mappings_merge_lists_are_replaced_and_the_project_stays() {
        let base = node(
            "{metadata: {name: a, finalizers: [x]}, spec: {project: p, sources: [1, 2], syncPolicy: {automated: {prune: true}}}}",
        );
        let patch = "{metadata: {finalizers: [x, z]}, spec: {project: other, sources: [3], syncPolicy: {automated: {selfHeal: true, prune: null}}}}";
        let patched = apply(&base, patch).expect("a patch");
        assert_eq!(
            json::to_canonical(&patched),
            r#"{"metadata":{"finalizers":["x","z"],"name":"a"},"spec":{"project":"p","sources":[3],"syncPolicy":{"automated":{"selfHeal":true}}}}"#
        );
        assert_eq!(apply(&base, "").expect("nothing"), base);
        assert!(apply(&base, "[1]").is_err());
        assert!(apply(&base, "hello world").is_err());
    }

    #[test]
    fn directives_replace_and_take_away() {
        let base = node(
            "{metadata: {labels: {a: b}, finalizers: [x, z]}, spec: {syncPolicy: {automated: {prune: true}}}}",
        );
        let patch = "{metadata: {labels: {$patch: replace, c: d}, $deleteFromPrimitiveList/finalizers: [x]}, spec: {syncPolicy: {automated: {$patch: delete}}}}";
        assert_eq!(
            json::to_canonical(&apply(&base, patch).expect("a patch")),
            r#"{"metadata":{"finalizers":["z"],"labels":{"c":"d"}},"spec":{"syncPolicy":{"automated":{}}}}"#
        );
        let replaced = apply(&base, "{metadata: {annotations: {$patch: replace, c: d}}}");
        assert_eq!(replaced.expect("a patch"), base);
        assert!(apply(&base, "{spec: {$patch: move}}").is_err());
        assert!(apply(&base, "{spec: {$retainKeys: [x]}}").is_err());
    }
}
