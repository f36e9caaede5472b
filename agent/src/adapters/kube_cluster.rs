//! [`Cluster`] over a real API server.

use std::sync::Arc;

use muster_kube::ClusterClient;
use muster_model::effect::{Effect, Outcome};
use muster_model::observed::Discovery;
use muster_model::{GroupKind, Node, Problem, ServiceAccount};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use crate::ports::{Cluster, Parent, Swap, WatchEvent};

/// A real cluster.
#[derive(Debug, Clone)]
pub struct KubeCluster {
    client: ClusterClient,
}

impl KubeCluster {
    /// Keeps the cluster behind a client.
    #[must_use]
    pub fn new(client: ClusterClient) -> Self {
        Self { client }
    }
}

/// The decision crates' functions, for the client to reduce live objects with.
#[must_use]
pub fn reducers() -> muster_kube::Reducers {
    muster_kube::Reducers {
        live: Arc::new(muster_sync::reduce),
        response: Arc::new(muster_sync::reduce_response),
        audit: Arc::new(muster_sync::audit::compare),
        whole: Arc::new(|kind| muster_sync::health::is_assessed(&kind.group, &kind.kind)),
    }
}

impl Cluster for KubeCluster {
    fn manage_as(&self, manager: &str) {
        self.client.manage_as(manager);
    }

    async fn discover(&self) -> Result<Discovery, Problem> {
        self.client.discover().await
    }

    async fn parent(&self) -> Result<Parent, Problem> {
        self.client.parent().await
    }

    async fn swap_parent(&self, next: &Parent) -> Result<Swap, Problem> {
        self.client.swap_parent(next).await
    }

    fn watch(&self, kind: GroupKind, events: mpsc::Sender<WatchEvent>) -> JoinHandle<()> {
        self.client.watch(kind, events)
    }

    fn watch_namespaces(&self, events: mpsc::Sender<WatchEvent>) -> JoinHandle<()> {
        self.client.watch_namespaces(events)
    }

    fn acting_as(&self, account: &ServiceAccount) -> Self {
        Self::new(self.client.acting_as(account))
    }

    async fn act(&self, effect: &Effect, body: Option<&Node>) -> Outcome {
        self.client.act(effect, body).await
    }
}
