//! The parts of the port that are no effects: the parent that is compared and swapped, and what a watch tells.

use std::time::Duration;

use muster::adapters::kube_cluster::KubeCluster;
use muster::ports::{Cluster, Parent, Swap, WatchEvent};
use muster_model::GroupKind;
use muster_model::observed::ParentScope;
use muster_tests::fakes::{FakeCluster, Identity};
use serde_json::{Value, json};
use tokio::sync::mpsc;

use super::scripts::{config, labelled};
use super::sides::{Fake, Real};
use super::{Act, in_namespace, recorded};
use crate::fixture::{Bench, MANAGER, PATIENCE};

/// After so long nothing more comes.
const QUIET: Duration = Duration::from_millis(700);

pub(crate) async fn parents_are_compared_and_swapped(bench: Bench) {
    let fake = FakeCluster::new(Identity {
        manager: MANAGER.to_owned(),
        parent_name: "muster".to_owned(),
        namespace: bench.namespace.clone(),
    });
    let real = KubeCluster::new(bench.client().await);
    let namespace = bench.namespace.as_str();
    assert_eq!(swaps(&fake, namespace).await, swaps(&real, namespace).await);
}

/// What each step of a script answers, without the versions.
async fn swaps(cluster: &impl Cluster, namespace: &str) -> Vec<String> {
    let mut told = Vec::new();
    let empty = cluster.parent().await.expect("an answer");
    told.push(format!("{empty:?}"));
    let first = declaring(&empty, &["ConfigMap"], namespace, 1);
    let version = tell(cluster, &first, &mut told).await;
    // As though it did not exist, though it does; then after the version that was read before the last write.
    tell(cluster, &first, &mut told).await;
    let stored = cluster.parent().await.expect("an answer");
    told.push(format!("{}", stored.resource_version == version));
    let wider = declaring(&stored, &["ConfigMap", "Secret"], namespace, 2);
    tell(cluster, &wider, &mut told).await;
    tell(cluster, &wider, &mut told).await;
    let now = cluster.parent().await.expect("an answer");
    let narrower = declaring(&now, &["Secret"], namespace, 3);
    tell(cluster, &narrower, &mut told).await;
    let last = cluster.parent().await.expect("an answer");
    told.push(format!("{:?} {:?}", last.scope, last.state));
    told
}

async fn tell(cluster: &impl Cluster, next: &Parent, told: &mut Vec<String>) -> String {
    match cluster.swap_parent(next).await.expect("an answer") {
        Swap::Stored(version) => {
            told.push("stored".to_owned());
            version
        }
        Swap::Lost => {
            told.push("lost".to_owned());
            String::new()
        }
    }
}

fn declaring(before: &Parent, kinds: &[&str], namespace: &str, epoch: u64) -> Parent {
    let kinds = kinds.iter().map(|kind| GroupKind::new("", *kind));
    let mut next = Parent {
        scope: ParentScope {
            kinds: kinds.collect(),
            namespaces: [namespace.to_owned()].into(),
        },
        ..before.clone()
    };
    next.state.version = muster_model::agent_state::VERSION;
    next.state.epoch = epoch;
    next
}

pub(crate) async fn a_watch_tells_what_happens(bench: Bench) {
    let fake = Fake::new(&bench.namespace).await;
    let real = Real::new(bench).await;
    let (of_fake, of_real) = (Heard::by(&fake).await, Heard::of(&real).await);
    let script = [
        Act::Apply(config(json!({"a": "1"})), true),
        Act::Patch(
            "ConfigMap",
            "c",
            "kubectl-edit",
            json!({"data": {"a": "2"}}),
        ),
        // Without its label it is in the watch no more, though it is there.
        Act::Patch(
            "ConfigMap",
            "c",
            "kubectl-label",
            json!({"metadata": {"labels": null}}),
        ),
        Act::Patch(
            "ConfigMap",
            "c",
            "kubectl-edit",
            json!({"data": {"a": "3"}}),
        ),
        Act::Apply(config(json!({"a": "1"})), true),
        Act::Apply(config(json!({"a": "1"})), true),
        Act::Create(foreign(), "kubectl-create"),
        Act::Delete("ConfigMap", "c"),
        Act::Apply(labelled(json!({"a": "1"}), json!({"l": "1"})), true),
        Act::Release("ConfigMap", "c"),
    ];
    for act in script {
        let act = in_namespace(act, real.namespace());
        fake.act(&act).await;
        real.act(&act).await;
    }
    let (in_fake, in_real) = (of_fake.all().await, of_real.all().await);
    assert_eq!(in_fake, in_real);
    assert!(in_real.len() > 6, "{in_real:#?}");
}

fn foreign() -> Value {
    json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "foreign"}, "data": {}})
}

/// A watch of ConfigMaps.
struct Heard {
    events: mpsc::Receiver<WatchEvent>,
    task: tokio::task::JoinHandle<()>,
}

impl Heard {
    async fn by(fake: &Fake) -> Self {
        let (events, inbox) = mpsc::channel(64);
        let task = fake.watch(GroupKind::new("", "ConfigMap"), events);
        Self::begun(inbox, task).await
    }

    async fn of(real: &Real) -> Self {
        let (events, inbox) = mpsc::channel(64);
        let task = real.watch(GroupKind::new("", "ConfigMap"), events);
        Self::begun(inbox, task).await
    }

    async fn begun(
        mut events: mpsc::Receiver<WatchEvent>,
        task: tokio::task::JoinHandle<()>,
    ) -> Self {
        let first = tokio::time::timeout(PATIENCE, events.recv()).await;
        assert!(
            matches!(first, Ok(Some(WatchEvent::Listed(..)))),
            "{first:?}"
        );
        Self { events, task }
    }

    /// Everything that came, in its order.
    async fn all(mut self) -> Vec<Value> {
        let mut all = Vec::new();
        while let Ok(Some(event)) = tokio::time::timeout(QUIET, self.events.recv()).await {
            all.push(match event {
                WatchEvent::Changed(id, record) => {
                    json!(["changed", id.to_string(), recorded(&record)])
                }
                WatchEvent::Gone(id) => json!(["gone", id.to_string()]),
                other => json!(format!("{other:?}")),
            });
        }
        self.task.abort();
        all
    }
}
