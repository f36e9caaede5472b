//! Bad commits (HAZARDS.md section 3): the Application keeps its last good release, says why, and others go on.

use muster_model::Reason;
use muster_tests::fakes::Faults;

use crate::hub::{Hub, config_map};
use crate::world::{World, id_of};

fn two_applications() -> Hub {
    Hub::shop()
        .application("books", "")
        .file("apps/books/books.yaml", &config_map("books", "1"))
}

/// Commits a bad `shop` together with a good change of `books`: the shop stays and is healed, the books go on.
fn refused(reason: Reason, bad: impl Fn(Hub) -> Hub) {
    let world = World::at(&two_applications());
    let shop = world.application("shop").applied;
    let hub = bad(two_applications()).file("apps/books/books.yaml", &config_map("books", "2"));
    let commit_id = world.commit(&hub);
    world.live(&Faults::none(), async |life| {
        life.settle().await;
        world.cluster.delete(&id_of("ConfigMap/shop/config"));
        life.settle().await;
        life.assert_still().await;
    });
    let status = world.application("shop");
    let reasons: Vec<_> = status
        .problems
        .iter()
        .map(|problem| problem.reason)
        .collect();
    assert!(reasons.contains(&reason), "{reason} is not in {status:#?}");
    assert_eq!(status.applied, shop);
    assert_eq!(
        world.live_object("ConfigMap/shop/config")["data"]["value"],
        "a"
    );
    world.assert_at("books", &commit_id);
    assert_eq!(
        world.live_object("ConfigMap/shop/books")["data"]["value"],
        "2"
    );
    world.assert_deletes(&[]);

    let good =
        world.commit(&two_applications().file("apps/shop/config.yaml", &config_map("config", "b")));
    world.settle();
    world.assert_at("shop", &good);
    world.assert_deletes(&[]);
}

fn kustomization(text: &'static str) -> impl Fn(Hub) -> Hub {
    move |hub| hub.file("apps/shop/kustomization.yaml", text)
}

/// HAZARDS.md T-29.
#[test]
fn t_29_a_bad_fleet_file_keeps_everything() {
    for (bad, reason) in [
        (
            "apiVersion: muster.dev/v1alpha1\nkind: Fleet\nmetadata: {name: bookstore}\nspec: {clutsers: []}\n",
            Reason::InvalidField,
        ),
        (
            "apiVersion: muster.dev/v9\nkind: Fleet\nmetadata: {name: bookstore}\nspec: {}\n",
            Reason::InvalidField,
        ),
        (
            "apiVersion: muster.dev/v1alpha1\nkind: Fleet\nmetadata: {name: bookstore}\nspec: {clusters: 7}\n",
            Reason::InvalidField,
        ),
        ("a: [", Reason::InvalidYaml),
        ("", Reason::InvalidFleetFile),
    ] {
        let world = World::at(&Hub::shop());
        let objects = world.objects();
        world.commit(&Hub::shop().file("fleet.yaml", bad));
        world.live(&Faults::none(), async |life| {
            life.settle().await;
            world.cluster.delete(&id_of("ConfigMap/shop/config"));
            life.settle().await;
            life.assert_still().await;
        });
        let reasons = world.reasons();
        assert!(
            reasons.contains(&reason) || reasons.contains(&Reason::InvalidFleetFile),
            "{bad:?}: {reasons:?}"
        );
        assert_eq!(world.objects(), objects);
        world.assert_deletes(&[]);
        let good = world.commit(&Hub::shop());
        world.settle();
        world.assert_at("shop", &good);
    }
}

/// HAZARDS.md T-01, T-02.
#[test]
fn t_01_a_symbolic_link() {
    refused(Reason::SymlinkNotAllowed, |hub| {
        hub.symlink("apps/shop/linked.yaml", "/etc/passwd").file(
            "apps/shop/kustomization.yaml",
            "resources: [namespace.yaml, linked.yaml]\n",
        )
    });
}

/// HAZARDS.md T-03.
#[test]
fn t_03_a_path_out_of_the_repository() {
    for path in ["../../../../etc/passwd", "/etc/passwd", "..\\\\..\\\\x"] {
        let text = format!("resources: [namespace.yaml, \"{path}\"]\n");
        let reasons = [Reason::PathEscapesRepo];
        refused(reasons[0], |hub| {
            hub.file("apps/shop/kustomization.yaml", &text)
        });
    }
}

/// HAZARDS.md T-05: the whole commit is refused.
#[test]
fn t_05_a_malformed_tree() {
    let world = World::at(&Hub::shop());
    world
        .source
        .commit_malformed(crate::hub::URL, "main", "entry \"..\"");
    world.live(&Faults::none(), async |life| {
        life.settle().await;
        world.cluster.delete(&id_of("ConfigMap/shop/config"));
        life.settle().await;
        life.assert_still().await;
    });
    world.assert_reason(Reason::MalformedTree);
    world.assert_deletes(&[]);
    assert_eq!(
        world.live_object("ConfigMap/shop/config")["data"]["value"],
        "a"
    );
}

/// HAZARDS.md T-10.
#[test]
fn t_10_an_lfs_pointer() {
    refused(Reason::LfsPointer, |hub| {
        hub.file(
            "apps/shop/config.yaml",
            "version https://git-lfs.github.com/spec/v1\noid sha256:aa\nsize 12\n",
        )
    });
}

/// HAZARDS.md T-22.
#[test]
fn t_22_a_key_that_is_there_twice() {
    refused(Reason::InvalidYaml, |hub| {
        let twice = config_map("config", "a").replace("data:", "data: {}\ndata:");
        hub.file("apps/shop/config.yaml", &twice)
    });
}

/// HAZARDS.md T-54.
#[test]
fn t_54_rights_that_the_project_does_not_permit() {
    for kind in [
        "rbac.authorization.k8s.io/v1\nkind: ClusterRoleBinding",
        "admissionregistration.k8s.io/v1\nkind: ValidatingWebhookConfiguration",
        "apiregistration.k8s.io/v1\nkind: APIService",
    ] {
        let object = format!("apiVersion: {kind}\nmetadata: {{name: x}}\n");
        refused(Reason::ProjectDenied, |hub| {
            hub.file("apps/shop/rights.yaml", &object)
        });
    }
}

/// HAZARDS.md T-16.
#[test]
fn t_16_a_remote_resource() {
    for remote in [
        "https://example.com/x.yaml",
        "github.com/org/repo//x?ref=main",
        "git@example.com:org/repo",
        "file:///etc/x",
    ] {
        let text = format!("resources: [namespace.yaml, \"{remote}\"]\n");
        refused(Reason::RemoteBaseNotAllowed, |hub| {
            hub.file("apps/shop/kustomization.yaml", &text)
        });
    }
}

/// HAZARDS.md T-18.
#[test]
fn t_18_a_plugin() {
    refused(
        Reason::HelmNotSupported,
        kustomization(
            "resources: [namespace.yaml]\nhelmCharts: [{name: x, repo: \"https://x\"}]\n",
        ),
    );
}

/// HAZARDS.md T-19.
#[test]
fn t_19_a_cycle() {
    refused(Reason::Cycle, |hub| {
        hub.file("apps/shop/kustomization.yaml", "resources: [../loop]\n")
            .file("apps/loop/kustomization.yaml", "resources: [../shop]\n")
    });
}

/// HAZARDS.md T-23.
#[test]
fn t_23_an_object_without_a_name_and_one_twice() {
    refused(Reason::InvalidObject, |hub| {
        hub.file(
            "apps/shop/nameless.yaml",
            "apiVersion: v1\nkind: ConfigMap\nmetadata: {generateName: x-}\n",
        )
    });
    refused(Reason::DuplicateObject, |hub| {
        hub.file("apps/shop/twice.yaml", &config_map("config", "z"))
    });
}

/// HAZARDS.md T-27.
#[test]
fn t_27_what_belongs_to_the_agent() {
    refused(Reason::ReservedObject, |hub| {
        hub.file(
            "apps/shop/marked.yaml",
            "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: m, namespace: shop, labels: {muster.dev/application: x}}\n",
        )
    });
    refused(Reason::ReservedObject, |hub| {
        hub.file(
            "apps/shop/own.yaml",
            "apiVersion: v1\nkind: Namespace\nmetadata: {name: muster-system}\n",
        )
    });
}

/// HAZARDS.md T-28.
#[test]
fn t_28_a_kind_that_never_comes_from_git() {
    refused(Reason::KindDenied, |hub| {
        hub.file(
            "apps/shop/event.yaml",
            "apiVersion: v1\nkind: Event\nmetadata: {name: e, namespace: shop}\n",
        )
    });
}

/// HAZARDS.md T-51.
#[test]
fn t_51_an_object_where_the_project_may_not_go() {
    refused(Reason::ProjectDenied, |hub| {
        hub.file(
            "apps/shop/else.yaml",
            "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: x, namespace: kube-system}\n",
        )
    });
    refused(Reason::ProjectDenied, |hub| {
        hub.file(
            "apps/shop/role.yaml",
            "apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRole\nmetadata: {name: x}\nrules: []\n",
        )
    });
}

#[test]
fn a_source_path_that_is_not_there() {
    refused(Reason::PathNotFound, |hub| {
        hub.edit_application("shop", "path: apps/shop", "path: apps/nowhere")
    });
}

#[test]
fn yaml_that_is_none() {
    refused(Reason::InvalidYaml, |hub| {
        hub.file(
            "apps/shop/config.yaml",
            "apiVersion: v1\nkind: ConfigMap\nmetadata: [\n",
        )
    });
}

/// An empty directory never empties a cluster (HAZARDS.md P6).
#[test]
fn a_source_that_renders_nothing() {
    refused(Reason::EmptyRender, |hub| {
        hub.without("apps/shop/namespace.yaml")
            .without("apps/shop/config.yaml")
            .without("apps/shop/web.yaml")
            .without("apps/shop/service.yaml")
            .file("apps/shop/README.md", "nothing\n")
    });
}

/// HAZARDS.md T-37: what spends its budget is remembered with the agent's state, and the other Application goes on.
#[test]
fn t_37_a_spent_budget_is_quarantined() {
    let mut bomb = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: bomb, namespace: shop}\na: &a [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
    for (below, level) in ["a", "b", "c", "d", "e"]
        .iter()
        .zip(["b", "c", "d", "e", "f"])
    {
        let many = vec![format!("*{below}"); 10].join(", ");
        bomb.push_str(&format!("{level}: &{level} [{many}]\n"));
    }
    refused(Reason::YamlBudget, |hub| {
        hub.file("apps/shop/bomb.yaml", &bomb)
    });

    let world = World::at(&two_applications());
    assert_eq!(quarantined(&world), Vec::<u32>::new());
    let commit_id = world.commit(
        &two_applications()
            .file("apps/shop/bomb.yaml", &bomb)
            .file("apps/books/books.yaml", &config_map("books", "2")),
    );
    world.settle();
    world.assert_reason(Reason::YamlBudget);
    world.assert_at("books", &commit_id);
    let once = quarantined(&world);
    assert_eq!(once.len(), 1, "{once:?}");
    // The next life takes it over from the parent.
    world.settle();
    assert!(quarantined(&world) >= once, "a restart forgets nothing");
}

/// How often each quarantined content failed.
fn quarantined(world: &World) -> Vec<u32> {
    let mut found = Vec::new();
    world
        .cluster
        .edit_parent(|parent| found = parent.state.quarantined.values().copied().collect());
    found
}
