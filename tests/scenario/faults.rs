//! The API server and the status repository fail; the agent gets there all the same, and no invariant breaks.

use muster_model::Reason;
use muster_tests::fakes::{Failure, Faults, Target};

use crate::hub::{Hub, config_map, deployment};
use crate::world::{World, id_of};

const SHOP: [&str; 4] = [
    "ConfigMap/shop/config",
    "Deployment.apps/shop/web",
    "Namespace/shop",
    "Service/shop/web",
];

/// First apply, an update and a prune, all under the same fault.
fn gets_there(target: &Target, failure: Failure, times: u32) {
    let world = World::new();
    let faults = Faults::none();
    faults.fail(target.clone(), failure, times);
    world.live(&faults, async |life| {
        let hub = Hub::shop().file("apps/shop/old.yaml", &config_map("old", "a"));
        world.commit(&hub);
        life.settle().await;
        faults.fail(target.clone(), failure, times);
        let commit_id =
            world.commit(&Hub::shop().file("apps/shop/web.yaml", &deployment("web", "web:2")));
        life.settle().await;
        faults.heal();
        life.settle().await;
        life.assert_still().await;
        world.assert_at("shop", &commit_id);
    });
    world.assert_objects(&SHOP);
    world.assert_deletes(&["ConfigMap/shop/old"]);
}

#[test]
fn every_effect_fails_a_few_times() {
    for failure in [
        Failure::Conflict,
        Failure::Throttled(3),
        Failure::Server,
        Failure::TimeoutBefore,
        Failure::TimeoutAfter,
        Failure::Forbidden,
    ] {
        gets_there(&Target::All, failure, 6);
    }
}

#[test]
fn every_third_request_fails() {
    for failure in [Failure::Server, Failure::TimeoutAfter] {
        gets_there(&Target::Every(3), failure, 10);
    }
}

/// HAZARDS.md P2: what was deleted counts, also when nobody said that it was.
#[test]
fn a_deletion_whose_answer_is_lost_counts_once() {
    for failure in [Failure::TimeoutAfter, Failure::TimeoutBefore] {
        let world = World::at(&Hub::shop().more(4));
        let commit_id = world.commit(&Hub::shop());
        let faults = Faults::none();
        faults.fail(Target::Deletes, failure, 3);
        world.live(&faults, async |life| life.settle().await);
        world.assert_at("shop", &commit_id);
        world.assert_objects(&SHOP);
        let parent = world.cluster.stored_parent().expect("it is there");
        assert_eq!(parent.state.enforced["shop/shop"].deleted, 4, "{failure:?}");
    }
}

/// What could not be done and is no longer wanted is no problem any more.
#[test]
fn a_problem_ends_with_the_wish() {
    let world = World::at(&Hub::shop());
    let faults = Faults::none();
    world.live(&faults, async |life| {
        life.settle().await;
        faults.fail(Target::Parent, Failure::TimeoutBefore, u32::MAX);
        world.commit(&Hub::shop().file("apps/shop/more.yaml", &config_map("more", "a")));
        life.settle().await;
        world.assert_reason(Reason::ApiUnreachable);
        let commit_id = world.commit(&Hub::shop());
        life.settle().await;
        faults.heal();
        life.settle().await;
        world.assert_at("shop", &commit_id);
    });
    assert_eq!(world.application("shop").problems, []);
}

#[test]
fn the_parent_cannot_be_written_for_a_while() {
    for failure in [
        Failure::Conflict,
        Failure::Server,
        Failure::TimeoutBefore,
        Failure::TimeoutAfter,
    ] {
        gets_there(&Target::Parent, failure, 4);
    }
}

#[test]
fn deletes_are_refused_for_a_while() {
    for failure in [Failure::Server, Failure::TimeoutAfter, Failure::Forbidden] {
        gets_there(&Target::Deletes, failure, 2);
    }
}

/// HAZARDS.md T-71.
#[test]
fn t_71_pushes_that_fail_change_nothing_in_the_cluster() {
    for failure in [Failure::Server, Failure::TimeoutAfter] {
        gets_there(&Target::Push, failure, 3);
    }
}

/// HAZARDS.md T-71: refused for ever.
#[test]
fn t_71_a_status_that_is_always_refused_stops_nothing() {
    let world = World::new();
    world.status.refuse("refs/", Reason::StatusPushFailed);
    world.commit(&Hub::shop());
    world.live(&Faults::none(), async |_| {
        tokio::time::sleep(std::time::Duration::from_secs(3600)).await;
    });
    world.assert_objects(&SHOP);
    let pushes = world.status.pushes();
    assert!((2..=120).contains(&pushes), "{pushes} pushes in an hour");
    world.status.accept();
    let commit_id = world.commit(&Hub::shop());
    world.settle();
    world.assert_at("shop", &commit_id);
}

/// One object that cannot be applied stops neither the others nor the other Application, and is tried for ever (L4).
#[test]
fn one_refused_object_isolates_itself() {
    let world = World::new();
    let two = Hub::shop()
        .application("books", "")
        .file("apps/books/books.yaml", &config_map("books", "1"));
    let faults = Faults::none();
    faults.fail(
        Target::Object(id_of("ConfigMap/shop/config")),
        Failure::Forbidden,
        u32::MAX,
    );
    let commit_id = world.commit(&two);
    world.live(&faults, async |life| {
        tokio::time::sleep(std::time::Duration::from_secs(1800)).await;
        world.assert_reason(Reason::Forbidden);
        world.assert_at("books", &commit_id);
        assert_eq!(world.application("shop").applied, None);
        let tries = world
            .cluster
            .writes()
            .iter()
            .filter(|write| write.object() == Some(&id_of("ConfigMap/shop/config")))
            .count();
        assert!((5..=40).contains(&tries), "{tries} tries in half an hour");
        faults.heal();
        tokio::time::sleep(std::time::Duration::from_secs(700)).await;
        life.settle().await;
        world.assert_at("shop", &commit_id);
    });
}

#[test]
fn the_api_server_is_away_for_a_while() {
    let world = World::at(&Hub::shop());
    let commit_id =
        world.commit(&Hub::shop().file("apps/shop/config.yaml", &config_map("config", "b")));
    world.live(&Faults::none(), async |life| {
        world.cluster.away(true);
        tokio::time::sleep(std::time::Duration::from_secs(600)).await;
        world.cluster.away(false);
        life.settle().await;
        life.assert_still().await;
    });
    world.assert_at("shop", &commit_id);
    world.assert_deletes(&[]);
}

/// A replica that lags answers probes from the past.
#[test]
fn stale_reads_adopt_nothing_and_delete_nothing() {
    let world = World::new();
    world.cluster.stale_reads(true);
    let commit_id = world.commit(&Hub::shop());
    world.live(&Faults::none(), async |life| {
        life.settle().await;
        world.cluster.stale_reads(false);
        life.settle().await;
        life.assert_still().await;
    });
    world.assert_at("shop", &commit_id);
    world.assert_deletes(&[]);
}

/// HAZARDS.md T-60: an aggregated API server is down; only its kinds are affected.
#[test]
fn t_60_a_group_that_cannot_be_discovered_keeps_its_objects() {
    let rule = "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: deny, namespace: shop}\nspec: {podSelector: {}}\n";
    let world = World::at(&Hub::shop().file("apps/shop/policy.yaml", rule));
    world.cluster.fail_group("networking.k8s.io", true);
    world.commit(&Hub::shop().file("apps/shop/config.yaml", &config_map("config", "b")));
    world.live(&Faults::none(), async |life| life.settle().await);
    world.assert_deletes(&[]);
    assert_eq!(
        world.live_object("ConfigMap/shop/config")["data"]["value"],
        "b"
    );
    world.cluster.fail_group("networking.k8s.io", false);
    world.settle();
    world.assert_deletes(&["NetworkPolicy.networking.k8s.io/shop/deny"]);
}

/// A finalizer that never goes: the delete is sent once, and everything else goes on.
#[test]
fn a_finalizer_that_stays_does_not_loop() {
    let world = World::at(&Hub::shop().file("apps/shop/old.yaml", &config_map("old", "a")));
    world
        .cluster
        .edit(&id_of("ConfigMap/shop/old"), "controller", |object| {
            object["metadata"]["finalizers"] = serde_json::json!(["example.com/never"]);
        });
    world.commit(&Hub::shop());
    world.live(&Faults::none(), async |life| {
        life.settle().await;
        life.assert_still().await;
    });
    assert_eq!(world.cluster.deletes().len(), 1);
    let problems = world.application("shop").problems;
    let named = problems.iter().find(|p| p.reason == Reason::Finalizing);
    let message = named.map(|p| p.message.clone()).unwrap_or_default();
    assert!(
        message.contains("ConfigMap/shop/old") && message.contains("example.com/never"),
        "{problems:#?}"
    );
    world
        .cluster
        .edit(&id_of("ConfigMap/shop/old"), "controller", |object| {
            object["metadata"]["finalizers"] = serde_json::json!([])
        });
    world.settle();
    world.assert_objects(&SHOP);
}

/// An immutable field: named, nothing deleted (recreation is asked for by an annotation).
#[test]
fn an_immutable_field_is_named() {
    let world = World::at(&Hub::shop());
    let selector = deployment("web", "web:1")
        .replace(
            "matchLabels: {app: web}",
            "matchLabels: {app: web, tier: front}",
        )
        .replace("labels: {app: web}", "labels: {app: web, tier: front}");
    world.commit(&Hub::shop().file("apps/shop/web.yaml", &selector));
    world.live(&Faults::none(), async |_| {
        tokio::time::sleep(std::time::Duration::from_secs(900)).await;
    });
    world.assert_reason(Reason::ImmutableField);
    world.assert_deletes(&[]);
}

/// HAZARDS.md P12, T-55: a Secret's value never leaves the cluster, whatever the API server answers.
#[test]
fn t_55_a_secret_value_is_in_no_status_and_in_no_state() {
    const CANARY: &str = "canary-5f2b9c";
    let secret = |more: &str| {
        format!(
            "apiVersion: v1\nkind: Secret\nmetadata: {{name: s, namespace: shop}}\nstringData: {{password: {CANARY}{more}}}\n"
        )
    };
    let hub = |more: &str| Hub::shop().file("apps/shop/secret.yaml", &secret(more));
    let world = World::new();
    let faults = Faults::none();
    faults.fail(Target::Object(id_of("Secret/shop/s")), Failure::Invalid, 3);
    world.commit(&hub(""));
    world.live(&faults, async |life| {
        life.settle().await;
        world.commit(&hub("-two"));
        life.settle().await;
    });
    let encoded = &world.live_object("Secret/shop/s")["data"]["password"];
    let encoded = encoded.as_str().expect("a text").to_owned();
    let mut published: Vec<String> = world
        .status
        .everything()
        .iter()
        .map(|bytes| String::from_utf8_lossy(bytes).into_owned())
        .collect();
    let parent = world.cluster.stored_parent().expect("there");
    published.push(serde_json::to_string(&parent.state).expect("JSON"));
    let mark = world.live_object("Secret/shop/s")["metadata"].to_string();
    published.push(mark);
    for text in published {
        assert!(!text.contains(CANARY) && !text.contains(&encoded), "{text}");
    }
}
