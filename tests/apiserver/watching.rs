//! Lists and the changes after them.

use std::collections::BTreeSet;

use futures::StreamExt as _;
use muster_kube::WatchScope;
use muster_model::observed::WatchEvent;
use muster_model::{GroupKind, Health, ObjectId, Reason};
use muster_tests::testbed::{ADMIN_TOKEN, RESTRICTED_TOKEN};
use serde_json::json;
use tokio::sync::mpsc;

use crate::discovering::define;
use crate::fixture::{Bench, Events, MANAGER, PATIENCE, applied, client_of};

fn config_maps() -> GroupKind {
    GroupKind::new("", "ConfigMap")
}

pub(crate) async fn the_server_begins_a_watch_with_a_list_where_asked(bench: Bench) {
    let answer = bench.cluster().get(&format!(
        "/api/v1/namespaces/{}/configmaps?watch=true&sendInitialEvents=true&resourceVersionMatch=NotOlderThan\
         &allowWatchBookmarks=true&timeoutSeconds=1",
        bench.namespace
    ));
    assert_eq!(answer.status, 200);
    assert!(
        answer.body.contains("k8s.io/initial-events-end"),
        "{}",
        answer.body
    );
}

pub(crate) async fn the_first_event_is_the_list_of_what_carries_our_label(bench: Bench) {
    let client = bench.client().await;
    applied(&client, &bench.config_map("ours", &json!({}))).await;
    let other = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "other"}});
    let path = format!("/api/v1/namespaces/{}/configmaps", bench.namespace);
    assert_eq!(bench.create(&path, &other).status, 201);
    let mut events = Events::of(&client, config_maps());
    assert_eq!(events.listed().await, ["ours"]);
    bench.edit(&bench.path("other"), &json!({"data": {"k": "v"}}));
    let record = applied(&client, &bench.config_map("new", &json!({}))).await;
    assert_eq!(events.changed().await, (bench.id("new"), record));
}

pub(crate) async fn a_list_longer_than_a_page_is_whole(bench: Bench) {
    let client = bench.client().await;
    let names: Vec<String> = (0..510).map(|n| format!("c{n:03}")).collect();
    futures::stream::iter(&names)
        .for_each_concurrent(8, async |name| {
            applied(&client, &bench.config_map(name, &json!({}))).await;
        })
        .await;
    let mut events = Events::of(&client, config_maps());
    assert_eq!(events.listed().await, names);
    let objects = names.iter().map(|name| bench.id(name)).collect();
    let probe = muster_model::effect::Effect::Probe { objects };
    match client.act(&probe, None).await {
        muster_model::effect::Outcome::Probed { found, absent } => {
            assert_eq!((found.len(), absent), (510, Vec::new()));
        }
        other => panic!("not probed: {other:?}"),
    }
}

pub(crate) async fn metadata_alone_shows_that_a_field_was_changed_or_removed(bench: Bench) {
    let client = bench.client().await;
    applied(
        &client,
        &bench.config_map("a", &json!({"k": "1", "l": "1"})),
    )
    .await;
    let mut events = Events::of(&client, config_maps());
    events.listed().await;
    let owned = |record: &muster_model::observed::Record| {
        let own = record
            .managers
            .iter()
            .find(|m| m.manager == MANAGER)
            .expect("our entry");
        let fields = own.fields.clone().expect("our fields");
        ["k", "l"].map(|key| fields.contains(&format!("\"f:{key}\"")))
    };
    bench.edit(&bench.path("a"), &json!({"data": {"k": "2"}}));
    assert_eq!(
        owned(&events.changed().await.1),
        [false, true],
        "changed by another"
    );
    bench.edit(&bench.path("a"), &json!({"data": {"l": null}}));
    assert_eq!(
        owned(&events.changed().await.1),
        [false, false],
        "removed by another"
    );
    applied(
        &client,
        &bench.config_map("a", &json!({"k": "1", "l": "1"})),
    )
    .await;
    assert_eq!(owned(&events.changed().await.1), [true, true], "healed");
    // An identical apply makes no event: the next one is of the field that somebody added.
    applied(
        &client,
        &bench.config_map("a", &json!({"k": "1", "l": "1"})),
    )
    .await;
    bench.edit(&bench.path("a"), &json!({"data": {"added": "1"}}));
    let (_, record) = events.changed().await;
    assert_eq!(owned(&record), [true, true]);
    assert!(record.managers.iter().any(|m| m.manager == "kubectl-edit"));
}

pub(crate) async fn an_object_that_loses_our_label_is_gone(bench: Bench) {
    let client = bench.client().await;
    applied(&client, &bench.config_map("a", &json!({}))).await;
    applied(&client, &bench.config_map("b", &json!({}))).await;
    let mut events = Events::of(&client, config_maps());
    assert_eq!(events.listed().await, ["a", "b"]);
    bench.edit(
        &bench.path("a"),
        &json!({"metadata": {"labels": {"applyset.kubernetes.io/part-of": null}}}),
    );
    assert_eq!(events.next().await, WatchEvent::Gone(bench.id("a")));
    assert_eq!(
        bench
            .cluster()
            .request("DELETE", &bench.path("b"), "", "")
            .status,
        200
    );
    assert_eq!(events.next().await, WatchEvent::Gone(bench.id("b")));
}

pub(crate) async fn kinds_whose_health_is_assessed_are_watched_whole(bench: Bench) {
    let client = bench.client().await;
    let claim = bench.marked(&json!({
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {"name": "p", "namespace": bench.namespace},
        "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}},
    }));
    applied(&client, &claim).await;
    let mut events = Events::of(&client, GroupKind::new("", "PersistentVolumeClaim"));
    let WatchEvent::Listed(_, records) = events.next().await else {
        panic!("not a list");
    };
    assert_eq!(
        records[0].1.health.as_ref().map(|h| h.health),
        Some(Health::Progressing)
    );
    let path = format!(
        "/api/v1/namespaces/{}/persistentvolumeclaims/p/status",
        bench.namespace
    );
    bench.edit(&path, &json!({"status": {"phase": "Bound"}}));
    let (_, record) = events.changed().await;
    assert_eq!(record.health.map(|h| h.health), Some(Health::Healthy));
}

pub(crate) async fn a_watch_of_two_namespaces_lists_both_and_no_other(bench: Bench) {
    let spaces = ["x", "y", "z"].map(|suffix| format!("{}-{suffix}", bench.namespace));
    for name in &spaces {
        bench.add_namespace(name);
    }
    let scope = WatchScope::Namespaces(BTreeSet::from([spaces[0].clone(), spaces[1].clone()]));
    let client = bench.client_of(ADMIN_TOKEN, scope).await;
    let object = |space: &str| {
        bench.marked(&json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": space, "namespace": space}}))
    };
    for name in &spaces {
        applied(&client, &object(name)).await;
    }
    let mut events = Events::of(&client, config_maps());
    assert_eq!(events.listed().await, spaces[..2]);
    for name in [&spaces[2], &spaces[1], &spaces[0]] {
        let path = format!("/api/v1/namespaces/{name}/configmaps/{name}");
        assert_eq!(bench.cluster().request("DELETE", &path, "", "").status, 200);
    }
    let mut gone = BTreeSet::new();
    while gone.len() < 2 {
        gone.insert(
            events
                .find(|event| {
                    if let WatchEvent::Gone(id) = event {
                        Some(id.namespace().to_owned())
                    } else {
                        None
                    }
                })
                .await,
        );
    }
    assert_eq!(gone, BTreeSet::from([spaces[0].clone(), spaces[1].clone()]));
}

pub(crate) async fn a_kind_that_is_defined_later_is_listed_then(bench: Bench) {
    let client = bench.client().await;
    let kind = GroupKind::new("later.example.com", "Gadget");
    let mut events = Events::of(&client, kind.clone());
    let WatchEvent::Broken(broken, problem) = events.next().await else {
        panic!("the kind is not served");
    };
    assert_eq!(
        (broken, problem.reason),
        (kind.clone(), Reason::KindMissing)
    );
    define(&bench, "later.example.com", "Gadget");
    let listed = events
        .find(|event| match event {
            WatchEvent::Listed(kind, records) => Some((kind, records)),
            _ => None,
        })
        .await;
    assert_eq!(listed, (kind, Vec::new()));
}

pub(crate) async fn a_watch_without_the_right_says_so(bench: Bench) {
    let client = bench.client_of(RESTRICTED_TOKEN, WatchScope::All).await;
    let mut events = Events::of(&client, config_maps());
    let WatchEvent::Broken(kind, problem) = events.next().await else {
        panic!("it has no right");
    };
    assert_eq!((kind, problem.reason), (config_maps(), Reason::Forbidden));
    assert_eq!(
        problem.message,
        "cannot watch configmaps: the agent has no right to"
    );
}

pub(crate) async fn a_watch_ends_when_nobody_listens(bench: Bench) {
    let client = bench.client().await;
    let (events, mut inbox) = mpsc::channel(1);
    let task = client.watch(config_maps(), events);
    assert!(matches!(inbox.recv().await, Some(WatchEvent::Listed(..))));
    drop(inbox);
    tokio::time::timeout(PATIENCE, task)
        .await
        .expect("it ends")
        .expect("without a panic");
}

pub(crate) async fn namespaces_show_which_of_them_are_going(bench: Bench) {
    let mut events = Events::of_namespaces(&bench.client().await);
    let going = format!("{}-going", bench.namespace);
    let mut of_going = async |expected: Option<bool>| {
        events
            .find(|event| match event {
                WatchEvent::Namespaces(all) => (all.get(&going).map(|state| state.terminating)
                    == expected)
                    .then(|| all.contains_key("default")),
                _ => None,
            })
            .await
    };
    assert!(of_going(None).await);
    bench.add_namespace(&going);
    assert!(of_going(Some(false)).await);
    assert_eq!(
        bench
            .cluster()
            .request("DELETE", &format!("/api/v1/namespaces/{going}"), "", "")
            .status,
        200
    );
    assert!(of_going(Some(true)).await);
}

pub(crate) async fn after_an_outage_a_kind_is_listed_again(bench: Bench) {
    let mut cluster = bench
        .plane
        .testbed
        .cluster("outage")
        .expect("an API server");
    let client = client_of(&cluster, ADMIN_TOKEN, WatchScope::All, "default").await;
    let bench = Bench {
        namespace: "default".to_owned(),
        ..bench
    };
    applied(&client, &bench.config_map("a", &json!({}))).await;
    let mut events = Events::of(&client, config_maps());
    assert_eq!(events.listed().await, ["a"]);
    cluster.stop_server();
    let broken = events
        .find(|event| {
            if let WatchEvent::Broken(_, problem) = event {
                Some(problem)
            } else {
                None
            }
        })
        .await;
    assert_eq!(broken.reason, Reason::ApiUnreachable);
    let body = bench.config_map("b", &json!({}));
    let (reason, code, _) = crate::fixture::refused(&client, &body).await;
    assert_eq!((reason, code), (Reason::ApiUnreachable, 0));
    cluster.start_server().expect("the API server starts again");
    let list = events
        .find(|event| {
            if let WatchEvent::Listed(_, records) = event {
                Some(records)
            } else {
                None
            }
        })
        .await;
    assert_eq!(list[0].0, ObjectId::new("", "ConfigMap", "default", "a"));
    applied(&client, &body).await;
    assert_eq!(events.changed().await.0.name(), "b");
}
