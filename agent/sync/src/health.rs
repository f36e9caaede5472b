//! The health of a live object, as Argo CD assesses it.
//!
//! Built-in kinds follow gitops-engine's rules; well-known custom resources follow the rules of Argo CD's
//! customisations; any other custom resource is judged by standard conditions alone, and only where those leave no
//! doubt. Messages are our own words: what an API server or a controller wrote may quote a Secret.

mod argo;
mod batch;
mod cluster;
mod clusterapi;
mod cnpg;
mod conditions;
mod custom;
mod gateway;
mod hpa;
mod network;
mod pod;
mod workload;

use muster_model::observed::HealthReport;
use muster_model::{Gvk, Health, Node};

/// Assesses a live object. `None` for kinds whose health nobody assesses (a ConfigMap, a custom resource without
/// conditions): they count as neither healthy nor unhealthy. `Unknown` where the object has something to say that is
/// not understood.
#[must_use]
pub fn assess(object: &Node) -> Option<HealthReport> {
    let gvk = gvk(object)?;
    if let Some(report) = deleting(object) {
        return Some(report);
    }
    builtin(&gvk, object)
        .or_else(|| kubernetes(&gvk, object))
        .or_else(|| well_known(&gvk, object))
        .or_else(|| {
            is_custom(&gvk.group)
                .then(|| custom::by_standard_conditions(object))
                .flatten()
        })
}

/// Assesses only the kinds that gitops-engine has a rule for: `None` for every other.
#[must_use]
pub fn assess_builtin(object: &Node) -> Option<HealthReport> {
    let gvk = gvk(object)?;
    deleting(object).or_else(|| builtin(&gvk, object))
}

/// True for kinds whose whole object the watch must read, because health lies in their status.
#[must_use]
pub fn is_assessed(group: &str, kind: &str) -> bool {
    match group {
        "" => matches!(kind, "Service" | "PersistentVolumeClaim" | "Pod"),
        "apps" => matches!(
            kind,
            "Deployment" | "StatefulSet" | "ReplicaSet" | "DaemonSet"
        ),
        "extensions" | "networking.k8s.io" => kind == "Ingress",
        "apiregistration.k8s.io" => kind == "APIService",
        "apiextensions.k8s.io" => kind == "CustomResourceDefinition",
        "batch" => matches!(kind, "Job" | "CronJob"),
        "autoscaling" => kind == "HorizontalPodAutoscaler",
        "policy" => kind == "PodDisruptionBudget",
        _ => is_custom(group),
    }
}

/// The rules of gitops-engine.
fn builtin(gvk: &Gvk, object: &Node) -> Option<HealthReport> {
    let rule: fn(&Node) -> HealthReport = match (gvk.group.as_str(), gvk.kind.as_str()) {
        ("apps", "Deployment") => workload::deployment,
        ("apps", "StatefulSet") => workload::stateful_set,
        ("apps", "ReplicaSet") => workload::replica_set,
        ("apps", "DaemonSet") => workload::daemon_set,
        ("extensions" | "networking.k8s.io", "Ingress") => network::ingress,
        ("argoproj.io", "Workflow") => argo::workflow,
        ("apiregistration.k8s.io", "APIService") => cluster::api_service,
        ("", "Service") => network::service,
        ("", "PersistentVolumeClaim") => cluster::volume_claim,
        ("", "Pod") => pod::pod,
        ("batch", "Job") => batch::job,
        ("autoscaling", "HorizontalPodAutoscaler") => hpa::autoscaler,
        _ => return None,
    };
    Some(rule(object))
}

/// Further built-in kinds, which Argo CD assesses by customisation.
fn kubernetes(gvk: &Gvk, object: &Node) -> Option<HealthReport> {
    match (gvk.group.as_str(), gvk.kind.as_str()) {
        ("apiextensions.k8s.io", "CustomResourceDefinition") => Some(cluster::crd(object)),
        ("batch", "CronJob") => Some(batch::cron_job(object)),
        ("policy", "PodDisruptionBudget") => Some(cluster::disruption_budget(object)),
        _ => None,
    }
}

/// Custom resources whose controllers are well known.
fn well_known(gvk: &Gvk, object: &Node) -> Option<HealthReport> {
    match gvk.group.as_str() {
        "argoproj.io" => argo::assess(&gvk.kind, object),
        "cluster.x-k8s.io" => clusterapi::assess(&gvk.kind, object),
        "gateway.networking.k8s.io" => gateway::assess(&gvk.kind, object),
        "postgresql.cnpg.io" if gvk.kind == "Cluster" => Some(cnpg::cluster(object)),
        "cert-manager.io" | "external-secrets.io" => custom::by_ready(&gvk.kind, object),
        _ => None,
    }
}

/// True for groups outside Kubernetes itself: theirs end in a domain other than `k8s.io`, or are CRD groups of it.
fn is_custom(group: &str) -> bool {
    let builtin = !group.contains('.')
        || matches!(
            group,
            "admissionregistration.k8s.io"
                | "apiextensions.k8s.io"
                | "apiregistration.k8s.io"
                | "authentication.k8s.io"
                | "authorization.k8s.io"
                | "certificates.k8s.io"
                | "coordination.k8s.io"
                | "discovery.k8s.io"
                | "events.k8s.io"
                | "flowcontrol.apiserver.k8s.io"
                | "internal.apiserver.k8s.io"
                | "networking.k8s.io"
                | "node.k8s.io"
                | "rbac.authorization.k8s.io"
                | "resource.k8s.io"
                | "scheduling.k8s.io"
                | "storage.k8s.io"
                | "storagemigration.k8s.io"
        );
    !builtin
}

fn gvk(object: &Node) -> Option<Gvk> {
    Some(Gvk::parse(
        object.str_at(&["apiVersion"])?,
        object.str_at(&["kind"])?,
    ))
}

/// An object that is being deleted is on its way, whatever its status says.
fn deleting(object: &Node) -> Option<HealthReport> {
    object
        .at_path(&["metadata", "deletionTimestamp"])
        .filter(|at| !at.is_null())
        .map(|_| report(Health::Progressing, "is being deleted"))
}

/// A report in our own words.
fn report(health: Health, message: impl Into<String>) -> HealthReport {
    HealthReport {
        health,
        message: message.into(),
    }
}

/// Healthy, with nothing to add.
fn healthy() -> HealthReport {
    report(Health::Healthy, "")
}

/// The integer at a path, 0 where there is none.
fn int(object: &Node, path: &[&str]) -> i64 {
    optional_int(object, path).unwrap_or(0)
}

/// The integer at a path.
fn optional_int(object: &Node, path: &[&str]) -> Option<i64> {
    object.at_path(path).and_then(Node::as_int)
}

/// True when `status.observedGeneration` reached `metadata.generation` (an absent one counts as 0).
fn observed(object: &Node) -> bool {
    int(object, &["status", "observedGeneration"]) >= int(object, &["metadata", "generation"])
}

/// True for a Job seen complete.
#[must_use]
pub fn is_complete_job(object: &Node) -> bool {
    gvk(object).is_some_and(|gvk| gvk.group == "batch" && gvk.kind == "Job")
        && batch::is_complete(object)
}
