//! Drift by hand, and a restart.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Value, json};

use super::Agents;
use super::server::{edit, stays};
use super::site::{App, Argo, Site, config_map, problems, stateful_set};

pub(super) fn drift_is_healed_and_a_restart_writes_nothing(agents: &Agents) {
    let objects = [
        config_map("settings", &json!({"colour": "blue"})),
        config_map("other", &json!({"size": "12"})),
        stateful_set("data"),
        json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "login"}, "stringData": {"user": "me"}}),
        json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "web"}, "spec": {"selector": {"app": "web"}, "ports": [{"port": 80}]}}),
    ];
    let site = Site::new(agents.cluster(), &objects);
    let agent = site.start();
    site.is_synced(&agent);

    site.heals(&agent, "settings", "colour");
    let path = site.config_map("other");
    assert_eq!(site.cluster.request("DELETE", &path, "", "").status, 200);
    site.waits(&agent, "the object is made again", || {
        stays(site.cluster, &path)
    });

    let sequence = |said: &Value| said["sequence"].as_u64().unwrap_or_default();
    let said = site.is_synced(&agent);
    let versions = site.metadata(&objects, "resourceVersion");
    drop(agent);
    let agent = site.start();
    site.says(&agent, "a word after the restart, all in sync", |new| {
        sequence(new) > sequence(&said) && new["applications"]["all/app"]["sync"] == "Synced"
    });
    site.heals(&agent, "settings", "colour");
    let again = site.metadata(&objects, "resourceVersion");
    assert_eq!(
        again[1..],
        versions[1..],
        "only what was changed by hand is written"
    );
}

/// A value of the Application's ConfigMap, changed by hand.
fn by_hand(site: &Site<'_>, name: &str, value: &str) {
    edit(
        site.cluster,
        &site.config_map(name),
        &json!({"data": {"colour": value}}),
    );
}

pub(super) fn without_self_heal_drift_is_reported_alone(agents: &Agents) {
    let site = Site::new(
        agents.cluster(),
        &[config_map("one", &json!({"colour": "blue"}))],
    );
    site.commit_argo(&Argo::that("automated: {prune: true}"));
    let agent = site.start();
    site.is_synced(&agent);
    by_hand(&site, "one", "by hand");
    site.explains(&agent, "SelfHealOff", "one");
    assert_eq!(site.value("one", "colour"), "by hand");
    site.deliver(&[config_map("one", &json!({"colour": "red"}))]);
    site.waits(&agent, "a commit is applied all the same", || {
        site.value("one", "colour") == "red"
    });
}

pub(super) fn without_automated_nothing_is_applied_and_the_difference_is_reported(agents: &Agents) {
    let site = Site::new(
        agents.cluster(),
        &[config_map("one", &json!({"colour": "blue"}))],
    );
    site.commit_argo(&Argo::that(""));
    let agent = site.start();
    site.says(&agent, "OutOfSync and ManualSync", |said| {
        let app = &said["applications"]["all/app"];
        app["sync"] == "OutOfSync" && app["problems"][0]["reason"] == "ManualSync"
    });
    assert_eq!(site.cluster.get(&site.config_map("one")).status, 404);
}

/// `jsonPointers` for anybody, `managedFieldsManagers` for one; both with selectors that meet one object and miss another.
pub(super) fn ignored_differences_are_left_and_others_healed(agents: &Agents) {
    let data = json!({"colour": "blue", "size": "12"});
    let objects = ["theirs", "ours", "tuned"].map(|name| config_map(name, &data));
    let site = Site::new(agents.cluster(), &objects);
    let name = site.name.clone();
    let spec = format!(
        "  ignoreDifferences:\n    - {{kind: ConfigMap, name: theirs, namespace: {name}, jsonPointers: [/data/colour]}}\n    \
         - {{group: '*', kind: ConfigMap, name: tuned, managedFieldsManagers: [tuner]}}\n    \
         - {{group: apps, kind: '*', jsonPointers: [/data/colour]}}\n"
    );
    site.commit_argo(&Argo::of(App {
        spec: &spec,
        ..App::default()
    }));
    let agent = site.start();
    site.is_synced(&agent);
    by_hand(&site, "theirs", "by hand");
    let tuned = format!("{}?fieldManager=tuner", site.config_map("tuned"));
    let change = json!({"data": {"size": "13"}}).to_string();
    let answer = site
        .cluster
        .request("PATCH", &tuned, "application/merge-patch+json", &change);
    assert_eq!(answer.status, 200, "{}", answer.body);
    site.heals(&agent, "ours", "colour");
    by_hand(&site, "tuned", "by hand");
    site.waits(&agent, "what another manager changes is healed", || {
        site.value("tuned", "colour") == "blue"
    });
    site.is_synced(&agent);
    assert_eq!(
        (site.value("theirs", "colour"), site.value("tuned", "size")),
        (json!("by hand"), json!("13"))
    );
    // New content for the rest of the object does not take the ignored fields back.
    let data = json!({"colour": "blue", "size": "12", "more": "x"});
    site.deliver(&["theirs", "tuned"].map(|name| config_map(name, &data)));
    site.waits(&agent, "the new content is there", || {
        site.value("tuned", "more") == "x" && site.value("theirs", "more") == "x"
    });
    site.is_synced(&agent);
    assert_eq!(
        (site.value("theirs", "colour"), site.value("tuned", "size")),
        (json!("by hand"), json!("13"))
    );
}

pub(super) fn somebody_who_keeps_changing_an_object_is_named(agents: &Agents) {
    let site = Site::new(
        agents.cluster(),
        &[config_map("one", &json!({"colour": "blue"}))],
    );
    let agent = site.start();
    site.is_synced(&agent);
    for round in 0..7 {
        by_hand(&site, "one", &format!("round {round}"));
        site.waits(&agent, "it is healed, or slowed down", || {
            site.value("one", "colour") == "blue" || round > 5
        });
    }
    site.explains(&agent, "Contended", "kubectl-edit");
}

/// HAZARDS.md T-81 and T-82.
pub(super) fn a_secret_is_healed_and_cleared_managed_fields_leave_nothing_behind(agents: &Agents) {
    let secret = json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "login"}, "stringData": {"user": "me"}});
    let site = Site::new(
        agents.cluster(),
        &[
            config_map("one", &json!({"colour": "blue", "goes": "x"})),
            secret.clone(),
        ],
    );
    let agent = site.start();
    site.is_synced(&agent);
    let path = site.path_of(&secret);
    let user = || site.cluster.get(&path).json()["data"]["user"].clone();
    let (mine, theirs) = (BASE64_STANDARD.encode("me"), BASE64_STANDARD.encode("them"));
    edit(site.cluster, &path, &json!({"data": {"user": theirs}}));
    site.waits(&agent, "the Secret is healed", || user() == mine.as_str());

    edit(
        site.cluster,
        &site.config_map("one"),
        &json!({"metadata": {"managedFields": [{}]}}),
    );
    let managers = || {
        let live = site.cluster.get(&site.config_map("one")).json();
        let entries = live["metadata"]["managedFields"]
            .as_array()
            .cloned()
            .unwrap_or_default();
        entries
            .iter()
            .map(|entry| entry["manager"].as_str().unwrap_or_default().to_owned())
            .collect::<Vec<_>>()
    };
    site.waits(&agent, "the fields are ours alone again", || {
        managers() == ["muster.sites"]
    });
    site.deliver(&[config_map("one", &json!({"colour": "blue"}))]);
    site.waits(&agent, "what leaves Git goes", || {
        site.cluster.get(&site.config_map("one")).json()["data"] == json!({"colour": "blue"})
    });
    site.is_synced(&agent);
}

/// HAZARDS.md T-80. A webhook's part is played by a policy of the API server itself.
pub(super) fn what_admission_rewrites_is_reported_and_not_fought(agents: &Agents) {
    let site = Site::new(
        agents.cluster(),
        &[
            config_map("one", &json!({"colour": "blue"})),
            config_map("two", &json!({"size": "1"})),
        ],
    );
    let api = "/apis/admissionregistration.k8s.io/v1";
    let name = &site.name;
    let policy = json!({
        "apiVersion": "admissionregistration.k8s.io/v1", "kind": "MutatingAdmissionPolicy", "metadata": {"name": name},
        "spec": {
            "matchConstraints": {"resourceRules": [
                {"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE", "UPDATE"], "resources": ["configmaps"]},
            ]},
            "matchConditions": [{"name": "coloured", "expression": "has(object.data) && 'colour' in object.data"}],
            "failurePolicy": "Fail", "reinvocationPolicy": "Never",
            "mutations": [{"patchType": "JSONPatch", "jsonPatch": {
                "expression": "[JSONPatch{op: 'replace', path: '/data/colour', value: 'rewritten'}]",
            }}],
        },
    });
    let binding = json!({
        "apiVersion": "admissionregistration.k8s.io/v1", "kind": "MutatingAdmissionPolicyBinding", "metadata": {"name": name},
        "spec": {"policyName": name, "matchResources": {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": name}}}},
    });
    for (plural, object) in [
        ("mutatingadmissionpolicies", policy),
        ("mutatingadmissionpolicybindings", binding),
    ] {
        let answer = site.cluster.create(&format!("{api}/{plural}"), &object);
        assert_eq!(answer.status, 201, "{}", answer.body);
    }
    // Admission takes up new configuration in its own time.
    let sample = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"generateName": "sample-"}, "data": {"colour": "blue"}});
    let agent = site.start();
    site.waits(&agent, "the policy is in force", || {
        let path = format!("/api/v1/namespaces/{name}/configmaps");
        site.cluster.create(&path, &sample).json()["data"]["colour"] == "rewritten"
    });
    let commit = site.deliver(&[config_map("one", &json!({"colour": "red"}))]);
    site.says(&agent, "Mutated at the new commit", |said| {
        let applied = &said["applications"]["all/app"]["applied"]["hub"]["commitId"];
        let named =
            |problem: &Value| problem["reason"] == "Mutated" && problem["field"] == "/data/colour";
        *applied == commit.as_str() && problems(said).iter().any(named)
    });
    let version = || site.metadata(&[config_map("one", &json!({}))], "resourceVersion");
    let before = version();
    site.heals(&agent, "two", "size");
    std::thread::sleep(std::time::Duration::from_secs(3));
    assert_eq!(
        (version(), site.value("one", "colour")),
        (before, json!("rewritten")),
        "no heal loop"
    );
    let said = site.said();
    assert_eq!(
        said["applications"]["all/app"]["sync"], "Synced",
        "{said:#}"
    );
}

/// Somebody applies under our own manager's name: the watch cannot tell, the audit can.
pub(super) fn an_audit_heals_what_metadata_hides(agents: &Agents) {
    let site = Site::new(
        agents.cluster(),
        &[
            config_map("one", &json!({"colour": "blue"})),
            config_map("two", &json!({})),
        ],
    );
    let agent = site.start_with(&site.cluster.kubeconfig_path, &["--audit", "6s"]);
    site.is_synced(&agent);
    let path = site.config_map("one");
    let mut live = site.cluster.get(&path).json();
    for field in [
        "managedFields",
        "uid",
        "resourceVersion",
        "creationTimestamp",
    ] {
        live["metadata"]
            .as_object_mut()
            .expect("metadata")
            .remove(field);
    }
    live["data"]["colour"] = "hidden".into();
    let hidden = || {
        let path = format!("{path}?fieldManager=muster.sites&force=true");
        let answer = site.cluster.request(
            "PATCH",
            &path,
            "application/apply-patch+yaml",
            &live.to_string(),
        );
        assert_eq!(answer.status, 200, "{}", answer.body);
    };
    hidden();
    site.waits(&agent, "the audit heals it", || {
        site.value("one", "colour") == "blue"
    });
    site.is_synced(&agent);
    // Audits alone write nothing.
    let objects = ["one", "two"].map(|name| config_map(name, &json!({})));
    let versions = site.metadata(&objects, "resourceVersion");
    std::thread::sleep(std::time::Duration::from_secs(8));
    assert_eq!(site.metadata(&objects, "resourceVersion"), versions);
    let metrics = agent.asked("/metrics").unwrap_or_default();
    assert!(metrics.contains("effect=\"audit\""), "{metrics}");
}
