//! Objects that were there before, made by the tools that people come from; and objects that change their Application
//! (HAZARDS.md T-57, T-76, T-83).

use serde_json::{Value, json};

use super::Agents;
use super::server::edit;
use super::site::{App, Argo, Site, config_map};

/// How a tool makes objects.
struct Former {
    manager: &'static str,
    /// Server-side, or by a plain create.
    applies: bool,
    /// Labels and annotations.
    marks: fn(&Site<'_>) -> Value,
    /// Whether it claims what it made.
    claims: bool,
}

/// Makes the object as the tool does.
fn make(site: &Site<'_>, former: &Former, object: &Value) {
    let mut object = object.clone();
    object["metadata"]["namespace"] = site.name.clone().into();
    if let Some(marks) = (former.marks)(site).as_object() {
        for (section, entries) in marks {
            object["metadata"][section] = entries.clone();
        }
    }
    let namespace = &site.name;
    let manager = former.manager;
    let answer = if former.applies {
        let name = object["metadata"]["name"]
            .as_str()
            .expect("a name")
            .to_owned();
        site.cluster.request(
            "PATCH",
            &format!("/api/v1/namespaces/{namespace}/configmaps/{name}?fieldManager={manager}"),
            "application/apply-patch+yaml",
            &object.to_string(),
        )
    } else {
        site.cluster.request(
            "POST",
            &format!("/api/v1/namespaces/{namespace}/configmaps?fieldManager={manager}"),
            "application/json",
            &object.to_string(),
        )
    };
    assert_eq!(answer.status, 201, "{}", answer.body);
}

fn adopts_from(agents: &Agents, former: &Former) {
    let wanted = config_map("settings", &json!({"kept": "new", "goes": "later"}));
    let site = Site::new(agents.cluster(), &[]);
    let before = config_map(
        "settings",
        &json!({"kept": "old", "goes": "later", "theirs": "gone"}),
    );
    make(&site, former, &before);
    let uid = site.metadata(std::slice::from_ref(&wanted), "uid");
    site.deliver(&[wanted.clone(), config_map("other", &json!({}))]);
    let agent = site.start();
    if former.claims {
        site.explains(&agent, "NotOurs", "settings");
        assert_eq!(
            site.value("settings", "kept"),
            "old",
            "nothing is taken from another tool"
        );
        site.commit_argo(&Argo::of(App {
            metadata: ", annotations: {muster.dev/adopt: 'true'}",
            ..App::default()
        }));
    }
    site.is_synced(&agent);
    let live = site.cluster.get(&site.config_map("settings")).json();
    assert_eq!(
        live["data"],
        json!({"kept": "new", "goes": "later"}),
        "the former tool's field is gone"
    );
    assert_eq!(site.metadata(&[wanted], "uid"), uid, "it was not made anew");
    let managers = live["metadata"]["managedFields"]
        .as_array()
        .cloned()
        .unwrap_or_default();
    let names: Vec<&str> = managers
        .iter()
        .filter_map(|entry| entry["manager"].as_str())
        .collect();
    assert_eq!(names, ["muster.sites"], "its entry is ours now");
    let annotations = live["metadata"]["annotations"]
        .as_object()
        .cloned()
        .unwrap_or_default();
    assert!(
        annotations.keys().all(|key| key.starts_with("muster.dev/")),
        "{annotations:?}"
    );

    site.deliver(&[config_map("settings", &json!({"kept": "new"}))]);
    site.waits(&agent, "a field that leaves Git goes", || {
        site.cluster.get(&site.config_map("settings")).json()["data"] == json!({"kept": "new"})
    });
    site.is_synced(&agent);
}

pub(super) fn from_kubectl_client_side_apply(agents: &Agents) {
    adopts_from(
        agents,
        &Former {
            manager: "kubectl-client-side-apply",
            applies: false,
            marks: |_| json!({"annotations": {"kubectl.kubernetes.io/last-applied-configuration": "{}"}}),
            claims: false,
        },
    );
}

pub(super) fn from_kubectl_server_side_apply(agents: &Agents) {
    adopts_from(
        agents,
        &Former {
            manager: "kubectl",
            applies: true,
            marks: |_| json!({}),
            claims: false,
        },
    );
}

pub(super) fn from_helm(agents: &Agents) {
    adopts_from(
        agents,
        &Former {
            manager: "helm",
            applies: false,
            marks: |site| {
                json!({
                    "labels": {"app.kubernetes.io/managed-by": "Helm"},
                    "annotations": {"meta.helm.sh/release-name": "app", "meta.helm.sh/release-namespace": site.name},
                })
            },
            claims: true,
        },
    );
}

pub(super) fn from_argo_cd(agents: &Agents) {
    for applies in [false, true] {
        adopts_from(
            agents,
            &Former {
                manager: "argocd-controller",
                applies,
                marks: |site| {
                    let id = format!("app:/ConfigMap:{}/settings", site.name);
                    json!({"annotations": {"argocd.argoproj.io/tracking-id": id}})
                },
                claims: true,
            },
        );
    }
}

pub(super) fn from_flux(agents: &Agents) {
    adopts_from(
        agents,
        &Former {
            manager: "kustomize-controller",
            applies: true,
            marks: |site| json!({"labels": {"kustomize.toolkit.fluxcd.io/name": "app", "kustomize.toolkit.fluxcd.io/namespace": site.name}}),
            claims: true,
        },
    );
}

/// Two Applications; the second renders from `second/`.
fn two<'a>(second: &'a str) -> Argo<'a> {
    let other = App {
        name: second,
        path: "second",
        ..App::default()
    };
    Argo {
        project: "",
        applications: vec![App::default(), other],
    }
}

fn in_second(object: &Value) -> (String, String) {
    let name = object["metadata"]["name"].as_str().expect("a name");
    (format!("second/{name}.yaml"), object.to_string())
}

/// The Application that an object names as its own.
fn holder(site: &Site<'_>, name: &str) -> String {
    let live = site.cluster.get(&site.config_map(name)).json();
    live["metadata"]["annotations"]["muster.dev/applied"]
        .as_str()
        .unwrap_or_default()
        .to_owned()
}

pub(super) fn an_object_that_moves_and_an_application_that_is_renamed_keep_their_uids(
    agents: &Agents,
) {
    let [stays, moves] =
        ["stays", "moves"].map(|name| config_map(name, &json!({"colour": "blue"})));
    let site = Site::new(agents.cluster(), &[stays.clone(), moves.clone()]);
    site.commit(&[
        in_second(&config_map("second", &json!({}))),
        ("argocd.yaml".to_owned(), site.argo(&two("second"))),
    ]);
    let agent = site.start();
    site.is_synced(&agent);
    let both = [stays, moves.clone()];
    let uids = site.metadata(&both, "uid");

    let moved = config_map("moves", &json!({"colour": "red"}));
    site.hub.commit(
        "main",
        site.hub.rev("main").as_deref(),
        "moves",
        &[
            ("app/configmap-moves.yaml", None),
            ("second/moves.yaml", Some(moved.to_string().as_bytes())),
        ],
    );
    site.waits(&agent, "it is handed over", || {
        site.value("moves", "colour") == "red"
    });
    site.is_synced(&agent);
    assert_eq!(site.metadata(&both, "uid"), uids, "nothing is deleted");
    assert!(
        holder(&site, "moves").contains("all/second"),
        "{}",
        holder(&site, "moves")
    );

    site.commit_argo(&two("renamed"));
    site.says(&agent, "the renamed Application", |said| {
        said["applications"]["all/renamed"]["sync"] == "Synced"
            && said["applications"].get("all/second").is_none()
    });
    assert_eq!(
        site.metadata(&both, "uid"),
        uids,
        "a name is not a reason to delete"
    );
    assert!(
        holder(&site, "moves").contains("all/renamed"),
        "{}",
        holder(&site, "moves")
    );
}

pub(super) fn a_second_claim_on_an_object_is_refused(agents: &Agents) {
    let site = Site::new(
        agents.cluster(),
        &[config_map("held", &json!({"colour": "blue"}))],
    );
    let agent = site.start();
    site.is_synced(&agent);
    site.commit(&[
        in_second(&config_map("held", &json!({"colour": "red"}))),
        in_second(&config_map("free", &json!({}))),
        ("argocd.yaml".to_owned(), site.argo(&two("second"))),
    ]);
    site.says(&agent, "the refusal", |said| {
        let problems = said["applications"]["all/second"]["problems"]
            .as_array()
            .cloned()
            .unwrap_or_default();
        problems
            .iter()
            .any(|problem| problem["reason"] == "ClaimedTwice")
    });
    site.waits(&agent, "the rest of the newcomer is applied", || {
        !holder(&site, "free").is_empty()
    });
    let version = site.metadata(&[config_map("held", &json!({}))], "resourceVersion");
    edit(
        site.cluster,
        &site.config_map("held"),
        &json!({"data": {"colour": "green"}}),
    );
    site.waits(&agent, "its holder heals it", || {
        site.value("held", "colour") == "blue"
    });
    assert!(holder(&site, "held").contains("all/app"));
    assert_ne!(
        site.metadata(&[config_map("held", &json!({}))], "resourceVersion"),
        version
    );
}
