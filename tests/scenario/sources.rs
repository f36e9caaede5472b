//! Applications from several repositories, branches, tags and commits.

use muster_model::{MemoryTree, Reason};
use muster_tests::fakes::Faults;

use crate::hub::{Hub, URL, config_map};
use crate::world::{World, id_of};

/// Another repository, by the URL that Applications name, and where it is really fetched from.
const TEAM: &str = "https://git.example.com/team/app.git";
const MIRROR: &str = "https://mirror.site.example/team/app.git";

fn team(value: &str) -> MemoryTree {
    let text = config_map("team", value);
    MemoryTree::of([("deploy/config.yaml", &*text)])
}

/// A commit of it that cannot be rendered.
fn broken() -> MemoryTree {
    let text = "a: [1\nkind: x\napiVersion: v1\nmetadata: {}\n";
    MemoryTree::of([("deploy/config.yaml", text)])
}

/// The shop, and an Application from the team's repository at `revision`.
fn hub(revision: &str) -> Hub {
    let entry = format!(
        "  admins: []\n  repositories:\n    - {{url: {URL}, self: true}}\n    - {{url: {TEAM}, mirror: {MIRROR}}}"
    );
    let fleet = Hub::shop().application("team", "");
    let text = fleet.fleet_file().replace(
        &format!("  repositories:\n    - {{url: {URL}, self: true}}"),
        entry.trim_start_matches("  admins: []\n"),
    );
    fleet
        .file("fleet.yaml", &text)
        .edit_application(
            "team",
            &format!("repoURL: {URL}"),
            &format!("repoURL: {TEAM}"),
        )
        .edit_application(
            "team",
            "targetRevision: main, path: apps/team",
            &format!("targetRevision: {revision}, path: deploy"),
        )
}

fn value(world: &World) -> String {
    let object = world.live_object("ConfigMap/shop/team");
    object["data"]["value"].as_str().expect("a text").to_owned()
}

#[test]
fn a_branch_a_tag_and_a_commit_of_another_repository_are_followed_through_its_mirror() {
    let world = World::new();
    let first = world.source.commit(MIRROR, "release", team("1"));
    let hub_commit = world.commit(&hub("release"));
    world.settle();
    world.assert_at("team", &hub_commit);
    assert_eq!(value(&world), "1");
    world.source.commit(MIRROR, "release", team("2"));
    world.settle();
    assert_eq!(value(&world), "2", "a branch is followed");
    world.commit(&hub(first.as_str()));
    world.settle();
    assert_eq!(value(&world), "1", "a commit is what it is");
    let status = world.application("team");
    let release = status.applied.expect("applied");
    assert_eq!(release.sources[0].commit_id, first);
}

#[test]
fn a_repository_that_is_away_stops_its_own_applications_alone() {
    let world = World::new();
    world.source.commit(MIRROR, "release", team("1"));
    world.commit(&hub("release"));
    world.settle();
    world.source.fail(MIRROR, Some(Reason::GitUnreachable));
    let changed = hub("release").file("apps/shop/config.yaml", &config_map("config", "b"));
    let commit_id = world.commit(&changed);
    world.live(&Faults::none(), async |life| {
        life.settle().await;
        world.cluster.delete(&id_of("ConfigMap/shop/team"));
        life.settle().await;
    });
    world.assert_at("shop", &commit_id);
    assert_eq!(value(&world), "1", "what runs is healed");
    let problems = world.application("team").problems;
    assert_eq!(problems[0].reason, Reason::GitUnreachable);
    world.source.fail(MIRROR, None);
    world.source.commit(MIRROR, "release", team("2"));
    world.settle();
    world.assert_at("team", &commit_id);
    assert_eq!(value(&world), "2");
}

/// An agent that starts while an Application cannot be rendered finds its release by the commits it was made of.
#[test]
fn a_release_of_another_repository_is_found_again_after_a_restart() {
    let world = World::new();
    world.source.commit(MIRROR, "release", team("1"));
    world.commit(&hub("release"));
    world.settle();
    world.source.commit(MIRROR, "release", broken());
    world.live(&Faults::none(), async |life| {
        life.settle().await;
        world.cluster.delete(&id_of("ConfigMap/shop/team"));
        life.settle().await;
        life.assert_still().await;
    });
    assert_eq!(value(&world), "1");
    world.assert_reason(Reason::InvalidYaml);
    world.assert_deletes(&[]);
}

/// A cluster that left and came back has no release of an Application that could not be rendered since. While the fleet
/// file is broken, an agent that starts then does not take what the Application's repository has by now (HAZARDS.md P4).
#[test]
fn what_ended_is_not_made_anew_from_a_newer_commit_while_the_fleet_file_is_broken() {
    let world = World::new();
    world.source.commit(MIRROR, "release", team("1"));
    world.commit(&hub("release"));
    let leaving = hub("release").edit_file(
        "fleet.yaml",
        "{name: east,",
        "{name: east, state: Leaving, ",
    );
    world.live(&Faults::none(), async |life| {
        life.settle().await;
        world.source.commit(MIRROR, "release", broken());
        world.commit(&leaving);
        life.settle().await;
        world.assert_objects(&[]);
    });
    world.commit(&hub("release"));
    world.settle();
    world.commit(&hub("release").edit_file("fleet.yaml", "kind: Fleet", "kind: ["));
    world.settle();
    world.source.commit(MIRROR, "release", team("2"));
    world.settle();
    assert_eq!(value(&world), "1");
    assert!(!world.objects().contains("ConfigMap/shop/team"));

    world.commit(&hub("release").file("more.txt", "mended"));
    world.settle();
    assert_eq!(value(&world), "2");
}

/// `sources` with `ref`: several directories make one Application, and a source that is only referred to renders nothing.
#[test]
fn several_sources_make_one_application() {
    let world = World::new();
    world.source.commit(MIRROR, "main", team("1"));
    let hub = hub("main").edit_application(
        "team",
        &format!("source: {{repoURL: {TEAM}, targetRevision: main, path: deploy}}"),
        &format!("sources: [{{repoURL: {TEAM}, targetRevision: main, path: deploy}}, {{repoURL: {URL}, targetRevision: main, path: apps/extra}}, {{repoURL: {URL}, targetRevision: main, ref: values}}]"),
    );
    let commit_id = world.commit(&hub.file("apps/extra/x.yaml", &config_map("extra", "1")));
    world.settle();
    world.assert_at("team", &commit_id);
    assert!(world.objects().contains("ConfigMap/shop/extra"));
    assert_eq!(value(&world), "1");
}
