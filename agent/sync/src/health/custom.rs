//! Custom resources by their standard conditions (KEP-1623, kstatus, Knative, Flux, Crossplane all write them).

use muster_model::observed::HealthReport;
use muster_model::{Health, Node};

use super::conditions::{self, Condition};
use super::{healthy, int, optional_int, report};

/// Conditions that alone say that the object does what it should. Only the first one present is asked.
const POSITIVE: &[&str] = &["Ready", "Available", "Established", "Healthy"];
/// Conditions that, when true, say that it does not, and will not by itself.
const STALLED: &[&str] = &["Stalled", "Degraded", "Failed", "Failure", "InvalidSpec"];
/// Conditions that, when true, say that work is going on.
const WORKING: &[&str] = &["Reconciling", "Progressing", "Issuing", "Terminating"];
/// Words in a reason that say that something is still going on.
const WORKING_WORDS: &[&str] = &[
    "Progress",
    "Pending",
    "Creating",
    "Waiting",
    "Installing",
    "Initializing",
    "Provisioning",
    "Starting",
    "Reconciling",
    "Scheduling",
    "Updating",
];
/// Words in a reason that say that something went wrong.
const FAILED_WORDS: &[&str] = &["Fail", "Error", "Invalid", "Denied", "Unauthorized"];

/// cert-manager and External Secrets: Ready decides, and no status yet means on the way.
pub(super) fn by_ready(kind: &str, object: &Node) -> Option<HealthReport> {
    let known = matches!(
        kind,
        "Certificate"
            | "Issuer"
            | "ClusterIssuer"
            | "ExternalSecret"
            | "PushSecret"
            | "SecretStore"
            | "ClusterSecretStore"
            | "ClusterExternalSecret"
    );
    if !known {
        return None;
    }
    let conditions = conditions::of_status(object);
    let any = |test: fn(&Condition<'_>) -> bool| conditions.iter().any(test);
    // A ClusterExternalSecret appends one condition after the other: the last one counts.
    let last = conditions.last();
    Some(if any(|c| c.is_true("Issuing")) {
        report(Health::Progressing, "it is being issued")
    } else if kind == "ClusterExternalSecret" {
        match last.map(|c| (c.kind, c.status)) {
            Some(("Ready", "True")) => healthy(),
            Some(("PartiallyReady" | "NotReady", "True")) => {
                report(Health::Degraded, "it is not ready everywhere")
            }
            _ => report(Health::Progressing, "waiting for its status"),
        }
    } else if any(|c| c.is_false("Ready")) {
        report(Health::Degraded, "it is not ready")
    } else if any(|c| c.is_true("Ready")) {
        healthy()
    } else {
        report(Health::Progressing, "waiting for its status")
    })
}

/// Any other custom resource. `None` when it has no standard condition at all: nobody assesses it then.
pub(super) fn by_standard_conditions(object: &Node) -> Option<HealthReport> {
    let all = conditions::of_status(object);
    let decisive = POSITIVE
        .iter()
        .find_map(|kind| all.iter().find(|c| c.kind == *kind));
    let any = |kinds: &[&str]| {
        all.iter()
            .any(|c| c.status == "True" && kinds.contains(&c.kind))
    };
    if decisive.is_none() && !any(STALLED) && !any(WORKING) {
        return None;
    }
    if is_stale(object, &all) {
        return Some(report(
            Health::Progressing,
            "its controller has not yet seen the last change",
        ));
    }
    let ready = decisive.is_some_and(|c| c.status == "True");
    Some(match (any(STALLED), ready) {
        // Contradictory: an operator may degrade while it still serves.
        (true, true) => report(Health::Unknown, "its conditions contradict each other"),
        (true, false) => report(Health::Degraded, "a condition says that it failed"),
        (false, true) if any(&["Reconciling"]) => {
            report(Health::Progressing, "its controller is at work")
        }
        (false, true) => healthy(),
        (false, false) if any(WORKING) => report(Health::Progressing, "its controller is at work"),
        (false, false) => not_ready(decisive),
    })
}

/// A decisive condition that does not hold: the reason's words tell failing from starting, or nobody can.
fn not_ready(decisive: Option<&Condition<'_>>) -> HealthReport {
    let Some(condition) = decisive else {
        return report(Health::Unknown, "its conditions are not understood");
    };
    let says = |words: &[&str]| words.iter().any(|word| condition.reason.contains(word));
    match (says(FAILED_WORDS), says(WORKING_WORDS)) {
        _ if condition.status == "Unknown" => {
            report(Health::Progressing, "it is not known yet to be ready")
        }
        (true, false) => report(Health::Degraded, "it is not ready, and says that it failed"),
        (false, true) => report(Health::Progressing, "it is not ready yet"),
        (true, true) | (false, false) => report(
            Health::Unknown,
            "it is not ready, and does not say whether it will be",
        ),
    }
}

/// True when the status, or one of its conditions, is of an older generation.
fn is_stale(object: &Node, conditions: &[Condition<'_>]) -> bool {
    let generation = int(object, &["metadata", "generation"]);
    let older = |observed: Option<i64>| observed.is_some_and(|observed| observed < generation);
    older(optional_int(object, &["status", "observedGeneration"]))
        || conditions
            .iter()
            .filter(|c| POSITIVE.contains(&c.kind))
            .any(|c| older(c.observed))
}
