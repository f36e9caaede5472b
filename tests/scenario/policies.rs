//! What an Application's sync policy asks for: its namespace's metadata, the pace of retries, confirmations.

use std::time::Duration;

use muster_model::Reason;
use muster_model::effect::{Effect, Propagation};
use muster_tests::fakes::{Failure, Faults, Target};
use serde_json::{Value, json};

use crate::hub::{Hub, config_map, replaceable, with_sync_options};
use crate::world::{World, id_of, moment};

const NAMESPACE: &str = "Namespace/shop";
const CONFIG: &str = "ConfigMap/shop/config";
/// Argo CD's finalizer: removing the Application removes what it deployed.
const CASCADE: &str = "  finalizers: [resources-finalizer.argocd.argoproj.io]";

/// A shop whose Application has more lines in its sync policy.
fn shop_that(policy: &str) -> Hub {
    Hub::shop().edit_application(
        "shop",
        "syncPolicy: {automated: {prune: true, selfHeal: true}}",
        &format!("syncPolicy: {{automated: {{prune: true, selfHeal: true}}, {policy}}}"),
    )
}

/// A shop that makes its own namespace with these labels.
fn shop_with_labels(labels: &str) -> Hub {
    let policy = format!(
        "syncOptions: [CreateNamespace=true], managedNamespaceMetadata: {{labels: {labels}, annotations: {{example.com/owner: shop}}}}"
    );
    shop_that(&policy).without("apps/shop/namespace.yaml")
}

fn labels(world: &World) -> Value {
    world.live_object(NAMESPACE)["metadata"]["labels"].clone()
}

#[test]
fn a_namespace_gets_its_managed_metadata_and_keeps_it() {
    let world = World::at(&shop_with_labels("{team: shop, tier: a}"));
    assert_eq!(labels(&world)["team"], "shop");
    assert_eq!(
        world.live_object(NAMESPACE)["metadata"]["annotations"]["example.com/owner"],
        "shop"
    );
    assert!(
        !world.objects().contains(NAMESPACE),
        "it carries no mark of ours"
    );
    world.live(&Faults::none(), async |life| {
        life.settle().await;
        life.assert_still().await;
        world
            .cluster
            .edit(&id_of(NAMESPACE), "kubectl-label", |namespace| {
                namespace["metadata"]["labels"]["team"] = json!("bank");
                namespace["metadata"]["labels"]["theirs"] = json!("stays");
            });
        life.settle().await;
    });
    assert_eq!(
        (&labels(&world)["team"], &labels(&world)["theirs"]),
        (&json!("shop"), &json!("stays"))
    );
    let commit_id = world.commit(&shop_with_labels("{team: shop}"));
    world.settle();
    world.assert_at("shop", &commit_id);
    assert_eq!(labels(&world).get("tier"), None, "what left Git goes");
    assert_eq!(labels(&world)["theirs"], "stays");
}

#[test]
fn a_namespace_that_is_there_already_gets_its_managed_metadata_too() {
    let world = World::new();
    world.cluster.create(
        &json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop", "labels": {"theirs": "stays"}}}),
        "kubectl-create",
    );
    let commit_id = world.commit(&shop_with_labels("{team: shop}"));
    world.settle();
    world.assert_at("shop", &commit_id);
    assert_eq!(
        (&labels(&world)["team"], &labels(&world)["theirs"]),
        (&json!("shop"), &json!("stays"))
    );
}

#[test]
fn the_namespace_outlives_its_application() {
    let shop = shop_with_labels("{team: shop}").edit_application(
        "shop",
        "  name: shop\n",
        &format!("  name: shop\n{CASCADE}\n"),
    );
    let world = World::at(&shop);
    world.commit(&shop.without_application("shop"));
    world.settle();
    world.assert_deletes(&[]);
    world.assert_reason(Reason::NeedsApproval);
    assert_eq!(labels(&world)["team"], "shop");
}

#[test]
fn two_applications_do_not_take_turns_with_a_namespaces_metadata() {
    let shop = shop_with_labels("{team: shop}");
    let world = World::at(&shop);
    let both = shop
        .application("books", "")
        .edit_application(
            "books",
            "selfHeal: true}}",
            "selfHeal: true}, syncOptions: [CreateNamespace=true], managedNamespaceMetadata: {labels: {team: books}}}",
        )
        .file("apps/books/books.yaml", &config_map("books", "1"));
    world.commit(&both);
    world.live(&Faults::none(), async |life| {
        life.settle().await;
        life.assert_still().await;
    });
    world.assert_reason(Reason::ClaimedTwice);
    assert_eq!(labels(&world)["team"], "shop");
    world.live_object("ConfigMap/shop/books");
}

/// HAZARDS.md T-53: who may not deliver Namespaces may not loosen one by its labels either.
#[test]
fn t_53_pod_security_labels_need_a_project_that_permits_namespaces() {
    const LABELS: &str = "{pod-security.kubernetes.io/enforce: privileged}";
    let project = |hub: Hub, kinds: &str| {
        let text = format!(
            "apiVersion: argoproj.io/v1alpha1\nkind: AppProject\nmetadata: {{name: shop}}\nspec:\n  sourceRepos: ['*']\n  destinations: [{{server: '*', namespace: shop}}]\n  clusterResourceWhitelist: {kinds}\n"
        );
        hub.file("argocd/project.yaml", &text)
    };
    let refused = project(shop_with_labels(LABELS), "[]");
    let world = World::new();
    world.commit(&refused);
    world.settle();
    world.assert_reason(Reason::ProjectDenied);
    world.assert_objects(&[]);
    let manifest = project(Hub::shop(), "[]").file(
        "apps/shop/namespace.yaml",
        "apiVersion: v1\nkind: Namespace\nmetadata: {name: shop, labels: {pod-security.kubernetes.io/enforce: privileged}}\n",
    );
    world.commit(&manifest);
    world.settle();
    world.assert_reason(Reason::ProjectDenied);
    world.assert_objects(&[]);
    let commit_id = world.commit(&project(
        shop_with_labels(LABELS),
        "[{group: '', kind: Namespace}]",
    ));
    world.settle();
    world.assert_at("shop", &commit_id);
    assert_eq!(
        labels(&world)["pod-security.kubernetes.io/enforce"],
        "privileged"
    );
}

/// Attempts at the ConfigMap while the API server refuses it, in so many seconds.
fn attempts(policy: &str, seconds: u64) -> usize {
    let world = World::at(&shop_that(policy));
    let faults = Faults::none();
    faults.fail(Target::Object(id_of(CONFIG)), Failure::Invalid, u32::MAX);
    world.commit(&shop_that(policy).file("apps/shop/config.yaml", &config_map("config", "b")));
    let before = world.cluster.writes().len();
    world.live(&faults, async |_| {
        tokio::time::sleep(Duration::from_secs(seconds)).await;
    });
    world.assert_reason(Reason::Invalid);
    world.cluster.writes().len() - before
}

#[test]
fn retries_follow_the_applications_back_off_and_slow_down_at_its_limit() {
    // At once, after 10 s, after 20 s more; the limit is reached, and ten minutes pass before the next.
    let policy = "retry: {limit: 2, backoff: {duration: 10s, factor: 2, maxDuration: 5m}}";
    assert_eq!(attempts(policy, 500), 3);
    assert_eq!(attempts(policy, 700), 4);
    // Without end at its own pace: 0, 60, 120, …
    let policy = "retry: {limit: -1, backoff: {duration: 1m, factor: 1, maxDuration: 1m}}";
    assert_eq!(attempts(policy, 590), 10);
}

#[test]
fn an_exhausted_retry_starts_again_with_new_content() {
    let policy = "retry: {limit: 0}";
    let world = World::at(&shop_that(policy));
    let faults = Faults::none();
    faults.fail(Target::Object(id_of(CONFIG)), Failure::Invalid, 1);
    world.commit(&shop_that(policy).file("apps/shop/config.yaml", &config_map("config", "b")));
    world.live(&faults, async |_| {
        tokio::time::sleep(Duration::from_secs(120)).await;
        assert_eq!(world.live_object(CONFIG)["data"]["value"], "a");
        let problems = world.application("shop").problems;
        let remedy = problems[0].remedy.clone().unwrap_or_default();
        assert!(remedy.contains("every 10 minutes"), "{problems:#?}");
        world.commit(&shop_that(policy).file("apps/shop/config.yaml", &config_map("config", "c")));
        tokio::time::sleep(Duration::from_secs(30)).await;
    });
    assert_eq!(world.live_object(CONFIG)["data"]["value"], "c");
}

#[test]
fn prune_confirm_waits_for_an_approval_however_few_go() {
    let shop = || shop_that("syncOptions: [Prune=confirm]");
    let world = World::at(&shop().file("apps/shop/old.yaml", &config_map("old", "a")));
    world.commit(&shop());
    world.settle();
    world.assert_reason(Reason::PruneConfirm);
    world.assert_deletes(&[]);
    let commit_id = world.commit(&shop().fleet(&world.approval("shop")));
    world.settle();
    world.assert_at("shop", &commit_id);
    world.assert_deletes(&["ConfigMap/shop/old"]);
}

#[test]
fn the_time_by_which_argo_cd_approves_a_deletion_confirms_nothing() {
    let shop = || shop_that("syncOptions: [Prune=confirm]");
    let old = config_map("old", "a").replace(
        "namespace: shop",
        "namespace: shop, annotations: {argocd.argoproj.io/deletion-approved: '2026-01-01T00:00:00Z'}",
    );
    let world = World::at(&shop().file("apps/shop/old.yaml", &old));
    world.commit(&shop());
    world.settle();
    world.assert_reason(Reason::PruneConfirm);
    world.assert_deletes(&[]);
}

/// A deletion that cannot be done leaves the budget all but used up: what is made anew then waits for an approval
/// together with it, and goes with that approval though the deletion still cannot be done.
#[test]
fn what_is_made_anew_and_what_has_left_git_are_approved_together() {
    let shop = |tier: &str| {
        ["web", "api"].iter().fold(Hub::shop(), |hub, name| {
            hub.file(&format!("apps/shop/{name}.yaml"), &replaceable(name, tier))
        })
    };
    let full = shop("front").more(5);
    let world = World::at(&full);
    let faults = Faults::none();
    let stays = Target::Object(id_of("ConfigMap/shop/more-4"));
    faults.fail(stays, Failure::Forbidden, u32::MAX);
    let next = shop("back");
    let left = || {
        world
            .objects()
            .iter()
            .filter(|id| id.contains("more-"))
            .count()
    };
    let tier = || {
        world.live_object("Deployment.apps/shop/web")["spec"]["selector"]["matchLabels"]["tier"]
            .clone()
    };
    world.live(&faults, async |life| {
        world.commit(&shop("front"));
        life.settle().await;
        assert_eq!(left(), 1);
        world.commit(&next);
        life.settle().await;
        world.assert_reason(Reason::NeedsApproval);
        assert_eq!(tier(), "front");
        world.commit(&next.clone().fleet(&world.approval("shop")));
        life.settle().await;
        assert_eq!(tier(), "back");
        faults.heal();
        world.commit(&next.clone().fleet(&world.approval("shop")));
        life.settle().await;
    });
    assert_eq!(left(), 0);
    let tip = world.source.tip(crate::hub::URL, "main").expect("there");
    world.assert_at("shop", &tip);
}

/// Two ConfigMaps, one of which stays when the Application ends: the other alone is within every budget.
fn books(options: &str) -> Hub {
    let kept = with_sync_options(&config_map("kept", "1"), "Delete=false");
    let others = (0..4).map(|n| format!("---\n{}", kept.replace("kept", &format!("kept-{n}"))));
    let all: String = others
        .chain([format!("---\n{}", config_map("gone", "1"))])
        .collect();
    Hub::shop()
        .application("books", CASCADE)
        .edit_application(
            "books",
            "selfHeal: true}}",
            &format!("selfHeal: true}}, syncOptions: [{options}]}}"),
        )
        .file("apps/books/books.yaml", &all)
}

#[test]
fn delete_confirm_waits_when_the_application_ends() {
    for (options, waits) in [("PruneLast=true", false), ("Delete=confirm", true)] {
        let world = World::at(&books(options));
        world.commit(&Hub::shop());
        world.settle();
        assert_eq!(world.cluster.deletes().is_empty(), waits, "{options}");
        if waits {
            world.assert_reason(Reason::PruneConfirm);
        }
    }
}

#[test]
fn an_application_that_ends_is_deleted_by_the_policy_it_had() {
    let world = World::at(&books("PrunePropagationPolicy=background"));
    world.commit(&Hub::shop());
    world.settle();
    let writes = world.cluster.writes();
    let how: Vec<_> = writes
        .iter()
        .filter_map(|write| match &write.effect {
            Effect::Delete { propagation, .. } => Some(*propagation),
            _ => None,
        })
        .collect();
    assert_eq!(how, [Propagation::Background]);
    world.live_object("ConfigMap/shop/kept-0");
}

/// An Application whose content is not known stops nobody's pruning once it has been here, and everybody's before.
#[test]
fn an_application_that_cannot_be_known_holds_back_only_what_it_might_render() {
    let broken = |hub: Hub| {
        hub.file(
            "apps/books/books.yaml",
            "apiVersion: v1\nkind: ConfigMap\nmetadata: [",
        )
    };
    let first = Hub::shop()
        .application("books", "")
        .file("apps/shop/old.yaml", &config_map("old", "a"));
    let world = World::new();
    world.commit(&broken(first.clone()));
    world.settle();
    world.commit(&broken(first.clone()).without("apps/shop/old.yaml"));
    world.live(&Faults::none(), async |life| {
        life.settle().await;
        life.assert_still().await;
    });
    world.assert_reason(Reason::PruneSuspended);
    world.assert_deletes(&[]);

    let world = World::at(
        &first
            .clone()
            .file("apps/books/books.yaml", &config_map("books", "1")),
    );
    world.commit(&broken(first).without("apps/shop/old.yaml"));
    world.settle();
    world.assert_deletes(&["ConfigMap/shop/old"]);
    world.live_object("ConfigMap/shop/books");
}

/// A commit on top of one that was not applied to its end: the share is of what Git had, not of what came to be.
#[test]
fn a_release_applied_by_half_does_not_ask_for_an_approval_that_is_not_needed() {
    let with = |count: usize| {
        (0..count).fold(Hub::shop(), |hub, index| {
            let text = config_map(&format!("more-{index:02}"), "x");
            hub.file(&format!("apps/shop/more-{index:02}.yaml"), &text)
        })
    };
    let world = World::at(&Hub::shop());
    let faults = Faults::none();
    // Half of them are refused, so that the release does not get there.
    for index in 20..40 {
        let id = id_of(&format!("ConfigMap/shop/more-{index:02}"));
        faults.fail(Target::Object(id), Failure::Forbidden, u32::MAX);
    }
    world.commit(&with(40));
    let next = (0..8).fold(with(40), |hub, index| {
        hub.without(&format!("apps/shop/more-{index:02}.yaml"))
    });
    world.live(&faults, async |_| {
        tokio::time::sleep(Duration::from_secs(120)).await;
        world.commit(&next);
        tokio::time::sleep(Duration::from_secs(120)).await;
        faults.heal();
        tokio::time::sleep(Duration::from_secs(1500)).await;
    });
    assert!(
        !world.reasons().contains(&Reason::NeedsApproval),
        "{:#?}",
        world.published()
    );
    assert_eq!(world.cluster.deletes().len(), 8);
}

#[test]
fn without_an_automated_policy_differences_are_said_and_left() {
    let automated = "syncPolicy: {automated: {prune: true, selfHeal: true}}";
    let manual = Hub::shop().edit_application("shop", automated, "syncPolicy: {}");
    let world = World::at(&Hub::shop());
    let writes = world.cluster.writes().len();
    world.commit(&manual.file("apps/shop/config.yaml", &config_map("config", "b")));
    world.live(&Faults::none(), async |life| {
        life.settle().await;
        life.assert_still().await;
    });
    world.assert_reason(Reason::ManualSync);
    assert_eq!(world.cluster.writes().len(), writes);
    assert_eq!(
        world.application("shop").sync,
        muster_model::SyncState::OutOfSync
    );
}

#[test]
fn without_self_heal_drift_is_said_and_left_until_git_changes() {
    let shop = |value: &str| {
        Hub::shop()
            .edit_application("shop", "selfHeal: true", "selfHeal: false")
            .file("apps/shop/config.yaml", &config_map("config", value))
    };
    let world = World::at(&shop("a"));
    world.live(&Faults::none(), async |life| {
        life.settle().await;
        world
            .cluster
            .edit(&id_of(CONFIG), "kubectl-edit", |object| {
                object["data"]["value"] = json!("by hand");
            });
        life.settle().await;
        life.assert_still().await;
        world.assert_reason(Reason::SelfHealOff);
        assert_eq!(world.live_object(CONFIG)["data"]["value"], "by hand");
        world.commit(&shop("b"));
        life.settle().await;
    });
    assert_eq!(world.live_object(CONFIG)["data"]["value"], "b");
}

/// A namespace that cannot be made is not asked for again and again.
#[test]
fn a_namespace_that_is_refused_is_tried_at_the_pace_of_retries() {
    let world = World::new();
    let faults = Faults::none();
    faults.fail(
        Target::Object(id_of(NAMESPACE)),
        Failure::Forbidden,
        u32::MAX,
    );
    world.commit(&shop_with_labels("{team: shop}"));
    world.live(&faults, async |_| {
        moment().await;
        tokio::time::sleep(Duration::from_secs(300)).await;
    });
    world.assert_reason(Reason::Forbidden);
    let tried = world.cluster.writes().len();
    assert!((2..12).contains(&tried), "{tried} attempts in five minutes");
}
