//! The result of a complete render: objects that Kubernetes can be given.

use std::collections::BTreeMap;

use muster_model::kinds::is_denied;
use muster_model::{BlobId, Budgets, Manifest, Node, Problem, Reason, RepoPath, json, marks, yaml};

use crate::build::Built;

/// Every object of a source, checked. Only a complete, successful render makes one.
#[derive(Debug, Clone, Default)]
pub struct Rendered {
    objects: Vec<Manifest>,
    inputs: Vec<(RepoPath, BlobId)>,
}

impl Rendered {
    /// Checks the objects of a build.
    pub(crate) fn check(built: Built, budgets: &Budgets) -> Result<Self, Problem> {
        let (nodes, inputs) = built.into_parts();
        if nodes.len() > budgets.objects {
            let message = format!(
                "{} objects are rendered, more than the {} allowed",
                nodes.len(),
                budgets.objects
            );
            return Err(Problem::new(Reason::NodeBudget, message));
        }
        let mut seen = BTreeMap::new();
        let mut objects = Vec::with_capacity(nodes.len());
        for node in nodes {
            let object = Manifest::new(node)?;
            check_kind(&object)?;
            check_marks(&object)?;
            check_size(&object, budgets)?;
            if seen.insert(object.id(), ()).is_some() {
                let message = format!("{} is rendered twice", object.id());
                return Err(Problem::new(Reason::DuplicateObject, message));
            }
            objects.push(object);
        }
        Ok(Self { objects, inputs })
    }

    /// The objects in output order.
    #[must_use]
    pub fn objects(&self) -> &[Manifest] {
        &self.objects
    }

    /// The objects, by value.
    #[must_use]
    pub fn into_objects(self) -> Vec<Manifest> {
        self.objects
    }

    /// The objects as YAML; of a kustomization exactly what `kustomize build` prints.
    #[must_use]
    pub fn to_yaml(&self) -> String {
        yaml::write_documents(self.objects.iter().map(Manifest::body))
    }

    /// Blobs and directories that were read, by path, and what was looked for and is not there, with an empty id: equal
    /// inputs give an equal render. [`is_current`](crate::is_current) compares them with another tree.
    #[must_use]
    pub fn inputs(&self) -> &[(RepoPath, BlobId)] {
        &self.inputs
    }
}

fn check_kind(object: &Manifest) -> Result<(), Problem> {
    let gvk = object.gvk();
    if is_denied(&gvk.group_kind()) {
        return Err(Problem::new(
            Reason::KindDenied,
            format!("{} is never delivered from Git", object.id()),
        ));
    }
    Ok(())
}

/// Marks by which muster finds what it owns are its own to set.
fn check_marks(object: &Manifest) -> Result<(), Problem> {
    let labels = [
        marks::APPLYSET_PART_OF,
        marks::APPLYSET_ID,
        marks::APPLICATION,
    ]
    .map(|key| ("labels", key));
    let annotations = [
        marks::APPLIED,
        marks::APPLYSET_TOOLING,
        marks::APPLYSET_GROUP_KINDS,
        marks::APPLYSET_NAMESPACES,
    ]
    .map(|key| ("annotations", key));
    for (field, key) in labels.into_iter().chain(annotations) {
        if object.body().at_path(&["metadata", field, key]).is_some() {
            let message = format!("{} sets {key}, which is muster's own", object.id());
            return Err(
                Problem::new(Reason::ReservedObject, message).field(format!("metadata.{field}"))
            );
        }
    }
    Ok(())
}

fn check_size(object: &Manifest, budgets: &Budgets) -> Result<(), Problem> {
    /// Kubernetes' limit on all annotations of an object (`TotalAnnotationSizeLimitB`): 256 KiB.
    const ANNOTATIONS: usize = 256 << 10;
    let annotations = object
        .body()
        .at_path(&["metadata", "annotations"])
        .and_then(Node::as_map);
    let bytes: usize = annotations
        .into_iter()
        .flat_map(|map| map.iter())
        .map(|(key, value)| key.len() + value.as_str().map_or(0, str::len))
        .sum();
    if bytes > ANNOTATIONS {
        let message = format!(
            "annotations of {} have {bytes} bytes; Kubernetes accepts {ANNOTATIONS}",
            object.id()
        );
        return Err(Problem::new(Reason::ObjectTooLarge, message).field("metadata.annotations"));
    }
    let size = json::to_string(object.body()).len();
    if size > budgets.object_bytes {
        let message = format!(
            "{} has {size} bytes, more than the {} allowed",
            object.id(),
            budgets.object_bytes
        );
        return Err(Problem::new(Reason::ObjectTooLarge, message));
    }
    Ok(())
}
