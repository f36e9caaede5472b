//! Sync policies and options, waves and definitions, on a real API server.

use serde_json::{Value, json};

use super::Agents;
use super::server::{edit, stays};
use super::site::{App, Argo, BACKGROUND, Site, config_map, problems};

/// A Deployment that no controller looks at.
fn deployment(name: &str, wave: i32) -> Value {
    let labels = json!({"app": name});
    json!({
        "apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": {"name": name, "annotations": {"argocd.argoproj.io/sync-wave": wave.to_string()}},
        "spec": {
            "replicas": 1, "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "main", "image": "example/main:1"}]}},
        },
    })
}

fn in_wave(mut object: Value, wave: i32) -> Value {
    object["metadata"]["annotations"] = json!({"argocd.argoproj.io/sync-wave": wave.to_string()});
    object
}

/// Says what the Deployment's controller would say once it is rolled out.
fn roll_out(site: &Site<'_>, deployment: &Value) {
    let path = site.path_of(deployment);
    let generation = site.cluster.get(&path).json()["metadata"]["generation"].clone();
    let status = json!({"status": {
        "observedGeneration": generation, "replicas": 1, "updatedReplicas": 1, "readyReplicas": 1, "availableReplicas": 1,
        "conditions": [{"type": "Available", "status": "True", "reason": "MinimumReplicasAvailable", "message": ""}],
    }});
    edit(site.cluster, &format!("{path}/status"), &status);
}

pub(super) fn a_wave_waits_for_the_health_of_the_one_before(agents: &Agents) {
    let first = deployment("first", 0);
    let objects = [
        first.clone(),
        in_wave(config_map("second", &json!({"colour": "blue"})), 1),
        in_wave(config_map("third", &json!({"colour": "blue"})), 2),
    ];
    let site = Site::new(agents.cluster(), &objects);
    let agent = site.start();
    site.explains(&agent, "WaitingForWave", "first");
    assert_eq!(site.cluster.get(&site.config_map("second")).status, 404);
    roll_out(&site, &first);
    site.is_synced(&agent);
    // New content of the first wave holds new content of the second back again; what drifts is healed whatever the wave.
    let mut changed = first.clone();
    changed["spec"]["template"]["spec"]["containers"][0]["image"] = "example/main:2".into();
    site.deliver(&[
        changed.clone(),
        in_wave(config_map("second", &json!({"colour": "red"})), 1),
    ]);
    site.explains(&agent, "WaitingForWave", "first");
    site.heals(&agent, "third", "colour");
    roll_out(&site, &changed);
    site.waits(&agent, "the second wave comes", || {
        site.value("second", "colour") == "red"
    });
    site.is_synced(&agent);
}

pub(super) fn a_definition_and_its_instance_come_in_one_commit_without_a_failure(agents: &Agents) {
    let site = Site::new(agents.cluster(), &[config_map("one", &json!({}))]);
    let agent = site.start();
    site.is_synced(&agent);
    let group = format!("{}.example.com", site.name);
    let definition = json!({
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition", "metadata": {"name": format!("gadgets.{group}")},
        "spec": {
            "group": group, "scope": "Namespaced", "names": {"plural": "gadgets", "singular": "gadget", "kind": "Gadget", "listKind": "GadgetList"},
            "versions": [{"name": "v1", "served": true, "storage": true, "schema": {"openAPIV3Schema": {
                "type": "object", "properties": {"spec": {"type": "object", "properties": {"size": {"type": "integer"}}}},
            }}}],
        },
    });
    let gadget = |spec: Value| json!({"apiVersion": format!("{group}/v1"), "kind": "Gadget", "metadata": {"name": "a"}, "spec": spec});
    let commit = site.deliver(&[definition, gadget(json!({"size": 3}))]);
    site.says(&agent, "the instance, and no failure on the way", |said| {
        let reasons = problems(said)
            .iter()
            .map(|p| p["reason"].as_str().unwrap_or_default().to_owned())
            .collect::<Vec<_>>();
        assert!(
            reasons.iter().all(|reason| reason == "WaitingForCrd"),
            "{reasons:?}"
        );
        said["hub"]["commitId"] == commit.as_str()
            && said["applications"]["all/app"]["sync"] == "Synced"
    });
    let log = agent.log();
    let failed: Vec<&str> = log
        .lines()
        .filter(|line| line.contains("\"failed\""))
        .collect();
    assert_eq!(failed, Vec::<&str>::new(), "no effect failed");

    // `Validate=false` does not let through what the schema does not know: a server-side apply is always validated.
    site.commit_argo(&Argo::that(
        "automated: {prune: true, selfHeal: true}, syncOptions: [Validate=false]",
    ));
    site.deliver(&[gadget(json!({"size": 3, "colour": "blue"}))]);
    site.explains(&agent, "Invalid", ".spec.colour");
}

/// A suspended Job: nobody runs it, and its template never changes.
fn job(image: &str, options: &str) -> Value {
    json!({
        "apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "once", "annotations": {"argocd.argoproj.io/sync-options": options}},
        "spec": {"suspend": true, "template": {"spec": {"restartPolicy": "Never", "containers": [{"name": "main", "image": image}]}}},
    })
}

pub(super) fn an_immutable_field_is_named_with_its_remedy_which_works(agents: &Agents) {
    let others = ["one", "two", "three"].map(|name| config_map(name, &json!({"colour": "blue"})));
    let policy = BACKGROUND;
    for option in ["Replace=true", "Force=true"] {
        let site = Site::new(agents.cluster(), &others);
        site.deliver(&[job("example/main:1", "Prune=true")]);
        site.commit_argo(&Argo::that(policy));
        let agent = site.start();
        site.is_synced(&agent);
        let live_uid =
            || site.cluster.get(&site.path_of(&job("", ""))).json()["metadata"]["uid"].clone();
        let uid = live_uid();
        site.deliver(&[job("example/main:2", "Prune=true")]);
        site.explains(&agent, "ImmutableField", "spec.template");
        site.heals(&agent, "one", "colour");
        assert_eq!(live_uid(), uid, "nothing is deleted");
        site.deliver(&[job("example/main:2", option)]);
        site.waits(&agent, "it is made anew", || {
            let live = site.cluster.get(&site.path_of(&job("", ""))).json();
            live["spec"]["template"]["spec"]["containers"][0]["image"] == "example/main:2"
                && live["metadata"]["uid"] != uid
        });
        site.is_synced(&agent);
    }
}

pub(super) fn a_namespace_is_made_with_its_managed_metadata(agents: &Agents) {
    let cluster = agents.cluster();
    let site = Site::new(cluster, &[config_map("one", &json!({"colour": "blue"}))]);
    let made = format!("{}-made", site.name);
    let argo = |labels: &str| {
        let policy = format!(
            "automated: {{prune: true, selfHeal: true}}, syncOptions: [CreateNamespace=true], managedNamespaceMetadata: {{labels: {labels}, annotations: {{example.com/owner: shop}}}}"
        );
        let text = site.argo(&Argo::that(&policy));
        text.replace(
            &format!("namespace: {}}}", site.name),
            &format!("namespace: {made}}}"),
        )
    };
    site.commit(&[("argocd.yaml".to_owned(), argo("{team: shop, tier: a}"))]);
    let agent = site.start();
    site.is_synced(&agent);
    let path = format!("/api/v1/namespaces/{made}");
    let labels = || cluster.get(&path).json()["metadata"]["labels"].clone();
    assert_eq!(
        (&labels()["team"], &labels()["tier"]),
        (&json!("shop"), &json!("a"))
    );
    assert_eq!(
        cluster.get(&path).json()["metadata"]["annotations"],
        json!({"example.com/owner": "shop"}),
        "no mark of ours"
    );
    edit(
        cluster,
        &path,
        &json!({"metadata": {"labels": {"team": "bank", "theirs": "stays"}}}),
    );
    site.waits(&agent, "the label is healed", || labels()["team"] == "shop");
    site.commit(&[("argocd.yaml".to_owned(), argo("{team: shop}"))]);
    site.waits(&agent, "what left Git goes", || labels()["tier"].is_null());
    site.is_synced(&agent);
    assert_eq!(labels()["theirs"], "stays");
    // Restarted, it is left alone.
    let version = || cluster.get(&path).json()["metadata"]["resourceVersion"].clone();
    let before = version();
    drop(agent);
    let agent = site.start();
    site.is_synced(&agent);
    assert_eq!(version(), before);
}

pub(super) fn prune_confirm_waits_for_a_commit(agents: &Agents) {
    let objects = ["one", "two", "three"].map(|name| config_map(name, &json!({"colour": "blue"})));
    let site = Site::new(agents.cluster(), &objects);
    site.commit_argo(&Argo::that(
        "automated: {prune: true, selfHeal: true}, syncOptions: [Prune=confirm, PrunePropagationPolicy=background]",
    ));
    let agent = site.start();
    site.is_synced(&agent);
    site.withdraw(&objects[..1]);
    let said = site.names(&agent, "PruneConfirm");
    assert!(stays(site.cluster, &site.config_map("one")));
    let pending = &said["applications"]["all/app"]["pendingDeletions"];
    let approval = format!(
        "  approvals:\n    - {{application: app, path: app, deletions: {}, before: {}}}\n",
        pending["digest"], pending["before"]
    );
    site.commit(&[("fleet.yaml".to_owned(), site.fleet(&site.name, &approval))]);
    site.waits(&agent, "the confirmed object goes", || {
        !stays(site.cluster, &site.config_map("one"))
    });
    site.is_synced(&agent);
}

pub(super) fn retries_keep_the_applications_pace(agents: &Agents) {
    let site = Site::new(agents.cluster(), &[config_map("one", &json!({}))]);
    let mut object = config_map("far", &json!({}));
    object["metadata"]["labels"] = json!({"bad": "not a label!"});
    site.deliver(&[object]);
    site.commit_argo(&Argo::that("automated: {prune: true, selfHeal: true}, retry: {limit: 2, backoff: {duration: 1s, factor: 1}}"));
    let agent = site.start();
    site.explains(&agent, "Invalid", "metadata.labels");
    let attempts = || {
        agent
            .log()
            .lines()
            .filter(|line| line.contains("\"failed\"") && line.contains("far"))
            .count()
    };
    site.waits(&agent, "three attempts", || attempts() == 3);
    site.explains(&agent, "Invalid", "every 10 minutes");
    std::thread::sleep(std::time::Duration::from_secs(4));
    assert_eq!(attempts(), 3, "then the slowest pace");
    site.deliver(&[config_map("far", &json!({"colour": "blue"}))]);
    site.waits(&agent, "new content is tried at once", || {
        site.value("far", "colour") == "blue"
    });
    site.is_synced(&agent);
}

pub(super) fn allow_empty_is_needed_and_does_not_release_the_brake(agents: &Agents) {
    let objects = [config_map("one", &json!({"colour": "blue"}))];
    let site = Site::new(agents.cluster(), &objects);
    // A directory that stays though its objects go.
    site.commit(&[("app/README.md".to_owned(), "what this is\n".to_owned())]);
    let agent = site.start();
    site.is_synced(&agent);
    site.withdraw(&objects);
    site.names(&agent, "EmptyRender");
    site.commit_argo(&Argo::of(App {
        policy: "automated: {prune: true, selfHeal: true, allowEmpty: true}",
        ..App::default()
    }));
    site.names(&agent, "NeedsApproval");
    assert!(stays(site.cluster, &site.config_map("one")));
}
