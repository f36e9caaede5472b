//! Rows of HAZARDS.md section 3 that concern what an approval covers, what an API server never answers, and what is not
//! built.

use std::time::Duration;

use muster_model::Reason;
use muster_tests::fakes::{Failure, Faults, Target};

use crate::hub::{Hub, config_map};
use crate::world::{World, id_of};

/// A shop with six more ConfigMaps.
fn full() -> Hub {
    Hub::shop().more(6)
}

/// HAZARDS.md T-78.
#[test]
fn t_78_an_approval_does_not_cover_the_same_deletion_a_year_later() {
    let world = World::at(&full());
    world.commit(&Hub::shop());
    world.settle();
    let approval = world.approval("shop");
    world.commit(&Hub::shop().fleet(&approval));
    world.settle();
    assert_eq!(world.cluster.deletes().len(), 6, "it was approved once");
    let again = world.commit(&full().fleet(&approval));
    world.settle();
    world.assert_at("shop", &again);
    world.commit(&Hub::shop().fleet(&approval));
    world.live(&Faults::none(), async |life| {
        life.settle().await;
        life.assert_still().await;
    });
    world.assert_reason(Reason::NeedsApproval);
    assert_eq!(world.cluster.deletes().len(), 6, "and not again");
    assert!(world.objects().contains("ConfigMap/shop/more-0"));
}

/// HAZARDS.md T-59: whatever makes the API server slow over one object, the others are applied.
#[test]
fn t_59_an_object_that_is_never_answered_for_holds_up_no_other() {
    let world = World::new();
    let faults = Faults::none();
    faults.fail(
        Target::Object(id_of("ConfigMap/shop/config")),
        Failure::TimeoutBefore,
        u32::MAX,
    );
    let hub = Hub::shop()
        .application("books", "")
        .file("apps/books/books.yaml", &config_map("books", "1"));
    let commit_id = world.commit(&hub);
    world.live(&faults, async |_| {
        tokio::time::sleep(Duration::from_secs(600)).await;
        world.assert_at("books", &commit_id);
        let applied = ["Deployment.apps/shop/web", "Service/shop/web"];
        let objects = world.objects();
        assert!(
            applied.iter().all(|id| objects.contains(*id)),
            "{objects:?}"
        );
        world.assert_reason(Reason::ApiUnreachable);
        faults.heal();
        tokio::time::sleep(Duration::from_secs(700)).await;
    });
    world.assert_at("shop", &commit_id);
}

/// Commits what is not built, and looks for the reason, the file, and that nothing is applied as something else.
fn refused_by_name(reason: Reason, place: &str, hub: &Hub) {
    let world = World::at(&Hub::shop());
    let before = (world.objects(), world.cluster.writes().len());
    world.commit(hub);
    world.settle();
    let published = world.published();
    let of_applications = published
        .applications
        .values()
        .flat_map(|app| &app.problems);
    let named = of_applications
        .chain(&published.problems)
        .any(|problem| problem.reason == reason && format!("{problem:?}").contains(place));
    assert!(named, "{reason} at {place}: {published:#?}");
    assert_eq!((world.objects(), world.cluster.writes().len()), before);
}

/// HAZARDS.md T-84.
#[test]
fn t_84_what_is_not_built_is_refused_by_name() {
    let annotated = |key: &str| {
        config_map("config", "a").replace(
            "namespace: shop",
            &format!("namespace: shop, annotations: {{{key}: x}}"),
        )
    };
    refused_by_name(
        Reason::HelmNotSupported,
        "Chart.yaml",
        &Hub::shop().file("apps/shop/Chart.yaml", "name: shop\n"),
    );
    refused_by_name(
        Reason::NotSupported,
        ".argocd-source",
        &Hub::shop().file("apps/shop/.argocd-source.yaml", "kustomize: {}\n"),
    );
    for hook in ["argocd.argoproj.io/hook", "helm.sh/hook"] {
        refused_by_name(
            Reason::NotSupported,
            hook,
            &Hub::shop().file("apps/shop/config.yaml", &annotated(hook)),
        );
    }
    let project = |spec: &str| {
        format!(
            "apiVersion: argoproj.io/v1alpha1\nkind: AppProject\nmetadata: {{name: shop}}\nspec:\n  sourceRepos: ['*']\n  destinations: [{{server: '*', namespace: shop}}]\n  clusterResourceWhitelist: [{{group: '*', kind: '*'}}]\n  {spec}\n"
        )
    };
    refused_by_name(
        Reason::NotSupported,
        "signatureKeys",
        &Hub::shop().file(
            "argocd/project.yaml",
            &project("signatureKeys: [{keyID: ABCDEF0123456789}]"),
        ),
    );
    refused_by_name(
        Reason::NotSupported,
        "jqPathExpressions",
        &Hub::shop().edit_application(
            "shop",
            "  destination:",
            "  ignoreDifferences: [{kind: ConfigMap, jqPathExpressions: [.data]}]\n  destination:",
        ),
    );
}

/// A deletion that is refused is named, and tried again at the pace of retries.
#[test]
fn a_deletion_that_is_refused_is_named_and_does_not_loop() {
    let old = || Hub::shop().file("apps/shop/old.yaml", &config_map("old", "a"));
    let books = |hub: Hub| {
        hub.application("books", "")
            .file("apps/books/books.yaml", &config_map("books", "1"))
    };
    let world = World::at(&books(old()));
    let faults = Faults::none();
    for id in ["ConfigMap/shop/old", "ConfigMap/shop/books"] {
        faults.fail(Target::Object(id_of(id)), Failure::Forbidden, u32::MAX);
    }
    let before = world.cluster.writes().len();
    let commit_id = world.commit(&Hub::shop());
    world.live(&faults, async |_| {
        tokio::time::sleep(Duration::from_secs(300)).await;
        let published = world.published();
        let named = |application: &str| {
            let problems = &published.applications[application].problems;
            problems
                .iter()
                .any(|problem| problem.reason == Reason::Forbidden)
        };
        assert!(named("shop/shop") && named("shop/books"), "{published:#?}");
        let tried = world.cluster.writes().len() - before;
        assert!((4..24).contains(&tried), "{tried} attempts in five minutes");
        faults.heal();
        tokio::time::sleep(Duration::from_secs(700)).await;
    });
    world.assert_at("shop", &commit_id);
    world.assert_deletes(&["ConfigMap/shop/old"]);
    assert!(
        !world.objects().contains("ConfigMap/shop/books"),
        "released"
    );
}

/// HAZARDS.md T-54: what changes who may do what needs a project that permits the kind.
#[test]
fn t_54_kinds_that_give_rights_need_a_project_that_permits_them() {
    let objects = [
        "apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRoleBinding\nmetadata: {name: x}\nroleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: cluster-admin}\n",
        "apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRole\nmetadata: {name: x}\nrules: [{apiGroups: ['*'], resources: ['*'], verbs: [escalate, bind]}]\n",
        "apiVersion: admissionregistration.k8s.io/v1\nkind: ValidatingWebhookConfiguration\nmetadata: {name: x}\n",
        "apiVersion: admissionregistration.k8s.io/v1\nkind: MutatingWebhookConfiguration\nmetadata: {name: x}\n",
        "apiVersion: apiregistration.k8s.io/v1\nkind: APIService\nmetadata: {name: v1.x.example.com}\n",
    ];
    for object in objects {
        let hub = Hub::shop().file("apps/shop/rights.yaml", object);
        refused_by_name(Reason::ProjectDenied, "clusterResourceWhitelist", &hub);
    }
    let project = "apiVersion: argoproj.io/v1alpha1\nkind: AppProject\nmetadata: {name: shop}\nspec:\n  sourceRepos: ['*']\n  destinations: [{server: '*', namespace: shop}]\n  clusterResourceWhitelist: [{group: '', kind: Namespace}]\n  namespaceResourceBlacklist: [{group: rbac.authorization.k8s.io, kind: '*'}]\n";
    let binding = "apiVersion: rbac.authorization.k8s.io/v1\nkind: RoleBinding\nmetadata: {name: x, namespace: shop}\nroleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: cluster-admin}\n";
    let hub = Hub::shop()
        .file("argocd/project.yaml", project)
        .file("apps/shop/rights.yaml", binding);
    refused_by_name(Reason::ProjectDenied, "namespaceResource", &hub);
}
