//! CustomResourceDefinition, APIService, PersistentVolumeClaim, PodDisruptionBudget.

use muster_model::observed::HealthReport;
use muster_model::{Health, Node};

use super::{conditions, healthy, report};

pub(super) fn crd(object: &Node) -> HealthReport {
    let conditions = conditions::of_status(object);
    let any = |kind: &str, status: &str| {
        conditions
            .iter()
            .any(|c| c.kind == kind && c.status == status)
    };
    let installing = conditions
        .iter()
        .any(|c| c.kind == "Established" && c.status != "True" && c.reason == "Installing");
    if conditions.is_empty() {
        report(Health::Progressing, "waiting for the definition's status")
    } else if any("Terminating", "True") {
        report(Health::Progressing, "the definition is terminating")
    } else if any("NamesAccepted", "False") {
        report(Health::Degraded, "the definition's names are not accepted")
    } else if any("NonStructuralSchema", "True") {
        report(
            Health::Degraded,
            "the definition's schema is not structural",
        )
    } else if any("Established", "True") {
        healthy()
    } else if installing {
        report(Health::Progressing, "the definition is being installed")
    } else {
        report(Health::Degraded, "the definition is not established")
    }
}

pub(super) fn api_service(object: &Node) -> HealthReport {
    let available = conditions::of_status(object)
        .iter()
        .find(|c| c.kind == "Available")
        .map(|c| c.status == "True");
    match available {
        Some(true) => healthy(),
        Some(false) => report(Health::Progressing, "the API service is not available"),
        None => report(Health::Progressing, "waiting for the API service's status"),
    }
}

pub(super) fn volume_claim(object: &Node) -> HealthReport {
    match object.str_at(&["status", "phase"]) {
        Some("Bound") => healthy(),
        Some("Pending") => report(Health::Progressing, "the claim is not bound yet"),
        Some("Lost") => report(Health::Degraded, "the claim lost its volume"),
        _ => report(Health::Unknown, "the claim's phase is not known"),
    }
}

/// `InsufficientPods` is what a budget is for, not a fault of it.
pub(super) fn disruption_budget(object: &Node) -> HealthReport {
    let conditions = conditions::of_status(object);
    if conditions.is_empty() {
        report(Health::Progressing, "waiting for the budget's status")
    } else if conditions
        .iter()
        .any(|c| c.status == "False" && c.reason != "InsufficientPods")
    {
        report(Health::Degraded, "the budget cannot be computed")
    } else {
        healthy()
    }
}
