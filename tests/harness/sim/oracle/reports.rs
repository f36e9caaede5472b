//! What agents may say: S1, S2, S5.

use muster_model::release::Release;
use muster_model::status::{ApplicationStatus, ClusterState, ClusterStatus};
use muster_model::{Health, ObjectId, SyncState};
use serde_json::Value;
use std::collections::BTreeMap;
use std::time::Duration;

use super::{Oracle, hash, mark_of};
use crate::fakes::FakeCluster;

/// How long an agent may take to notice that it cannot read the cluster, and to say so.
const NOTICED: Duration = Duration::from_secs(120);

impl Oracle {
    /// A status was published.
    pub(crate) fn published(&mut self, status: &ClusterStatus, cluster: &FakeCluster) {
        for problem in &status.problems {
            self.journal.reach(format!("reason {}", problem.reason));
        }
        self.journal.reach(format!("state {:?}", status.state));
        if let Some(hub) = &status.hub {
            self.said = Some(hub.commit_id.clone());
        }
        for (name, application) in &status.applications {
            for problem in &application.problems {
                self.journal.reach(format!("reason {}", problem.reason));
            }
            self.journal.reach(format!("health {}", application.health));
            // A cluster that has left holds nothing that could be looked at.
            if status.state != ClusterState::Left {
                self.judge(name, application, cluster);
            }
        }
    }

    fn judge(&self, name: &str, said: &ApplicationStatus, cluster: &FakeCluster) {
        let short = name.rsplit('/').next().unwrap_or(name);
        if let Some(applied) = &said.applied {
            for (id, wanted) in self.objects_of(short, applied) {
                if !self.achieved.contains(&(id.clone(), hash(&wanted))) {
                    let commit = applied.hub.commit_id.short();
                    self.broken(
                        "S2",
                        format!("{name} is said to be applied at {commit}, and {id} never was"),
                    );
                }
            }
        }
        let now = self.journal.now();
        let blind = self.blind_since.is_some_and(|since| now > since + NOTICED);
        if blind && (said.health == Health::Healthy || said.sync == SyncState::Synced) {
            let what = format!(
                "{name} is said to be {} {} while nothing can be read",
                said.sync, said.health
            );
            self.broken("S5", what);
        }
        if said.health == Health::Healthy
            && said.sync == SyncState::Synced
            && said.applied == said.desired
        {
            self.healthy(name, short, said, cluster);
        }
    }

    /// S1: what is said to be healthy at a release is healthy at it.
    fn healthy(&self, name: &str, short: &str, said: &ApplicationStatus, cluster: &FakeCluster) {
        let Some(release) = &said.desired else {
            return;
        };
        for (id, wanted) in self.objects_of(short, release) {
            let unclear = self.recently(&id) || self.is_rivalled(&id);
            if id.kind() != "Deployment" || unclear || self.blind_since.is_some() {
                continue;
            }
            let live = cluster.get(&id).unwrap_or_default();
            // A newer release may have come since this was written.
            let content = mark_of(&live).map(|mark| (id.clone(), mark.digest));
            let content = content.and_then(|key| self.digests.get(&key));
            if content.is_some_and(|content| *content != hash(&wanted)) {
                continue;
            }
            let (generation, seen) = (
                &live["metadata"]["generation"],
                &live["status"]["observedGeneration"],
            );
            if generation != seen || live["status"]["readyReplicas"] != live["spec"]["replicas"] {
                self.broken(
                    "S1",
                    format!(
                        "{name} is said to be Healthy, and {id} is not: {}",
                        live["status"]
                    ),
                );
            }
        }
    }

    fn objects_of(&self, name: &str, release: &Release) -> BTreeMap<ObjectId, Value> {
        let Some((content, _)) = self.hub.get(&release.hub.commit_id) else {
            return BTreeMap::new();
        };
        let source = release.sources.first().map(|source| &source.commit_id);
        let extra = source
            .and_then(|id| self.extra.get(id))
            .copied()
            .unwrap_or_default();
        content.objects(name, &extra).unwrap_or_default()
    }
}
