//! Apply, delete, probe.

use muster_model::ObjectId;
use muster_model::effect::{Effect, Outcome, Propagation};
use serde_json::json;

use crate::fixture::{Bench, MANAGER, applied, apply};

pub(crate) async fn an_apply_creates_the_object_and_answers_with_its_record(bench: Bench) {
    let client = bench.client().await;
    let body = bench.config_map("a", &json!({"k": "v"}));
    let record = applied(&client, &body).await;
    let live = bench.live(&bench.path("a"));
    assert_eq!(live["data"]["k"], "v");
    assert_eq!(live["metadata"]["uid"], record.uid.as_str());
    assert_eq!(
        live["metadata"]["resourceVersion"],
        record.resource_version.as_str()
    );
    let own = record
        .managers
        .iter()
        .find(|m| m.manager == MANAGER)
        .expect("our entry");
    assert_eq!(own.operation, "Apply");
    assert!(
        own.fields
            .as_deref()
            .expect("our fields")
            .contains(r#""f:k":{}"#)
    );
    assert_eq!(record.applied.expect("our mark").object, bench.id("a"));
}

pub(crate) async fn an_identical_apply_makes_no_new_version(bench: Bench) {
    let client = bench.client().await;
    let body = bench.config_map("a", &json!({"k": "v"}));
    let first = applied(&client, &body).await;
    let second = applied(&client, &body).await;
    assert_eq!(first.resource_version, second.resource_version);
}

pub(crate) async fn a_field_taken_out_of_the_source_goes(bench: Bench) {
    let client = bench.client().await;
    applied(
        &client,
        &bench.config_map("a", &json!({"k": "v", "gone": "x"})),
    )
    .await;
    applied(&client, &bench.config_map("a", &json!({"k": "v"}))).await;
    assert_eq!(bench.live(&bench.path("a"))["data"], json!({"k": "v"}));
}

fn delete(object: ObjectId, uid: &str, resource_version: &str) -> Effect {
    Effect::Delete {
        object,
        uid: uid.to_owned(),
        resource_version: resource_version.to_owned(),
        propagation: Propagation::Background,
    }
}

pub(crate) async fn a_delete_of_what_changed_since_is_a_conflict(bench: Bench) {
    let client = bench.client().await;
    let seen = applied(&client, &bench.config_map("a", &json!({"k": "1"}))).await;
    let now = applied(&client, &bench.config_map("a", &json!({"k": "2"}))).await;
    let old = delete(bench.id("a"), &seen.uid, &seen.resource_version);
    assert_eq!(client.act(&old, None).await, Outcome::Conflict);
    assert_eq!(bench.live(&bench.path("a"))["data"]["k"], "2");
    let new = delete(bench.id("a"), &now.uid, &now.resource_version);
    assert_eq!(client.act(&new, None).await, Outcome::Gone);
    assert_eq!(client.act(&new, None).await, Outcome::Gone, "already gone");
}

pub(crate) async fn a_delete_of_another_uid_is_a_conflict(bench: Bench) {
    let client = bench.client().await;
    let seen = applied(&client, &bench.config_map("a", &json!({}))).await;
    let other = "00000000-0000-0000-0000-000000000000";
    let effect = delete(bench.id("a"), other, &seen.resource_version);
    assert_eq!(client.act(&effect, None).await, Outcome::Conflict);
}

pub(crate) async fn an_object_with_a_finalizer_is_deleting(bench: Bench) {
    let client = bench.client().await;
    applied(&client, &bench.config_map("a", &json!({}))).await;
    bench.edit(
        &bench.path("a"),
        &json!({"metadata": {"finalizers": ["example.com/wait"]}}),
    );
    let live = bench.live(&bench.path("a"));
    let text = |key: &str| live["metadata"][key].as_str().expect("a text").to_owned();
    let effect = delete(bench.id("a"), &text("uid"), &text("resourceVersion"));
    assert_eq!(client.act(&effect, None).await, Outcome::Deleting);
}

pub(crate) async fn a_dry_run_changes_nothing(bench: Bench) {
    let client = bench.client().await;
    applied(&client, &bench.config_map("a", &json!({"k": "1"}))).await;
    let body = bench.config_map("a", &json!({"k": "2"}));
    assert!(matches!(
        client.dry_run(&apply(&body), Some(&body)).await,
        Outcome::Applied(_)
    ));
    assert_eq!(bench.live(&bench.path("a"))["data"]["k"], "1");
}

/// How often the API server was asked for a kind, by verb, as its own metrics say.
fn requests(bench: &Bench, resource: &str, verb: &str) -> u64 {
    let metrics = bench.cluster().get("/metrics").body;
    let (resource, verb) = (
        format!("resource=\"{resource}\""),
        format!("verb=\"{verb}\""),
    );
    metrics
        .lines()
        .filter(|line| {
            line.starts_with("apiserver_request_total{")
                && line.contains(&resource)
                && line.contains(&verb)
        })
        .filter_map(|line| line.rsplit(' ').next()?.parse::<u64>().ok())
        .sum()
}

/// Probes for `count` objects of a kind that no other test asks for; every second one exists.
async fn probe(
    bench: &Bench,
    group: &str,
    kind: &str,
    plural: &str,
    count: usize,
) -> (usize, usize) {
    let client = bench.client().await;
    let (version, root) = (format!("{group}/v1"), format!("/apis/{group}/v1"));
    let name = |n: usize| format!("p{n}");
    for n in (0..count).step_by(2) {
        let body = json!({"apiVersion": version, "kind": kind, "metadata": {"name": name(n)}});
        let answer = bench.create(
            &format!("{root}/namespaces/{}/{plural}", bench.namespace),
            &body,
        );
        assert_eq!(answer.status, 201, "{}", answer.body);
    }
    let objects = (0..count)
        .map(|n| ObjectId::new(group, kind, &*bench.namespace, name(n)))
        .collect();
    match client.act(&Effect::Probe { objects }, None).await {
        Outcome::Probed { found, absent } => {
            assert!(found.iter().all(|(_, record)| !record.uid.is_empty()));
            (found.len(), absent.len())
        }
        other => panic!("not probed: {other:?}"),
    }
}

pub(crate) async fn a_probe_of_five_objects_is_a_get_for_each(bench: Bench) {
    let count = || {
        (
            requests(&bench, "roles", "GET"),
            requests(&bench, "roles", "LIST"),
        )
    };
    let before = count();
    assert_eq!(
        probe(&bench, "rbac.authorization.k8s.io", "Role", "roles", 5).await,
        (3, 2)
    );
    assert_eq!(count(), (before.0 + 5, before.1));
}

pub(crate) async fn a_probe_of_more_than_five_objects_is_one_list(bench: Bench) {
    let count = || {
        (
            requests(&bench, "poddisruptionbudgets", "GET"),
            requests(&bench, "poddisruptionbudgets", "LIST"),
        )
    };
    let before = count();
    assert_eq!(
        probe(
            &bench,
            "policy",
            "PodDisruptionBudget",
            "poddisruptionbudgets",
            6
        )
        .await,
        (3, 3)
    );
    assert_eq!(count(), (before.0, before.1 + 1));
}
