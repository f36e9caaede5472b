//! Cluster API.

use muster_model::observed::HealthReport;
use muster_model::{Health, Node};

use super::{conditions, healthy, optional_int, report};

pub(super) fn assess(kind: &str, object: &Node) -> Option<HealthReport> {
    let phase = object.str_at(&["status", "phase"]).unwrap_or_default();
    let paused = object.at_path(&["spec", "paused"]).and_then(Node::as_bool) == Some(true);
    match kind {
        "Cluster" | "MachineDeployment" if paused => {
            Some(report(Health::Suspended, "it is paused"))
        }
        "Cluster" if not_ready_for_good(object) => {
            Some(report(Health::Degraded, "the cluster is not ready"))
        }
        "Cluster" => Some(by_phase(phase, &["Provisioned"], &["Failed"])),
        "Machine" | "MachineDeployment" => Some(by_phase(phase, &["Running"], &["Failed"])),
        "MachinePool" => Some(by_phase(
            phase,
            &["Running", "Scaling"],
            &["Failed", "Unknown"],
        )),
        "MachineHealthCheck" => Some(health_check(object)),
        _ => None,
    }
}

fn by_phase(phase: &str, good: &[&str], bad: &[&str]) -> HealthReport {
    if good.contains(&phase) {
        healthy()
    } else if bad.contains(&phase) {
        report(Health::Degraded, "its phase says that it failed")
    } else {
        report(Health::Progressing, "its phase says that it is under way")
    }
}

/// While a cluster is provisioned normally its Ready condition is False with the severity `Info`.
fn not_ready_for_good(object: &Node) -> bool {
    conditions::of_status(object)
        .iter()
        .any(|c| c.is_false("Ready") && c.severity != "Info")
}

fn health_check(object: &Node) -> HealthReport {
    let count = |key| optional_int(object, &["status", key]);
    match (count("currentHealthy"), count("expectedMachines")) {
        (None, _) => report(Health::Progressing, "waiting for the check's status"),
        (current, expected) if current == expected => healthy(),
        _ => report(Health::Degraded, "fewer machines are healthy than expected"),
    }
}
