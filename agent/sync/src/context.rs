//! What a plan is decided with, beside what Git says: the cluster, the other Applications, and what the agent knows.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use muster_model::observed::{NamespaceMetadata, Observed};
use muster_model::{ApplicationKey, CommitId, Digest, GroupKind, ObjectId, Reason};
use serde::{Deserialize, Serialize};

use crate::audit::Audits;

/// Everything a plan reads.
#[derive(Debug, Clone, Copy)]
pub struct Context<'a> {
    /// The cluster as it was seen last.
    pub observed: &'a Observed,
    /// Who renders what.
    pub claims: &'a Claims,
    /// What the agent knows of its own doing.
    pub memory: &'a Memory,
    /// What may be deleted.
    pub deletions: &'a Deletions,
    /// The present time.
    pub now: Timestamp,
}

/// Who renders what on this cluster, over all Applications of the agent: held ones at their recorded release.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Claims {
    /// The Applications that render an object.
    pub rendered: BTreeMap<ObjectId, BTreeSet<ApplicationKey>>,
    /// Applications whose objects are not known in this pass: their render failed, and the release that is recorded, if
    /// there is one, cannot be had.
    pub unknown: BTreeSet<ApplicationKey>,
    /// Those of them that nothing is recorded of, and those that render nothing though they have objects. While there is
    /// one, nothing is deleted: it might render the object. The others stay at their recorded release, which renders what
    /// carries their mark and nothing else.
    pub unrecorded: BTreeSet<ApplicationKey>,
    /// The Applications that set labels and annotations of a namespace.
    pub namespaces: BTreeMap<String, BTreeMap<ApplicationKey, NamespaceMetadata>>,
}

impl Claims {
    /// Notes that an Application renders these objects.
    pub fn add<'a>(
        &mut self,
        application: &ApplicationKey,
        objects: impl IntoIterator<Item = &'a ObjectId>,
    ) {
        for id in objects {
            self.rendered
                .entry(id.clone())
                .or_default()
                .insert(application.clone());
        }
    }

    /// The Applications that render this object, other than `application`.
    pub fn others<'a>(
        &'a self,
        id: &ObjectId,
        application: &'a ApplicationKey,
    ) -> impl Iterator<Item = &'a ApplicationKey> {
        self.rendered
            .get(id)
            .into_iter()
            .flatten()
            .filter(move |other| *other != application)
    }
}

/// What the agent knows of its own doing. Lost at a restart, except what [`muster_model::agent_state::AgentState`]
/// keeps; everything else is learned anew.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Memory {
    /// The id of our ApplySet.
    pub applyset: String,
    /// Our field manager, `muster.<fleet>`.
    pub manager: String,
    /// Objects that are the agent itself.
    pub own: OwnObjects,
    /// What our fields looked like right after an apply whose answer did not show full coverage.
    pub baselines: BTreeMap<ObjectId, Baseline>,
    /// Jobs seen complete: the digest of the content they ran.
    pub completed_jobs: BTreeMap<ObjectId, String>,
    /// When an object was healed, the last few times.
    pub heals: BTreeMap<ObjectId, Vec<Timestamp>>,
    /// What audits found.
    pub audits: Audits,
    /// Applies that failed.
    pub failures: BTreeMap<ObjectId, Failure>,
}

/// Our fields right after an apply.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Baseline {
    /// Digest of the content applied.
    pub digest: String,
    /// Digest of our `fieldsV1` in the answer.
    pub fields: Digest,
    /// JSON pointers of values that are not the ones sent (HAZARDS.md T-80).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub mutated: Vec<String>,
    /// JSON pointers of what was left out, because others own it: once they are to be ours again, this says nothing.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub yielded: Vec<String>,
}

/// An apply that failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// Digest of the content that failed.
    pub digest: String,
    /// Why.
    pub reason: Reason,
    /// In our own words.
    pub message: String,
    /// How often this content failed, in a row.
    pub attempts: u32,
    /// Not before this time again.
    pub retry_at: Timestamp,
}

/// The objects that make up the agent; no Application may set or delete them (HAZARDS.md T-27).
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct OwnObjects {
    /// The agent's own namespace.
    pub namespace: String,
    /// Its Deployment, RBAC, parent, Secrets, and whatever else it is installed with.
    pub objects: BTreeSet<ObjectId>,
}

impl OwnObjects {
    /// True for the agent's objects and the namespace it lives in.
    #[must_use]
    pub fn contains(&self, id: &ObjectId) -> bool {
        self.objects.contains(id)
            || (!self.namespace.is_empty()
                && id.is_of("", "Namespace")
                && id.name() == self.namespace)
    }
}

/// What may be deleted, and what was already (DESIGN.md section 7).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Deletions {
    /// The Application's ledger for the release in force.
    pub ledger: Ledger,
    /// The whole cluster's.
    pub cluster: ClusterDeletions,
    /// Digests of approved lists, of approvals that name this Application or its ApplicationSet and path, and whose
    /// `before` is this cluster's release before, or a descendant of it.
    pub approved: BTreeSet<Digest>,
    /// Kinds that need an approval, beside the built-in ones.
    pub protected: BTreeSet<GroupKind>,
}

/// The deletions of one Application since its release before.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Ledger {
    /// The hub commit of the release before.
    pub before: Option<CommitId>,
    /// How many objects it had in the cluster.
    pub total: u32,
    /// How many objects the release before has, live or not: what the budget is a share of when it was not applied to
    /// its end.
    pub size: u32,
    /// Deletions issued since, recreations included.
    pub deleted: u32,
    /// The whole list that left Git with this release, deleted or not: an approval names its digest.
    pub leaving: BTreeSet<ObjectId>,
}

impl Ledger {
    /// Opens the ledger when a release comes in force: what the cluster has of the Application then, and what of it
    /// `wanted`, the release's objects, no longer has.
    #[must_use]
    pub fn open(
        application: &ApplicationKey,
        before: Option<CommitId>,
        wanted: &BTreeSet<ObjectId>,
        context: &Context<'_>,
    ) -> Self {
        let owned = crate::leaving(application, &BTreeSet::new(), context);
        Self {
            before,
            total: u32::try_from(owned.len()).unwrap_or(u32::MAX),
            size: 0,
            deleted: 0,
            leaving: crate::leaving(application, wanted, context),
        }
    }
}

/// The deletions of all Applications of a cluster.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct ClusterDeletions {
    /// Objects muster owned there when the newest release came in force, of all Applications.
    pub owned: u32,
    /// Deletions issued under the releases in force (the ledgers' `deleted`, summed).
    pub deleted: u32,
    /// Deletions that all Applications together want now, this one included (see [`crate::leaving`]).
    pub wanted: u32,
}
