//! What a row is measured in: a fresh API server, a Git server, and the counts that the API server keeps.

use std::cell::Cell;
use std::path::{Path, PathBuf};

use muster_tests::git_server::{GitServer, TestRepository};
use muster_tests::testbed::{Cluster, Programs, Testbed};
use serde_json::json;

use crate::agent::{Agent, HOME, sum};
use crate::fleet::{Files, NAMESPACES, namespace};
use crate::stop::{Stop, stop};

/// Everything that is shared by the rows.
pub(crate) struct World {
    testbed: Testbed,
    directory: PathBuf,
    clusters: Cell<usize>,
}

impl World {
    /// Starts etcd below `directory`.
    pub(crate) fn start(directory: &Path) -> Result<Self, Stop> {
        let programs = Programs::find().map_err(stop)?;
        let testbed = Testbed::start_at(programs, &directory.join("testbed")).map_err(stop)?;
        Ok(Self {
            testbed,
            directory: directory.to_owned(),
            clusters: Cell::new(0),
        })
    }

    /// A cluster that nothing was done in, with the namespaces of the fleets.
    pub(crate) fn cluster(&self) -> Result<Cluster, Stop> {
        let number = self.clusters.get();
        self.clusters.set(number + 1);
        let cluster = self
            .testbed
            .cluster(&format!("cluster-{number}"))
            .map_err(stop)?;
        let names = (0..NAMESPACES).map(namespace).chain([HOME.to_owned()]);
        for name in names {
            let object =
                json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}});
            let answer = cluster.create("/api/v1/namespaces", &object);
            if !matches!(answer.status, 201 | 409) {
                return Err(stop(format!(
                    "cannot make namespace {name}: {}",
                    answer.body
                )));
            }
        }
        Ok(cluster)
    }

    /// A cluster, a hub repository with these files, and what an agent needs besides.
    pub(crate) fn site(&self, files: &Files) -> Result<Site, Stop> {
        let cluster = self.cluster()?;
        let directory = self.directory.join(format!("site-{}", self.clusters.get()));
        let server = GitServer::start(&directory.join("git"));
        let (hub, status) = (server.create("hub"), server.create("status"));
        commit(&hub, files);
        Ok(Site {
            cluster,
            server,
            hub,
            status,
            directory,
        })
    }
}

/// One cluster and the repositories its agent follows.
pub(crate) struct Site {
    pub(crate) cluster: Cluster,
    pub(crate) server: GitServer,
    pub(crate) hub: TestRepository,
    status: TestRepository,
    directory: PathBuf,
}

impl Site {
    /// Starts the agent, with what an earlier one left in its store.
    pub(crate) fn agent(&self) -> Result<Agent, Stop> {
        Agent::start(
            &self.cluster,
            self.hub.url(),
            self.status.url(),
            &self.directory.join("agent"),
        )
    }

    /// Puts files on the hub repository's main branch.
    pub(crate) fn commit(&self, files: &Files) {
        commit(&self.hub, files);
    }

    /// What the API server has served so far of the kinds that are measured.
    pub(crate) fn served(&self) -> Served {
        let text = self.cluster.get("/metrics").body;
        // What the API server asks itself is of other kinds, the agent's own ConfigMap counts.
        let kinds = ["configmaps", "serviceaccounts", "services", "deployments"]
            .map(|kind| format!("resource=\"{kind}\""));
        let count = |verbs: &[&str]| {
            let verbs: Vec<String> = verbs
                .iter()
                .map(|verb| format!("verb=\"{verb}\""))
                .collect();
            sum(&text, "apiserver_request_total", |labels| {
                // An audit is a dry run: it writes nothing.
                labels.contains("dry_run=\"\"")
                    && kinds.iter().any(|kind| labels.contains(kind))
                    && verbs.iter().any(|verb| labels.contains(verb))
            })
        };
        Served {
            writes: count(&[
                "PATCH",
                "APPLY",
                "PUT",
                "POST",
                "DELETE",
                "DELETECOLLECTION",
            ]),
            lists: count(&["LIST"]),
            gets: count(&["GET"]),
            watches: count(&["WATCH"]),
        }
    }
}

/// Requests by what they do.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Served {
    pub(crate) writes: f64,
    pub(crate) lists: f64,
    pub(crate) gets: f64,
    pub(crate) watches: f64,
}

impl Served {
    /// What came after `before`.
    pub(crate) fn since(self, before: Self) -> Self {
        Self {
            writes: self.writes - before.writes,
            lists: self.lists - before.lists,
            gets: self.gets - before.gets,
            watches: self.watches - before.watches,
        }
    }
}

fn commit(repository: &TestRepository, files: &Files) {
    let files: Vec<(&str, &[u8])> = files
        .iter()
        .map(|(path, text)| (path.as_str(), text.as_bytes()))
        .collect();
    repository.commit_files("main", &files);
}
