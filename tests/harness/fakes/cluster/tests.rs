//! The fake API server keeps an API server's rules.

use std::future::Future;

use muster_model::effect::{Cause, Propagation};
use muster_model::marks::{AppliedMark, marked};
use muster_model::observed::ParentScope;
use muster_model::{ApplicationKey, Gvk, Manifest, json};
use serde_json::{Value, json};

use super::*;
use crate::fakes::{Side, Target, assert_invariants, id_of};

fn cluster() -> FakeCluster {
    FakeCluster::new(Identity {
        manager: "muster.bookstore".to_owned(),
        parent_name: "muster".to_owned(),
        namespace: "muster-system".to_owned(),
    })
}

fn config_map(namespace: &str, data: &Value) -> Value {
    json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c", "namespace": namespace}, "data": data})
}

/// The effect and the body that apply an object as ours.
fn apply(object: &Value) -> (Effect, Node) {
    let id = id_of(object);
    let manifest = Manifest::new(json::from_value(object)).expect("valid");
    let mark = AppliedMark {
        object: id.clone(),
        application: ApplicationKey::new("shop", "web"),
        digest: "0".repeat(16),
    };
    let applyset = muster_model::marks::applyset_id("muster", "muster-system");
    let effect = Effect::Apply {
        object: id,
        gvk: Gvk::clone(manifest.gvk()),
        force: true,
        cause: Cause::Create,
        yielded: Vec::new(),
    };
    (effect, marked(&manifest, &applyset, &mark))
}

async fn send(cluster: &FakeCluster, object: &Value) -> Outcome {
    let (effect, body) = apply(object);
    cluster.act(&effect, Some(&body)).await
}

/// A cluster whose parent declares ConfigMaps, CRDs and widgets in `default` and `shop`.
async fn declared() -> FakeCluster {
    let cluster = cluster();
    let kinds = [
        GroupKind::new("", "ConfigMap"),
        GroupKind::new("apiextensions.k8s.io", "CustomResourceDefinition"),
        GroupKind::new("example.com", "Widget"),
    ];
    let parent = Parent {
        scope: ParentScope {
            kinds: kinds.into(),
            namespaces: ["default".to_owned(), "shop".to_owned()].into(),
        },
        ..Parent::default()
    };
    let swap = cluster.swap_parent(&parent).await;
    assert!(matches!(swap, Ok(Swap::Stored(_))), "{swap:?}");
    cluster
}

fn delete(id: &ObjectId, live: &Value) -> Effect {
    let text = |key: &str| live["metadata"][key].as_str().expect("set").to_owned();
    Effect::Delete {
        object: id.clone(),
        uid: text("uid"),
        resource_version: text("resourceVersion"),
        propagation: Propagation::Background,
    }
}

async fn never(future: impl Future<Output = Outcome>) {
    let waited = tokio::time::timeout(Duration::from_secs(60), future).await;
    assert!(waited.is_err(), "a dead agent was answered: {waited:?}");
}

#[tokio::test(start_paused = true)]
async fn a_watch_lists_and_then_tells_changes_in_order() {
    let cluster = declared().await;
    let object = config_map("default", &json!({"a": "1"}));
    send(&cluster, &object).await;
    let (events, mut received) = mpsc::channel(8);
    let _watch = cluster.watch(GroupKind::new("", "ConfigMap"), events);
    let id = id_of(&object);
    cluster.edit(&id, "kubectl-edit", |object| {
        object["data"]["a"] = json!("2");
    });
    cluster.edit(&id, "kubectl-edit", |object| {
        object["metadata"]["labels"] = json!({});
    });
    let Some(WatchEvent::Listed(_, listed)) = received.recv().await else {
        panic!("no list");
    };
    assert_eq!(listed.len(), 1);
    assert!(matches!(
        received.recv().await,
        Some(WatchEvent::Changed(..))
    ));
    assert_eq!(received.recv().await, Some(WatchEvent::Gone(id)));
    assert_invariants(&cluster);
}

#[tokio::test(start_paused = true)]
async fn an_identical_apply_makes_no_event_and_no_version() {
    let cluster = declared().await;
    let object = config_map("default", &json!({"a": "1"}));
    let first = send(&cluster, &object).await;
    assert_eq!(send(&cluster, &object).await, first);
    let results: Vec<_> = cluster.writes().iter().map(|write| write.result).collect();
    assert_eq!(results, [WriteResult::Changed, WriteResult::Unchanged]);
}

#[tokio::test(start_paused = true)]
async fn a_missing_namespace_and_a_missing_kind_are_told_apart() {
    let cluster = declared().await;
    let reason = |outcome| match outcome {
        Outcome::Failed { reason, code, .. } => (reason, code),
        other => panic!("{other:?}"),
    };
    let missing = send(&cluster, &config_map("shop", &json!({}))).await;
    assert_eq!(reason(missing), (Reason::NamespaceMissing, 404));
    let widget = json!({"apiVersion": "example.com/v1", "kind": "Widget", "metadata": {"name": "w", "namespace": "default"}});
    assert_eq!(
        reason(send(&cluster, &widget).await),
        (Reason::KindMissing, 404)
    );
}

#[tokio::test(start_paused = true)]
async fn a_custom_kind_is_served_a_while_after_its_definition() {
    let cluster = declared().await;
    let (events, mut received) = mpsc::channel(8);
    let kind = GroupKind::new("example.com", "Widget");
    let _watch = cluster.watch(kind.clone(), events);
    let crd = json!({
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": {"name": "widgets.example.com"},
        "spec": {"group": "example.com", "scope": "Namespaced", "names": {"kind": "Widget", "plural": "widgets"},
            "versions": [{"name": "v1", "served": true, "storage": true}]},
    });
    assert!(matches!(send(&cluster, &crd).await, Outcome::Applied(_)));
    assert!(
        !cluster
            .discover()
            .await
            .expect("there")
            .kinds
            .contains_key(&kind)
    );
    cluster.controllers_once();
    assert!(
        cluster
            .discover()
            .await
            .expect("there")
            .kinds
            .contains_key(&kind)
    );
    let broken = received.recv().await;
    assert!(
        matches!(&broken, Some(WatchEvent::Broken(_, problem)) if problem.reason == Reason::KindMissing)
    );
    assert_eq!(
        received.recv().await,
        Some(WatchEvent::Listed(kind, Vec::new()))
    );
}

#[tokio::test(start_paused = true)]
async fn a_delete_of_what_changed_is_a_conflict_and_finalizers_hold() {
    let cluster = declared().await;
    let object = config_map("default", &json!({"a": "1"}));
    send(&cluster, &object).await;
    let id = id_of(&object);
    let stale = delete(&id, &cluster.get(&id).expect("there"));
    cluster.edit(&id, "x", |object| {
        object["metadata"]["finalizers"] = json!(["example.com/x"]);
    });
    assert_eq!(cluster.act(&stale, None).await, Outcome::Conflict);
    let fresh = delete(&id, &cluster.get(&id).expect("there"));
    assert_eq!(cluster.act(&fresh, None).await, Outcome::Deleting);
    cluster.edit(&id, "x", |object| {
        object["metadata"]["finalizers"] = json!([]);
    });
    assert_eq!(cluster.get(&id), None);
    assert_eq!(cluster.act(&fresh, None).await, Outcome::Gone);
    assert_invariants(&cluster);
}

#[tokio::test(start_paused = true)]
async fn a_namespace_takes_its_objects_with_it_and_lets_nothing_in() {
    let cluster = declared().await;
    cluster.create(
        &json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop"}}),
        "kubectl",
    );
    let object = config_map("shop", &json!({"a": "1"}));
    send(&cluster, &object).await;
    cluster.delete(&ObjectId::new("", "Namespace", "", "shop"));
    let mut other = object.clone();
    other["metadata"]["name"] = json!("other");
    let refused = send(&cluster, &other).await;
    assert!(
        matches!(
            refused,
            Outcome::Failed {
                reason: Reason::NamespaceTerminating,
                ..
            }
        ),
        "{refused:?}"
    );
    cluster.controllers_once();
    assert_eq!(cluster.get(&id_of(&object)), None);
    assert_eq!(
        cluster.get(&ObjectId::new("", "Namespace", "", "shop")),
        None
    );
}

#[tokio::test(start_paused = true)]
async fn the_parent_is_compared_and_swapped() {
    let cluster = declared().await;
    let parent = cluster.parent().await.expect("there");
    assert!(matches!(
        cluster.swap_parent(&parent).await,
        Ok(Swap::Stored(_))
    ));
    assert_eq!(cluster.swap_parent(&parent).await, Ok(Swap::Lost));
}

#[tokio::test(start_paused = true)]
async fn a_crash_after_an_effect_leaves_it_done_and_one_before_does_not() {
    for (side, there) in [(Side::Before, false), (Side::After, true)] {
        let base = declared().await;
        let parent = base.parent().await.expect("there");
        let cluster = base.connect(Faults::crash_at(2, side));
        assert!(matches!(
            cluster.swap_parent(&parent).await,
            Ok(Swap::Stored(_))
        ));
        let object = config_map("default", &json!({}));
        never(send(&cluster, &object)).await;
        never(send(&cluster, &object)).await;
        assert_eq!(base.get(&id_of(&object)).is_some(), there);
        assert_invariants(&base);
    }
}

#[tokio::test(start_paused = true)]
async fn a_lost_answer_leaves_the_effect_done() {
    let base = declared().await;
    let faults = Faults::none();
    faults.fail(Target::All, Failure::TimeoutAfter, 1);
    let cluster = base.connect(faults);
    let parent = base.parent().await.expect("there");
    assert!(matches!(
        cluster.swap_parent(&parent).await,
        Ok(Swap::Stored(_))
    ));
    let object = config_map("default", &json!({}));
    assert!(matches!(
        send(&cluster, &object).await,
        Outcome::Failed { code: 0, .. }
    ));
    assert!(base.get(&id_of(&object)).is_some());
}

#[tokio::test(start_paused = true)]
async fn an_object_the_parent_does_not_lead_to_breaks_p5() {
    let cluster = cluster();
    let swap = cluster.swap_parent(&Parent::default()).await;
    assert!(matches!(swap, Ok(Swap::Stored(_))));
    send(&cluster, &config_map("default", &json!({}))).await;
    assert!(cluster.violations()[0].starts_with("P5: ConfigMap/default/c"));
}

#[tokio::test(start_paused = true)]
async fn an_effect_without_a_swap_breaks_p11() {
    let cluster = declared().await.connect(Faults::none());
    send(&cluster, &config_map("default", &json!({}))).await;
    assert!(cluster.violations()[0].starts_with("P11"));
}

#[tokio::test(start_paused = true)]
async fn a_delete_of_a_copy_breaks_p7() {
    let cluster = declared().await;
    let object = config_map("default", &json!({}));
    send(&cluster, &object).await;
    let mut copy = cluster.get(&id_of(&object)).expect("there");
    copy["metadata"] = json!({
        "name": "copy", "namespace": "default",
        "labels": copy["metadata"]["labels"], "annotations": copy["metadata"]["annotations"],
    });
    let id = cluster.create(&copy, "controller");
    assert_invariants(&cluster);
    cluster
        .act(&delete(&id, &cluster.get(&id).expect("there")), None)
        .await;
    assert!(cluster.violations()[0].starts_with("P7"));
}
