//! The two sides of the contract.

use muster::ports::{Cluster as _, Parent, Swap, WatchEvent};
use muster_kube::{ClusterClient, WatchScope};
use muster_model::effect::Outcome;
use muster_model::observed::ParentScope;
use muster_model::{GroupKind, ObjectId};
use muster_tests::fakes::{FakeCluster, Identity};
use muster_tests::testbed::ADMIN_TOKEN;
use serde_json::{Value, json};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use super::scripts::gadgets;
use super::{Act, KINDS, Kind, effect, recorded};
use crate::fixture::{Bench, MANAGER};

/// The in-memory fake.
pub(crate) struct Fake {
    cluster: FakeCluster,
    namespace: String,
}

impl Fake {
    pub(crate) async fn new(namespace: &str) -> Self {
        let cluster = FakeCluster::new(Identity {
            manager: MANAGER.to_owned(),
            parent_name: "muster".to_owned(),
            namespace: namespace.to_owned(),
        });
        cluster.create(&gadgets(), "kubectl-create");
        cluster.controllers_once();
        let kinds = KINDS.iter().map(|kind| GroupKind::new(kind.0, kind.2));
        let parent = Parent {
            scope: ParentScope {
                kinds: kinds.collect(),
                namespaces: [namespace.to_owned()].into(),
            },
            ..Parent::default()
        };
        let swap = cluster.swap_parent(&parent).await;
        assert!(matches!(swap, Ok(Swap::Stored(_))), "{swap:?}");
        let namespace = namespace.to_owned();
        Self { cluster, namespace }
    }

    fn id(&self, kind: &str, name: &str) -> ObjectId {
        ObjectId::new(Kind::of(kind).0, kind, &*self.namespace, name)
    }

    pub(crate) async fn act(&self, act: &Act) -> Outcome {
        match act {
            Act::Create(object, manager) => {
                self.cluster.create(object, manager);
            }
            Act::ApplyAs(object, manager) => {
                self.cluster.apply_as(object, manager);
            }
            Act::Patch(kind, name, manager, patch) => {
                self.cluster
                    .edit(&self.id(kind, name), manager, |object| merge(object, patch));
            }
            Act::PatchStatus(kind, name, patch) => {
                self.cluster
                    .edit_status(&self.id(kind, name), |status| merge(status, patch));
            }
            Act::Clear(kind, name) => self.cluster.clear_managed_fields(&self.id(kind, name)),
            _ => {
                let seen = |kind: &str, name: &str| {
                    self.cluster.get(&self.id(kind, name)).unwrap_or_default()
                };
                let (effect, body) = effect(act, &self.namespace, seen);
                return self.cluster.act(&effect, body.as_ref()).await;
            }
        }
        Outcome::Gone
    }

    pub(crate) fn list(&self, kind: Kind) -> Vec<Value> {
        let wanted = GroupKind::new(kind.0, kind.2);
        let ids = self.cluster.every_object();
        let inside = ids
            .iter()
            .filter(|id| id.group_kind() == wanted && id.namespace() == self.namespace);
        inside.filter_map(|id| self.cluster.get(id)).collect()
    }

    pub(crate) fn watch(
        &self,
        kind: GroupKind,
        events: mpsc::Sender<WatchEvent>,
    ) -> JoinHandle<()> {
        self.cluster.watch(kind, events)
    }

    pub(crate) async fn watched(&self) -> Vec<Value> {
        let mut all = Vec::new();
        for kind in KINDS {
            let (events, mut inbox) = mpsc::channel(8);
            let task = self.cluster.watch(GroupKind::new(kind.0, kind.2), events);
            all.extend(listed(inbox.recv().await));
            task.abort();
        }
        all
    }
}

/// The API server.
pub(crate) struct Real {
    bench: Bench,
    client: ClusterClient,
}

impl Real {
    pub(crate) async fn new(bench: Bench) -> Self {
        let definitions = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
        let answer = bench.create(definitions, &gadgets());
        assert!(matches!(answer.status, 201 | 409), "{}", answer.body);
        crate::fixture::eventually(|| async {
            let path = format!("{definitions}/gadgets.contract.example.com");
            let conditions = bench.live(&path)["status"]["conditions"].to_string();
            let established = conditions.contains("\"Established\"")
                && bench
                    .cluster()
                    .get("/apis/contract.example.com/v1/gadgets")
                    .status
                    == 200;
            established.then_some(())
        })
        .await;
        let client = bench.client_of(ADMIN_TOKEN, WatchScope::All).await;
        client.discover().await.expect("discovered");
        Self { bench, client }
    }

    pub(crate) fn namespace(&self) -> &str {
        &self.bench.namespace
    }

    fn collection(&self, kind: Kind) -> String {
        let root = if kind.0.is_empty() {
            format!("/api/{}", kind.1)
        } else {
            format!("/apis/{}/{}", kind.0, kind.1)
        };
        format!("{root}/namespaces/{}/{}", self.bench.namespace, kind.3)
    }

    fn path(&self, kind: &str, name: &str) -> String {
        format!("{}/{name}", self.collection(Kind::of(kind)))
    }

    fn send(&self, method: &str, path: &str, content_type: &str, body: &Value) {
        let answer = self
            .bench
            .cluster()
            .request(method, path, content_type, &body.to_string());
        assert!(
            matches!(answer.status, 200 | 201),
            "{method} {path}: {}",
            answer.body
        );
    }

    pub(crate) async fn act(&self, act: &Act) -> Outcome {
        const MERGE: &str = "application/merge-patch+json";
        match act {
            Act::Create(object, manager) => {
                let kind = Kind::of(object["kind"].as_str().expect("a kind"));
                let path = format!("{}?fieldManager={manager}", self.collection(kind));
                self.send("POST", &path, "application/json", object);
            }
            Act::ApplyAs(object, manager) => {
                let text = |value: &Value| value.as_str().expect("a text").to_owned();
                let path = self.path(&text(&object["kind"]), &text(&object["metadata"]["name"]));
                let path = format!("{path}?fieldManager={manager}&force=true");
                self.send("PATCH", &path, "application/apply-patch+yaml", object);
            }
            Act::Patch(kind, name, manager, patch) => {
                let path = format!("{}?fieldManager={manager}", self.path(kind, name));
                self.send("PATCH", &path, MERGE, patch);
            }
            Act::PatchStatus(kind, name, patch) => {
                let path = self.path(kind, name);
                let path = format!("{path}/status?fieldManager=kube-controller-manager");
                self.send("PATCH", &path, MERGE, &json!({"status": patch}));
            }
            Act::Clear(kind, name) => {
                let cleared = json!({"metadata": {"managedFields": [{}]}});
                self.send("PATCH", &self.path(kind, name), MERGE, &cleared);
            }
            _ => {
                let seen = |kind: &str, name: &str| self.bench.live(&self.path(kind, name));
                let (effect, body) = effect(act, &self.bench.namespace, seen);
                return self.client.act(&effect, body.as_ref()).await;
            }
        }
        Outcome::Gone
    }

    pub(crate) fn list(&self, kind: Kind) -> Vec<Value> {
        let answer = self.bench.live(&self.collection(kind));
        let items = answer["items"].as_array().cloned().unwrap_or_default();
        let version = if kind.0.is_empty() {
            kind.1.to_owned()
        } else {
            format!("{}/{}", kind.0, kind.1)
        };
        let whole = |mut item: Value| {
            item["apiVersion"] = json!(version);
            item["kind"] = json!(kind.2);
            item
        };
        items
            .into_iter()
            .filter(|item| item["metadata"]["name"] != "kube-root-ca.crt")
            .map(whole)
            .collect()
    }

    pub(crate) fn watch(
        &self,
        kind: GroupKind,
        events: mpsc::Sender<WatchEvent>,
    ) -> JoinHandle<()> {
        self.client.watch(kind, events)
    }

    pub(crate) async fn watched(&self) -> Vec<Value> {
        let mut all = Vec::new();
        for kind in KINDS {
            let (events, mut inbox) = mpsc::channel(8);
            let task = self.client.watch(GroupKind::new(kind.0, kind.2), events);
            all.extend(listed(inbox.recv().await));
            task.abort();
        }
        all
    }
}

fn listed(event: Option<WatchEvent>) -> Vec<Value> {
    let Some(WatchEvent::Listed(_, records)) = event else {
        panic!("not a list: {event:?}");
    };
    records
        .iter()
        .map(|(id, record)| json!([id.to_string(), recorded(record)]))
        .collect()
}

/// RFC 7386.
fn merge(target: &mut Value, patch: &Value) {
    let Value::Object(patch) = patch else {
        *target = patch.clone();
        return;
    };
    if !target.is_object() {
        *target = json!({});
    }
    for (key, value) in patch {
        if value.is_null() {
            target.as_object_mut().expect("made one").remove(key);
        } else {
            merge(&mut target[key], value);
        }
    }
}
