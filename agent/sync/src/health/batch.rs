//! Job and CronJob.

use jiff::Timestamp;
use muster_model::observed::HealthReport;
use muster_model::{Health, Node};

use super::{conditions, healthy, report};

pub(super) fn job(object: &Node) -> HealthReport {
    let conditions = conditions::of_status(object);
    let has = |kind| conditions.iter().any(|c| c.kind == kind);
    if has("Failed") {
        report(Health::Degraded, "the Job failed")
    } else if conditions.iter().any(|c| c.is_true("Suspended")) {
        report(Health::Suspended, "the Job is suspended")
    } else if has("Complete") || has("Suspended") {
        healthy()
    } else {
        report(Health::Progressing, "the Job runs")
    }
}

/// True for a Job whose `Complete` condition holds.
pub(super) fn is_complete(object: &Node) -> bool {
    conditions::of_status(object)
        .iter()
        .any(|c| c.is_true("Complete"))
}

/// A suspended CronJob, and one that is running or has never run, count as healthy: nothing shows that they fail.
pub(super) fn cron_job(object: &Node) -> HealthReport {
    if object.at_path(&["spec", "suspend"]).and_then(Node::as_bool) == Some(true) {
        return report(Health::Healthy, "the CronJob is suspended");
    }
    let Some(status) = object.get("status").filter(|s| !s.is_null()) else {
        return report(Health::Progressing, "waiting for the CronJob's status");
    };
    let time = |key| {
        status
            .str_at(&[key])
            .and_then(|t| t.parse::<Timestamp>().ok())
    };
    let active = status
        .get("active")
        .and_then(Node::as_list)
        .is_some_and(|jobs| !jobs.is_empty());
    match (time("lastScheduleTime"), time("lastSuccessfulTime")) {
        (Some(scheduled), Some(succeeded)) if !active && succeeded < scheduled => {
            report(Health::Degraded, "the last run did not succeed")
        }
        _ => healthy(),
    }
}
