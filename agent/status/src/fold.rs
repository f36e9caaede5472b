//! The branch people read: every accepted entry, a table and a summary, as files.

use std::collections::BTreeMap;

use jiff::Timestamp;
use muster_model::{ClusterName, Health, SyncState};
use serde::Serialize;

use crate::entry::{Entry, SIGNATURE_FILE, STATUS_FILE, directory};
use crate::fleet::FleetStatus;
use crate::table;

/// The files of the folded branch, by path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Folded {
    /// Path → bytes.
    pub files: BTreeMap<String, Vec<u8>>,
}

/// `summary.json`: counts that dashboards read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
struct Summary {
    clusters: usize,
    reporting: usize,
    applications: usize,
    synced: usize,
    healthy: usize,
    degraded: usize,
    problems: usize,
}

/// Folds entries into the branch. Of two entries of one cluster the higher sequence stays: a fold never lowers one (S4).
#[must_use]
pub fn fold(
    entries: impl IntoIterator<Item = Entry>,
    expected: &[ClusterName],
    now: Timestamp,
) -> Folded {
    let newest = newest(entries);
    let fleet = FleetStatus::assemble(
        newest
            .iter()
            .map(|(name, entry)| (name.clone(), Ok(entry.clone()))),
        expected.iter().cloned(),
        now,
    );
    let mut files = BTreeMap::new();
    files.insert("README.md".to_owned(), readme(&fleet, now).into_bytes());
    files.insert("summary.json".to_owned(), summary(&fleet));
    for (name, entry) in &newest {
        let directory = directory(name);
        files.insert(format!("{directory}/{STATUS_FILE}"), entry.bytes().to_vec());
        files.insert(
            format!("{directory}/{SIGNATURE_FILE}"),
            entry.signature().as_bytes().to_vec(),
        );
    }
    Folded { files }
}

/// The newest entry of each cluster.
#[must_use]
pub fn newest(entries: impl IntoIterator<Item = Entry>) -> BTreeMap<ClusterName, Entry> {
    let mut newest: BTreeMap<ClusterName, Entry> = BTreeMap::new();
    for entry in entries {
        let name = entry.status().cluster.clone();
        if newest
            .get(&name)
            .is_none_or(|old| old.status().sequence < entry.status().sequence)
        {
            newest.insert(name, entry);
        }
    }
    newest
}

fn readme(fleet: &FleetStatus, now: Timestamp) -> String {
    let silent: Vec<_> = fleet
        .not_reporting()
        .map(|(name, member)| format!("{name} ({:?})", member.standing))
        .collect();
    let silent = if silent.is_empty() {
        "none".to_owned()
    } else {
        silent.join(", ")
    };
    format!(
        "# Fleet status\n\n{}\nNot reporting: {silent}. Folded at {now}; ages are as of then, `muster status` shows them as of now.\n\n\
         Each `clusters/…/status.json` is signed by its cluster: check one with `ssh-keygen -Y verify -n muster-status@v1`.\n",
        table::markdown(&table::rows(fleet))
    )
}

fn summary(fleet: &FleetStatus) -> Vec<u8> {
    let statuses: Vec<_> = fleet
        .clusters
        .values()
        .filter_map(|member| member.status.as_ref())
        .collect();
    let apps: Vec<_> = statuses
        .iter()
        .flat_map(|status| status.applications.values())
        .collect();
    let count = |health| apps.iter().filter(|app| app.health == health).count();
    let summary = Summary {
        clusters: fleet.clusters.len(),
        reporting: fleet.clusters.len() - fleet.not_reporting().count(),
        applications: apps.len(),
        synced: apps
            .iter()
            .filter(|app| app.sync == SyncState::Synced)
            .count(),
        healthy: count(Health::Healthy),
        degraded: count(Health::Degraded),
        problems: apps.iter().map(|app| app.problems.len()).sum::<usize>()
            + statuses.iter().map(|s| s.problems.len()).sum::<usize>(),
    };
    let mut bytes = serde_json::to_vec_pretty(&summary).expect("because counts always serialise");
    bytes.push(b'\n');
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::entry::tests::status;
    use crate::signature::SigningKey;

    #[test]
    fn a_fold_never_lowers_a_sequence() {
        let key = SigningKey::from_seed(&[1; 32]);
        let entry = |sequence| Entry::sign(status("east", sequence, &key), &key).expect("signed");
        let now = entry(1).status().time;
        let folded = fold([entry(5), entry(4)], &[], now);
        let path = format!("{}/{STATUS_FILE}", directory(&entry(1).status().cluster));
        assert_eq!(folded.files[&path], entry(5).bytes());
        assert_eq!(
            folded
                .files
                .keys()
                .map(String::as_str)
                .filter(|p| !p.starts_with("clusters/"))
                .collect::<Vec<_>>(),
            ["README.md", "summary.json"]
        );
    }
}
