//! How an Application stands, from how its objects stand (HAZARDS.md S1, S5).

use std::collections::{BTreeMap, BTreeSet};

use muster_model::{Health, ObjectId, SyncState};

use crate::plan::{ObjectReport, ObjectState};

/// Whether the cluster has what Git says. Generations `kept` until the new one is healthy do not count against it.
#[must_use]
pub fn sync(objects: &BTreeMap<ObjectId, ObjectReport>, kept: &BTreeSet<ObjectId>) -> SyncState {
    let states = || {
        objects
            .iter()
            .filter(|(id, _)| !kept.contains(id))
            .map(|(_, report)| report.state)
    };
    if states().any(|state| state == ObjectState::Unknown) {
        SyncState::Unknown
    } else if states().all(ObjectState::is_settled) {
        SyncState::Synced
    } else {
        SyncState::OutOfSync
    }
}

/// The worst health of all objects, as Argo CD aggregates it: what is not assessed does not count, what is not there is
/// Missing. While Git's content is not applied yet, an object that looks healthy is only on its way.
#[must_use]
pub fn health(
    objects: impl IntoIterator<Item = (ObjectState, Option<Health>)>,
    automated: bool,
) -> Health {
    objects
        .into_iter()
        .map(|(state, health)| match state {
            ObjectState::Unknown => Health::Unknown,
            ObjectState::Missing => Health::Missing,
            ObjectState::Deleting => Health::Progressing,
            ObjectState::Waiting(_) => health.unwrap_or(Health::Missing),
            ObjectState::Changed if automated => {
                health.unwrap_or(Health::Healthy).max(Health::Progressing)
            }
            ObjectState::InSync
            | ObjectState::Done
            | ObjectState::Changed
            | ObjectState::Drifted
            | ObjectState::Extra
            | ObjectState::Refused(_) => health.unwrap_or(Health::Healthy),
        })
        .max()
        .unwrap_or(Health::Healthy)
}
