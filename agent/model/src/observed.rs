//! What the agent keeps of the cluster: one small record for each object of ours, and what discovery said.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::kinds::Scope;
use crate::live::LiveObjects;
use crate::marks::AppliedMark;
use crate::{GroupKind, Health, ObjectId, Problem};

/// The health of a live object and why, in our own words (API server messages are never kept).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HealthReport {
    /// The health.
    pub health: Health,
    /// Why, at most 256 bytes.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub message: String,
}

/// What one field manager owns of an object, as `metadata.managedFields` has it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ManagedEntry {
    /// The manager's name.
    pub manager: String,
    /// `Apply` or `Update`.
    pub operation: String,
    /// `status`, or empty.
    pub subresource: String,
    /// `fieldsV1`, compact JSON. Kept for our own entry, and for others only where a decision needs it; shared by all
    /// objects that have the same.
    #[serde(default, with = "shared_text")]
    pub fields: Option<Arc<str>>,
}

/// A text that several values share is written, and read, as a text.
mod shared_text {
    use std::sync::Arc;

    use serde::{Deserialize as _, Deserializer, Serialize as _, Serializer};

    #[expect(clippy::ref_option, reason = "serde asks for it")]
    pub(super) fn serialize<S: Serializer>(
        text: &Option<Arc<str>>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        text.as_deref().serialize(serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<Arc<str>>, D::Error> {
        let text = Option::<String>::deserialize(deserializer)?;
        Ok(text.map(Arc::from))
    }
}

/// A live object reduced on arrival to what decisions need: a few hundred bytes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// `metadata.uid`.
    pub uid: String,
    /// `metadata.resourceVersion`.
    pub resource_version: String,
    /// `metadata.generation`, 0 where the kind has none.
    pub generation: i64,
    /// `metadata.creationTimestamp`.
    pub created: Option<Timestamp>,
    /// True once `metadata.deletionTimestamp` is set.
    pub deleting: bool,
    /// The finalizers, in order.
    pub finalizers: Vec<String>,
    /// The `part-of` label.
    pub part_of: Option<String>,
    /// The `muster.dev/applied` annotation, when it can be read.
    pub applied: Option<AppliedMark>,
    /// Other tools that claim it: `helm`, `argocd`, `flux`, another ApplySet's id.
    pub claims: BTreeSet<String>,
    /// `Kind/name` and uid of the owner reference with `controller: true`.
    pub controller: Option<String>,
    /// The field managers.
    pub managers: Vec<ManagedEntry>,
    /// Annotations that steer muster: `argocd.argoproj.io/sync-options`.
    pub sync_options: Option<String>,
    /// Health, where the kind's is assessed.
    pub health: Option<HealthReport>,
    /// True for a Job seen complete.
    pub complete: bool,
    /// `spec.scaleTargetRef` of a HorizontalPodAutoscaler or ScaledObject.
    pub scale_target: Option<ObjectId>,
    /// What is known of a Namespace beside, where it was seen whole.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace: Option<Box<NamespaceState>>,
    /// `argocd.argoproj.io/sync-wave`: deletes go in reverse.
    #[serde(default)]
    pub wave: i32,
    /// In the answer to an apply: JSON pointers of fields whose value is not the one sent (HAZARDS.md T-80).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub mutated: Vec<String>,
}

/// A namespace, ours or not.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct NamespaceState {
    /// True while it is being deleted.
    pub terminating: bool,
    /// What keeps it from going: kinds and finalizers with their number, in our own words.
    pub held_by: Vec<String>,
    /// Labels and annotations that our field manager applied.
    pub applied: NamespaceMetadata,
}

/// Labels and annotations of a namespace (`managedNamespaceMetadata`).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize)]
pub struct NamespaceMetadata {
    /// Labels.
    pub labels: BTreeMap<String, String>,
    /// Annotations.
    pub annotations: BTreeMap<String, String>,
}

/// One served kind.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServedKind {
    /// The plural used in URLs.
    pub plural: String,
    /// Whether it lives in namespaces.
    pub scope: Scope,
    /// Versions served, preferred first.
    pub versions: Vec<String>,
    /// Verbs.
    pub verbs: BTreeSet<String>,
}

/// What discovery said.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Discovery {
    /// Served kinds.
    pub kinds: BTreeMap<GroupKind, ServedKind>,
    /// Groups that could not be read: pruning of their kinds is suspended.
    pub failed_groups: BTreeSet<String>,
}

/// Everything known of the cluster at one moment.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Observed {
    /// Live objects that carry our `part-of` label, or were probed.
    pub objects: LiveObjects,
    /// Objects probed and found absent.
    pub absent: BTreeSet<ObjectId>,
    /// Kinds whose watch has delivered its first complete list.
    pub synced_kinds: BTreeSet<GroupKind>,
    /// Kinds whose watch does not work for now, and why: their records may be old.
    pub broken: BTreeMap<GroupKind, Problem>,
    /// Namespaces that exist; `None` until known.
    pub namespaces: Option<BTreeMap<String, NamespaceState>>,
    /// What discovery said; `None` until known.
    pub discovery: Option<Discovery>,
    /// What the parent says it contains.
    pub parent: ParentScope,
}

impl Observed {
    /// True while everything that happens to objects of a kind is told: they are listed, and the watch works.
    #[must_use]
    pub fn is_watched(&self, kind: &GroupKind) -> bool {
        self.synced_kinds.contains(kind) && !self.broken.contains_key(kind)
    }

    /// True when the objects of a kind are all known: they are listed, or the API server serves no such kind.
    #[must_use]
    pub fn is_in_view(&self, kind: &GroupKind) -> bool {
        self.discovery.as_ref().is_some_and(|discovery| {
            self.synced_kinds.contains(kind) || !discovery.kinds.contains_key(kind)
        })
    }
}

/// The kinds and namespaces the ApplySet parent declares.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct ParentScope {
    /// `contains-group-kinds`.
    pub kinds: BTreeSet<GroupKind>,
    /// `additional-namespaces`, and the parent's own.
    pub namespaces: BTreeSet<String>,
}

/// One change of what is observed.
#[derive(Debug, Clone, PartialEq)]
pub enum WatchEvent {
    /// The complete list of a kind: what is not in it is gone.
    Listed(GroupKind, Vec<(ObjectId, Record)>),
    /// An object is there, or changed.
    Changed(ObjectId, Box<Record>),
    /// An object is gone, or no longer carries our label.
    Gone(ObjectId),
    /// The watch of a kind is broken for now; its records may be old until it is listed again.
    Broken(GroupKind, Problem),
    /// Every namespace.
    Namespaces(BTreeMap<String, NamespaceState>),
}
