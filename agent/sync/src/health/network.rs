//! Service and Ingress.

use muster_model::observed::HealthReport;
use muster_model::{Health, Node};

use super::{healthy, report};

pub(super) fn service(object: &Node) -> HealthReport {
    if object.str_at(&["spec", "type"]) == Some("LoadBalancer") && !has_address(object) {
        report(Health::Progressing, "no load balancer address yet")
    } else {
        healthy()
    }
}

pub(super) fn ingress(object: &Node) -> HealthReport {
    if has_address(object) {
        healthy()
    } else {
        report(Health::Progressing, "no load balancer address yet")
    }
}

fn has_address(object: &Node) -> bool {
    object
        .at_path(&["status", "loadBalancer", "ingress"])
        .and_then(Node::as_list)
        .is_some_and(|addresses| !addresses.is_empty())
}
