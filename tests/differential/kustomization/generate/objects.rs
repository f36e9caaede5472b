//! Objects of every kind whose fields kustomize knows, and of kinds it does not.

use rand::Rng as _;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom as _;

use super::bodies;
use super::scalars;
use super::text::Y;

use crate::random::one_in;

/// Few names, so that references and collisions happen.
pub const NAMES: &[&str] = &["web", "db", "cache", "web-config", "sa"];
/// Namespaces of objects; empty: none.
pub const NAMESPACES: &[&str] = &["", "", "", "default", "prod", "dev"];
/// Images of containers.
pub const IMAGES: &[&str] = &[
    "nginx",
    "nginx:1.7.9",
    "nginx@sha256:abcdef",
    "nginx:1.7@sha256:abcdef",
    "registry.io:5000/team/app:v1",
    "registry.io/team/app",
    "busybox:latest",
    "app",
    "localhost:5000/nginx",
];

/// What an object is.
#[derive(Debug, Clone, Copy)]
pub struct Kind {
    /// apiVersion.
    pub version: &'static str,
    /// kind.
    pub kind: &'static str,
    /// What it has besides its metadata.
    pub shape: Shape,
}

/// What objects of a kind have.
#[derive(Debug, Clone, Copy)]
pub enum Shape {
    Workload,
    CronJob,
    Pod,
    Service,
    Data,
    Ingress,
    Scaler,
    Budget,
    Binding,
    Rules,
    Webhook,
    Volume,
    Policy,
    Custom,
    Bare,
}

const fn kind(version: &'static str, kind: &'static str, shape: Shape) -> Kind {
    Kind {
        version,
        kind,
        shape,
    }
}

/// Every kind.
pub const KINDS: &[Kind] = &[
    kind("apps/v1", "Deployment", Shape::Workload),
    kind("apps/v1", "Deployment", Shape::Workload),
    kind("apps/v1", "StatefulSet", Shape::Workload),
    kind("apps/v1", "DaemonSet", Shape::Workload),
    kind("apps/v1", "ReplicaSet", Shape::Workload),
    kind("batch/v1", "Job", Shape::Workload),
    kind("batch/v1", "CronJob", Shape::CronJob),
    kind("v1", "Pod", Shape::Pod),
    kind("v1", "Service", Shape::Service),
    kind("v1", "Service", Shape::Service),
    kind("v1", "ConfigMap", Shape::Data),
    kind("v1", "ConfigMap", Shape::Data),
    kind("v1", "Secret", Shape::Data),
    kind("networking.k8s.io/v1", "Ingress", Shape::Ingress),
    kind("networking.k8s.io/v1", "NetworkPolicy", Shape::Policy),
    kind("autoscaling/v2", "HorizontalPodAutoscaler", Shape::Scaler),
    kind("policy/v1", "PodDisruptionBudget", Shape::Budget),
    kind(
        "rbac.authorization.k8s.io/v1",
        "RoleBinding",
        Shape::Binding,
    ),
    kind(
        "rbac.authorization.k8s.io/v1",
        "ClusterRoleBinding",
        Shape::Binding,
    ),
    kind("rbac.authorization.k8s.io/v1", "Role", Shape::Rules),
    kind("rbac.authorization.k8s.io/v1", "ClusterRole", Shape::Rules),
    kind(
        "admissionregistration.k8s.io/v1",
        "ValidatingWebhookConfiguration",
        Shape::Webhook,
    ),
    kind(
        "admissionregistration.k8s.io/v1",
        "MutatingWebhookConfiguration",
        Shape::Webhook,
    ),
    kind("v1", "PersistentVolumeClaim", Shape::Volume),
    kind("v1", "ServiceAccount", Shape::Bare),
    kind("v1", "Namespace", Shape::Bare),
    kind(
        "apiextensions.k8s.io/v1",
        "CustomResourceDefinition",
        Shape::Custom,
    ),
    kind("example.com/v1", "Widget", Shape::Custom),
    kind("example.com/v1beta1", "Gadget", Shape::Custom),
    kind("v1", "PersistentVolume", Shape::Volume),
    kind("storage.k8s.io/v1", "StorageClass", Shape::Bare),
    kind("scheduling.k8s.io/v1", "PriorityClass", Shape::Bare),
];

/// An object's identity.
#[derive(Debug, Clone)]
pub struct Identity {
    /// What it is.
    pub kind: Kind,
    /// Its name.
    pub name: String,
    /// Its namespace; empty: none.
    pub namespace: String,
}

impl Identity {
    /// Any.
    pub fn random(rng: &mut StdRng) -> Self {
        Self {
            kind: *KINDS.choose(rng).unwrap_or(&KINDS[0]),
            name: pick(rng, NAMES),
            namespace: pick(rng, NAMESPACES),
        }
    }

    /// `apiVersion`, `kind` and `metadata` of the object.
    pub fn head(&self) -> Y {
        let mut metadata = Y::map([("name", Y::raw(&*self.name))]);
        if !self.namespace.is_empty() {
            metadata.push("namespace", Y::raw(&*self.namespace));
        }
        Y::map([
            ("apiVersion", Y::raw(self.kind.version)),
            ("kind", Y::raw(self.kind.kind)),
            ("metadata", metadata),
        ])
    }
}

/// One of several texts.
pub fn pick(rng: &mut StdRng, from: &[&str]) -> String {
    from.choose(rng).copied().unwrap_or_default().to_owned()
}

/// Labels or annotations.
pub fn texts(rng: &mut StdRng, any: bool) -> Y {
    const KEYS: &[&str] = &["app", "tier", "app.kubernetes.io/name", "team", "x"];
    let count = rng.random_range(0..3);
    let keys: Vec<_> = KEYS.choose_multiple(rng, count).copied().collect();
    Y::Map(
        keys.into_iter()
            .map(|key| {
                let value = if any {
                    scalars::text(rng)
                } else {
                    Y::raw(pick(rng, &["web", "db", "a", "'1'", "\"true\""]))
                };
                (key.to_owned(), value)
            })
            .collect(),
    )
}

/// A whole object.
pub fn object(rng: &mut StdRng, identity: &Identity) -> Y {
    let mut object = identity.head();
    if one_in(rng, 3) {
        let labels = texts(rng, false);
        object.child("metadata").push("labels", labels);
    }
    if one_in(rng, 4) {
        let annotations = texts(rng, true);
        object.child("metadata").push("annotations", annotations);
    }
    bodies::body(rng, identity, &mut object);
    object
}
