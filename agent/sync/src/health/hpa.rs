//! HorizontalPodAutoscaler, every version.

use muster_model::observed::HealthReport;
use muster_model::{Health, Node, json};

use super::{conditions, healthy, report};

/// autoscaling/v1 keeps the conditions in this annotation, as JSON.
const V1_CONDITIONS: &str = "autoscaling.alpha.kubernetes.io/conditions";

/// Type and reason of conditions that say the autoscaler cannot work (gitops-engine has the same list).
const DEGRADED: &[(&str, &str)] = &[
    ("AbleToScale", "FailedGetScale"),
    ("AbleToScale", "FailedUpdateScale"),
    ("ScalingActive", "FailedComputeMetricsReplicas"),
    ("ScalingActive", "FailedGetExternalMetric"),
    ("ScalingActive", "FailedGetObjectMetric"),
    ("ScalingActive", "FailedGetPodsMetric"),
    ("ScalingActive", "FailedGetResourceMetric"),
    ("ScalingActive", "InvalidSelector"),
];

pub(super) fn autoscaler(object: &Node) -> HealthReport {
    if object.str_at(&["apiVersion"]) != Some("autoscaling/v1") {
        return judge(&conditions::of_status(object));
    }
    let Some(annotation) = object.str_at(&["metadata", "annotations", V1_CONDITIONS]) else {
        return waiting();
    };
    match json::from_slice(annotation.as_bytes()) {
        Ok(list) => judge(&conditions::of_list(&list)),
        Err(_) => report(Health::Unknown, "the conditions annotation is not JSON"),
    }
}

fn judge(conditions: &[conditions::Condition<'_>]) -> HealthReport {
    let failing = conditions
        .iter()
        .any(|c| DEGRADED.contains(&(c.kind, c.reason)));
    let able = conditions
        .iter()
        .any(|c| c.is_true("AbleToScale") || c.is_true("ScalingLimited"));
    if failing {
        report(Health::Degraded, "the autoscaler cannot compute a scale")
    } else if able {
        healthy()
    } else {
        waiting()
    }
}

fn waiting() -> HealthReport {
    report(Health::Progressing, "waiting to autoscale")
}
