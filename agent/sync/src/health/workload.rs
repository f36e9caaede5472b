//! Deployment, StatefulSet, ReplicaSet, DaemonSet.

use muster_model::observed::HealthReport;
use muster_model::{Health, Node};

use super::{conditions, healthy, int, observed, optional_int, report};

const STATUS_UPDATED: &[&str] = &["status", "updatedReplicas"];
const STATUS_AVAILABLE: &[&str] = &["status", "availableReplicas"];

pub(super) fn deployment(object: &Node) -> HealthReport {
    if object.at_path(&["spec", "paused"]).and_then(Node::as_bool) == Some(true) {
        return report(Health::Suspended, "the Deployment is paused");
    }
    if !observed(object) {
        return not_observed();
    }
    let overdue = conditions::of_status(object)
        .iter()
        .any(|c| c.kind == "Progressing" && c.reason == "ProgressDeadlineExceeded");
    if overdue {
        return report(Health::Degraded, "the progress deadline is exceeded");
    }
    let updated = int(object, STATUS_UPDATED);
    let available = int(object, STATUS_AVAILABLE);
    let total = int(object, &["status", "replicas"]);
    match optional_int(object, &["spec", "replicas"]) {
        Some(wanted) if updated < wanted => {
            progressing(format!("{updated} of {wanted} replicas are updated"))
        }
        _ if total > updated => progressing(format!(
            "{} old replicas are still terminating",
            total - updated
        )),
        _ if available < updated => progressing(format!(
            "{available} of {updated} updated replicas are available"
        )),
        _ => healthy(),
    }
}

pub(super) fn replica_set(object: &Node) -> HealthReport {
    if !observed(object) {
        return not_observed();
    }
    let failing = conditions::of_status(object)
        .iter()
        .any(|c| c.is_true("ReplicaFailure"));
    if failing {
        return report(Health::Degraded, "pods cannot be created");
    }
    let available = int(object, STATUS_AVAILABLE);
    match optional_int(object, &["spec", "replicas"]) {
        Some(wanted) if available < wanted => {
            progressing(format!("{available} of {wanted} replicas are available"))
        }
        _ => healthy(),
    }
}

pub(super) fn stateful_set(object: &Node) -> HealthReport {
    if int(object, &["status", "observedGeneration"]) == 0 || !observed(object) {
        return not_observed();
    }
    let replicas = optional_int(object, &["spec", "replicas"]);
    let ready = int(object, &["status", "readyReplicas"]);
    if let Some(wanted) = replicas.filter(|wanted| ready < *wanted) {
        return progressing(format!("{ready} of {wanted} replicas are ready"));
    }
    let strategy = object.at_path(&["spec", "updateStrategy"]);
    match strategy.and_then(|s| s.str_at(&["type"])) {
        Some("RollingUpdate") => {
            let partial = strategy.and_then(|s| s.get("rollingUpdate"));
            if let Some(rolling) = partial.filter(|r| !r.is_null()) {
                return partitioned(object, replicas, rolling);
            }
        }
        Some("OnDelete") => return healthy(),
        _ => {}
    }
    let revision = |key| object.str_at(&["status", key]).unwrap_or_default();
    if revision("updateRevision") == revision("currentRevision") {
        healthy()
    } else {
        progressing(format!(
            "{} replicas are at the new revision",
            int(object, STATUS_UPDATED)
        ))
    }
}

/// A rolling update that stops at a partition.
fn partitioned(object: &Node, replicas: Option<i64>, rolling: &Node) -> HealthReport {
    let partition = optional_int(rolling, &["partition"]);
    let updated = int(object, STATUS_UPDATED);
    match replicas.zip(partition) {
        Some((replicas, partition)) if updated < replicas - partition => progressing(format!(
            "{updated} of {} replicas above the partition are updated",
            replicas - partition
        )),
        _ => healthy(),
    }
}

pub(super) fn daemon_set(object: &Node) -> HealthReport {
    if !observed(object) {
        return not_observed();
    }
    if object.str_at(&["spec", "updateStrategy", "type"]) == Some("OnDelete") {
        return healthy();
    }
    let wanted = int(object, &["status", "desiredNumberScheduled"]);
    let updated = int(object, &["status", "updatedNumberScheduled"]);
    let available = int(object, &["status", "numberAvailable"]);
    if updated < wanted {
        progressing(format!("{updated} of {wanted} pods are updated"))
    } else if available < wanted {
        progressing(format!("{available} of {wanted} pods are available"))
    } else {
        healthy()
    }
}

fn progressing(message: String) -> HealthReport {
    report(Health::Progressing, message)
}

fn not_observed() -> HealthReport {
    report(
        Health::Progressing,
        "its controller has not yet seen the last change",
    )
}
