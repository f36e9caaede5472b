//! The state as it is stored: each revision written once, and a release that is fully applied not written twice. A
//! thousand Applications fit into [`super::MAX_BYTES`].

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::{AgentState, Ending, Enforced};
use crate::release::Release;
use crate::{CommitId, Digest, ObjectId, Revision};

/// [`AgentState`], stored.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct Stored {
    version: u32,
    epoch: u64,
    sequence: u64,
    accepted: BTreeMap<String, CommitId>,
    serial: u64,
    /// Every revision that a release names; releases name them by place.
    revisions: Vec<Revision>,
    enforced: BTreeMap<String, StoredEnforced>,
    completed_jobs: BTreeMap<String, String>,
    quarantined: BTreeMap<String, u32>,
    left: bool,
}

/// A release by the places of its revisions.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct StoredRelease {
    hub: usize,
    sources: Vec<usize>,
    inputs: Digest,
}

/// What is fully applied.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
enum Applied {
    /// The release in force.
    InForce,
    /// An earlier one.
    Earlier(StoredRelease),
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct StoredEnforced {
    release: StoredRelease,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    applied: Option<Applied>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    leaving: Vec<String>,
    #[serde(default, skip_serializing_if = "crate::is_default")]
    deleted: u32,
    #[serde(default, skip_serializing_if = "crate::is_default")]
    total: u32,
    #[serde(default, skip_serializing_if = "crate::is_default")]
    size: u32,
    #[serde(default, skip_serializing_if = "crate::is_default")]
    size_before: u32,
    #[serde(default, skip_serializing_if = "crate::is_default")]
    ending: Ending,
    /// The place of a revision.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    before: Option<usize>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    taken: Option<StoredRelease>,
}

impl From<AgentState> for Stored {
    fn from(state: AgentState) -> Self {
        let mut places: BTreeMap<Revision, usize> = BTreeMap::new();
        let enforced = state
            .enforced
            .into_iter()
            .map(|(name, enforced)| (name, store(enforced, &mut places)))
            .collect();
        let mut revisions: Vec<(usize, Revision)> = places
            .into_iter()
            .map(|(revision, place)| (place, revision))
            .collect();
        revisions.sort_unstable();
        Self {
            version: state.version,
            epoch: state.epoch,
            sequence: state.sequence,
            accepted: state.accepted,
            serial: state.serial,
            revisions: revisions
                .into_iter()
                .map(|(_, revision)| revision)
                .collect(),
            enforced,
            completed_jobs: state.completed_jobs,
            quarantined: state.quarantined,
            left: state.left,
        }
    }
}

fn store(enforced: Enforced, places: &mut BTreeMap<Revision, usize>) -> StoredEnforced {
    let in_force = enforced.applied.as_ref() == Some(&enforced.release);
    let applied = enforced.applied.map(|release| {
        if in_force {
            Applied::InForce
        } else {
            Applied::Earlier(store_release(release, places))
        }
    });
    let name = enforced.release.hub.name.clone();
    let before = enforced.before.map(|commit_id| {
        let next = places.len();
        *places.entry(Revision { name, commit_id }).or_insert(next)
    });
    StoredEnforced {
        release: store_release(enforced.release, places),
        taken: enforced.taken.map(|release| store_release(release, places)),
        applied,
        leaving: enforced.leaving.iter().map(ToString::to_string).collect(),
        deleted: enforced.deleted,
        total: enforced.total,
        size: enforced.size,
        size_before: enforced.size_before,
        ending: enforced.ending,
        before,
    }
}

fn store_release(release: Release, places: &mut BTreeMap<Revision, usize>) -> StoredRelease {
    let mut place = |revision| {
        let next = places.len();
        *places.entry(revision).or_insert(next)
    };
    StoredRelease {
        hub: place(release.hub),
        sources: release.sources.into_iter().map(place).collect(),
        inputs: release.inputs,
    }
}

impl TryFrom<Stored> for AgentState {
    type Error = String;

    fn try_from(stored: Stored) -> Result<Self, String> {
        let revisions = stored.revisions;
        let enforced = stored
            .enforced
            .into_iter()
            .map(|(name, enforced)| Ok((name, load(enforced, &revisions)?)))
            .collect::<Result<_, String>>()?;
        Ok(Self {
            version: stored.version,
            epoch: stored.epoch,
            sequence: stored.sequence,
            accepted: stored.accepted,
            serial: stored.serial,
            enforced,
            completed_jobs: stored.completed_jobs,
            quarantined: stored.quarantined,
            left: stored.left,
        })
    }
}

fn load(stored: StoredEnforced, revisions: &[Revision]) -> Result<Enforced, String> {
    let release = load_release(stored.release, revisions)?;
    let before = stored.before.map(|place| revision_at(place, revisions));
    let applied = match stored.applied {
        None => None,
        Some(Applied::InForce) => Some(release.clone()),
        Some(Applied::Earlier(earlier)) => Some(load_release(earlier, revisions)?),
    };
    let parse =
        |text: &String| ObjectId::parse(text).ok_or_else(|| format!("{text:?} is not an object"));
    Ok(Enforced {
        release,
        applied,
        leaving: stored
            .leaving
            .iter()
            .map(parse)
            .collect::<Result<BTreeSet<_>, _>>()?,
        deleted: stored.deleted,
        total: stored.total,
        size: stored.size,
        size_before: stored.size_before,
        ending: stored.ending,
        before: before.transpose()?.map(|revision| revision.commit_id),
        taken: stored
            .taken
            .map(|taken| load_release(taken, revisions))
            .transpose()?,
    })
}

fn load_release(stored: StoredRelease, revisions: &[Revision]) -> Result<Release, String> {
    let at = |place| revision_at(place, revisions);
    Ok(Release {
        hub: at(stored.hub)?,
        sources: stored
            .sources
            .into_iter()
            .map(at)
            .collect::<Result<_, _>>()?,
        inputs: stored.inputs,
    })
}

fn revision_at(place: usize, revisions: &[Revision]) -> Result<Revision, String> {
    let found = revisions.get(place).cloned();
    found.ok_or_else(|| format!("there is no revision {place}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ServiceAccount;
    use crate::agent_state::MAX_BYTES;
    use crate::effect::Propagation;

    fn release(digit: char) -> Release {
        let revision = Revision {
            name: "main".into(),
            commit_id: CommitId::new(digit.to_string().repeat(40)).expect("digits"),
        };
        Release {
            hub: revision.clone(),
            sources: vec![revision],
            inputs: Digest::of(&[digit as u8]),
        }
    }

    fn enforced(applied: Option<Release>) -> Enforced {
        let leaving = [ObjectId::new("apps", "Deployment", "shop", "web")].into();
        Enforced {
            release: release('a'),
            applied,
            leaving,
            deleted: 1,
            total: 4,
            size: 4,
            size_before: 3,
            ending: Ending {
                preserve: true,
                confirm: true,
                propagation: Some(Propagation::Orphan),
                account: Some(ServiceAccount::new("shop", "deployer").expect("a service account")),
            },
            before: Some(release('c').hub.commit_id),
            taken: Some(release('d')),
        }
    }

    #[test]
    fn the_state_reads_back_what_it_stores() {
        let all = [None, Some(release('a')), Some(release('b'))].map(enforced);
        let names = ["p/never", "p/now", "p/earlier"].map(ToOwned::to_owned);
        let state = AgentState {
            version: 1,
            epoch: 7,
            enforced: names.into_iter().zip(all).collect(),
            ..AgentState::default()
        };
        let text = serde_json::to_string(&state).expect("it serialises");
        assert_eq!(
            serde_json::from_str::<AgentState>(&text).expect("it reads back"),
            state
        );
        assert!(
            serde_json::from_str::<AgentState>(&text.replace("\"epoch\"", "\"epic\"")).is_err()
        );
        assert!(
            serde_json::from_str::<AgentState>(&text.replace("\"hub\":0", "\"hub\":9")).is_err()
        );
    }

    #[test]
    fn a_thousand_applications_fit() {
        let one = Enforced {
            leaving: BTreeSet::new(),
            ending: Ending::default(),
            taken: None,
            ..enforced(Some(release('a')))
        };
        let state = AgentState {
            enforced: (0..1_000)
                .map(|i| (format!("project/application-{i:04}"), one.clone()))
                .collect(),
            ..AgentState::default()
        };
        let bytes = serde_json::to_vec(&state).expect("it serialises").len();
        assert!(bytes < MAX_BYTES, "{bytes}");
    }
}
