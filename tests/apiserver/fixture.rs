//! What every test gets: a namespace of its own on the one API server, and clients of several users.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use libtest_mimic::Trial;
use muster_kube::{Access, ClusterClient, Options, ParentName, Reducers, WatchScope};
use muster_model::effect::{Cause, Effect, Outcome};
use muster_model::marks::{AppliedMark, marked};
use muster_model::observed::{Record, WatchEvent};
use muster_model::{ApplicationKey, Digest, GroupKind, Manifest, Node, ObjectId, Reason, json};
use muster_tests::testbed::{ADMIN_TOKEN, Answer, Cluster, Testbed};
use serde_json::{Value, json};
use tokio::sync::mpsc;

/// Our field manager.
pub(crate) const MANAGER: &str = "muster.contract";
/// Longest wait for an event: a busy runner is slow, a test that fails need not be fast.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

static NAMESPACES: AtomicUsize = AtomicUsize::new(0);

/// The control plane of this run.
#[derive(Debug)]
pub(crate) struct Plane {
    pub(crate) cluster: Cluster,
    pub(crate) testbed: Testbed,
}

/// One test on the plane; ignored where there is none.
pub(crate) fn trial<T, F>(plane: Option<&Arc<Plane>>, name: &str, test: T) -> Trial
where
    T: FnOnce(Bench) -> F + Send + 'static,
    F: Future<Output = ()> + Send + 'static,
{
    let plane = plane.cloned();
    let ignored = plane.is_none();
    Trial::test(name, move || {
        let plane = plane.expect("because a trial without a plane is ignored");
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .expect("a runtime");
        runtime.block_on(async move { test(Bench::new(plane)).await });
        Ok(())
    })
    .with_ignored_flag(ignored)
}

/// A namespace and what is done in it.
#[derive(Debug, Clone)]
pub(crate) struct Bench {
    pub(crate) plane: Arc<Plane>,
    pub(crate) namespace: String,
}

impl Bench {
    fn new(plane: Arc<Plane>) -> Self {
        let number = NAMESPACES.fetch_add(1, Ordering::Relaxed);
        let bench = Self {
            plane,
            namespace: format!("test-{number}"),
        };
        bench.add_namespace(&bench.namespace);
        bench
    }

    /// Makes a further namespace.
    pub(crate) fn add_namespace(&self, name: &str) {
        let body = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}});
        assert_eq!(
            self.create("/api/v1/namespaces", &body).status,
            201,
            "namespace {name}"
        );
    }

    pub(crate) fn cluster(&self) -> &Cluster {
        &self.plane.cluster
    }

    /// `POST` as admin.
    pub(crate) fn create(&self, path: &str, body: &Value) -> Answer {
        self.cluster().create(path, body)
    }

    /// `GET` as admin.
    pub(crate) fn live(&self, path: &str) -> Value {
        self.cluster().get(path).json()
    }

    /// A merge patch as admin by another manager.
    pub(crate) fn edit(&self, path: &str, change: &Value) {
        let path = format!("{path}?fieldManager=kubectl-edit");
        let answer = self.cluster().request(
            "PATCH",
            &path,
            "application/merge-patch+json",
            &change.to_string(),
        );
        assert_eq!(answer.status, 200, "{}", answer.body);
    }

    /// The path of a ConfigMap here.
    pub(crate) fn path(&self, name: &str) -> String {
        format!("/api/v1/namespaces/{}/configmaps/{name}", self.namespace)
    }

    pub(crate) async fn client(&self) -> ClusterClient {
        self.client_of(ADMIN_TOKEN, WatchScope::All).await
    }

    pub(crate) async fn client_of(&self, token: &str, scope: WatchScope) -> ClusterClient {
        client_of(self.cluster(), token, scope, &self.namespace).await
    }

    pub(crate) fn id(&self, name: &str) -> ObjectId {
        ObjectId::new("", "ConfigMap", &*self.namespace, name)
    }

    /// A marked ConfigMap of this namespace, ready to be sent.
    pub(crate) fn config_map(&self, name: &str, data: &Value) -> Node {
        self.marked(&json!({
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"name": name, "namespace": self.namespace},
            "data": data,
        }))
    }

    /// Any object with the marks of an ApplySet whose parent is in this namespace.
    pub(crate) fn marked(&self, object: &Value) -> Node {
        let manifest = Manifest::new(json::from_value(object)).expect("an object");
        let mark = AppliedMark {
            object: manifest.id(),
            application: ApplicationKey::new("default", "contract"),
            digest: Digest::of(object.to_string().as_bytes()).short(),
        };
        marked(&manifest, &parent_in(&self.namespace).applyset(), &mark)
    }
}

/// A client whose ApplySet parent is in `namespace`.
pub(crate) async fn client_of(
    cluster: &Cluster,
    token: &str,
    scope: WatchScope,
    namespace: &str,
) -> ClusterClient {
    let kubeconfig = cluster.kubeconfig_for(token).expect("a kubeconfig");
    ClusterClient::connect(Options {
        access: Access::Kubeconfig(kubeconfig),
        parent: parent_in(namespace),
        field_manager: MANAGER.to_owned(),
        tooling: "muster/v0.0.0".to_owned(),
        scope,
        reducers: Reducers {
            live: Arc::new(muster_sync::reduce),
            response: Arc::new(muster_sync::reduce_response),
            audit: Arc::new(muster_sync::audit::compare),
            whole: Arc::new(|kind| muster_sync::health::is_assessed(&kind.group, &kind.kind)),
        },
    })
    .await
    .expect("a client")
}

fn parent_in(namespace: &str) -> ParentName {
    ParentName {
        namespace: namespace.to_owned(),
        name: "muster".to_owned(),
    }
}

/// Applies with force.
pub(crate) fn apply(body: &Node) -> Effect {
    let manifest = Manifest::new(body.clone()).expect("an object");
    Effect::Apply {
        object: manifest.id(),
        gvk: manifest.gvk().clone(),
        force: true,
        cause: Cause::Update,
        yielded: Vec::new(),
    }
}

/// Applies and gives back the record.
pub(crate) async fn applied(client: &ClusterClient, body: &Node) -> Record {
    match client.act(&apply(body), Some(body)).await {
        Outcome::Applied(record) => *record,
        other => panic!("not applied: {other:?}"),
    }
}

/// What a failed effect tells.
pub(crate) fn failed(outcome: Outcome) -> (Reason, u16, String) {
    match outcome {
        Outcome::Failed {
            reason,
            code,
            message,
            retry_after: _,
        } => (reason, code, message),
        other => panic!("not failed: {other:?}"),
    }
}

/// Applies and gives back why that failed.
pub(crate) async fn refused(client: &ClusterClient, body: &Node) -> (Reason, u16, String) {
    failed(client.act(&apply(body), Some(body)).await)
}

/// Tries again until `look` has found something: for what the API server does in its own time.
pub(crate) async fn eventually<T, F: Future<Output = Option<T>>>(mut look: impl FnMut() -> F) -> T {
    let search = async {
        loop {
            if let Some(found) = look().await {
                return found;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(PATIENCE, search)
        .await
        .expect("it happens in time")
}

/// The events of a watch.
#[derive(Debug)]
pub(crate) struct Events {
    inbox: mpsc::Receiver<WatchEvent>,
}

impl Events {
    pub(crate) fn of(client: &ClusterClient, kind: GroupKind) -> Self {
        let (events, inbox) = mpsc::channel(256);
        drop(client.watch(kind, events));
        Self { inbox }
    }

    pub(crate) fn of_namespaces(client: &ClusterClient) -> Self {
        let (events, inbox) = mpsc::channel(256);
        drop(client.watch_namespaces(events));
        Self { inbox }
    }

    pub(crate) async fn next(&mut self) -> WatchEvent {
        let event = tokio::time::timeout(PATIENCE, self.inbox.recv())
            .await
            .expect("an event in time");
        event.expect("the watch goes on")
    }

    /// Events up to one that `pick` takes.
    pub(crate) async fn find<T>(&mut self, mut pick: impl FnMut(WatchEvent) -> Option<T>) -> T {
        loop {
            if let Some(found) = pick(self.next().await) {
                return found;
            }
        }
    }

    /// Names of the list that must come next.
    pub(crate) async fn listed(&mut self) -> Vec<String> {
        match self.next().await {
            WatchEvent::Listed(_, records) => records
                .into_iter()
                .map(|(id, _)| id.name().to_owned())
                .collect(),
            other => panic!("not a list: {other:?}"),
        }
    }

    /// The change that must come next.
    pub(crate) async fn changed(&mut self) -> (ObjectId, Record) {
        match self.next().await {
            WatchEvent::Changed(id, record) => (id, *record),
            other => panic!("not a change: {other:?}"),
        }
    }
}
