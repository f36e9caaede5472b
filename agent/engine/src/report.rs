//! What the cluster says of itself, from plans and facts: computed once, at the end of a pass.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use jiff::Timestamp;
use muster_model::agent_state::AgentState;
use muster_model::release::Revision;
use muster_model::status::{ApplicationStatus, ClusterState, ClusterStatus, MAX_PROBLEMS, clip};
use muster_model::{ApplicationKey, ClusterName, Health, Problem, Reason, SyncState};
use muster_status::publish::heartbeat_seconds;
use muster_sync::{ObjectState, Plan};

use crate::desire::{Desired, DesiredApplication};

/// Everything a report is made from.
#[derive(Debug, Clone, Copy)]
pub struct Facts<'a> {
    /// The cluster that speaks.
    pub cluster: &'a ClusterName,
    /// The public key it signs with.
    pub key: &'a str,
    /// Version of the agent.
    pub agent: &'a str,
    /// The hub commit that was accepted last, though perhaps nothing of it can be had now.
    pub accepted: Option<&'a Revision>,
    /// What it should have; `None` until that is known.
    pub desired: Option<&'a Desired>,
    /// The newest plan of each Application.
    pub plans: &'a BTreeMap<ApplicationKey, Plan>,
    /// What the agent remembers.
    pub state: &'a AgentState,
    /// Why Git cannot be followed at the moment.
    pub away: Option<&'a Problem>,
    /// Why the last status could not be published.
    pub unpublished: Option<&'a Problem>,
    /// Why act tasks could not act.
    pub act_problems: &'a BTreeMap<ApplicationKey, Problem>,
    /// What else concerns the cluster as a whole: a state that cannot be stored, marks that controllers copied.
    pub at_large: &'a [Problem],
    /// True when everything that is owned is in view.
    pub seen: bool,
    /// The time.
    pub now: Timestamp,
}

/// What was reported before: when each Application last changed.
#[derive(Debug, Clone, Default)]
pub struct Reported {
    applications: BTreeMap<String, Said>,
}

/// What was said of an Application, and since when it has been so.
#[derive(Debug, Clone, Copy)]
struct Said {
    content: u64,
    since: Timestamp,
}

impl Said {
    /// What is said now; since then when it is the same.
    fn now(status: &ApplicationStatus, before: Option<&Self>, now: Timestamp) -> Self {
        let mut hasher = DefaultHasher::new();
        // Nothing in a status that JSON cannot hold.
        serde_json::to_vec(status)
            .unwrap_or_default()
            .hash(&mut hasher);
        let content = hasher.finish();
        let same = before.filter(|before| before.content == content);
        Self {
            content,
            since: same.map_or(now, |before| before.since),
        }
    }
}

/// Reports; `None` while nothing is known that is worth saying.
#[must_use]
pub fn report(facts: &Facts<'_>, reported: &mut Reported) -> Option<ClusterStatus> {
    if facts.desired.is_none() && facts.away.is_none() {
        return None;
    }
    let mut applications = BTreeMap::new();
    let mut said = BTreeMap::new();
    for key in keys(facts) {
        let name = key.to_string();
        let mut status = application(facts, key);
        let now = Said::now(&status, reported.applications.get(&name), facts.now);
        status.since = now.since;
        said.insert(name.clone(), now);
        applications.insert(name, status);
    }
    reported.applications = said;
    Some(ClusterStatus {
        api_version: muster_fleet::fleet::API_VERSION.to_owned(),
        kind: "ClusterStatus".to_owned(),
        fleet: facts.desired.map(|d| d.fleet.clone()).unwrap_or_default(),
        cluster: facts.cluster.clone(),
        sequence: facts.state.sequence,
        time: facts.now,
        agent: facts.agent.to_owned(),
        key: facts.key.to_owned(),
        heartbeat_seconds: heartbeat_seconds(facts.desired.map_or(1, |d| d.members.len())),
        state: facts.desired.map_or(ClusterState::Starting, |d| {
            if facts.state.left {
                ClusterState::Left
            } else {
                d.state
            }
        }),
        hub: facts.accepted.cloned(),
        serial: facts.state.serial,
        applications,
        problems: problems(facts),
    })
}

fn keys<'a>(facts: &Facts<'a>) -> impl Iterator<Item = &'a ApplicationKey> {
    let desired = facts
        .desired
        .into_iter()
        .flat_map(|d| d.applications.keys());
    let departed = facts.plans.keys().filter(|key| {
        facts
            .desired
            .is_some_and(|d| !d.applications.contains_key(key))
    });
    desired.chain(departed)
}

fn problems(facts: &Facts<'_>) -> Vec<Problem> {
    let unassigned = facts
        .desired
        .filter(|d| d.state == ClusterState::Unassigned)
        .map(|d| {
            Problem::new(
                Reason::Unassigned,
                format!(
                    "the fleet file at {} has no entry for {}",
                    d.hub.commit_id.short(),
                    facts.cluster
                ),
            )
        });
    let stateless = facts.away.filter(|_| facts.desired.is_none()).map(|away| {
        let why = away.reason;
        Problem::new(
            Reason::NoLocalState,
            format!("no release is known here, and Git cannot be followed ({why})"),
        )
    });
    let fleet = facts
        .desired
        .into_iter()
        .flat_map(|d| d.problems.iter().chain(&d.warnings));
    let all = facts
        .away
        .into_iter()
        .chain(facts.unpublished)
        .chain(unassigned.as_ref())
        .chain(stateless.as_ref())
        .chain(fleet)
        .chain(facts.at_large);
    all.take(MAX_PROBLEMS).map(published).collect()
}

fn application(facts: &Facts<'_>, key: &ApplicationKey) -> ApplicationStatus {
    let desired = facts.desired.and_then(|d| d.applications.get(key));
    let plan = facts.plans.get(key);
    let enforced = facts.state.enforced.get(&key.to_string());
    let mut found: Vec<&Problem> = desired.iter().flat_map(|d| &d.problems).collect();
    found.extend(plan.iter().flat_map(|p| &p.problems));
    found.extend(facts.act_problems.get(key));
    let count = |wanted: fn(ObjectState) -> bool| {
        plan.map_or(0, |p| {
            u32::try_from(p.objects.values().filter(|o| wanted(o.state)).count())
                .unwrap_or(u32::MAX)
        })
    };
    ApplicationStatus {
        set: desired.and_then(|d| d.set.clone()),
        applied: enforced.and_then(|e| e.applied.clone()),
        desired: desired
            .and_then(|d| d.content.as_ref())
            .map(|c| c.release.clone()),
        sync: sync(facts, desired, plan),
        health: health(facts, plan),
        since: Timestamp::UNIX_EPOCH,
        objects: count(|_| true),
        in_sync: count(ObjectState::is_settled),
        healed: 0,
        pending_deletions: plan.and_then(|p| p.pending_deletions.clone()),
        more_problems: u32::try_from(found.len().saturating_sub(MAX_PROBLEMS)).unwrap_or(u32::MAX),
        problems: found
            .into_iter()
            .take(MAX_PROBLEMS)
            .map(published)
            .collect(),
    }
}

/// An Application whose newest release is not enforced is out of sync, however well the old one stands.
fn sync(facts: &Facts<'_>, desired: Option<&DesiredApplication>, plan: Option<&Plan>) -> SyncState {
    match (desired, plan) {
        (_, None) => SyncState::Unknown,
        _ if !facts.seen => SyncState::Unknown,
        (Some(desired), Some(_)) if !desired.problems.is_empty() => SyncState::OutOfSync,
        (_, Some(plan)) => plan.sync,
    }
}

fn health(facts: &Facts<'_>, plan: Option<&Plan>) -> Health {
    match plan {
        Some(plan) if facts.seen => plan.health,
        _ => Health::Unknown,
    }
}

/// A problem as it is published: our own words, cut to length, without the way there.
fn published(problem: &Problem) -> Problem {
    Problem {
        message: clip(&problem.message),
        field: problem.field.as_deref().map(clip),
        remedy: problem.remedy.as_deref().map(clip),
        chain: Vec::new(),
        ..problem.clone()
    }
}
