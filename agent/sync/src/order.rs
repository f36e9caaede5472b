//! In which order objects are applied and deleted, as Argo CD has it: phase, wave, kind, name.

use std::collections::BTreeMap;

use muster_model::observed::Discovery;
use muster_model::{GroupKind, Node, ObjectId};
use serde::{Deserialize, Serialize};

/// Argo CD's phases. Every object that is not a hook belongs to `Sync`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Phase {
    /// Before everything.
    PreSync,
    /// The objects themselves.
    Sync,
    /// After everything is healthy.
    PostSync,
    /// After a failure.
    SyncFail,
}

/// Kinds in the order Argo CD applies them; every other kind comes after these.
const KINDS: &[&str] = &[
    "Namespace",
    "NetworkPolicy",
    "ResourceQuota",
    "LimitRange",
    "PodSecurityPolicy",
    "PodDisruptionBudget",
    "ServiceAccount",
    "Secret",
    "SecretList",
    "ConfigMap",
    "StorageClass",
    "PersistentVolume",
    "PersistentVolumeClaim",
    "CustomResourceDefinition",
    "ClusterRole",
    "ClusterRoleList",
    "ClusterRoleBinding",
    "ClusterRoleBindingList",
    "Role",
    "RoleList",
    "RoleBinding",
    "RoleBindingList",
    "Service",
    "DaemonSet",
    "Pod",
    "ReplicationController",
    "ReplicaSet",
    "Deployment",
    "HorizontalPodAutoscaler",
    "StatefulSet",
    "Job",
    "CronJob",
    "IngressClass",
    "Ingress",
    "APIService",
];

/// The rank of a kind: its place in Argo CD's list, or after all of it.
#[must_use]
pub fn kind_rank(kind: &str) -> usize {
    KINDS
        .iter()
        .position(|listed| *listed == kind)
        .unwrap_or(KINDS.len())
}

/// What is to be put in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Task {
    /// Its phase.
    pub phase: Phase,
    /// Its wave.
    pub wave: i32,
    /// The object.
    pub id: ObjectId,
    /// The kind a CustomResourceDefinition defines.
    pub defines: Option<GroupKind>,
}

impl Task {
    /// What other tasks need of this one: the namespace it is, or the kind it defines.
    fn provides(&self) -> Option<Need> {
        let namespace = self.id.is_of("", "Namespace");
        match &self.defines {
            Some(kind) => Some(Need::Kind(kind.clone())),
            None => namespace.then(|| Need::Namespace(self.id.name().to_owned())),
        }
    }

    fn needs(&self, need: &Need) -> bool {
        match need {
            Need::Namespace(name) => self.id.namespace() == *name,
            Need::Kind(kind) => self.id.is_of(&kind.group, &kind.kind),
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Need {
    Namespace(String),
    Kind(GroupKind),
}

/// Sorts tasks by phase, wave, kind and name; then moves every Namespace and CustomResourceDefinition that comes too
/// late in front of the first object that needs it, into that object's phase and wave.
pub fn sort(tasks: &mut Vec<Task>) {
    tasks.sort_by_cached_key(|task| {
        let (rank, name) = (kind_rank(task.id.kind()), task.id.name().to_owned());
        (task.phase, task.wave, rank, name)
    });
    for index in 0..tasks.len() {
        let Some(need) = tasks[index].provides() else {
            continue;
        };
        let Some(first) = tasks[..index].iter().position(|task| task.needs(&need)) else {
            continue;
        };
        let mut provider = tasks.remove(index);
        provider.phase = tasks[first].phase;
        provider.wave = tasks[first].wave;
        tasks.insert(first, provider);
    }
}

/// The kind that a CustomResourceDefinition defines.
#[must_use]
pub fn defined_kind(object: &Node) -> Option<GroupKind> {
    let is_crd = object.str_at(&["kind"]) == Some("CustomResourceDefinition")
        && object
            .str_at(&["apiVersion"])
            .is_some_and(|version| version.starts_with("apiextensions.k8s.io/"));
    is_crd.then_some(())?;
    Some(GroupKind::new(
        object.str_at(&["spec", "group"])?,
        object.str_at(&["spec", "names", "kind"])?,
    ))
}

/// An object as pruning sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PruneTask {
    /// Its sync wave.
    pub wave: i32,
    /// True when it is to be deleted.
    pub prune: bool,
    /// True when it asks to be deleted last (`PruneLast=true`).
    pub last: bool,
}

/// The waves in which the tasks take effect: those of deletions are reversed among themselves, those that come last
/// follow the last wave of all.
#[must_use]
pub fn prune_waves(tasks: &[PruneTask], prune_last: bool) -> Vec<i32> {
    let mut waves: Vec<i32> = tasks.iter().filter(|t| t.prune).map(|t| t.wave).collect();
    waves.sort_unstable();
    waves.dedup();
    let reversed: BTreeMap<i32, i32> = waves
        .iter()
        .copied()
        .zip(waves.iter().rev().copied())
        .collect();
    let swapped: Vec<i32> = tasks
        .iter()
        .map(|task| match reversed.get(&task.wave) {
            Some(wave) if task.prune => *wave,
            _ => task.wave,
        })
        .collect();
    let after_all = swapped.iter().copied().fold(0, i32::max).saturating_add(1);
    tasks
        .iter()
        .zip(swapped)
        .map(|(task, wave)| {
            if task.prune && (prune_last || task.last) {
                after_all
            } else {
                wave
            }
        })
        .collect()
}

/// Namespaces and definitions go after everything that lives in them.
#[must_use]
pub fn holds_others(id: &ObjectId) -> bool {
    id.is_of("", "Namespace") || id.is_of("apiextensions.k8s.io", "CustomResourceDefinition")
}

/// What an object goes with: its namespace, and the definition of its kind as discovery names that.
pub fn holders(id: &ObjectId, discovery: Option<&Discovery>) -> impl Iterator<Item = ObjectId> {
    let namespace =
        (!id.namespace().is_empty()).then(|| ObjectId::new("", "Namespace", "", id.namespace()));
    let served = discovery.and_then(|found| found.kinds.get(&id.group_kind()));
    let definition = served.map(|served| {
        let name = format!("{}.{}", served.plural, id.group());
        ObjectId::new("apiextensions.k8s.io", "CustomResourceDefinition", "", name)
    });
    namespace.into_iter().chain(definition)
}
