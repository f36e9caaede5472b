//! Gateway API.

use muster_model::observed::HealthReport;
use muster_model::{Health, Node};

use super::conditions::{self, Condition};
use super::{healthy, optional_int, report};

pub(super) fn assess(kind: &str, object: &Node) -> Option<HealthReport> {
    match kind {
        "Gateway" => Some(gateway(object)),
        "GatewayClass" => Some(class(object)),
        "HTTPRoute" | "GRPCRoute" | "TLSRoute" | "TCPRoute" | "UDPRoute" => Some(route(object)),
        "BackendTLSPolicy" => Some(policy(object)),
        _ => None,
    }
}

fn class(object: &Node) -> HealthReport {
    let accepted = conditions::of_status(object)
        .into_iter()
        .find(|c| c.kind == "Accepted" && is_current(object, c));
    match accepted.map(|c| c.status) {
        Some("True") => healthy(),
        Some("False") => report(Health::Degraded, "no controller accepts the class"),
        _ => waiting(),
    }
}

fn gateway(object: &Node) -> HealthReport {
    let own = conditions::of_status(object);
    let listeners = parts(object, "listeners");
    let judged = judge(&own).or_else(|| {
        listeners
            .iter()
            .find_map(|listener| judge(&conditions::of_part(listener)))
    });
    let spoken = object.at_path(&["status", "conditions"]).is_some() || !listeners.is_empty();
    match judged {
        Some(report) => report,
        None if spoken => healthy(),
        None => waiting(),
    }
}

/// A route counts by the parents that have seen its current generation.
fn route(object: &Node) -> HealthReport {
    let current: Vec<_> = parts(object, "parents")
        .iter()
        .map(conditions::of_part)
        .filter(|conditions| {
            !conditions.is_empty() && conditions.iter().all(|c| is_current(object, c))
        })
        .collect();
    if current.is_empty() {
        return waiting();
    }
    current
        .iter()
        .find_map(|conditions| judge(conditions))
        .unwrap_or_else(healthy)
}

/// A policy waits for every ancestor.
fn policy(object: &Node) -> HealthReport {
    let ancestors: Vec<_> = parts(object, "ancestors")
        .iter()
        .map(conditions::of_part)
        .collect();
    let mut all = ancestors.iter().flatten();
    if all.clone().any(|c| !is_current(object, c)) {
        return waiting();
    }
    let refused =
        |c: &Condition<'_>| matches!(c.kind, "Accepted" | "ResolvedRefs") && c.status != "True";
    if all.clone().any(refused) {
        report(Health::Degraded, "an ancestor does not accept the policy")
    } else if all.any(|c| c.kind == "Accepted") {
        healthy()
    } else {
        waiting()
    }
}

/// What one set of conditions says against health, `None` when nothing.
fn judge(conditions: &[Condition<'_>]) -> Option<HealthReport> {
    if conditions.iter().any(|c| c.is_false("ResolvedRefs")) {
        Some(report(Health::Degraded, "a reference cannot be resolved"))
    } else if conditions.iter().any(|c| c.is_false("Accepted")) {
        Some(report(Health::Degraded, "it is not accepted"))
    } else if conditions
        .iter()
        .any(|c| c.kind == "Programmed" && c.status != "True")
    {
        Some(report(Health::Progressing, "it is being programmed"))
    } else {
        None
    }
}

fn parts<'a>(object: &'a Node, key: &str) -> &'a [Node] {
    object
        .at_path(&["status", key])
        .and_then(Node::as_list)
        .unwrap_or_default()
}

/// A condition without a generation, or of an object without one, counts.
fn is_current(object: &Node, condition: &Condition<'_>) -> bool {
    match (
        optional_int(object, &["metadata", "generation"]),
        condition.observed,
    ) {
        (Some(generation), Some(observed)) => generation == observed,
        _ => true,
    }
}

fn waiting() -> HealthReport {
    report(Health::Progressing, "waiting for its controller's status")
}
