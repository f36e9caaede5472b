//! Argo Workflows, Rollouts and Events, and ApplicationSets that live in the cluster.

use muster_model::observed::HealthReport;
use muster_model::{Health, Node};

use super::conditions::{self, Condition};
use super::{healthy, int, optional_int, report};

/// Annotation by which Argo Rollouts follows a referenced workload.
const WORKLOAD_GENERATION: &str = "rollout.argoproj.io/workload-generation";

pub(super) fn assess(kind: &str, object: &Node) -> Option<HealthReport> {
    match kind {
        "Rollout" => Some(rollout(object)),
        "AnalysisRun" | "Experiment" => Some(run(object)),
        "CronWorkflow" => Some(cron_workflow(object)),
        "ApplicationSet" => Some(application_set(object)),
        "EventBus" | "EventSource" | "Sensor" => Some(event(object)),
        _ => None,
    }
}

pub(super) fn workflow(object: &Node) -> HealthReport {
    match object.str_at(&["status", "phase"]).unwrap_or_default() {
        "" | "Pending" | "Running" => report(Health::Progressing, "the Workflow runs"),
        "Succeeded" => healthy(),
        "Failed" | "Error" => report(Health::Degraded, "the Workflow failed"),
        _ => report(Health::Unknown, "the Workflow's phase is not known"),
    }
}

fn run(object: &Node) -> HealthReport {
    match object.str_at(&["status", "phase"]).unwrap_or_default() {
        "" => report(Health::Progressing, "waiting for the run's status"),
        "Pending" | "Running" => report(Health::Progressing, "the run is under way"),
        "Successful" => healthy(),
        "Failed" | "Error" => report(Health::Degraded, "the run failed"),
        _ => report(Health::Unknown, "the run came to no conclusion"),
    }
}

fn cron_workflow(object: &Node) -> HealthReport {
    let failing = conditions::of_status(object)
        .iter()
        .any(|c| c.is_true("SpecError") || c.is_true("SubmissionError"));
    if failing {
        report(Health::Degraded, "the workflow cannot be submitted")
    } else {
        healthy()
    }
}

fn application_set(object: &Node) -> HealthReport {
    let conditions = conditions::of_status(object);
    let any = |test: fn(&Condition<'_>) -> bool| conditions.iter().any(test);
    if any(|c| c.is_true("ErrorOccurred")) || any(|c| c.is_false("ResourcesUpToDate")) {
        report(Health::Degraded, "the ApplicationSet reports an error")
    } else if any(|c| c.is_true("RolloutProgressing")) {
        report(Health::Progressing, "a rollout is under way")
    } else if any(|c| c.is_true("ResourcesUpToDate")) {
        healthy()
    } else {
        report(
            Health::Progressing,
            "waiting for the ApplicationSet's status",
        )
    }
}

/// Argo Events: every condition must hold.
fn event(object: &Node) -> HealthReport {
    let conditions = conditions::of_status(object);
    if conditions.is_empty() {
        report(Health::Progressing, "waiting for its status")
    } else if conditions.iter().any(|c| c.status == "False") {
        report(Health::Degraded, "a condition does not hold")
    } else if conditions.iter().any(|c| c.status != "True") {
        report(Health::Progressing, "a condition is not known yet")
    } else {
        healthy()
    }
}

fn rollout(object: &Node) -> HealthReport {
    if !rollout_observed(object) || !workload_observed(object) {
        return report(
            Health::Progressing,
            "its controller has not yet seen the last change",
        );
    }
    // From v1.0 on the controller says it in one word.
    if let Some(phase) = object.str_at(&["status", "phase"]) {
        return match phase {
            "Healthy" => healthy(),
            "Progressing" => report(Health::Progressing, "the Rollout is under way"),
            "Paused" => report(Health::Suspended, "the Rollout is paused"),
            "Degraded" => report(Health::Degraded, "the Rollout is degraded"),
            _ => report(Health::Unknown, "the Rollout's phase is not known"),
        };
    }
    rollout_failed(object)
        .or_else(|| rollout_paused(object))
        .or_else(|| rollout_replicas(object))
        .or_else(|| rollout_strategy(object))
        .unwrap_or_else(healthy)
}

/// Before v0.10 the observed generation was a hash: then there is nothing to compare.
fn rollout_observed(object: &Node) -> bool {
    let Some(status) = object.get("status").filter(|s| !s.is_null()) else {
        return false;
    };
    let generation = int(object, &["metadata", "generation"]);
    let seen = status
        .get("observedGeneration")
        .and_then(Node::raw_scalar)
        .and_then(|text| text.parse::<i64>().ok());
    seen.is_none_or(|seen| seen >= generation)
}

/// From v1.1 on a Rollout that refers to a workload follows that workload's generation.
fn workload_observed(object: &Node) -> bool {
    if object.at_path(&["spec", "workloadRef"]).is_none()
        || object.at_path(&["metadata", "annotations"]).is_none()
    {
        return true;
    }
    let number = |node: Option<&Node>| {
        node.and_then(Node::raw_scalar)
            .and_then(|text| text.parse::<i64>().ok())
    };
    number(object.at_path(&["metadata", "annotations", WORKLOAD_GENERATION]))
        == number(object.at_path(&["status", "workloadObservedGeneration"]))
}

fn rollout_failed(object: &Node) -> Option<HealthReport> {
    let failed = conditions::of_status(object).iter().any(|c| {
        c.kind == "InvalidSpec"
            || (c.kind == "Progressing"
                && matches!(c.reason, "RolloutAborted" | "ProgressDeadlineExceeded"))
    });
    failed.then(|| report(Health::Degraded, "the Rollout failed or was aborted"))
}

fn rollout_paused(object: &Node) -> Option<HealthReport> {
    let by_controller = object
        .at_path(&["status", "pauseConditions"])
        .and_then(Node::as_list)
        .is_some_and(|list| !list.is_empty());
    let by_user = object.at_path(&["spec", "paused"]).and_then(Node::as_bool) == Some(true);
    (by_controller || by_user).then(|| report(Health::Suspended, "the Rollout is paused"))
}

fn rollout_replicas(object: &Node) -> Option<HealthReport> {
    let wanted = optional_int(object, &["spec", "replicas"]).unwrap_or(1);
    let updated = int(object, &["status", "updatedReplicas"]);
    let available = int(object, &["status", "availableReplicas"]);
    let message = if object.at_path(&["status", "currentPodHash"]).is_none() {
        "waiting for the Rollout's status".to_owned()
    } else if updated < wanted {
        format!("{updated} of {wanted} replicas are updated")
    } else if available < updated {
        format!("{available} of {updated} updated replicas are available")
    } else {
        return None;
    };
    Some(report(Health::Progressing, message))
}

fn rollout_strategy(object: &Node) -> Option<HealthReport> {
    let status = object.get("status")?;
    let current = status.str_at(&["currentPodHash"]).unwrap_or_default();
    let stable = status
        .str_at(&["stableRS"])
        .or_else(|| status.str_at(&["canary", "stableRS"]))
        .unwrap_or_default();
    let strategy = object.at_path(&["spec", "strategy"])?;
    let message = if strategy.get("blueGreen").is_some() {
        if status.str_at(&["blueGreen", "activeSelector"]) != Some(current) {
            "the active service does not serve the new replicas yet"
        } else if !stable.is_empty() && stable != current {
            "waiting for the analysis"
        } else {
            return None;
        }
    } else if strategy.get("canary").is_some() {
        if int(status, &["replicas"]) > int(status, &["updatedReplicas"]) {
            "old replicas are still terminating"
        } else if stable != current || stable.is_empty() {
            "waiting for the canary's steps"
        } else {
            return None;
        }
    } else {
        return None;
    };
    Some(report(Health::Progressing, message))
}
