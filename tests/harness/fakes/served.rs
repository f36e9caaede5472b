//! The built-in kinds the fake API server serves.

use muster_model::kinds::{Scope, builtin_scope};
use muster_model::observed::ServedKind;
use muster_model::{GroupKind, Gvk};

/// One built-in kind.
#[derive(Debug, Clone, Copy)]
pub struct Builtin {
    group: &'static str,
    version: &'static str,
    kind: &'static str,
    plural: &'static str,
}

const fn kind(
    group: &'static str,
    version: &'static str,
    kind: &'static str,
    plural: &'static str,
) -> Builtin {
    Builtin {
        group,
        version,
        kind,
        plural,
    }
}

/// What a cluster of the bookstore's kind uses.
pub const BUILTIN: &[Builtin] = &[
    kind("", "v1", "ConfigMap", "configmaps"),
    kind("", "v1", "Endpoints", "endpoints"),
    kind("", "v1", "LimitRange", "limitranges"),
    kind("", "v1", "Namespace", "namespaces"),
    kind("", "v1", "PersistentVolume", "persistentvolumes"),
    kind("", "v1", "PersistentVolumeClaim", "persistentvolumeclaims"),
    kind("", "v1", "Pod", "pods"),
    kind("", "v1", "ResourceQuota", "resourcequotas"),
    kind("", "v1", "Secret", "secrets"),
    kind("", "v1", "Service", "services"),
    kind("", "v1", "ServiceAccount", "serviceaccounts"),
    kind(
        "admissionregistration.k8s.io",
        "v1",
        "MutatingWebhookConfiguration",
        "mutatingwebhookconfigurations",
    ),
    kind(
        "admissionregistration.k8s.io",
        "v1",
        "ValidatingWebhookConfiguration",
        "validatingwebhookconfigurations",
    ),
    kind(
        "apiextensions.k8s.io",
        "v1",
        "CustomResourceDefinition",
        "customresourcedefinitions",
    ),
    kind("apps", "v1", "DaemonSet", "daemonsets"),
    kind("apps", "v1", "Deployment", "deployments"),
    kind("apps", "v1", "ReplicaSet", "replicasets"),
    kind("apps", "v1", "StatefulSet", "statefulsets"),
    kind(
        "autoscaling",
        "v2",
        "HorizontalPodAutoscaler",
        "horizontalpodautoscalers",
    ),
    kind("batch", "v1", "CronJob", "cronjobs"),
    kind("batch", "v1", "Job", "jobs"),
    kind("discovery.k8s.io", "v1", "EndpointSlice", "endpointslices"),
    kind("networking.k8s.io", "v1", "Ingress", "ingresses"),
    kind("networking.k8s.io", "v1", "IngressClass", "ingressclasses"),
    kind(
        "networking.k8s.io",
        "v1",
        "NetworkPolicy",
        "networkpolicies",
    ),
    kind(
        "policy",
        "v1",
        "PodDisruptionBudget",
        "poddisruptionbudgets",
    ),
    kind(
        "rbac.authorization.k8s.io",
        "v1",
        "ClusterRole",
        "clusterroles",
    ),
    kind(
        "rbac.authorization.k8s.io",
        "v1",
        "ClusterRoleBinding",
        "clusterrolebindings",
    ),
    kind("rbac.authorization.k8s.io", "v1", "Role", "roles"),
    kind(
        "rbac.authorization.k8s.io",
        "v1",
        "RoleBinding",
        "rolebindings",
    ),
    kind(
        "scheduling.k8s.io",
        "v1",
        "PriorityClass",
        "priorityclasses",
    ),
    kind("storage.k8s.io", "v1", "StorageClass", "storageclasses"),
];

impl Builtin {
    /// As discovery lists it.
    #[must_use]
    pub fn served(&self) -> (GroupKind, ServedKind) {
        let group_kind = GroupKind::new(self.group, self.kind);
        let scope = builtin_scope(&group_kind).unwrap_or(Scope::Namespaced);
        (
            group_kind,
            served(self.plural, scope, vec![self.version.to_owned()]),
        )
    }
}

/// True for a kind that needs no definition.
#[must_use]
pub fn is_builtin(kind: &GroupKind) -> bool {
    BUILTIN
        .iter()
        .any(|builtin| kind.is(builtin.group, builtin.kind))
}

/// A kind with every verb.
#[must_use]
pub fn served(plural: &str, scope: Scope, versions: Vec<String>) -> ServedKind {
    let verbs = [
        "create", "delete", "get", "list", "patch", "update", "watch",
    ];
    ServedKind {
        plural: plural.to_owned(),
        scope,
        versions,
        verbs: verbs.into_iter().map(ToOwned::to_owned).collect(),
    }
}

/// The kind a CustomResourceDefinition asks for.
#[must_use]
pub fn served_by_crd(crd: &serde_json::Value) -> Option<(GroupKind, ServedKind)> {
    let spec = &crd["spec"];
    let group_kind = Gvk::parse(
        &format!("{}/v1", spec["group"].as_str()?),
        spec["names"]["kind"].as_str()?,
    );
    let scope = match spec["scope"].as_str()? {
        "Cluster" => Scope::Cluster,
        _ => Scope::Namespaced,
    };
    let versions = spec["versions"].as_array()?;
    let versions = versions
        .iter()
        .filter_map(|version| Some(version["name"].as_str()?.to_owned()));
    let plural = spec["names"]["plural"].as_str()?;
    Some((
        group_kind.group_kind(),
        served(plural, scope, versions.collect()),
    ))
}
