//! Applications and clusters that end, objects that never go, and how they are deleted.

use serde_json::{Value, json};

use super::Agents;
use super::server::{add_namespace, edit, stays};
use super::site::{App, Argo, BACKGROUND, Site, config_map};

/// Argo CD's finalizer: removing the Application removes what it deployed.
const CASCADE: &str = ", finalizers: [resources-finalizer.argocd.argoproj.io]";

fn three() -> [Value; 3] {
    ["one", "two", "three"].map(|name| config_map(name, &json!({"colour": "blue"})))
}

/// The approval that the cluster asks for.
fn approval(said: &Value) -> String {
    let pending = &said["applications"]["all/app"]["pendingDeletions"];
    format!(
        "  approvals:\n    - {{application: app, deletions: {}, before: {}}}\n",
        pending["digest"], pending["before"]
    )
}

fn none() -> Argo<'static> {
    Argo {
        project: "",
        applications: Vec::new(),
    }
}

pub(super) fn an_application_without_the_finalizer_leaves_its_objects_running(agents: &Agents) {
    let objects = three();
    let site = Site::new(agents.cluster(), &objects);
    let agent = site.start();
    site.is_synced(&agent);
    let uids = site.metadata(&objects, "uid");
    site.commit_argo(&none());
    site.waits(&agent, "the marks are taken off", || {
        site.metadata(&objects, "labels")
            .iter()
            .all(|labels| labels == "null")
    });
    assert_eq!(site.metadata(&objects, "uid"), uids);
    let managers = site.metadata(&objects, "managedFields");
    assert!(
        managers
            .iter()
            .all(|entries| !entries.contains("muster.sites")),
        "{managers:?}"
    );
}

pub(super) fn an_application_that_ends_goes_with_an_approval_by_the_policy_it_had(agents: &Agents) {
    let kept = {
        let mut object = config_map("kept", &json!({}));
        object["metadata"]["annotations"] =
            json!({"argocd.argoproj.io/sync-options": "Delete=false"});
        object
    };
    for (policy, finalizer) in [
        ("orphan", Some("orphan")),
        ("foreground", Some("foregroundDeletion")),
        ("background", None),
    ] {
        let objects = three();
        let site = Site::new(agents.cluster(), &objects);
        site.deliver(std::slice::from_ref(&kept));
        let options = format!(
            "automated: {{prune: true, selfHeal: true}}, syncOptions: [PrunePropagationPolicy={policy}, Delete=confirm]"
        );
        site.commit_argo(&Argo::of(App {
            metadata: CASCADE,
            policy: &options,
            ..App::default()
        }));
        let agent = site.start();
        site.is_synced(&agent);
        site.commit_argo(&none());
        // Three of four would be within the budget: `Delete=confirm` holds them all the same.
        let said = site.names(&agent, "PruneConfirm");
        assert!(stays(site.cluster, &site.config_map("one")));
        site.commit(&[(
            "fleet.yaml".to_owned(),
            site.fleet(&site.name, &approval(&said)),
        )]);
        site.waits(&agent, "they go", || {
            objects
                .iter()
                .all(|object| !stays(site.cluster, &site.path_of(object)))
        });
        let live = site.cluster.get(&site.config_map("one"));
        let finalizers = live.json()["metadata"]["finalizers"].clone();
        // Nobody collects garbage here: what the server waits for stays visible.
        match finalizer {
            Some(name) => assert_eq!(finalizers, json!([name]), "{policy}"),
            None => assert_eq!(live.status, 404, "{policy}"),
        }
        site.waits(&agent, "what says so stays, unmarked", || {
            site.metadata(std::slice::from_ref(&kept), "labels") == ["null"]
        });
    }
}

pub(super) fn a_cluster_leaves_in_two_commits_and_without_its_entry_nothing_goes(agents: &Agents) {
    let objects = three();
    let site = Site::new(agents.cluster(), &objects);
    let agent = site.start();
    site.is_synced(&agent);
    let fleet = site.fleet(&site.name, "");
    site.commit_argo(&Argo::that(BACKGROUND));
    // Gone without a word: nothing is deleted, and drift is healed.
    let gone = site.fleet("somebody-else", "");
    site.commit(&[("fleet.yaml".to_owned(), gone)]);
    site.names(&agent, "Unassigned");
    site.heals(&agent, "one", "colour");
    // Back, and leaving: first by commit, then by its entry.
    let entry = format!("- name: {}\n", site.name);
    let leaving = format!(
        "- name: {}\n      state: Leaving\n      onLeave: Prune\n",
        site.name
    );
    site.commit(&[("fleet.yaml".to_owned(), fleet.replace(&entry, &leaving))]);
    site.says(&agent, "Left", |said| said["state"] == "Left");
    assert!(objects.iter().all(
        |object| site.cluster.get(&site.path_of(object)).status == 404
            || !stays(site.cluster, &site.path_of(object))
    ));
}

pub(super) fn a_finalizer_that_never_finishes_is_named_and_blocks_nobody_else(agents: &Agents) {
    let objects = three();
    let site = Site::new(agents.cluster(), &objects);
    let agent = site.start();
    site.is_synced(&agent);
    let stuck = site.config_map("three");
    edit(
        site.cluster,
        &stuck,
        &json!({"metadata": {"finalizers": ["example.com/never"]}}),
    );
    site.withdraw(&objects[2..]);
    site.explains(&agent, "Finalizing", "example.com/never");
    site.deliver(&[
        config_map("one", &json!({"colour": "red"})),
        config_map("four", &json!({})),
    ]);
    site.waits(&agent, "new content is applied", || {
        site.value("one", "colour") == "red" && stays(site.cluster, &site.config_map("four"))
    });
    site.heals(&agent, "two", "colour");
    let asked = agent
        .log()
        .lines()
        .filter(|line| line.contains("\"deleted\""))
        .count();
    assert_eq!(asked, 1, "the deletion is asked for once");
    edit(
        site.cluster,
        &stuck,
        &json!({"metadata": {"finalizers": null}}),
    );
    site.is_synced(&agent);
    assert_eq!(site.cluster.get(&stuck).status, 404);
}

pub(super) fn a_namespace_that_never_goes_is_named_with_what_is_in_its_way(agents: &Agents) {
    let cluster = agents.cluster();
    let site = Site::new(cluster, &[config_map("one", &json!({"colour": "blue"}))]);
    let going = format!("{}-going", site.name);
    add_namespace(cluster, &going);
    let mut object = config_map("there", &json!({}));
    object["metadata"]["namespace"] = going.clone().into();
    site.deliver(&[object]);
    let agent = site.start();
    site.is_synced(&agent);
    let there = format!("/api/v1/namespaces/{going}/configmaps/there");
    let finalizers = |finalizers: Value| json!({"metadata": {"finalizers": finalizers}});
    edit(cluster, &there, &finalizers(json!(["example.com/never"])));
    let path = format!("/api/v1/namespaces/{going}");
    assert_eq!(cluster.request("DELETE", &path, "", "").status, 200);
    site.explains(
        &agent,
        "NamespaceTerminating",
        "1 configmaps, finalizer example.com/never on 1",
    );
    site.heals(&agent, "one", "colour");
    site.deliver(&[config_map("one", &json!({"colour": "red"}))]);
    site.waits(&agent, "nothing else is blocked", || {
        site.value("one", "colour") == "red"
    });
    edit(cluster, &there, &finalizers(Value::Null));
    site.waits(&agent, "the namespace goes", || {
        cluster.get(&path).status == 404
    });
    add_namespace(cluster, &going);
    site.is_synced(&agent);
    assert_eq!(cluster.get(&there).status, 200, "made anew");
}
