//! A live object, reduced on arrival to what decisions need.

use std::collections::BTreeSet;
use std::sync::Arc;

use muster_model::marks::{self, AppliedMark};
use muster_model::observed::{ManagedEntry, Record};
use muster_model::{Gvk, Node, ObjectId, json};

use crate::health;
use crate::mutated::mutated;
use crate::namespace::reduce_namespace;
use crate::options;

/// Longest `fieldsV1` of another manager that is kept, in bytes. An autoscaler's entry has about 40; entries above
/// this size belong to tools that own the object as a whole, and only their names matter.
const MAX_FOREIGN_FIELDS: usize = 2048;

/// Labels and annotations by which other tools claim an object: where, key, value (`None`: any), tool.
const CLAIMS: &[(&str, &str, Option<&str>, &str)] = &[
    (
        "labels",
        "app.kubernetes.io/managed-by",
        Some("Helm"),
        "helm",
    ),
    ("annotations", "meta.helm.sh/release-name", None, "helm"),
    (
        "annotations",
        "argocd.argoproj.io/tracking-id",
        None,
        "argocd",
    ),
    ("labels", "argocd.argoproj.io/instance", None, "argocd"),
    ("labels", "kustomize.toolkit.fluxcd.io/name", None, "flux"),
    ("labels", "helm.toolkit.fluxcd.io/name", None, "flux"),
    (
        "annotations",
        "configmanagement.gke.io/managed",
        Some("enabled"),
        "config-sync",
    ),
    ("labels", "kapp.k14s.io/app", None, "kapp"),
    ("labels", "objectset.rio.cattle.io/hash", None, "rancher"),
];

/// Managers that are one of those tools, where the label alone would not say so.
const CLAIMING_MANAGERS: &[(&str, &str)] = &[
    ("argocd-controller", "argocd"),
    ("helm", "helm"),
    ("kustomize-controller", "flux"),
];

/// Reduces a live object, or its metadata alone, to a record.
#[must_use]
pub fn reduce(object: &Node) -> Record {
    let empty = Node::null();
    let metadata = object.get("metadata").unwrap_or(&empty);
    let text = |key| metadata.str_at(&[key]).unwrap_or_default().to_owned();
    let annotation = |key| metadata.str_at(&["annotations", key]);
    let managers = managers(metadata);
    Record {
        uid: text("uid"),
        resource_version: text("resourceVersion"),
        generation: metadata
            .get("generation")
            .and_then(Node::as_int)
            .unwrap_or(0),
        created: metadata
            .str_at(&["creationTimestamp"])
            .and_then(|at| at.parse().ok()),
        deleting: metadata
            .get("deletionTimestamp")
            .is_some_and(|at| !at.is_null()),
        finalizers: texts(metadata.get("finalizers")),
        part_of: metadata
            .str_at(&["labels", marks::APPLYSET_PART_OF])
            .map(ToOwned::to_owned),
        applied: annotation(marks::APPLIED).and_then(AppliedMark::parse),
        claims: claims(metadata, &managers),
        controller: controller(metadata),
        managers,
        sync_options: annotation(options::SYNC_OPTIONS).map(ToOwned::to_owned),
        health: health::assess(object),
        complete: health::is_complete_job(object),
        scale_target: scale_target(object, &text("namespace")),
        wave: annotation(options::SYNC_WAVE)
            .and_then(|wave| wave.parse().ok())
            .unwrap_or(0),
        namespace: reduce_namespace(object),
        mutated: Vec::new(),
    }
}

/// Reduces the answer to an apply, and notes which values are not the ones sent (HAZARDS.md T-80).
#[must_use]
pub fn reduce_response(sent: &Node, response: &Node) -> Record {
    Record {
        mutated: mutated(sent, response),
        ..reduce(response)
    }
}

fn texts(list: Option<&Node>) -> Vec<String> {
    list.and_then(Node::as_list)
        .unwrap_or_default()
        .iter()
        .filter_map(|item| Some(item.as_str()?.to_owned()))
        .collect()
}

/// Our own entry keeps its fields; so do small ones of others, which may own a yielded field. Fields of the status
/// are never ours to decide about.
fn managers(metadata: &Node) -> Vec<ManagedEntry> {
    let entries = metadata
        .get("managedFields")
        .and_then(Node::as_list)
        .unwrap_or_default();
    entries
        .iter()
        .filter_map(|entry| {
            let text = |key| entry.str_at(&[key]).unwrap_or_default().to_owned();
            let manager = entry.str_at(&["manager"])?.to_owned();
            let operation = text("operation");
            let subresource = text("subresource");
            let own = operation == "Apply" && manager.starts_with(MANAGER_PREFIX);
            let fields = entry
                .get("fieldsV1")
                .filter(|_| own || subresource != "status")
                .map(json::to_string)
                .filter(|fields| own || fields.len() <= MAX_FOREIGN_FIELDS)
                .map(Arc::from);
            Some(ManagedEntry {
                manager,
                operation,
                subresource,
                fields,
            })
        })
        .collect()
}

/// Every muster's field manager starts so: `muster.<fleet>` (DESIGN.md section 5).
pub const MANAGER_PREFIX: &str = "muster.";

fn claims(metadata: &Node, managers: &[ManagedEntry]) -> BTreeSet<String> {
    let labelled = CLAIMS.iter().filter(|(section, key, value, _)| {
        let found = metadata.str_at(&[section, key]);
        found.is_some_and(|found| value.is_none_or(|value| value == found))
    });
    let managed = CLAIMING_MANAGERS
        .iter()
        .filter(|(manager, _)| managers.iter().any(|entry| entry.manager == *manager));
    labelled
        .map(|(.., tool)| (*tool).to_owned())
        .chain(managed.map(|(_, tool)| (*tool).to_owned()))
        .collect()
}

/// `Kind/name uid` of the owner with `controller: true`.
fn controller(metadata: &Node) -> Option<String> {
    let owners = metadata.get("ownerReferences")?.as_list()?;
    let owner = owners
        .iter()
        .find(|owner| owner.get("controller").and_then(Node::as_bool) == Some(true))?;
    let text = |key| owner.str_at(&[key]).unwrap_or_default();
    Some(format!("{}/{} {}", text("kind"), text("name"), text("uid")))
}

/// What a HorizontalPodAutoscaler or a KEDA ScaledObject scales.
#[must_use]
pub fn scale_target(object: &Node, namespace: &str) -> Option<ObjectId> {
    let gvk = Gvk::parse(object.str_at(&["apiVersion"])?, object.str_at(&["kind"])?);
    let (default_version, default_kind) = match (gvk.group.as_str(), gvk.kind.as_str()) {
        ("autoscaling", "HorizontalPodAutoscaler") => ("", ""),
        ("keda.sh", "ScaledObject") => ("apps/v1", "Deployment"),
        _ => return None,
    };
    let target = object.at_path(&["spec", "scaleTargetRef"])?;
    let text = |key, default| target.str_at(&[key]).unwrap_or(default);
    let target_gvk = Gvk::parse(
        text("apiVersion", default_version),
        text("kind", default_kind),
    );
    Some(ObjectId::new(
        target_gvk.group,
        target_gvk.kind,
        namespace,
        target.str_at(&["name"])?,
    ))
}

#[cfg(test)]
mod tests;
