//! Which kinds are watched: those the parent declares, those that Git names, and autoscalers.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use muster_model::GroupKind;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use super::Event;
use crate::ports::{Cluster, WatchEvent};

/// Events of all watches that may wait for the owner.
const QUEUE: usize = 1024;

/// The running watches.
pub(super) struct Watches<C> {
    cluster: Arc<C>,
    sender: mpsc::Sender<WatchEvent>,
    kinds: BTreeMap<GroupKind, JoinHandle<()>>,
    namespaces: JoinHandle<()>,
    forward: JoinHandle<()>,
}

impl<C: Cluster> Watches<C> {
    /// Watches the namespaces, and nothing else yet.
    pub(super) fn start(cluster: Arc<C>, events: mpsc::Sender<Event>) -> Self {
        let (sender, mut seen) = mpsc::channel(QUEUE);
        let forward = tokio::spawn(async move {
            while let Some(event) = seen.recv().await {
                if events.send(Event::Watch(event)).await.is_err() {
                    return;
                }
            }
        });
        let namespaces = cluster.watch_namespaces(sender.clone());
        Self {
            cluster,
            sender,
            kinds: BTreeMap::new(),
            namespaces,
            forward,
        }
    }

    /// Watches exactly these kinds from now on.
    pub(super) fn set(&mut self, wanted: &BTreeSet<GroupKind>) {
        self.kinds.retain(|kind, task| {
            let keep = wanted.contains(kind);
            if !keep {
                task.abort();
            }
            keep
        });
        for kind in wanted {
            if !self.kinds.contains_key(kind) {
                let task = self.cluster.watch(kind.clone(), self.sender.clone());
                self.kinds.insert(kind.clone(), task);
            }
        }
    }
}

impl<C> Drop for Watches<C> {
    fn drop(&mut self) {
        for task in self.kinds.values().chain([&self.namespaces, &self.forward]) {
            task.abort();
        }
    }
}
