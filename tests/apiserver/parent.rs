//! The ApplySet parent, the state it holds, and the agent's own Secret.

use std::collections::BTreeSet;

use muster_kube::ClusterClient;
use muster_model::GroupKind;
use muster_model::agent_state::{AgentState, Parent, Swap};
use muster_model::observed::ParentScope;
use serde_json::json;

use crate::fixture::Bench;

async fn read(client: &ClusterClient) -> Parent {
    client.parent().await.expect("an answer")
}

async fn swap(client: &ClusterClient, next: &Parent) -> Swap {
    client.swap_parent(next).await.expect("an answer")
}

/// The same parent, of a further epoch.
fn next_epoch(parent: &Parent) -> Parent {
    Parent {
        state: AgentState {
            epoch: parent.state.epoch + 1,
            ..parent.state.clone()
        },
        ..parent.clone()
    }
}

pub(crate) async fn a_parent_that_does_not_exist_is_empty(bench: Bench) {
    assert_eq!(read(&bench.client().await).await, Parent::default());
}

pub(crate) async fn a_parent_is_stored_in_the_form_of_kep_3659(bench: Bench) {
    let client = bench.client().await;
    let next = Parent {
        scope: ParentScope {
            kinds: BTreeSet::from([
                GroupKind::new("apps", "Deployment"),
                GroupKind::new("", "ConfigMap"),
            ]),
            namespaces: BTreeSet::from([
                bench.namespace.clone(),
                "shop".to_owned(),
                "ads".to_owned(),
            ]),
        },
        ..next_epoch(&Parent::default())
    };
    let Swap::Stored(version) = swap(&client, &next).await else {
        panic!("not stored");
    };
    let stored = read(&client).await;
    assert_eq!(
        (&stored.scope, stored.state.epoch, &stored.resource_version),
        (&next.scope, 1, &version)
    );
    let live = bench.live(&bench.path("muster"));
    let annotations = &live["metadata"]["annotations"];
    assert_eq!(
        annotations["applyset.kubernetes.io/contains-group-kinds"],
        "ConfigMap,Deployment.apps"
    );
    assert_eq!(
        annotations["applyset.kubernetes.io/additional-namespaces"],
        "ads,shop"
    );
    assert_eq!(
        annotations["applyset.kubernetes.io/tooling"],
        "muster/v0.0.0"
    );
    let id = live["metadata"]["labels"]["applyset.kubernetes.io/id"]
        .as_str()
        .expect("an id");
    assert!(id.starts_with("applyset-") && id.ends_with("-v1"));
    let narrowed = Parent {
        scope: ParentScope {
            kinds: BTreeSet::new(),
            namespaces: BTreeSet::from([bench.namespace.clone()]),
        },
        ..stored
    };
    assert!(matches!(swap(&client, &narrowed).await, Swap::Stored(_)));
    assert_eq!(read(&client).await.scope, narrowed.scope);
}

pub(crate) async fn of_two_that_swap_the_same_version_one_loses(bench: Bench) {
    let client = bench.client().await;
    swap(&client, &next_epoch(&Parent::default())).await;
    let seen = next_epoch(&read(&client).await);
    let other = next_epoch(&seen);
    let answers = tokio::join!(swap(&client, &seen), swap(&client, &other));
    let lost = [&answers.0, &answers.1]
        .into_iter()
        .filter(|answer| **answer == Swap::Lost)
        .count();
    assert_eq!(lost, 1, "{answers:?}");
}

pub(crate) async fn of_two_that_create_one_loses(bench: Bench) {
    let client = bench.client().await;
    let next = next_epoch(&Parent::default());
    assert!(matches!(swap(&client, &next).await, Swap::Stored(_)));
    assert_eq!(swap(&client, &next).await, Swap::Lost);
}

pub(crate) async fn an_agent_whose_epoch_was_taken_over_loses(bench: Bench) {
    let (old, new) = (bench.client().await, bench.client().await);
    swap(&old, &next_epoch(&Parent::default())).await;
    let held = read(&old).await;
    assert!(matches!(
        swap(&new, &next_epoch(&read(&new).await)).await,
        Swap::Stored(_)
    ));
    assert_eq!(swap(&old, &held).await, Swap::Lost);
    assert_eq!(read(&old).await.state.epoch, held.state.epoch + 1);
}

pub(crate) async fn labels_that_others_put_on_the_parent_stay(bench: Bench) {
    let client = bench.client().await;
    swap(&client, &next_epoch(&Parent::default())).await;
    bench.edit(
        &bench.path("muster"),
        &json!({"metadata": {"labels": {"team": "platform"}}}),
    );
    let next = next_epoch(&read(&client).await);
    assert!(matches!(swap(&client, &next).await, Swap::Stored(_)));
    assert_eq!(
        bench.live(&bench.path("muster"))["metadata"]["labels"]["team"],
        "platform"
    );
}

pub(crate) async fn a_secret_is_made_once(bench: Bench) {
    let client = bench.client().await;
    let (first, second) = tokio::join!(
        client.load_or_create_secret("key", || b"first".to_vec()),
        client.load_or_create_secret("key", || b"second".to_vec()),
    );
    let kept = first.expect("bytes");
    assert_eq!(second.expect("bytes"), kept);
    let again = client
        .load_or_create_secret("key", || unreachable!("it is there"))
        .await;
    assert_eq!(again.expect("bytes"), kept);
}
