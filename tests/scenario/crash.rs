//! The agent dies before and after every effect of a change, and the next one brings the change to its end: nothing is
//! orphaned, nothing is deleted that should stay, and then nothing moves.

use muster_model::CommitId;
use muster_tests::fakes::{Faults, Side};

use crate::hub::{Hub, config_map, deployment};
use crate::world::World;

const SHOP: [&str; 4] = [
    "ConfigMap/shop/config",
    "Deployment.apps/shop/web",
    "Namespace/shop",
    "Service/shop/web",
];

/// Kills the agent around the first effect of the change, then the second, and so on, until a life sees no crash.
fn crash_around_every_effect(
    prepare: impl Fn() -> World,
    change: impl Fn(&World) -> CommitId,
    check: impl Fn(&World, &CommitId),
) {
    for side in [Side::Before, Side::After] {
        let mut effects = 0;
        for nth in 1.. {
            let world = prepare();
            let commit_id = change(&world);
            let finished = world.live(&Faults::crash_at(nth, side), async |life| {
                life.settle().await
            });
            if finished.is_some() {
                check(&world, &commit_id);
                break;
            }
            effects = nth;
            world.live(&Faults::none(), async |life| {
                life.settle().await;
                life.assert_still().await;
            });
            check(&world, &commit_id);
        }
        assert!(effects >= 3, "only {effects} effects were crashed");
    }
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
    crash_around_every_effect(
        || World::at(&first),
        |world| world.commit(&Hub::shop()),
        |world, commit_id| {
            world.assert_at("shop", commit_id);
            world.assert_objects(&SHOP);
            world.assert_deletes(&["ConfigMap/shop/old"]);
        },
    );
}

/// A definition and its instance in one commit (HAZARDS.md P9).
#[test]
fn a_definition_with_its_instance() {
    let crd = r"
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: widgets.example.com}
spec:
  group: example.com
  scope: Namespaced
  names: {kind: Widget, plural: widgets}
  versions: [{name: v1, served: true, storage: true, schema: {openAPIV3Schema: {type: object}}}]
";
    let widget = "apiVersion: example.com/v1\nkind: Widget\nmetadata: {name: w, namespace: shop}\nspec: {size: 1}\n";
    let hub = Hub::shop()
        .file("apps/shop/crd.yaml", crd)
        .file("apps/shop/widget.yaml", widget);
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
