//! What the fleet file and the Argo CD files say about each other.

use std::time::Duration;

use muster_model::{Location, Problem, Reason, RepoPath};

use super::Hub;
use crate::applicationset::Strategy;
use crate::duration::Show;
use crate::fleet::{ClusterState, Fleet};

/// The shortest heartbeat (DESIGN.md section 8).
const MIN_HEARTBEAT: Duration = Duration::from_secs(15 * 60);
/// Heartbeats a status server takes per second, times ten (DESIGN.md section 8: N / 1.4 per second).
const HEARTBEATS_PER_TEN_SECONDS: u64 = 14;

/// How often a cluster of the fleet reports when nothing changes.
#[must_use]
pub(crate) fn heartbeat(fleet: &Fleet) -> Duration {
    let clusters = u64::try_from(fleet.clusters.len()).unwrap_or(u64::MAX);
    let spread = Duration::from_secs(clusters.saturating_mul(10) / HEARTBEATS_PER_TEN_SECONDS);
    fleet.status.heartbeat.unwrap_or(MIN_HEARTBEAT.max(spread))
}

/// Checks rollouts against the sets they are about, and rolling syncs against what their gates need.
pub(super) fn hub(hub: &mut Hub, fleet_file: &RepoPath) {
    let file = Location::file(fleet_file.as_str());
    for rollout in &hub.fleet.rollouts {
        let name = &rollout.application_set;
        if !hub.sets.contains_key(name) && !hub.broken.sets.contains_key(name) {
            let message =
                format!("spec.rollouts is about `{name}`, and no ApplicationSet is called so");
            let problem = Problem::new(Reason::InvalidFleetFile, message);
            hub.warnings.push(problem.at(file.clone()));
        }
    }
    placements(hub);
    let mut wrong = Vec::new();
    for (name, set) in &hub.sets {
        if let Strategy::RollingSync { .. } = set.strategy {
            wrong.extend(gate_problems(&hub.fleet, name, &file).map(|p| (name.clone(), p)));
        }
    }
    for (name, problem) in wrong {
        hub.sets.remove(&name);
        hub.broken.sets.entry(name).or_default().push(problem);
    }
}

/// A placement's Applications are told from those of an ApplicationSet by its name.
fn placements(hub: &mut Hub) {
    let mut twice = Vec::new();
    for (name, placement) in &hub.placements {
        if hub.sets.contains_key(name) || hub.broken.sets.contains_key(name) {
            let message = format!("a placement and an ApplicationSet are both called `{name}`");
            let problem = Problem::new(Reason::DuplicateApplication, message)
                .at(placement.entry.origin.clone())
                .field("spec.placements[].name")
                .remedy("give the placement another `name`");
            twice.push((name.clone(), problem));
        }
    }
    for (name, problem) in twice {
        hub.placements.remove(&name);
        hub.broken.placements.entry(name).or_default().push(problem);
    }
}

/// Only verified status opens a gate (DESIGN.md section 6).
fn gate_problems<'a>(
    fleet: &'a Fleet,
    set: &'a str,
    file: &'a Location,
) -> impl Iterator<Item = Problem> + 'a {
    let unsigned = fleet
        .clusters
        .iter()
        .find(|c| c.state == ClusterState::Active && c.status_keys.is_empty());
    let keys = unsigned.map(|cluster| {
        Problem::new(
            Reason::InvalidFleetFile,
            format!(
                "`{set}` rolls out step by step, and cluster `{}` has no statusKeys to verify its status with",
                cluster.name
            ),
        )
        .at(cluster.declared_at.clone().unwrap_or_else(|| file.clone()))
        .remedy("add the public key that `muster agent` prints at its first start")
    });
    let beat = heartbeat(fleet);
    let rollout = fleet.rollouts.iter().find(|r| r.application_set == set);
    let stale = rollout
        .and_then(|rollout| rollout.max_stale)
        .filter(|stale| *stale < beat * 2)
        .map(|stale| {
            Problem::new(
                Reason::InvalidFleetFile,
                format!(
                    "maxStale of `{set}` is {}, less than two heartbeats ({} each)",
                    Show(stale),
                    Show(beat)
                ),
            )
            .at(file.clone())
        });
    keys.into_iter().chain(stale)
}
