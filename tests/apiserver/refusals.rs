//! What the API server refuses, and what is told of it.

use muster_kube::WatchScope;
use muster_model::effect::Effect;
use muster_model::{Node, ObjectId, Reason};
use muster_tests::testbed::RESTRICTED_TOKEN;
use serde_json::{Value, json};

use crate::fixture::{Bench, applied, apply, eventually, failed, refused};

const CANARY: &str = "hunter2-canary";

fn deployment(bench: &Bench, app: &str, extra: &Value) -> Node {
    let mut container = json!({"name": "c", "image": "registry.example.com/a:1"});
    for (key, value) in extra.as_object().expect("a mapping") {
        container[key] = value.clone();
    }
    bench.marked(&json!({
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "d", "namespace": bench.namespace},
        "spec": {
            "replicas": 1,
            "selector": {"matchLabels": {"app": app}},
            "template": {"metadata": {"labels": {"app": app}}, "spec": {"containers": [container]}},
        },
    }))
}

fn secret(bench: &Bench, kind: &str, data: &Value) -> Node {
    bench.marked(&json!({
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "s", "namespace": bench.namespace},
        "type": kind,
        "stringData": data,
    }))
}

pub(crate) async fn a_value_that_a_rejection_quotes_is_told_nowhere(bench: Bench) {
    let client = bench.client().await;
    applied(
        &client,
        &secret(&bench, "Opaque", &json!({"password": "x"})),
    )
    .await;
    let quoted = [
        secret(&bench, CANARY, &json!({})),
        secret(
            &bench,
            "kubernetes.io/dockerconfigjson",
            &json!({".dockerconfigjson": CANARY}),
        ),
        deployment(&bench, "a", &json!({"imagePullPolicy": CANARY})),
        deployment(
            &bench,
            "a",
            &json!({"env": [{"name": CANARY.to_owned() + " =", "value": CANARY}]}),
        ),
        deployment(&bench, "a", &json!({"ports": CANARY})),
    ];
    for body in &quoted {
        let answer = bench.cluster().request(
            "PATCH",
            &raw_path(&bench, body),
            "application/apply-patch+yaml",
            &muster_model::json::to_string(body),
        );
        let (reason, code, message) = refused(&client, body).await;
        assert_eq!(code, answer.status);
        assert!(
            matches!(reason, Reason::Invalid | Reason::ImmutableField),
            "{reason}: {}",
            answer.body
        );
        assert!(!message.contains(CANARY), "{message}");
    }
    // The test is worth something only if the server does quote values.
    let answer = bench.cluster().request(
        "PATCH",
        &raw_path(&bench, &quoted[2]),
        "application/apply-patch+yaml",
        &muster_model::json::to_string(&quoted[2]),
    );
    assert!(answer.body.contains(CANARY), "{}", answer.body);
}

/// Where `body` is applied, without `agent/kube`.
fn raw_path(bench: &Bench, body: &Node) -> String {
    let kind = body.str_at(&["kind"]).expect("a kind");
    let (root, plural) = if kind == "Secret" {
        ("/api/v1", "secrets")
    } else {
        ("/apis/apps/v1", "deployments")
    };
    let name = body.str_at(&["metadata", "name"]).expect("a name");
    format!(
        "{root}/namespaces/{}/{plural}/{name}?fieldManager=muster.contract&force=true",
        bench.namespace
    )
}

pub(crate) async fn an_undeclared_field_is_named(bench: Bench) {
    let client = bench.client().await;
    let (reason, _, message) =
        refused(&client, &deployment(&bench, "a", &json!({"imagee": "x"}))).await;
    assert_eq!(reason, Reason::Invalid);
    assert!(message.contains("imagee"), "{message}");
}

pub(crate) async fn an_immutable_field_is_told_apart(bench: Bench) {
    let client = bench.client().await;
    applied(&client, &deployment(&bench, "a", &json!({}))).await;
    let (reason, code, message) = refused(&client, &deployment(&bench, "b", &json!({}))).await;
    assert_eq!((reason, code), (Reason::ImmutableField, 422));
    assert!(message.ends_with(": spec.selector"), "{message}");
}

pub(crate) async fn a_field_conflict_names_the_field_and_its_owner(bench: Bench) {
    let client = bench.client().await;
    applied(&client, &bench.config_map("a", &json!({"k": "1"}))).await;
    bench.edit(&bench.path("a"), &json!({"data": {"k": "2"}}));
    let body = bench.config_map("a", &json!({"k": "1"}));
    let Effect::Apply {
        object, gvk, cause, ..
    } = apply(&body)
    else {
        unreachable!("an apply")
    };
    let unforced = Effect::Apply {
        object,
        gvk,
        cause,
        force: false,
        yielded: Vec::new(),
    };
    let (reason, code, message) = failed(client.act(&unforced, Some(&body)).await);
    assert_eq!((reason, code), (Reason::FieldConflict, 409));
    assert!(
        message.ends_with("owned by kubectl-edit: .data.k"),
        "{message}"
    );
}

pub(crate) async fn a_namespace_that_is_missing_or_going_is_told_apart(bench: Bench) {
    let client = bench.client().await;
    let in_namespace = |name: &str| {
        bench.marked(&json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a", "namespace": name}}))
    };
    assert_eq!(
        refused(&client, &in_namespace("nowhere")).await.0,
        Reason::NamespaceMissing
    );
    let going = format!("{}-going", bench.namespace);
    bench.add_namespace(&going);
    // Nobody finishes it: there is no controller manager.
    let answer = bench
        .cluster()
        .request("DELETE", &format!("/api/v1/namespaces/{going}"), "", "");
    assert_eq!(answer.status, 200);
    assert_eq!(
        refused(&client, &in_namespace(&going)).await.0,
        Reason::NamespaceTerminating
    );
}

pub(crate) async fn a_kind_or_version_that_is_not_served_is_told_apart(bench: Bench) {
    let client = bench.client().await;
    let body = |version: &str, kind: &str| {
        bench.marked(&json!({"apiVersion": version, "kind": kind, "metadata": {"name": "a", "namespace": bench.namespace}}))
    };
    assert_eq!(
        refused(&client, &body("example.com/v1", "Nothing")).await.0,
        Reason::KindMissing
    );
    let (reason, _, message) = refused(&client, &body("apps/v1beta1", "Deployment")).await;
    assert_eq!(reason, Reason::KindMissing);
    assert!(message.contains("v1beta1"), "{message}");
}

pub(crate) async fn a_user_without_rights_is_told_which_are_missing(bench: Bench) {
    let client = bench.client_of(RESTRICTED_TOKEN, WatchScope::All).await;
    let (reason, code, message) = refused(&client, &bench.config_map("a", &json!({}))).await;
    assert_eq!((reason, code), (Reason::Forbidden, 403));
    let expected = format!(
        "cannot patch configmaps in namespace {}: the agent has no right to",
        bench.namespace
    );
    assert_eq!(message, expected);
    let problem = client.parent().await.expect_err("no right");
    assert_eq!(problem.reason, Reason::Forbidden);
    let nobody = bench.client_of("not-a-token", WatchScope::All).await;
    assert_eq!(
        nobody.discover().await.expect_err("no user").reason,
        Reason::Forbidden
    );
    let probe = Effect::Probe {
        objects: vec![ObjectId::new("", "ConfigMap", &*bench.namespace, "a")],
    };
    assert_eq!(failed(client.act(&probe, None).await).0, Reason::Forbidden);
}

/// Selects this test's namespace alone: the API server is shared.
fn only_here(bench: &Bench) -> Value {
    json!({"matchLabels": {"kubernetes.io/metadata.name": bench.namespace}})
}

pub(crate) async fn a_webhook_that_does_not_answer_is_told_apart(bench: Bench) {
    let client = bench.client().await;
    let hook = json!({
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "ValidatingWebhookConfiguration",
        "metadata": {"name": bench.namespace},
        "webhooks": [{
            "name": "down.example.com",
            "clientConfig": {"url": "https://127.0.0.1:1/"},
            "rules": [{"apiGroups": [""], "apiVersions": ["v1"], "operations": ["*"], "resources": ["configmaps"]}],
            "failurePolicy": "Fail", "sideEffects": "None", "admissionReviewVersions": ["v1"],
            "namespaceSelector": only_here(&bench),
        }],
    });
    let path = "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations";
    assert_eq!(bench.create(path, &hook).status, 201);
    let refusal = eventually_refused(&bench, &client).await;
    assert_eq!((refusal.0, refusal.1), (Reason::WebhookFailed, 500));
}

/// Admission takes up new configuration in its own time: applies until one is refused.
async fn eventually_refused(
    bench: &Bench,
    client: &muster_kube::ClusterClient,
) -> (Reason, u16, String) {
    let mut attempt = 0;
    eventually(|| {
        attempt += 1;
        let body = bench.config_map(&format!("a{attempt}"), &json!({}));
        async move {
            let outcome = client.act(&apply(&body), Some(&body)).await;
            matches!(outcome, muster_model::effect::Outcome::Failed { .. }).then(|| failed(outcome))
        }
    })
    .await
}

pub(crate) async fn a_policy_that_denies_is_told_apart(bench: Bench) {
    let client = bench.client().await;
    let api = "/apis/admissionregistration.k8s.io/v1";
    let policy = json!({
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "ValidatingAdmissionPolicy",
        "metadata": {"name": bench.namespace},
        "spec": {
            "matchConstraints": {"resourceRules": [
                {"apiGroups": [""], "apiVersions": ["v1"], "operations": ["*"], "resources": ["configmaps"]},
            ]},
            "validations": [{"expression": "false", "message": CANARY}],
        },
    });
    let binding = json!({
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "ValidatingAdmissionPolicyBinding",
        "metadata": {"name": bench.namespace},
        "spec": {
            "policyName": bench.namespace,
            "validationActions": ["Deny"],
            "matchResources": {"namespaceSelector": only_here(&bench)},
        },
    });
    assert_eq!(
        bench
            .create(&format!("{api}/validatingadmissionpolicies"), &policy)
            .status,
        201
    );
    assert_eq!(
        bench
            .create(
                &format!("{api}/validatingadmissionpolicybindings"),
                &binding
            )
            .status,
        201
    );
    let (reason, _, message) = eventually_refused(&bench, &client).await;
    assert_eq!(reason, Reason::WebhookDenied, "{message}");
    assert!(!message.contains(CANARY), "{message}");
}

pub(crate) async fn an_exhausted_quota_is_told_apart(bench: Bench) {
    let client = bench.client().await;
    let path = format!("/api/v1/namespaces/{}/resourcequotas", bench.namespace);
    let hard = json!({"count/configmaps": "0"});
    let quota = json!({"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "q"}, "spec": {"hard": hard}});
    assert_eq!(bench.create(&path, &quota).status, 201);
    // What the controller manager would write.
    let status = json!({"status": {"hard": hard, "used": {"count/configmaps": "0"}}});
    bench.edit(&format!("{path}/q/status"), &status);
    let (reason, code, _) = eventually_refused(&bench, &client).await;
    assert_eq!((reason, code), (Reason::QuotaExceeded, 403));
}

pub(crate) async fn an_object_that_is_too_large_is_told_apart(bench: Bench) {
    let client = bench.client().await;
    for size in [(1 << 20) + 1, 4 << 20] {
        let (reason, _, message) = refused(
            &client,
            &bench.config_map("a", &json!({"k": "x".repeat(size)})),
        )
        .await;
        assert_eq!(reason, Reason::ObjectTooLarge, "{message}");
    }
}
