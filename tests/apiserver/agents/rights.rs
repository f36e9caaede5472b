//! What the agent may and may not do: the overlays of `deploy/`, rights that go and come back, service accounts.

use std::path::PathBuf;

use muster_tests::testbed::{Cluster, Https};
use serde_json::{Value, json};

use super::Agents;
use super::deploying::{kubeconfig, rendered, token, user};
use super::server::{add_namespace, apply, edit, path_of, stays};
use super::site::{Agent, App, Argo, BACKGROUND, Site, config_map, problems};

/// The agent of an overlay, with other names than the base's, so that several run beside each other.
struct Installed {
    home: String,
    objects: Vec<Value>,
    kubeconfig: PathBuf,
    user: Https,
    _directory: tempfile::TempDir,
}

/// Applies what an overlay renders to, for an agent called `name` that looks after `namespace` where the overlay says
/// `shop`.
fn install(cluster: &Cluster, overlay: &str, name: &str, namespace: &str) -> Installed {
    let home = format!("{name}-system");
    let text = Value::from(rendered(overlay)).to_string();
    let text = text
        .replace("muster-system", &home)
        .replace("\"muster\"", &format!("\"{name}\""))
        .replace("\"shop\"", &format!("\"{namespace}\""));
    let objects: Vec<Value> = serde_json::from_str(&text).expect("it is still JSON");
    add_namespace(cluster, namespace);
    for object in &objects {
        apply(cluster, object);
    }
    let directory = tempfile::tempdir().expect("a temporary directory");
    let token = token(cluster, &home, name);
    Installed {
        kubeconfig: kubeconfig(cluster, directory.path(), &token),
        user: user(cluster, &token),
        _directory: directory,
        home,
        objects,
    }
}

impl Installed {
    /// The bindings of a kind, as they are applied.
    fn bindings(&self, namespace: &str) -> Vec<&Value> {
        let here = |object: &&Value| {
            object["kind"] == "RoleBinding" && object["metadata"]["namespace"] == namespace
        };
        self.objects.iter().filter(here).collect()
    }

    fn revoke(&self, cluster: &Cluster, namespace: &str) {
        let bindings = self.bindings(namespace);
        assert!(!bindings.is_empty(), "there is something to revoke");
        for binding in bindings {
            let answer = cluster.request("DELETE", &path_of(cluster, binding), "", "");
            assert_eq!(answer.status, 200, "{}", answer.body);
        }
    }

    fn grant(&self, cluster: &Cluster, namespace: &str) {
        for binding in self.bindings(namespace) {
            apply(cluster, binding);
        }
    }
}

/// Other namespaces cannot be read, and nothing is applied to them.
fn nothing_elsewhere(installed: &Installed, site: &Site<'_>, agent: &Agent) {
    let cluster = site.cluster;
    add_namespace(cluster, "restricted-other");
    for path in [
        "/api/v1/namespaces/restricted-other/configmaps",
        "/api/v1/configmaps",
        "/api/v1/namespaces",
    ] {
        let answer = installed
            .user
            .request("GET", path, "", "")
            .expect("an answer");
        assert_eq!(answer.status, 403, "{path}: {}", answer.body);
    }
    let mut elsewhere = config_map("elsewhere", &json!({}));
    elsewhere["metadata"]["namespace"] = "restricted-other".into();
    site.deliver(&[elsewhere]);
    site.explains(agent, "OutOfScope", "restricted-other");
    site.heals(agent, "one", "colour");
}

pub(super) fn the_restricted_overlay_suffices_for_its_namespaces_and_no_other(agents: &Agents) {
    let cluster = agents.cluster();
    let installed = install(
        cluster,
        "deploy/overlays/restricted",
        "restricted-one",
        "restricted-shop",
    );
    assert!(installed.objects.iter().all(|object| {
        !object["kind"]
            .as_str()
            .unwrap_or_default()
            .starts_with("Cluster")
    }));
    let objects = ["one", "two", "three"].map(|name| config_map(name, &json!({"colour": "blue"})));
    let site = Site::named(cluster, "restricted-shop", &installed.home, &objects);
    site.commit_argo(&Argo::that(BACKGROUND));
    let scope = ["--namespaces", site.name.as_str()];
    let agent = site.start_with(&installed.kubeconfig, &scope);
    site.is_synced(&agent);
    site.heals(&agent, "one", "colour");
    site.withdraw(&objects[1..2]);
    site.waits(&agent, "pruning works", || {
        !stays(cluster, &site.config_map("two"))
    });
    site.is_synced(&agent);

    nothing_elsewhere(&installed, &site, &agent);

    // A restart writes nothing, and a namespace that goes is seen with these rights too.
    site.hub
        .delete_files("main", &["app/configmap-elsewhere.yaml"]);
    site.is_synced(&agent);
    let kept = [objects[0].clone(), objects[2].clone()];
    let versions = site.metadata(&kept, "resourceVersion");
    drop(agent);
    let agent = site.start_with(&installed.kubeconfig, &scope);
    site.heals(&agent, "one", "colour");
    assert_eq!(site.metadata(&kept, "resourceVersion")[1], versions[1]);
    let held = json!({"metadata": {"finalizers": ["example.com/never"]}});
    edit(cluster, &site.config_map("one"), &held);
    assert_eq!(
        cluster
            .request(
                "DELETE",
                &format!("/api/v1/namespaces/{}", site.name),
                "",
                ""
            )
            .status,
        200
    );
    site.explains(&agent, "NamespaceTerminating", &site.name);
}

/// A namespace beside the site's own, with an Application that has one object there.
const BANK: &str = "revoked-bank";

fn in_bank(colour: &str) -> (String, String) {
    let mut object = config_map("vault", &json!({"colour": colour}));
    object["metadata"]["namespace"] = BANK.into();
    ("bank/vault.yaml".to_owned(), object.to_string())
}

fn vault(cluster: &Cluster) -> Value {
    let path = format!("/api/v1/namespaces/{BANK}/configmaps/vault");
    cluster.get(&path).json()["data"]["colour"].clone()
}

fn is_forbidden(said: &Value, application: &str) -> bool {
    let problems = said["applications"][application]["problems"]
        .as_array()
        .cloned();
    let mut problems = problems.unwrap_or_default().into_iter();
    problems.any(|problem| problem["reason"] == "Forbidden")
}

/// HAZARDS.md: RBAC revoked mid-pass.
pub(super) fn rights_that_go_are_named_delete_nothing_and_are_used_again_once_they_return(
    agents: &Agents,
) {
    let cluster = agents.cluster();
    let installed = install(
        cluster,
        "deploy/overlays/restricted",
        "revoked",
        "revoked-shop",
    );
    let further = install(cluster, "deploy/overlays/restricted/shop", "revoked", BANK);
    let objects = ["one", "two"].map(|name| config_map(name, &json!({"colour": "blue"})));
    let site = Site::named(cluster, "revoked-shop", &installed.home, &objects);
    let other = App {
        name: "bank",
        path: "bank",
        ..App::default()
    };
    let both = Argo {
        project: "",
        applications: vec![App::default(), other],
    };
    site.commit(&[
        in_bank("blue"),
        ("argocd.yaml".to_owned(), site.argo(&both)),
    ]);
    let start = || {
        site.start_with(
            &installed.kubeconfig,
            &["--namespaces", "revoked-shop,revoked-bank"],
        )
    };
    let agent = start();
    site.is_synced(&agent);
    site.waits(&agent, "the bank is there", || vault(cluster) == "blue");

    // On apply: the one Application is told, the other goes on.
    further.revoke(cluster, BANK);
    site.commit(&[in_bank("red")]);
    site.deliver(&[config_map("one", &json!({"colour": "red"}))]);
    site.says(&agent, "the bank's Forbidden alone", |said| {
        is_forbidden(said, "all/bank") && !is_forbidden(said, "all/app")
    });
    site.waits(&agent, "the other goes on", || {
        site.value("one", "colour") == "red"
    });

    // On watch, after a restart: nothing is known of the kind, and nothing reads as gone.
    drop(agent);
    let agent = start();
    site.says(&agent, "what cannot be watched", |said| {
        is_forbidden(said, "all/bank") && said["applications"]["all/bank"]["sync"] == "Unknown"
    });
    assert_eq!(vault(cluster), "blue");
    further.grant(cluster, BANK);
    site.waits(&agent, "the rights are used again", || {
        vault(cluster) == "red"
    });
    site.is_synced(&agent);
    without_the_parent(&installed, &site, &agent);
    assert!(
        stays(cluster, &site.config_map("two")),
        "nothing was deleted"
    );
}

/// Rights on the parent go: nothing may be written, and it is said why.
fn without_the_parent(installed: &Installed, site: &Site<'_>, agent: &Agent) {
    installed.revoke(site.cluster, &installed.home);
    site.deliver(&[config_map("one", &json!({"colour": "green"}))]);
    site.explains(agent, "Forbidden", "configmaps");
    assert_eq!(site.value("one", "colour"), "red");
    installed.grant(site.cluster, &installed.home);
    site.waits(agent, "the parent can be written again", || {
        site.value("one", "colour") == "green"
    });
    site.is_synced(agent);
}

/// A service account that may do these things with ConfigMaps.
fn deployer(site: &Site<'_>, verbs: &[&str]) {
    let namespace = &site.name;
    let objects = [
        json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "deployer", "namespace": namespace}}),
        json!({
            "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "Role", "metadata": {"name": "deployer", "namespace": namespace},
            "rules": [{"apiGroups": [""], "resources": ["configmaps"], "verbs": verbs}],
        }),
        json!({
            "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "RoleBinding", "metadata": {"name": "deployer", "namespace": namespace},
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "deployer"},
            "subjects": [{"kind": "ServiceAccount", "name": "deployer", "namespace": namespace}],
        }),
    ];
    for object in &objects {
        apply(site.cluster, object);
    }
}

/// A project whose Applications are applied as this account.
fn project(account: &str) -> String {
    format!(
        "  destinationServiceAccounts:\n    - {{server: '*', namespace: 'impers*', defaultServiceAccount: '{account}'}}\n"
    )
}

pub(super) fn an_application_is_applied_and_deleted_as_its_projects_account(agents: &Agents) {
    let cluster = agents.cluster();
    let installed = install(
        cluster,
        "deploy/overlays/impersonating",
        "impersonating",
        "impersonated",
    );
    let objects = ["one", "two", "three"].map(|name| config_map(name, &json!({"colour": "blue"})));
    let site = Site::named(cluster, "impersonated", &installed.home, &objects);
    let project = |account: &str| {
        format!(
            "  destinationServiceAccounts:\n    - {{server: '*', namespace: 'impers*', defaultServiceAccount: '{account}'}}\n"
        )
    };
    // The agent itself may write nothing.
    let agent = site.start_with(&installed.kubeconfig, &[]);
    site.explains(&agent, "Forbidden", "the agent has no right to");
    deployer(&site, &["create", "patch"]);
    let named = project("deployer");
    site.commit_argo(&Argo {
        project: &named,
        ..Argo::that(BACKGROUND)
    });
    site.is_synced(&agent);
    site.heals(&agent, "one", "colour");

    // What the account may not, is not done with the agent's rights.
    site.withdraw(&objects[2..]);
    site.explains(
        &agent,
        "Forbidden",
        "as service account impersonated:deployer",
    );
    assert!(stays(cluster, &site.config_map("three")));
    deployer(&site, &["create", "patch", "delete"]);
    let again = project(&format!("{}:deployer", site.name));
    site.commit_argo(&Argo {
        project: &again,
        ..Argo::that(BACKGROUND)
    });
    site.waits(&agent, "it goes with the account's right", || {
        !stays(cluster, &site.config_map("three"))
    });
    site.is_synced(&agent);

    nobody_else(&site, &agent);
}

/// HAZARDS.md T-52: nobody, a group, somebody of another namespace.
fn nobody_else(site: &Site<'_>, agent: &Agent) {
    for account in [
        "kube-system:clusterrole-aggregation-controller",
        "system:masters",
    ] {
        let wrong = project(account);
        site.commit_argo(&Argo {
            project: &wrong,
            ..Argo::that(BACKGROUND)
        });
        site.explains(agent, "AccountDenied", account);
    }
    let nobody = "  destinationServiceAccounts:\n    - {server: '*', namespace: elsewhere, defaultServiceAccount: deployer}\n";
    site.commit_argo(&Argo {
        project: nobody,
        ..Argo::that(BACKGROUND)
    });
    site.explains(agent, "AccountDenied", "names no service account");
    site.heals(agent, "one", "colour");
    assert!(
        problems(&site.said())
            .iter()
            .all(|problem| problem["reason"] != "Forbidden")
    );
}

/// HAZARDS.md T-60: a group whose server does not answer concerns nobody else.
pub(super) fn an_aggregated_api_that_is_down_concerns_its_own_kinds_alone(agents: &Agents) {
    // Not the API server that others share: its discovery stays broken.
    let cluster = &agents.plane.cluster;
    let service = json!({
        "apiVersion": "apiregistration.k8s.io/v1", "kind": "APIService", "metadata": {"name": "v1.away.example.com"},
        "spec": {
            "group": "away.example.com", "version": "v1", "groupPriorityMinimum": 100, "versionPriority": 100,
            "insecureSkipTLSVerify": true, "service": {"namespace": "default", "name": "nowhere"},
        },
    });
    apply(cluster, &service);
    let objects = ["one", "two", "three"].map(|name| config_map(name, &json!({"colour": "blue"})));
    let site = Site::new(cluster, &objects);
    let theirs =
        json!({"apiVersion": "away.example.com/v1", "kind": "Thing", "metadata": {"name": "a"}});
    let second = App {
        name: "second",
        path: "second",
        ..App::default()
    };
    let both = Argo {
        project: "",
        applications: vec![App::default(), second],
    };
    let fleet = site.fleet(
        &site.name,
        "  kinds: [{group: away.example.com, kind: Thing, scope: Namespaced}]\n",
    );
    site.commit(&[
        ("fleet.yaml".to_owned(), fleet),
        ("second/thing.yaml".to_owned(), theirs.to_string()),
        ("argocd.yaml".to_owned(), site.argo(&both)),
    ]);
    let agent = site.start();
    site.explains(&agent, "DiscoveryIncomplete", "Thing");
    site.says(&agent, "the other in sync", |said| {
        said["applications"]["all/app"]["sync"] == "Synced"
    });
    site.heals(&agent, "one", "colour");
    site.withdraw(&objects[1..2]);
    site.waits(&agent, "pruning goes on for kinds that are known", || {
        !stays(cluster, &site.config_map("two"))
    });
}
