//! Two agents on one cluster: the newer takes over, the older stops, and nothing is written by both (HAZARDS.md P11).

use std::time::Duration;

use jiff::SignedDuration;
use muster_model::Reason;
use muster_tests::fakes::{Failure, Faults, Target, runtime};

use crate::hub::{Hub, config_map};
use crate::world::{World, id_of};

#[test]
fn the_older_of_two_agents_stops() {
    let world = World::at(&Hub::shop());
    let commit_id =
        world.commit(&Hub::shop().file("apps/shop/config.yaml", &config_map("config", "b")));
    world.live(&Faults::none(), async |life| {
        life.settle().await;
        // The life beside this script is the newer one once it has swapped; a third agent takes over from it, and is
        // itself taken over by a fourth.
        life.assert_still().await;
    });
    world.assert_at("shop", &commit_id);
    beside(&world, || ());
}

/// etcd came back from a backup that knows of neither: the newer one is told from the older all the same, though versions
/// and epochs are given out a second time.
#[test]
fn the_older_of_two_agents_stops_after_a_restored_backup() {
    let world = World::at(&Hub::shop());
    let backup = world.cluster.backup();
    world.commit(&Hub::shop().file("apps/shop/config.yaml", &config_map("config", "b")));
    beside(&world, || world.cluster.restore(backup));
}

/// The same while nothing can be watched: the older agent does not learn that the cluster went back, and its newest
/// version of the parent is given out once more, to the newer one.
#[test]
fn the_older_of_two_agents_stops_though_it_did_not_see_the_backup_being_restored() {
    let world = World::at(&Hub::shop());
    let backup = world.cluster.backup();
    let version = || {
        let parent = world.cluster.stored_parent().expect("there");
        parent
            .resource_version
            .parse::<u64>()
            .expect("one of the fake's")
    };
    let restored = version();
    let config = |value| Hub::shop().file("apps/shop/config.yaml", &config_map("config", value));
    let (older_life, newer_life) = (runtime(), runtime());
    let older = older_life.spawn(world.agent(&Faults::none()).run(std::future::pending()));
    for value in ["b", "c", "d", "e"] {
        world.commit(&config(value));
        pass(&older_life, 60);
    }
    let newest = version();
    for kind in world.cluster.stored_parent().expect("there").scope.kinds {
        world.cluster.break_watch(&kind, true);
    }
    world.cluster.restore(backup);
    assert_eq!(version(), restored);
    let newer = world.later_agent(&Faults::none(), SignedDuration::from_mins(5));
    let newer = newer_life.spawn(newer.run(std::future::pending()));
    pass(&newer_life, 60);
    let epoch = || world.cluster.stored_parent().expect("there").state.epoch;
    let taken_over = epoch();
    while version() < newest {
        world.cluster.edit_parent(|_| {});
    }
    assert_eq!(version(), newest);

    // Both want to store that this was accepted; the older one looks first.
    world.commit(&config("f"));
    pass(&older_life, 60);
    assert_eq!(epoch(), taken_over, "the older agent wrote over the newer");
    assert!(older.is_finished(), "the older agent still runs");
    let ended = older_life.block_on(older).expect("it did not panic");
    assert_eq!(
        ended.map_err(|problem| problem.reason),
        Err(Reason::StaleWriter)
    );
    pass(&newer_life, 60);
    assert!(!newer.is_finished(), "the newer agent ended");
    older_life.shutdown_background();
    newer_life.shutdown_background();
    muster_tests::fakes::assert_invariants(&world.cluster);
}

/// Lets so many seconds pass for the agent of a runtime.
fn pass(runtime: &tokio::runtime::Runtime, seconds: u64) {
    runtime.block_on(async { tokio::time::sleep(Duration::from_secs(seconds)).await });
}

/// Runs an older and a newer agent side by side, the newer after something happened; the older must end with
/// `StaleWriter`.
fn beside(world: &World, happens: impl FnOnce()) {
    let runtime = runtime();
    let ended = runtime.block_on(async {
        let older = tokio::spawn(world.agent(&Faults::none()).run(std::future::pending()));
        tokio::time::sleep(Duration::from_secs(60)).await;
        happens();
        let newer = world.later_agent(&Faults::none(), SignedDuration::from_mins(1));
        let newer = tokio::spawn(newer.run(std::future::pending()));
        tokio::time::sleep(Duration::from_secs(5)).await;
        // Drift makes both want to write: only the newer may.
        let writes = world.cluster.writes().len();
        world
            .cluster
            .edit(&id_of("ConfigMap/shop/config"), "kubectl-edit", |object| {
                object["data"]["value"] = "x".into()
            });
        tokio::time::sleep(Duration::from_secs(300)).await;
        assert_eq!(
            world.live_object("ConfigMap/shop/config")["data"]["value"],
            "b"
        );
        let heals = world.cluster.writes().len() - writes;
        assert!(heals <= 2, "{heals} heals");
        assert!(!newer.is_finished(), "the newer agent ended");
        assert!(older.is_finished(), "the older agent still runs");
        older.await.expect("it did not panic")
    });
    runtime.shutdown_background();
    assert_eq!(
        ended.map_err(|problem| problem.reason),
        Err(Reason::StaleWriter)
    );
    muster_tests::fakes::assert_invariants(&world.cluster);
}

/// Somebody else writes the parent object without taking over: the agent writes over it and goes on.
#[test]
fn a_foreign_write_of_the_parent_is_survived() {
    let world = World::at(&Hub::shop());
    let commit_id =
        world.commit(&Hub::shop().file("apps/shop/config.yaml", &config_map("config", "b")));
    world.live(&Faults::none(), async |life| {
        tokio::time::sleep(Duration::from_millis(100)).await;
        world.cluster.edit_parent(|_| {});
        life.settle().await;
    });
    world.assert_at("shop", &commit_id);
}

/// The state was lost: it is rebuilt from the cluster, and nothing is deleted or applied twice.
#[test]
fn an_agent_whose_state_was_lost_finds_its_way() {
    let world = World::at(&Hub::shop());
    let tip = world.source.tip(crate::hub::URL, "main").expect("there");
    world.lose_state();
    world.live(&Faults::none(), async |life| {
        life.settle().await;
        life.assert_still().await;
    });
    world.assert_at("shop", &tip);
    world.assert_deletes(&[]);
    // The sequence went on: FakeStatus checks that it grows.
    assert!(world.published().sequence > 1);
}

/// The state was lost before the status of the newest release was published, and Git is away: the status names an older
/// one, which nobody wants any more. The cluster keeps what it has (HAZARDS.md P4) until Git answers.
#[test]
fn an_agent_that_lost_its_state_does_not_go_back_to_what_its_status_says() {
    let world = World::at(&Hub::shop());
    let faults = Faults::none();
    faults.fail(Target::Push, Failure::TimeoutBefore, u32::MAX);
    let next = Hub::shop().file("apps/shop/config.yaml", &config_map("config", "b"));
    let commit_id = world.commit(&next);
    world.live(&faults, async |life| life.settle().await);
    let value = || world.live_object("ConfigMap/shop/config")["data"]["value"].clone();
    assert_eq!(value(), "b", "applied, and not published");
    world.lose_state();
    world
        .source
        .fail(crate::hub::URL, Some(Reason::GitUnreachable));
    let writes = world.cluster.writes().len();
    // The next life finds what this one knows of the status in the state, and goes by it as little.
    for _ in 0..2 {
        world.settle();
        assert_eq!(world.cluster.writes().len(), writes);
        assert_eq!(value(), "b");
    }
    world.source.fail(crate::hub::URL, None);
    world.settle();
    world.assert_at("shop", &commit_id);
}

/// HAZARDS.md P10: an agent that lost its state and cannot follow Git still says what was accepted, so that one that starts
/// after it refuses a rewritten history as well, though nothing could be stored in between.
#[test]
fn what_was_accepted_outlives_agents_that_cannot_follow_git() {
    let hub = Hub::shop().fleet("  serial: 3");
    let world = World::at(&hub);
    let accepted = world.source.tip(crate::hub::URL, "main").expect("there");
    world.lose_state();
    let rewritten = hub.file("apps/shop/config.yaml", &config_map("config", "b"));
    world
        .source
        .force_push(crate::hub::URL, "main", rewritten.tree());
    for _ in 0..2 {
        let faults = Faults::none();
        world.live(&faults, async |life| {
            // The cluster was taken over by now, and nothing is stored any more.
            tokio::time::sleep(Duration::from_millis(5)).await;
            faults.fail(Target::Parent, Failure::Server, u32::MAX);
            life.settle().await;
        });
        world.assert_reason(Reason::NonFastForward);
        let said = world.published();
        assert_eq!(said.hub.map(|hub| hub.commit_id).as_ref(), Some(&accepted));
        assert_eq!(said.serial, 3);
    }
    assert_eq!(
        world.live_object("ConfigMap/shop/config")["data"]["value"],
        "a"
    );
}

/// HAZARDS.md P1 and P6: while the state is lost, an Application that has objects and renders none might render, once it
/// is well, what another one no longer does.
#[test]
fn what_an_emptied_application_might_render_stays_while_the_state_is_lost() {
    let more = |hub: Hub| hub.file("apps/shop/more.yaml", &config_map("more", "x"));
    let books = Hub::shop().application("books", "");
    let whole = books
        .clone()
        .file("apps/books/all.yaml", &config_map("books", "x"));
    let world = World::at(&more(whole.clone()));
    world.lose_state();
    world.commit(&books.file("apps/books/kustomization.yaml", "resources: []\n"));
    for _ in 0..2 {
        world.settle();
        world.assert_deletes(&[]);
        world.assert_reason(Reason::PruneSuspended);
    }
    let commit_id = world.commit(&whole);
    world.settle();
    world.assert_deletes(&["ConfigMap/shop/more"]);
    world.assert_at("books", &commit_id);
}
