//! Objects that run replicas: how many, what each asks for, and the same object with another number.

use muster_model::{Manifest, Map, Node};

use super::quantity::{Requests, requests_of};

/// What Karmada knows of an object that runs replicas.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Workload {
    /// How many replicas run in all clusters together.
    pub(super) replicas: i64,
    /// What each asks for.
    pub(super) requests: Requests,
    /// True when its Pods ask for anything at all: resources, or certain nodes.
    demanding: bool,
}

/// The kinds whose replicas can be divided.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// Deployment, ReplicaSet, StatefulSet: `spec.replicas`.
    Replicated,
    /// Job: `spec.parallelism`.
    Job,
    /// Pod: one, and always one.
    Pod,
}

fn kind_of(object: &Manifest) -> Option<Kind> {
    match (
        object.gvk().api_version().as_ref(),
        object.gvk().kind.as_str(),
    ) {
        ("apps/v1", "Deployment" | "ReplicaSet" | "StatefulSet") => Some(Kind::Replicated),
        ("batch/v1", "Job") => Some(Kind::Job),
        ("v1", "Pod") => Some(Kind::Pod),
        _ => None,
    }
}

impl Workload {
    /// What the object runs; `None` when it runs nothing that is counted.
    pub(super) fn of(object: &Manifest) -> Option<Self> {
        let kind = kind_of(object)?;
        let body = object.body();
        let number = |field: &str| body.at_path(&["spec", field]).and_then(Node::as_int);
        let (replicas, pod) = match kind {
            // What the API server fills in is one.
            Kind::Replicated => (
                number("replicas").unwrap_or(1),
                body.at_path(&["spec", "template", "spec"]),
            ),
            Kind::Job => {
                let parallelism = number("parallelism").unwrap_or(1);
                let completions = number("completions").unwrap_or(parallelism);
                (
                    parallelism.min(completions),
                    body.at_path(&["spec", "template", "spec"]),
                )
            }
            Kind::Pod => (1, body.at_path(&["spec"])),
        };
        let requests = pod.map(requests_of).unwrap_or_default();
        Some(Self {
            replicas: replicas.max(0),
            demanding: !requests.is_empty() || pod.is_some_and(asks_for_nodes),
            requests,
        })
    }

    /// True when replicas are given to clusters; else the object goes to every selected cluster, like a Service.
    ///
    /// A workload of no replicas that asks for nothing is such an object too, as in Karmada.
    pub(super) fn is_counted(&self) -> bool {
        self.replicas > 0 || self.demanding
    }
}

fn asks_for_nodes(pod: &Node) -> bool {
    let required = [
        "affinity",
        "nodeAffinity",
        "requiredDuringSchedulingIgnoredDuringExecution",
    ];
    let is_set = |node: Option<&Node>| node.is_some_and(|node| !node.is_null());
    is_set(pod.get("nodeSelector"))
        || is_set(pod.at_path(&required))
        || pod
            .get("tolerations")
            .and_then(Node::as_list)
            .is_some_and(|list| !list.is_empty())
}

/// The completions of a Job that has them written down.
pub(super) fn completions(object: &Manifest) -> Option<i64> {
    (kind_of(object)? == Kind::Job).then_some(())?;
    object.body().at_path(&["spec", "completions"])?.as_int()
}

/// The object with its share of replicas, and of a Job's completions.
pub(super) fn with_share(object: &Manifest, replicas: i64, completions: Option<i64>) -> Node {
    let mut body = object.body().clone();
    let field = match kind_of(object) {
        Some(Kind::Replicated) => "replicas",
        Some(Kind::Job) => "parallelism",
        Some(Kind::Pod) | None => return body,
    };
    let spec = body
        .as_map_mut()
        .map(|map| map.get_or_insert_with("spec", || Node::map(Map::new())))
        .and_then(Node::as_map_mut);
    if let Some(spec) = spec {
        // What is already so stays as it is written.
        if spec.get(field).and_then(Node::as_int) != Some(replicas) {
            spec.insert(field, Node::int(replicas));
        }
        if let Some(completions) = completions {
            spec.insert("completions", Node::int(completions));
        }
    }
    body
}
