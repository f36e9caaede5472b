//! The fleet as `muster status` and `muster plan` tell it.

use std::collections::BTreeMap;
use std::process::Command;

use muster_model::status::{ApplicationStatus, ClusterStatus};
use muster_model::{Health, SyncState};
use serde::Deserialize;
use serde_json::Value;

use super::hub::{HubRepository, finished};
use super::{DemoError, NAMES};
use crate::binary;

/// What `muster status --output json` prints.
#[derive(Debug, Deserialize)]
pub(super) struct Fleet {
    clusters: BTreeMap<String, Member>,
}

#[derive(Debug, Deserialize)]
struct Member {
    standing: String,
    status: Option<ClusterStatus>,
}

/// How far everybody must be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Goal {
    /// Applied and healthy.
    Healthy,
    /// Applied; how it does is left to what the cluster can run.
    Synced,
}

impl Fleet {
    /// Asks `muster status`. Silent clusters are in the answer, so its exit code does not matter.
    pub(super) fn ask(hub: &HubRepository) -> Result<Self, DemoError> {
        let output = Command::new(binary("muster"))
            .args(["status", "--output", "json", "--repo", hub.url()])
            .output()
            .map_err(DemoError::io("run muster status"))?;
        serde_json::from_slice(&output.stdout).map_err(|error| DemoError::Command {
            command: "muster status --output json".to_owned(),
            message: format!(
                "{error}: {}",
                String::from_utf8_lossy(&output.stderr).trim()
            ),
        })
    }

    /// The table for people.
    pub(super) fn table(hub: &HubRepository) -> Result<String, DemoError> {
        let output = Command::new(binary("muster"))
            .args(["status", "--repo", hub.url()])
            .output()
            .map_err(DemoError::io("run muster status"))?;
        finished("muster status", &output)
    }

    /// Every cluster has reached the goal at this commit; else who has not, and what it says.
    pub(super) fn has_reached(&self, goal: Goal, commit: &str) -> Result<(), String> {
        let mut waiting = Vec::new();
        for name in NAMES {
            if let Err(seen) = self
                .application(name)
                .and_then(|app| reached(app, goal, commit))
            {
                waiting.push(format!("{name}: {seen}"));
            }
        }
        if waiting.is_empty() {
            Ok(())
        } else {
            Err(waiting.join(", "))
        }
    }

    /// The one Application of a cluster.
    pub(super) fn application(&self, cluster: &str) -> Result<&ApplicationStatus, String> {
        let member = self.clusters.get(cluster).ok_or("not in the fleet file")?;
        let status = member
            .status
            .as_ref()
            .ok_or_else(|| member.standing.clone())?;
        let problem = || status.problems.first().map(|p| p.reason.to_string());
        status
            .applications
            .values()
            .next()
            .ok_or_else(|| problem().unwrap_or_else(|| "no Application yet".to_owned()))
    }
}

fn reached(app: &ApplicationStatus, goal: Goal, commit: &str) -> Result<(), String> {
    let at = app
        .applied
        .as_ref()
        .map(|release| release.hub.commit_id.as_str());
    if at == Some(commit)
        && app.sync == SyncState::Synced
        && (goal == Goal::Synced || app.health == Health::Healthy)
    {
        return Ok(());
    }
    let problem = app.problems.first();
    let problem = problem.map_or_else(String::new, |p| format!(", {}: {}", p.reason, p.message));
    Err(format!(
        "{} of {} objects in sync, {}, {}{problem}",
        app.in_sync, app.objects, app.sync, app.health
    ))
}

/// What `muster plan` exits with when deletions need an approval.
const NEEDS_APPROVAL: i32 = 3;

/// The approvals that `muster plan` prints for the last commit, ready for the fleet file.
pub(super) fn approvals(hub: &HubRepository) -> Result<Vec<Value>, DemoError> {
    let arguments = [
        "plan", "--from", "HEAD~1", "--to", "HEAD", "--output", "json",
    ];
    let output = Command::new(binary("muster"))
        .args(arguments)
        .current_dir(hub.path())
        .output()
        .map_err(DemoError::io("run muster plan"))?;
    let printed = if output.status.code() == Some(NEEDS_APPROVAL) {
        String::from_utf8_lossy(&output.stdout).into_owned()
    } else {
        finished(&format!("muster {}", arguments.join(" ")), &output)?
    };
    let plan: Value = serde_json::from_str(&printed).map_err(|error| {
        DemoError::Unexpected(format!("muster plan does not print JSON: {error}"))
    })?;
    let approvals = plan["approvals"].as_array().into_iter().flatten();
    let missing = approvals.filter(|approval| approval["given"] == false);
    Ok(missing.map(|approval| approval["entry"].clone()).collect())
}
