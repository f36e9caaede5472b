//! What the agent can and cannot see: watches that break, namespaces that never go, values that metadata hides.

use std::time::Duration;

use muster_model::{GroupKind, Health, Reason, SyncState};
use muster_tests::fakes::{Failure, Faults, Target};
use serde_json::json;

use crate::hub::{DEFINITION, Hub, NAMESPACE, SERVICE, WIDGET, config_map};
use crate::world::{World, id_of};

const CONFIG: &str = "ConfigMap/shop/config";
const HOUR: Duration = Duration::from_secs(3600);

/// The shop, and an Application without any ConfigMap in a namespace of its own.
fn shop_and_books(port: &str) -> Hub {
    let place = |text: &str| text.replace("shop", "books");
    Hub::shop()
        .application("books", "")
        .file("apps/books/namespace.yaml", &place(NAMESPACE))
        .file(
            "apps/books/service.yaml",
            &place(SERVICE).replace("port: 80,", &format!("port: {port},")),
        )
}

/// HAZARDS.md S5 and P6: an Application that renders nothing stands as what it keeps does.
#[test]
fn what_an_emptied_application_keeps_is_unknown_while_it_cannot_be_watched() {
    let kind = GroupKind::new("", "ConfigMap");
    let books = Hub::shop().application("books", "");
    let world = World::at(
        &books
            .clone()
            .file("apps/books/all.yaml", &config_map("books", "x")),
    );
    world.commit(&books.file("apps/books/kustomization.yaml", "resources: []\n"));
    let standing = || {
        let books = world.application("books");
        (books.sync, books.health)
    };
    world.live(&Faults::none(), async |life| {
        life.settle().await;
        assert_eq!(standing(), (SyncState::OutOfSync, Health::Healthy));
        world.cluster.break_watch(&kind, true);
        life.settle().await;
        // That it is not what Git says is known of Git alone.
        assert_eq!(standing(), (SyncState::OutOfSync, Health::Unknown));
        world.cluster.break_watch(&kind, false);
        life.settle().await;
    });
    assert_eq!(standing(), (SyncState::OutOfSync, Health::Healthy));
    world.assert_deletes(&[]);
}

/// HAZARDS.md S5: what cannot be read is unknown, not as it was, and not gone; the others go on.
#[test]
fn what_cannot_be_watched_is_unknown_and_the_others_go_on() {
    let kind = GroupKind::new("", "ConfigMap");
    let world = World::at(&shop_and_books("80"));
    world.live(&Faults::none(), async |life| {
        life.settle().await;
        world.cluster.break_watch(&kind, true);
        let more = shop_and_books("81").file("apps/shop/config.yaml", &config_map("config", "b"));
        world.commit(&more.without("apps/shop/service.yaml"));
        life.settle().await;
        let shop = world.application("shop");
        assert_eq!(
            (shop.sync, shop.health),
            (SyncState::Unknown, Health::Unknown)
        );
        assert!(!shop.problems.is_empty(), "it is said why");
        assert_eq!(
            world.live_object(CONFIG)["data"]["value"],
            "a",
            "nothing is written unseen"
        );
        assert_eq!(world.application("books").sync, SyncState::Synced);
        assert_eq!(
            world.live_object("Service/books/web")["spec"]["ports"][0]["port"],
            81
        );
        world.assert_deletes(&[]);
        world.cluster.break_watch(&kind, false);
        life.settle().await;
    });
    assert_eq!(world.application("shop").sync, SyncState::Synced);
    assert_eq!(world.live_object(CONFIG)["data"]["value"], "b");
    world.assert_deletes(&["Service/shop/web"]);
}

/// A namespace that never goes is named, with what is in its way; nothing else waits for it.
#[test]
fn a_namespace_that_never_goes_blocks_nobody_else() {
    let world = World::at(&shop_and_books("80"));
    let hold = |finalizers: serde_json::Value| {
        world.cluster.edit(&id_of(CONFIG), "controller", |object| {
            object["metadata"]["finalizers"] = finalizers.clone();
        });
    };
    hold(json!(["example.com/never"]));
    world.live(&Faults::none(), async |life| {
        life.settle().await;
        world.cluster.delete(&id_of("Namespace/shop"));
        world.cluster.edit_status(&id_of("Namespace/shop"), |status| {
            *status = json!({"conditions": [{
                "type": "NamespaceFinalizersRemaining", "status": "True", "reason": "SomeFinalizersRemain",
                "message": "Some content in the namespace has finalizers remaining: example.com/never in 1 resource instances",
            }]});
        });
        world.commit(&shop_and_books("81"));
        life.settle().await;
        life.assert_still().await;
        let problems = world.application("shop").problems;
        let named = problems.iter().find(|p| p.reason == Reason::NamespaceTerminating);
        let message = named.map(|p| p.message.clone()).unwrap_or_default();
        assert!(message.contains("namespace shop") && message.contains("example.com/never"), "{problems:#?}");
        assert_eq!(world.application("books").sync, SyncState::Synced);
        assert_eq!(world.live_object("Service/books/web")["spec"]["ports"][0]["port"], 81);
        hold(json!([]));
        life.settle().await;
    });
    assert_eq!(world.application("shop").sync, SyncState::Synced);
    assert_eq!(world.live_object(CONFIG)["data"]["value"], "a");
}

/// Somebody applies another value under our own manager's name, with our marks: metadata looks as it should.
fn behind_our_name(world: &World, value: &str) {
    let mut object = world.live_object(CONFIG);
    for field in [
        "managedFields",
        "uid",
        "resourceVersion",
        "creationTimestamp",
        "generation",
    ] {
        object["metadata"]
            .as_object_mut()
            .expect("metadata")
            .remove(field);
    }
    object["data"]["value"] = json!(value);
    world.cluster.apply_as(&object, "muster.bookstore");
}

#[test]
fn an_audit_finds_and_heals_what_metadata_hides() {
    let mut world = World::at(&Hub::shop());
    world.audit = Some(HOUR);
    world.live(&Faults::none(), async |life| {
        life.settle().await;
        behind_our_name(&world, "hidden");
        tokio::time::sleep(Duration::from_secs(60)).await;
        assert_eq!(
            world.live_object(CONFIG)["data"]["value"],
            "hidden",
            "the watch cannot tell"
        );
        tokio::time::sleep(2 * HOUR).await;
        assert_eq!(world.live_object(CONFIG)["data"]["value"], "a");
        life.assert_still().await;
    });
    assert_eq!(world.application("shop").sync, SyncState::Synced);
}

#[test]
fn an_audit_reports_what_may_not_be_healed() {
    let shop = Hub::shop().edit_application("shop", "selfHeal: true", "selfHeal: false");
    let mut world = World::at(&shop);
    world.audit = Some(HOUR);
    world.live(&Faults::none(), async |life| {
        life.settle().await;
        behind_our_name(&world, "hidden");
        tokio::time::sleep(2 * HOUR).await;
        life.assert_still().await;
    });
    world.assert_reason(Reason::SelfHealOff);
    assert_eq!(world.live_object(CONFIG)["data"]["value"], "hidden");
}

/// A webhook that was there before the agent started is found by the audit, and not fought.
#[test]
fn an_audit_finds_a_webhook_and_does_not_fight_it() {
    let mut world = World::at(&Hub::shop());
    world.cluster.mutate_with(|id, object| {
        if id.kind() == "ConfigMap" {
            object["data"]["value"] = json!("the webhook's");
        }
    });
    world.audit = Some(HOUR);
    world.live(&Faults::none(), async |life| {
        life.settle().await;
        tokio::time::sleep(2 * HOUR).await;
        life.assert_still().await;
    });
    world.assert_reason(Reason::Mutated);
}

/// HAZARDS.md P13: audits alone write nothing, neither objects nor the parent, however often they come.
#[test]
fn audits_write_nothing_in_steady_state() {
    let mut world = World::at(&Hub::shop());
    world.audit = Some(Duration::from_secs(60));
    world.live(&Faults::none(), async |life| {
        life.settle().await;
        life.assert_still().await;
    });
}

/// Nothing is written by a restart over a thousand objects in sync; the planner's own test has four thousand.
#[test]
fn a_restart_over_a_thousand_objects_writes_none() {
    let all: String = (0..1_000)
        .map(|n| format!("---\n{}", config_map(&format!("c{n:04}"), "x")))
        .collect();
    let world = World::at(&Hub::shop().file("apps/shop/all.yaml", &all));
    let writes = world.cluster.writes().len();
    world.live(&Faults::none(), async |life| {
        life.settle().await;
        life.assert_still().await;
    });
    assert_eq!(world.cluster.writes().len(), writes);
}

/// Somebody deletes a definition, and with it its instances: a commit that no longer has them finds nothing to delete.
#[test]
fn what_went_with_its_definition_is_gone() {
    let whole = Hub::shop()
        .file("apps/shop/crd.yaml", DEFINITION)
        .file("apps/shop/widget.yaml", WIDGET);
    let world = World::at(&whole);
    let definition = id_of("CustomResourceDefinition.apiextensions.k8s.io/widgets.example.com");
    // It is not made anew before the commit is read.
    let faults = Faults::none();
    let remade = Target::Object(definition.clone());
    faults.fail(remade, Failure::Server, u32::MAX);
    world.live(&faults, async |life| {
        life.settle().await;
        world.cluster.delete(&definition);
        let commit_id = world.commit(&Hub::shop());
        life.settle().await;
        world.assert_at("shop", &commit_id);
        assert_eq!(world.application("shop").problems, []);
        assert_eq!(world.application("shop").sync, SyncState::Synced);
        life.assert_still().await;
    });
    world.assert_deletes(&[]);
    let commit_id = world.commit(&whole);
    world.settle();
    world.assert_at("shop", &commit_id);
    assert!(world.objects().contains("Widget.example.com/shop/w"));
}
