//! The agent dies before and after every effect of a change, and the next one brings the change to its end: nothing is
//! orphaned, nothing is deleted that should stay, and then nothing moves. For short changes the next one dies as well, at
//! every effect of its own.

use muster_model::CommitId;
use muster_tests::fakes::{Faults, Side};
use serde_json::json;

use crate::hub::{DEFINITION, Hub, WIDGET, config_map, deployment, replaceable};
use crate::world::World;

const SHOP: [&str; 4] = [
    "ConfigMap/shop/config",
    "Deployment.apps/shop/web",
    "Namespace/shop",
    "Service/shop/web",
];

const SIDES: [Side; 2] = [Side::Before, Side::After];

/// Kills the agent around the first effect of the change, then the second, and so on, until a life sees no crash.
fn crash_around_every_effect(
    prepare: impl Fn() -> World,
    change: impl Fn(&World) -> CommitId,
    check: impl Fn(&World, &CommitId),
) {
    for side in SIDES {
        let mut effects = 0;
        for nth in 1.. {
            let world = prepare();
            let commit_id = change(&world);
            if !dies_at(&world, nth, side) {
                check(&world, &commit_id);
                break;
            }
            effects = nth;
            come_to_rest(&world);
            check(&world, &commit_id);
        }
        assert!(effects >= 3, "only {effects} effects were crashed");
    }
}

/// The same, and then kills the next agent around each effect of its own.
fn crash_around_every_pair(
    prepare: impl Fn() -> World,
    change: impl Fn(&World) -> CommitId,
    check: impl Fn(&World, &CommitId),
) {
    let mut pairs = 0;
    for side in SIDES {
        for nth in 1.. {
            let mut first_died = false;
            for second_side in SIDES {
                for second in 1.. {
                    let world = prepare();
                    let commit_id = change(&world);
                    first_died = dies_at(&world, nth, side);
                    let again = first_died && dies_at(&world, second, second_side);
                    come_to_rest(&world);
                    check(&world, &commit_id);
                    if !again {
                        break;
                    }
                    pairs += 1;
                }
            }
            if !first_died {
                break;
            }
        }
    }
    assert!(pairs >= 9, "only {pairs} pairs of crashes");
}

/// Runs a life that is to die at its `nth` effect; false when it came to rest before that.
fn dies_at(world: &World, nth: u64, side: Side) -> bool {
    let faults = Faults::crash_at(nth, side);
    world
        .live(&faults, async |life| life.settle().await)
        .is_none()
}

fn come_to_rest(world: &World) {
    world.live(&Faults::none(), async |life| {
        life.settle().await;
        life.assert_still().await;
    });
}

#[test]
fn first_apply() {
    crash_around_every_effect(
        World::new,
        |world| world.commit(&Hub::shop()),
        |world, commit_id| {
            world.assert_at("shop", commit_id);
            world.assert_objects(&SHOP);
            world.assert_deletes(&[]);
        },
    );
}

#[test]
fn an_update() {
    let next = Hub::shop()
        .file("apps/shop/config.yaml", &config_map("config", "b"))
        .file("apps/shop/web.yaml", &deployment("web", "web:2"));
    crash_around_every_effect(
        || World::at(&Hub::shop()),
        |world| world.commit(&next),
        |world, commit_id| {
            world.assert_at("shop", commit_id);
            world.assert_objects(&SHOP);
            world.assert_deletes(&[]);
            assert_eq!(
                world.live_object("ConfigMap/shop/config")["data"]["value"],
                "b"
            );
        },
    );
}

#[test]
fn a_prune() {
    let first = Hub::shop().file("apps/shop/old.yaml", &config_map("old", "a"));
    let prepare = || World::at(&first);
    let change = |world: &World| world.commit(&Hub::shop());
    let check = |world: &World, commit_id: &CommitId| {
        world.assert_at("shop", commit_id);
        world.assert_objects(&SHOP);
        world.assert_deletes(&["ConfigMap/shop/old"]);
    };
    crash_around_every_effect(prepare, change, check);
    crash_around_every_pair(prepare, change, check);
}

/// A definition and its instance in one commit (HAZARDS.md P9).
#[test]
fn a_definition_with_its_instance() {
    let hub = Hub::shop()
        .file("apps/shop/crd.yaml", DEFINITION)
        .file("apps/shop/widget.yaml", WIDGET);
    crash_around_every_effect(
        || World::at(&Hub::shop()),
        |world| world.commit(&hub),
        |world, commit_id| {
            world.assert_at("shop", commit_id);
            assert!(world.objects().contains("Widget.example.com/shop/w"));
            world.assert_deletes(&[]);
        },
    );
}

/// An object changes its Application (HAZARDS.md T-76).
#[test]
fn a_handover() {
    let first = Hub::shop()
        .application("books", "")
        .file("apps/books/own.yaml", &config_map("own", "x"))
        .file("apps/shop/moving.yaml", &config_map("moving", "a"));
    let next = first
        .clone()
        .without("apps/shop/moving.yaml")
        .file("apps/books/moving.yaml", &config_map("moving", "a"));
    crash_around_every_effect(
        || World::at(&first),
        |world| world.commit(&next),
        |world, commit_id| {
            world.assert_at("shop", commit_id);
            world.assert_at("books", commit_id);
            world.assert_deletes(&[]);
            let mark = &world.live_object("ConfigMap/shop/moving")["metadata"]["annotations"]["muster.dev/applied"];
            assert!(
                mark.as_str()
                    .is_some_and(|mark| mark.contains("shop/books")),
                "{mark}"
            );
        },
    );
}

/// A cluster leaves, with and without its objects.
#[test]
fn leaving() {
    for (on_leave, left) in [("Preserve", true), ("Prune", false)] {
        let entry = format!("{{name: east, state: Leaving, onLeave: {on_leave}}}");
        let next = Hub::shop().clusters(&[&entry]);
        crash_around_every_effect(
            || World::at(&Hub::shop()),
            |world| world.commit(&next),
            |world, _| {
                assert_eq!(
                    world.published().state,
                    muster_model::status::ClusterState::Left
                );
                world.assert_objects(&[]);
                let web = crate::world::id_of("Deployment.apps/shop/web");
                assert_eq!(world.cluster.get(&web).is_some(), left);
            },
        );
    }
}

/// Deletions that were approved go on after a crash, and nothing else goes.
#[test]
fn an_approved_deletion() {
    let first = (0..8).fold(Hub::shop(), |hub, index| {
        hub.file(
            &format!("apps/shop/more-{index}.yaml"),
            &config_map(&format!("more-{index}"), "x"),
        )
    });
    let prepare = || {
        let world = World::at(&first);
        world.commit(&Hub::shop());
        world.settle();
        world.assert_deletes(&[]);
        world
    };
    crash_around_every_effect(
        prepare,
        |world| {
            let pending = world
                .application("shop")
                .pending_deletions
                .expect("something waits");
            let before = pending.before.expect("there was a release before");
            world.commit(&Hub::shop().fleet(&format!(
                "  approvals:\n    - {{application: shop, deletions: \"{}\", before: \"{before}\"}}",
                pending.digest
            )))
        },
        |world, commit_id| {
            world.assert_at("shop", commit_id);
            world.assert_objects(&SHOP);
        },
    );
}

/// An object that `kubectl` made is taken over, and what it lacks in Git goes.
#[test]
fn an_adoption() {
    let prepare = || {
        let world = World::at(&Hub::shop());
        let theirs = json!({
            "apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "theirs", "namespace": "shop"},
            "data": {"value": "a", "more": "x"},
        });
        world.cluster.create(&theirs, "kubectl-client-side-apply");
        world
    };
    let next = Hub::shop().file("apps/shop/theirs.yaml", &config_map("theirs", "a"));
    let change = |world: &World| world.commit(&next);
    let check = |world: &World, commit_id: &CommitId| {
        world.assert_at("shop", commit_id);
        world.assert_deletes(&[]);
        let live = world.live_object("ConfigMap/shop/theirs");
        assert_eq!(live["data"], json!({"value": "a"}));
    };
    crash_around_every_effect(prepare, change, check);
    crash_around_every_pair(prepare, change, check);
}

/// A field that may not change: the object is deleted and made anew, as it asks for.
#[test]
fn a_recreation() {
    let web = |tier| Hub::shop().file("apps/shop/web.yaml", &replaceable("web", tier));
    let (first, next) = (web("front"), web("back"));
    crash_around_every_effect(
        || World::at(&first),
        |world| world.commit(&next),
        |world, commit_id| {
            world.assert_at("shop", commit_id);
            world.assert_objects(&SHOP);
            world.assert_deletes(&["Deployment.apps/shop/web"]);
            let live = world.live_object("Deployment.apps/shop/web");
            assert_eq!(live["spec"]["selector"]["matchLabels"]["tier"], "back");
        },
    );
}

/// A generated object is superseded by its next generation (HAZARDS.md T-79).
#[test]
fn a_superseded_generation() {
    let hub = |value: &str| {
        Hub::shop().file(
            "apps/shop/kustomization.yaml",
            &format!(
                "resources: [namespace.yaml, config.yaml, web.yaml, service.yaml]\nnamespace: shop\nconfigMapGenerator:\n  - {{name: settings, literals: [value={value}]}}\n"
            ),
        )
    };
    crash_around_every_effect(
        || World::at(&hub("one")),
        |world| world.commit(&hub("two")),
        |world, commit_id| {
            world.assert_at("shop", commit_id);
            let generations = world
                .objects()
                .into_iter()
                .filter(|id| id.contains("/settings-"));
            assert_eq!(generations.count(), 1);
        },
    );
}

/// An Application departs with its objects, which are fewer than the brake lets go; another stays.
#[test]
fn an_application_that_departs_keeps_its_objects_running_without_marks() {
    let first = Hub::shop()
        .application("books", "")
        .file("apps/books/one.yaml", &config_map("one", "a"))
        .file("apps/books/two.yaml", &config_map("two", "a"));
    let next = first.clone().without_application("books");
    let prepare = || World::at(&first);
    let change = |world: &World| world.commit(&next);
    let check = |world: &World, commit_id: &CommitId| {
        world.assert_at("shop", commit_id);
        world.assert_objects(&SHOP);
        world.assert_deletes(&[]);
        world.live_object("ConfigMap/shop/one");
        world.live_object("ConfigMap/shop/two");
    };
    crash_around_every_effect(prepare, change, check);
    crash_around_every_pair(prepare, change, check);
}

/// An Application gets another name: every object changes hands (HAZARDS.md T-76).
#[test]
fn an_application_that_is_renamed() {
    let source = |hub: Hub, name: &str| {
        hub.application(name, "")
            .file(&format!("apps/{name}/one.yaml"), &config_map("one", "a"))
            .file(&format!("apps/{name}/two.yaml"), &config_map("two", "a"))
    };
    let first = source(Hub::shop(), "old");
    let next = source(Hub::shop(), "new");
    crash_around_every_effect(
        || World::at(&first),
        |world| world.commit(&next),
        |world, commit_id| {
            world.assert_at("new", commit_id);
            world.assert_deletes(&[]);
            for id in ["ConfigMap/shop/one", "ConfigMap/shop/two"] {
                let mark = &world.live_object(id)["metadata"]["annotations"]["muster.dev/applied"];
                assert!(
                    mark.as_str().is_some_and(|mark| mark.contains("shop/new")),
                    "{mark}"
                );
            }
        },
    );
}
