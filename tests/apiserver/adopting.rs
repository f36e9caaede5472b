//! Objects that come from another tool, and objects that are let go.

use muster_model::effect::{Effect, Outcome};
use serde_json::{Value, json};

use crate::fixture::{Bench, MANAGER, applied};

const FORMER: &str = "kubectl-client-side-apply";

/// Makes a ConfigMap as another tool does; gives back its resourceVersion.
fn create_as_former(bench: &Bench, name: &str, data: &Value) -> String {
    let path = format!(
        "/api/v1/namespaces/{}/configmaps?fieldManager={FORMER}",
        bench.namespace
    );
    let body =
        json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": data});
    let answer = bench.create(&path, &body);
    assert_eq!(answer.status, 201, "{}", answer.body);
    answer.json()["metadata"]["resourceVersion"]
        .as_str()
        .expect("a version")
        .to_owned()
}

fn adopt(bench: &Bench, name: &str, resource_version: &str) -> Effect {
    Effect::Adopt {
        object: bench.id(name),
        resource_version: resource_version.to_owned(),
        managers: vec![FORMER.to_owned()],
    }
}

fn managers(live: &Value) -> Vec<(&str, &str)> {
    let entries = live["metadata"]["managedFields"]
        .as_array()
        .map(Vec::as_slice)
        .unwrap_or_default();
    entries
        .iter()
        .filter_map(|entry| Some((entry["manager"].as_str()?, entry["operation"].as_str()?)))
        .collect()
}

pub(crate) async fn fields_of_the_former_tool_go_once_git_lacks_them(bench: Bench) {
    let client = bench.client().await;
    let version = create_as_former(&bench, "a", &json!({"k": "v", "gone": "x"}));
    let Outcome::Patched(record) = client.act(&adopt(&bench, "a", &version), None).await else {
        panic!("not adopted");
    };
    assert_eq!(record.managers.len(), 1);
    assert_eq!(
        managers(&bench.live(&bench.path("a"))),
        [(MANAGER, "Apply")]
    );
    applied(&client, &bench.config_map("a", &json!({"k": "v"}))).await;
    assert_eq!(
        bench.live(&bench.path("a"))["data"],
        json!({"k": "v"}),
        "HAZARDS.md T-83"
    );
}

pub(crate) async fn an_adoption_of_what_changed_since_is_a_conflict(bench: Bench) {
    let client = bench.client().await;
    let version = create_as_former(&bench, "a", &json!({"k": "1"}));
    bench.edit(&bench.path("a"), &json!({"data": {"k": "2"}}));
    assert_eq!(
        client.act(&adopt(&bench, "a", &version), None).await,
        Outcome::Conflict
    );
}

fn release(bench: &Bench, name: &str, uid: &str, resource_version: &str) -> Effect {
    Effect::Release {
        object: bench.id(name),
        uid: uid.to_owned(),
        resource_version: resource_version.to_owned(),
    }
}

pub(crate) async fn a_released_object_carries_no_mark_and_is_nobodys(bench: Bench) {
    let client = bench.client().await;
    let record = applied(&client, &bench.config_map("a", &json!({"k": "v"}))).await;
    let effect = release(&bench, "a", &record.uid, &record.resource_version);
    let Outcome::Patched(released) = client.act(&effect, None).await else {
        panic!("not released");
    };
    assert_eq!((released.part_of, released.applied), (None, None));
    let live = bench.live(&bench.path("a"));
    assert_eq!(live["data"], json!({"k": "v"}), "it goes on as it is");
    assert!(live["metadata"]["labels"].is_null() && live["metadata"]["annotations"].is_null());
    assert!(!managers(&live).contains(&(MANAGER, "Apply")), "{live}");
}

pub(crate) async fn a_release_of_what_changed_since_is_a_conflict(bench: Bench) {
    let client = bench.client().await;
    let record = applied(&client, &bench.config_map("a", &json!({"k": "1"}))).await;
    bench.edit(&bench.path("a"), &json!({"data": {"k": "2"}}));
    let effect = release(&bench, "a", &record.uid, &record.resource_version);
    assert_eq!(client.act(&effect, None).await, Outcome::Conflict);
}
