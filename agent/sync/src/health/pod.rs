//! Pod.

use muster_model::observed::HealthReport;
use muster_model::{Health, Node};

use super::{conditions, healthy, report};

/// Argo CD's annotation that judges a Pod as if it were restarted always.
const IGNORE_RESTART_POLICY: &str = "argocd.argoproj.io/ignore-restart-policy";

pub(super) fn pod(object: &Node) -> HealthReport {
    let long_lived = is_long_lived(object);
    if long_lived && containers(object).any(is_stuck) {
        return report(Health::Degraded, "a container cannot start");
    }
    match object.str_at(&["status", "phase"]) {
        Some("Pending") => report(Health::Progressing, "the Pod is pending"),
        Some("Succeeded") => healthy(),
        Some("Failed") => report(Health::Degraded, "the Pod failed"),
        Some("Running") if long_lived => running(object),
        Some("Running") => report(Health::Progressing, "the Pod runs to its end"),
        _ => report(Health::Unknown, "the Pod's phase is not known"),
    }
}

fn running(object: &Node) -> HealthReport {
    if conditions::of_status(object)
        .iter()
        .any(|c| c.is_true("Ready"))
    {
        healthy()
    } else if containers(object).any(|c| c.at_path(&["lastState", "terminated"]).is_some()) {
        report(Health::Degraded, "a container was restarted")
    } else {
        report(Health::Progressing, "the Pod is not ready yet")
    }
}

/// A Pod with a restart policy of `OnFailure` or `Never` runs to its end: running is not yet healthy. The annotation
/// says otherwise, except for hooks.
fn is_long_lived(object: &Node) -> bool {
    let annotation = |key| object.str_at(&["metadata", "annotations", key]);
    let is_hook =
        annotation("argocd.argoproj.io/hook").is_some() || annotation("helm.sh/hook").is_some();
    object.str_at(&["spec", "restartPolicy"]) == Some("Always")
        || (annotation(IGNORE_RESTART_POLICY) == Some("true") && !is_hook)
}

fn containers(object: &Node) -> impl Iterator<Item = &Node> {
    object
        .at_path(&["status", "containerStatuses"])
        .and_then(Node::as_list)
        .unwrap_or_default()
        .iter()
}

/// Waiting for a reason that does not pass by itself: `ErrImagePull`, `CreateContainerError`, `CrashLoopBackOff`, ….
fn is_stuck(container: &Node) -> bool {
    container
        .str_at(&["state", "waiting", "reason"])
        .is_some_and(|reason| {
            reason.starts_with("Err") || reason.ends_with("Error") || reason.ends_with("BackOff")
        })
}
