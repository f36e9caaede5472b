//! What the agent does to a cluster, as values: planned by `sync`, carried out by the shell, answered one by one.

use serde::{Deserialize, Serialize};

use crate::observed::{ParentScope, Record};
use crate::{ApplicationKey, GroupKind, Gvk, Node, ObjectId, Reason};

/// `propagationPolicy` of a delete.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Propagation {
    /// Dependents go first.
    Foreground,
    /// Dependents go later.
    Background,
    /// Dependents stay.
    Orphan,
}

/// One effect. Bodies are looked up by id when the effect is carried out, so a plan stays small and printable.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Effect {
    /// Learns whether objects exist, before they are created: one LIST for each kind and namespace above five, else GETs.
    Probe {
        /// The objects.
        objects: Vec<ObjectId>,
    },
    /// Server-side apply.
    Apply {
        /// The object.
        object: ObjectId,
        /// Its version.
        gvk: Gvk,
        /// Whether field conflicts are overridden: only on what is ours.
        force: bool,
        /// Why: creates, changes, drift, adoption.
        cause: Cause,
        /// Fields (JSON pointers) left out because another manager owns them.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        yielded: Vec<String>,
    },
    /// Asks what an apply would change (`dryRun=All`) and compares values with the live object: changes nothing.
    Audit {
        /// The object.
        object: ObjectId,
        /// Its version.
        gvk: Gvk,
        /// Fields (JSON pointers) left out because another manager owns them.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        yielded: Vec<String>,
    },
    /// Deletes an object, bound to the uid and resourceVersion that were seen.
    Delete {
        /// The object.
        object: ObjectId,
        /// `metadata.uid` as seen.
        uid: String,
        /// `metadata.resourceVersion` as seen.
        resource_version: String,
        /// What happens to dependents.
        propagation: Propagation,
    },
    /// Takes our marks off an object and leaves it running.
    Release {
        /// The object.
        object: ObjectId,
        /// `metadata.uid` as seen.
        uid: String,
        /// `metadata.resourceVersion` as seen.
        resource_version: String,
    },
    /// Folds a former tool's managed fields into ours, guarded by resourceVersion.
    Adopt {
        /// The object.
        object: ObjectId,
        /// `metadata.resourceVersion` as seen.
        resource_version: String,
        /// The managers folded.
        managers: Vec<String>,
    },
}

impl Effect {
    /// True for what changes nothing in the cluster.
    #[must_use]
    pub fn is_read_only(&self) -> bool {
        match self {
            Self::Probe { .. } | Self::Audit { .. } => true,
            Self::Apply { .. }
            | Self::Delete { .. }
            | Self::Release { .. }
            | Self::Adopt { .. } => false,
        }
    }
}

/// Why an object is applied.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Cause {
    /// It does not exist.
    Create,
    /// Git changed it.
    Update,
    /// Somebody else changed it.
    Drift,
    /// It existed, unclaimed or to be adopted.
    Adoption,
    /// It was another Application's.
    Handover,
    /// Coverage was not conclusive: applied once to learn.
    Baseline,
}

/// The declaration on the parent that must stand before an Application's effects.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Declare {
    /// Kinds and namespaces to add.
    pub widen: ParentScope,
}

/// What an effect came to.
#[derive(Debug, Clone, PartialEq)]
pub enum Outcome {
    /// Applied; the live object as the response shows it.
    Applied(Box<Record>),
    /// Deleted, or already gone.
    Gone,
    /// Deletion was accepted; finalizers keep the object for now.
    Deleting,
    /// Marks taken off, or managers folded.
    Patched(Box<Record>),
    /// The probe's answers.
    Probed {
        /// Those that exist.
        found: Vec<(ObjectId, Record)>,
        /// Those that do not.
        absent: Vec<ObjectId>,
    },
    /// The audit's finding, as JSON pointers into what was sent.
    Audited {
        /// Values that an apply would change.
        drifted: Vec<String>,
        /// Values that are not the ones sent even after an apply: a webhook has the last word.
        mutated: Vec<String>,
    },
    /// The object changed since it was seen (409): planned anew from what is seen now.
    Conflict,
    /// It failed; the message is our own, API server messages are never kept (they quote Secret values).
    Failed {
        /// Why.
        reason: Reason,
        /// HTTP status code, 0 when there was no answer.
        code: u16,
        /// In our own words: reason and field paths.
        message: String,
        /// Seconds the server asked to wait.
        retry_after: Option<u32>,
    },
}

/// An object ready to be sent.
#[derive(Debug, Clone, PartialEq)]
pub struct Body {
    /// Whose it is.
    pub application: ApplicationKey,
    /// The object with its marks.
    pub node: Node,
}

/// True for kinds that hold data: deleting one needs approval whatever the budget says (DESIGN.md section 7).
#[must_use]
pub fn is_precious(kind: &GroupKind) -> bool {
    matches!(
        (kind.group.as_str(), kind.kind.as_str()),
        (
            "",
            "Namespace" | "PersistentVolume" | "PersistentVolumeClaim"
        ) | ("apiextensions.k8s.io", "CustomResourceDefinition")
            | ("apps", "StatefulSet")
    )
}
