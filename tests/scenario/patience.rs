//! What is slow holds up nobody else: a Git server that never answers, a webhook that takes ten seconds.

use std::time::Duration;

use muster_tests::fakes::Faults;

use crate::hub::{Hub, URL, config_map};
use crate::world::{World, id_of, moment};

const CONFIG: &str = "ConfigMap/shop/config";
/// Objects of the slow Application: several for each request that the agent of these tests sends at once.
const VOLUMES: usize = 24;

/// The shop, and an Application whose many objects lie in a namespace of their own.
fn shop_and_books() -> Hub {
    let namespace = "apiVersion: v1\nkind: Namespace\nmetadata: {name: books}\n";
    let hub = Hub::shop()
        .application("books", "")
        .file("apps/books/namespace.yaml", namespace);
    (0..VOLUMES).fold(hub, |hub, number| {
        let text = config_map(&format!("volume-{number}"), "a")
            .replace("namespace: shop", "namespace: books");
        hub.file(&format!("apps/books/{number}.yaml"), &text)
    })
}

fn edit_by_hand(world: &World) {
    world
        .cluster
        .edit(&id_of(CONFIG), "kubectl-edit", |object| {
            object["data"]["value"] = "changed by hand".into();
        });
}

fn value(world: &World) -> serde_json::Value {
    world.live_object(CONFIG)["data"]["value"].clone()
}

#[test]
fn a_git_server_that_never_answers_delays_no_healing() {
    let world = World::at(&Hub::shop());
    world.live(&Faults::none(), async |life| {
        life.settle().await;
        world.source.hang(URL, true);
        // Long enough that a poll is under way, which will never end.
        tokio::time::sleep(Duration::from_secs(60)).await;
        edit_by_hand(&world);
        moment().await;
        assert_eq!(value(&world), "a", "healed while Git hangs");
        world.source.hang(URL, false);
        life.settle().await;
    });
}

#[test]
fn a_webhook_of_ten_seconds_delays_no_other_application() {
    let world = World::at(&Hub::shop());
    world
        .cluster
        .slow_namespace("books", Duration::from_secs(10));
    world.live(&Faults::none(), async |life| {
        life.settle().await;
        let before = world.objects().len();
        world.commit(&shop_and_books());
        tokio::time::sleep(Duration::from_secs(40)).await;
        let under_way = world.objects().len() - before;
        assert!(
            (1..=VOLUMES).contains(&under_way),
            "{under_way} of {VOLUMES} are there: the slow Application is under way"
        );
        edit_by_hand(&world);
        moment().await;
        assert_eq!(value(&world), "a", "healed while a webhook is slow");
        life.settle().await;
        assert_eq!(world.objects().len() - before, VOLUMES + 1);
        life.assert_still().await;
    });
}
