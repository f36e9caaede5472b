//! `CloudNativePG`.

use muster_model::observed::HealthReport;
use muster_model::{Health, Node};

use super::{conditions, healthy, report};

/// Phases in which the cluster is being set up or grows.
const PROGRESSING: &[&str] = &[
    "Creating a new replica",
    "Promoting to primary cluster",
    "Setting up primary",
    "Upgrading cluster",
    "Waiting for the instances to become active",
];

/// Phases in which it serves with less than it should have, or not at all.
const DEGRADED: &[&str] = &[
    "Applying configuration",
    "Cluster cannot execute instance online upgrade due to missing architecture binary",
    "Cluster upgrade delayed",
    "Failing over",
    "Online upgrade in progress",
    "Primary instance is being restarted in-place",
    "Primary instance is being restarted without a switchover",
    "Switchover in progress",
    "Upgrading Postgres major version",
    "Waiting for user action",
];

/// Phases that a person must end.
const SUSPENDED: &[&str] = &[
    "Cluster cannot proceed to reconciliation due to an unknown plugin being required",
    "Cluster has incomplete or invalid image catalog",
    "Cluster is unrecoverable and needs manual intervention",
    "Unable to create required cluster objects",
];

pub(super) fn cluster(object: &Node) -> HealthReport {
    let reconciliation = object.str_at(&["metadata", "annotations", "cnpg.io/reconciliationLoop"]);
    if reconciliation == Some("disabled") {
        return report(Health::Suspended, "reconciliation is switched off");
    }
    let conditions = conditions::of_status(object);
    if object.at_path(&["status", "conditions"]).is_none() {
        return report(Health::Progressing, "waiting for the cluster's status");
    }
    if let Some(hibernation) = conditions.iter().find(|c| c.kind == "cnpg.io/hibernation") {
        return if hibernation.status == "True" {
            report(Health::Suspended, "the cluster hibernates")
        } else {
            report(
                Health::Degraded,
                "the cluster is between waking and hibernating",
            )
        };
    }
    let phase = object.str_at(&["status", "phase"]).unwrap_or_default();
    if phase == "Cluster in healthy state" {
        healthy()
    } else if PROGRESSING.contains(&phase) {
        report(Health::Progressing, "the cluster is being set up")
    } else if DEGRADED.contains(&phase) {
        report(Health::Degraded, "the cluster is not in its full state")
    } else if SUSPENDED.contains(&phase) {
        report(Health::Suspended, "the cluster waits for a person")
    } else {
        report(Health::Unknown, "the cluster's phase is not known")
    }
}
