//! The fleet as its members describe it, and who is silent: silence is computed by the reader, never written (S3).

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use muster_model::ClusterName;
use muster_model::status::ClusterStatus;
use serde::Serialize;

use crate::entry::{Entry, EntryError};

/// Heartbeats that may be missed before a cluster counts as silent.
const MISSED_HEARTBEATS: i64 = 2;
/// Time a push may take on top, in seconds.
const PUSH_DELAY_SECONDS: i64 = 60;

/// How much a cluster's word counts at this moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub enum Standing {
    /// Signed and fresh.
    Reporting,
    /// Signed, but older than two heartbeats.
    Silent,
    /// In the fleet file, but never heard of.
    NeverReported,
    /// Something lies in its place that it did not sign.
    Forged,
}

/// One row: a cluster, its standing, and what it said last.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Member {
    /// How much its word counts.
    pub standing: Standing,
    /// What it said last, when that can be believed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<ClusterStatus>,
    /// Why its word was not accepted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refused: Option<String>,
    /// Seconds since it spoke.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub age_seconds: Option<i64>,
}

/// Every cluster of the fleet at one moment.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct FleetStatus {
    /// By name.
    pub clusters: BTreeMap<ClusterName, Member>,
}

impl FleetStatus {
    /// Puts together what was read: entries that were accepted or not, and the clusters that should be there.
    pub fn assemble(
        read: impl IntoIterator<Item = (ClusterName, Result<Entry, EntryError>)>,
        expected: impl IntoIterator<Item = ClusterName>,
        now: Timestamp,
    ) -> Self {
        let mut clusters: BTreeMap<_, _> = expected
            .into_iter()
            .map(|name| (name, Member::never()))
            .collect();
        for (name, entry) in read {
            let member = match entry {
                Ok(entry) => Member::heard(entry.status().clone(), now),
                Err(error) => Member::forged(&error),
            };
            clusters.insert(name, member);
        }
        Self { clusters }
    }

    /// The clusters that are not reporting.
    pub fn not_reporting(&self) -> impl Iterator<Item = (&ClusterName, &Member)> {
        self.clusters
            .iter()
            .filter(|(_, member)| member.standing != Standing::Reporting)
    }
}

impl Member {
    fn never() -> Self {
        Self {
            standing: Standing::NeverReported,
            status: None,
            refused: None,
            age_seconds: None,
        }
    }

    fn forged(error: &EntryError) -> Self {
        Self {
            standing: Standing::Forged,
            status: None,
            refused: Some(error.to_string()),
            age_seconds: None,
        }
    }

    fn heard(status: ClusterStatus, now: Timestamp) -> Self {
        let age = now.duration_since(status.time);
        let limit = SignedDuration::from_secs(
            i64::from(status.heartbeat_seconds) * MISSED_HEARTBEATS + PUSH_DELAY_SECONDS,
        );
        let standing = if age > limit {
            Standing::Silent
        } else {
            Standing::Reporting
        };
        Self {
            standing,
            age_seconds: Some(age.as_secs().max(0)),
            status: Some(status),
            refused: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::entry::tests::status;
    use crate::signature::SigningKey;

    #[test]
    fn a_cluster_is_silent_after_two_heartbeats() {
        let key = SigningKey::from_seed(&[1; 32]);
        let entry = Entry::sign(status("east", 1, &key), &key).expect("signed");
        let name = entry.status().cluster.clone();
        let west = ClusterName::new("west").expect("a name");
        let at = |minutes| {
            let now = entry.status().time + SignedDuration::from_mins(minutes);
            FleetStatus::assemble(
                [(name.clone(), Ok(entry.clone()))],
                [name.clone(), west.clone()],
                now,
            )
        };
        assert_eq!(at(30).clusters[&name].standing, Standing::Reporting);
        assert_eq!(at(32).clusters[&name].standing, Standing::Silent);
        assert_eq!(at(0).clusters[&west].standing, Standing::NeverReported);
    }
}
