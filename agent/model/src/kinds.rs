//! Which built-in kinds are namespaced, and what is known of the others.

use std::collections::BTreeMap;

use crate::object::GroupKind;

/// Whether a kind lives in namespaces.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize,
)]
pub enum Scope {
    /// One object for the whole cluster.
    Cluster,
    /// One object for each namespace.
    Namespaced,
}

/// Cluster-scoped kinds of Kubernetes 1.37's API groups (`kubectl api-resources --namespaced=false`).
const CLUSTER_SCOPED: &[(&str, &str)] = &[
    ("", "ComponentStatus"),
    ("", "Namespace"),
    ("", "Node"),
    ("", "PersistentVolume"),
    ("admissionregistration.k8s.io", "MutatingAdmissionPolicy"),
    (
        "admissionregistration.k8s.io",
        "MutatingAdmissionPolicyBinding",
    ),
    (
        "admissionregistration.k8s.io",
        "MutatingWebhookConfiguration",
    ),
    ("admissionregistration.k8s.io", "ValidatingAdmissionPolicy"),
    (
        "admissionregistration.k8s.io",
        "ValidatingAdmissionPolicyBinding",
    ),
    (
        "admissionregistration.k8s.io",
        "ValidatingWebhookConfiguration",
    ),
    ("apiextensions.k8s.io", "CustomResourceDefinition"),
    ("apiregistration.k8s.io", "APIService"),
    ("authentication.k8s.io", "SelfSubjectReview"),
    ("authentication.k8s.io", "TokenReview"),
    ("authorization.k8s.io", "SelfSubjectAccessReview"),
    ("authorization.k8s.io", "SelfSubjectRulesReview"),
    ("authorization.k8s.io", "SubjectAccessReview"),
    ("certificates.k8s.io", "CertificateSigningRequest"),
    ("certificates.k8s.io", "ClusterTrustBundle"),
    ("flowcontrol.apiserver.k8s.io", "FlowSchema"),
    ("flowcontrol.apiserver.k8s.io", "PriorityLevelConfiguration"),
    ("internal.apiserver.k8s.io", "StorageVersion"),
    ("networking.k8s.io", "IPAddress"),
    ("networking.k8s.io", "IngressClass"),
    ("networking.k8s.io", "ServiceCIDR"),
    ("node.k8s.io", "RuntimeClass"),
    ("rbac.authorization.k8s.io", "ClusterRole"),
    ("rbac.authorization.k8s.io", "ClusterRoleBinding"),
    ("resource.k8s.io", "DeviceClass"),
    ("resource.k8s.io", "DeviceTaintRule"),
    ("resource.k8s.io", "ResourceSlice"),
    ("scheduling.k8s.io", "PriorityClass"),
    ("storage.k8s.io", "CSIDriver"),
    ("storage.k8s.io", "CSINode"),
    ("storage.k8s.io", "StorageClass"),
    ("storage.k8s.io", "VolumeAttachment"),
    ("storage.k8s.io", "VolumeAttributesClass"),
    ("storagemigration.k8s.io", "StorageVersionMigration"),
];

/// Namespaced kinds of Kubernetes 1.37's API groups.
const NAMESPACED: &[(&str, &str)] = &[
    ("", "ConfigMap"),
    ("", "Endpoints"),
    ("", "Event"),
    ("", "LimitRange"),
    ("", "PersistentVolumeClaim"),
    ("", "Pod"),
    ("", "PodTemplate"),
    ("", "ReplicationController"),
    ("", "ResourceQuota"),
    ("", "Secret"),
    ("", "Service"),
    ("", "ServiceAccount"),
    ("apps", "ControllerRevision"),
    ("apps", "DaemonSet"),
    ("apps", "Deployment"),
    ("apps", "ReplicaSet"),
    ("apps", "StatefulSet"),
    ("authorization.k8s.io", "LocalSubjectAccessReview"),
    ("autoscaling", "HorizontalPodAutoscaler"),
    ("batch", "CronJob"),
    ("batch", "Job"),
    ("coordination.k8s.io", "Lease"),
    ("coordination.k8s.io", "LeaseCandidate"),
    ("discovery.k8s.io", "EndpointSlice"),
    ("events.k8s.io", "Event"),
    ("networking.k8s.io", "Ingress"),
    ("networking.k8s.io", "NetworkPolicy"),
    ("policy", "PodDisruptionBudget"),
    ("rbac.authorization.k8s.io", "Role"),
    ("rbac.authorization.k8s.io", "RoleBinding"),
    ("resource.k8s.io", "ResourceClaim"),
    ("resource.k8s.io", "ResourceClaimTemplate"),
    ("storage.k8s.io", "CSIStorageCapacity"),
];

/// The scope of a built-in kind.
#[must_use]
pub fn builtin_scope(kind: &GroupKind) -> Option<Scope> {
    let find = |table: &[(&str, &str)]| {
        table
            .binary_search(&(kind.group.as_str(), kind.kind.as_str()))
            .is_ok()
    };
    if find(CLUSTER_SCOPED) {
        Some(Scope::Cluster)
    } else if find(NAMESPACED) {
        Some(Scope::Namespaced)
    } else {
        None
    }
}

/// Kinds that clusters write about themselves, or that are requests rather than objects.
const DENIED: &[(&str, &str)] = &[
    ("", "Binding"),
    ("", "ComponentStatus"),
    ("", "Event"),
    ("", "Node"),
    ("", "NodeProxyOptions"),
    ("", "PodAttachOptions"),
    ("", "PodExecOptions"),
    ("", "PodPortForwardOptions"),
    ("", "PodProxyOptions"),
    ("", "ServiceProxyOptions"),
    ("authentication.k8s.io", "SelfSubjectReview"),
    ("authentication.k8s.io", "TokenRequest"),
    ("authentication.k8s.io", "TokenReview"),
    ("authorization.k8s.io", "LocalSubjectAccessReview"),
    ("authorization.k8s.io", "SelfSubjectAccessReview"),
    ("authorization.k8s.io", "SelfSubjectRulesReview"),
    ("authorization.k8s.io", "SubjectAccessReview"),
    ("coordination.k8s.io", "Lease"),
    ("coordination.k8s.io", "LeaseCandidate"),
    ("events.k8s.io", "Event"),
    ("metrics.k8s.io", "NodeMetrics"),
    ("metrics.k8s.io", "PodMetrics"),
    ("policy", "Eviction"),
    ("storage.k8s.io", "CSINode"),
    ("storage.k8s.io", "CSIStorageCapacity"),
    ("storage.k8s.io", "VolumeAttachment"),
];

/// True for kinds that are never delivered from Git (HAZARDS.md T-28).
#[must_use]
pub fn is_denied(kind: &GroupKind) -> bool {
    DENIED
        .binary_search(&(kind.group.as_str(), kind.kind.as_str()))
        .is_ok()
}

/// What is known of kinds' scopes: the built-in table, then CRDs of the commit, then discovery, then `kinds:`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Scopes {
    known: BTreeMap<GroupKind, Scope>,
}

impl Scopes {
    /// Only the built-in table.
    #[must_use]
    pub fn builtin() -> Self {
        Self::default()
    }

    /// Adds a kind; what was known first stays.
    pub fn learn(&mut self, kind: GroupKind, scope: Scope) {
        self.known.entry(kind).or_insert(scope);
    }

    /// Adds everything that others know; what was known first stays.
    pub fn extend(&mut self, others: &Self) {
        for (kind, scope) in &others.known {
            self.learn(kind.clone(), *scope);
        }
    }

    /// What was learned, in order.
    pub fn learned(&self) -> impl Iterator<Item = (GroupKind, Scope)> {
        self.known
            .iter()
            .map(|(kind, scope)| (kind.clone(), *scope))
    }

    /// The scope, `None` when nobody said.
    #[must_use]
    pub fn of(&self, kind: &GroupKind) -> Option<Scope> {
        builtin_scope(kind).or_else(|| self.known.get(kind).copied())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tables_are_sorted_for_the_search() {
        assert!(CLUSTER_SCOPED.is_sorted() && NAMESPACED.is_sorted() && DENIED.is_sorted());
    }

    #[test]
    fn scopes_of_built_in_kinds() {
        assert_eq!(
            builtin_scope(&GroupKind::new("", "Namespace")),
            Some(Scope::Cluster)
        );
        assert_eq!(
            builtin_scope(&GroupKind::new("apps", "Deployment")),
            Some(Scope::Namespaced)
        );
        assert_eq!(
            builtin_scope(&GroupKind::new("example.com", "Widget")),
            None
        );
    }
}
