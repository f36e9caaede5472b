//! What happens to a cluster as a whole.

use muster_fleet::fleet::{Cluster, ClusterState, Fleet, OnLeave};
use muster_model::{ClusterName, Problem, Reason};
use serde::Serialize;

use super::{ApplicationCounts, ObjectCounts};

/// One cluster.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ClusterPlan {
    /// What it is to the fleet at the new commit.
    pub standing: Standing,
    /// Its Applications.
    pub applications: ApplicationCounts,
    /// Its objects.
    pub objects: ObjectCounts,
}

/// What a cluster is to the fleet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub enum Standing {
    /// It was not in the fleet before.
    Joins,
    /// It follows the fleet.
    Follows,
    /// It is suspended: nothing new is taken.
    Suspended,
    /// It leaves, and what it runs stays.
    LeavesPreserving,
    /// It leaves, and what it runs is deleted.
    LeavesPruning,
    /// Its entry is gone: nothing is deleted, nothing is applied any more.
    Unassigned,
}

impl ClusterPlan {
    /// True when the cluster leaves the fleet.
    #[must_use]
    pub fn leaves(&self) -> bool {
        match self.standing {
            Standing::Joins | Standing::Follows | Standing::Suspended => false,
            Standing::LeavesPreserving | Standing::LeavesPruning | Standing::Unassigned => true,
        }
    }
}

/// What a cluster is at the new commit.
pub(super) fn standing(name: &ClusterName, before: Option<&Fleet>, after: &Fleet) -> Standing {
    let Some(cluster) = after.cluster(name) else {
        return Standing::Unassigned;
    };
    match (cluster.state, cluster.on_leave) {
        (ClusterState::Suspended, _) => Standing::Suspended,
        (ClusterState::Leaving, OnLeave::Preserve) => Standing::LeavesPreserving,
        (ClusterState::Leaving, OnLeave::Prune) => Standing::LeavesPruning,
        (ClusterState::Active, _) if before.is_some_and(|f| f.cluster(name).is_none()) => {
            Standing::Joins
        }
        (ClusterState::Active, _) => Standing::Follows,
    }
}

/// An entry that goes without leaving first (HAZARDS.md T-65).
pub(super) fn entry_gone(cluster: &Cluster) -> Option<Problem> {
    if cluster.state == ClusterState::Leaving {
        return None;
    }
    let message = format!(
        "the entry of cluster {} goes: what it runs stays there, and nobody keeps it any more",
        cluster.name
    );
    let problem = Problem::new(Reason::Unassigned, message).remedy(format!(
        "let it leave first: `muster cluster remove {}` sets state: Leaving, and takes the entry out once it has left",
        cluster.name
    ));
    Some(match &cluster.declared_at {
        Some(place) => problem.at(place.clone()),
        None => problem,
    })
}
