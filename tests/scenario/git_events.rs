//! What Git does to an agent: nothing of it deletes anything, the reason is published, and what is in force is kept.

use muster_model::status::ClusterState;
use muster_model::{CommitId, Reason};
use muster_tests::fakes::Faults;

use crate::hub::{Hub, URL, config_map};
use crate::world::{World, id_of};

/// Everything stays while `event` lasts: drift is healed towards the last good release, before and after a restart of
/// the agent, and `reason` is published. Once it is over, the next commit is taken.
fn keeps_what_is_in_force(
    reason: Reason,
    event: impl Fn(&World),
    over: impl Fn(&World) -> CommitId,
) {
    let world = World::at(&Hub::shop());
    let objects = world.objects();
    world
        .source
        .point(URL, "saved", world.source.tip(URL, "main"));
    for life in ["the agent that saw it", "an agent that started in it"] {
        world.live(&Faults::none(), async |life| {
            life.settle().await;
            event(&world);
            life.settle().await;
            world
                .cluster
                .edit(&id_of("ConfigMap/shop/config"), "kubectl-edit", |object| {
                    object["data"]["value"] = "drifted".into();
                });
            life.settle().await;
            life.assert_still().await;
        });
        world.assert_reason(reason);
        world.assert_deletes(&[]);
        assert_eq!(world.objects(), objects, "{life}");
        assert_eq!(
            world.live_object("ConfigMap/shop/config")["data"]["value"],
            "a",
            "{life} does not heal"
        );
    }
    let commit_id = over(&world);
    world.live(&Faults::none(), async |life| {
        life.settle().await;
        life.assert_still().await;
    });
    world.assert_at("shop", &commit_id);
    world.assert_deletes(&[]);
}

fn next_commit(world: &World) -> CommitId {
    world.commit(&Hub::shop().file("apps/shop/config.yaml", &config_map("config", "a")))
}

fn server_says(reason: Reason) {
    keeps_what_is_in_force(
        reason,
        |world| world.source.fail(URL, Some(reason)),
        |world| {
            world.source.fail(URL, None);
            next_commit(world)
        },
    );
}

#[test]
fn the_server_refuses_the_credentials() {
    server_says(Reason::GitAuth);
}

#[test]
fn the_server_fails() {
    server_says(Reason::GitServerError);
}

#[test]
fn the_server_answers_with_a_login_page() {
    server_says(Reason::NotGit);
}

#[test]
fn the_server_is_away() {
    server_says(Reason::GitUnreachable);
}

#[test]
fn the_server_asks_for_fewer_requests() {
    server_says(Reason::GitRateLimited);
}

/// HAZARDS.md T-64.
#[test]
fn the_branch_is_deleted() {
    keeps_what_is_in_force(
        Reason::SourceMissing,
        |world| world.source.point(URL, "main", None),
        |world| {
            let tip = world.source.tip(URL, "saved").expect("saved");
            world.source.point(URL, "main", Some(tip));
            next_commit(world)
        },
    );
}

/// HAZARDS.md T-64: commits of another history under the same URL.
#[test]
fn the_repository_is_emptied() {
    let world = World::at(&Hub::shop());
    world.source.empty(URL);
    world.live(&Faults::none(), async |life| {
        life.settle().await;
        life.assert_still().await;
    });
    world.assert_reason(Reason::SourceMissing);
    world.assert_deletes(&[]);
}

/// HAZARDS.md T-63.
#[test]
fn history_is_rewritten() {
    keeps_what_is_in_force(
        Reason::NonFastForward,
        |world| {
            let hub = Hub::shop().without("apps/shop/config.yaml");
            world.source.force_push(URL, "main", hub.tree());
        },
        |world| {
            let tip = world.source.tip(URL, "saved").expect("saved");
            world.source.point(URL, "main", Some(tip));
            next_commit(world)
        },
    );
}

/// HAZARDS.md T-62.
#[test]
fn an_older_commit_is_offered() {
    let world = World::at(&Hub::shop());
    let older = world.source.tip(URL, "main").expect("there");
    let newer =
        world.commit(&Hub::shop().file("apps/shop/config.yaml", &config_map("config", "b")));
    world.settle();
    world.source.point(URL, "main", Some(older));
    world.live(&Faults::none(), async |life| {
        life.settle().await;
        life.assert_still().await;
    });
    world.assert_reason(Reason::RollbackDetected);
    assert_eq!(
        world.live_object("ConfigMap/shop/config")["data"]["value"],
        "b"
    );
    world.source.point(URL, "main", Some(newer.clone()));
    world.settle();
    world.assert_at("shop", &newer);
    world.assert_deletes(&[]);
}

/// HAZARDS.md T-65.
#[test]
fn the_fleet_file_no_longer_names_the_cluster() {
    keeps_what_is_in_force(
        Reason::Unassigned,
        |world| {
            world.commit(&Hub::shop().clusters(&["{name: west}"]));
        },
        next_commit,
    );
}

#[test]
fn the_status_says_unassigned() {
    let world = World::at(&Hub::shop());
    world.commit(&Hub::shop().clusters(&["{name: west}"]));
    world.settle();
    assert_eq!(world.published().state, ClusterState::Unassigned);
}

/// HAZARDS.md T-87.
#[test]
fn an_agent_without_state_that_starts_while_git_is_away_does_nothing() {
    let world = World::new();
    world.source.fail(URL, Some(Reason::GitUnreachable));
    world.live(&Faults::none(), async |life| {
        life.settle().await;
        life.assert_still().await;
    });
    assert_eq!(world.cluster.writes(), []);
    world.assert_reason(Reason::GitUnreachable);
}

/// HAZARDS.md T-87: the pod was rescheduled with its volume lost while Git is away.
#[test]
fn t_87_an_agent_whose_store_was_lost_while_git_is_away_applies_and_prunes_nothing() {
    let world = World::at(&Hub::shop());
    world.source.forget_fetched();
    world.source.fail(URL, Some(Reason::GitUnreachable));
    let writes = world.cluster.writes().len();
    world.live(&Faults::none(), async |life| {
        life.settle().await;
        world.cluster.delete(&id_of("ConfigMap/shop/config"));
        life.settle().await;
        life.assert_still().await;
    });
    assert_eq!(world.cluster.writes().len(), writes);
    world.assert_reason(Reason::NoLocalState);
    world.source.fail(URL, None);
    world.settle();
    world.assert_at("shop", &world.source.tip(URL, "main").expect("there"));
    world.assert_deletes(&[]);
}

/// A blob that was not fetched is asked for, and the commit is taken.
#[test]
fn blobs_arrive_when_they_are_asked_for() {
    let world = World::new();
    world.source.lazy_blobs(true);
    let commit_id = world.commit(&Hub::shop());
    world.settle();
    world.assert_at("shop", &commit_id);
    assert!(world.source.fetches() > 0);
}

/// HAZARDS.md P13: an unchanged poll costs one request.
#[test]
fn an_unchanged_poll_asks_once() {
    let world = World::at(&Hub::shop());
    world.live(&Faults::none(), async |life| {
        life.settle().await;
        let (resolves, fetches) = (world.source.resolves(), world.source.fetches());
        tokio::time::sleep(crate::world::POLL * 10).await;
        let polls = world.source.resolves() - resolves;
        assert!((8..=13).contains(&polls), "{polls} requests in ten polls");
        assert_eq!(world.source.fetches(), fetches);
    });
}
