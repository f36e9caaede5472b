//! Whose an object is: adoption, handover, copies, other tools.

use super::*;

fn by_kubectl(world: &mut World, labels: &str) {
    let text = format!(
        r#"{{"apiVersion":"v1","kind":"ConfigMap","metadata":{{"labels":{labels}}},"data":{{"a":"old","b":"y","old":"1"}}}}"#
    );
    let body = json::from_slice(text.as_bytes()).expect("valid JSON");
    world
        .cluster
        .create(&config("a"), "kubectl-client-side-apply", &body);
}

#[test]
fn an_object_that_moves_to_another_application_is_handed_over() {
    let mut world = World::new();
    world.enforce(application("x", 1, &configs(&["a", "b"]), automatic()));
    world.enforce(application("y", 1, &configs(&["c"]), automatic()));
    world.settle();
    let uid = world.cluster.uid(&config("b")).to_owned();
    world.enforce(application("x", 2, &configs(&["a"]), automatic()));
    world.enforce(application("y", 2, &configs(&["b", "c"]), automatic()));
    assert_eq!(world.plan("x").moves, [(config("b"), key("y"))].into());
    world.settle();
    assert_eq!(world.deleted, []);
    assert_eq!(world.cluster.uid(&config("b")), uid);
    assert!(world.applied.contains(&(config("b"), Cause::Handover)));
}

#[test]
fn the_application_that_holds_an_object_keeps_it_and_the_newcomer_is_refused() {
    let mut world = World::new();
    world.enforce(application("x", 1, &configs(&["a"]), automatic()));
    world.settle();
    world.enforce(application("y", 1, &configs(&["a", "b"]), automatic()));
    world.settle();
    assert_eq!(world.reasons("y"), [Reason::ClaimedTwice]);
    assert_eq!(world.reasons("x"), []);
    assert!(world.cluster.contains(&config("b")));
}

#[test]
fn while_nobody_holds_an_object_both_are_refused() {
    let mut world = World::new();
    world.enforce(application("x", 1, &configs(&["a"]), automatic()));
    world.enforce(application("y", 1, &configs(&["a"]), automatic()));
    assert_eq!(world.settle(), 0);
    assert_eq!(world.reasons("x"), [Reason::ClaimedTwice]);
}

#[test]
fn a_controllers_copy_of_our_marks_is_left_alone() {
    let mut world = settled(&configs(&["a"]));
    let copy = config("copy");
    let mut body = world.cluster.node(&config("a"));
    let metadata = body
        .as_map_mut()
        .and_then(|m| m.get_mut("metadata"))
        .and_then(Node::as_map_mut)
        .expect("metadata");
    metadata.retain(|key, _| matches!(key, "labels" | "annotations"));
    world.cluster.create(&copy, "some-controller", &body);
    assert_eq!(world.settle(), 0);
    assert!(world.cluster.contains(&copy));
}

#[test]
fn cleared_managed_fields_are_drift_and_leave_nothing_behind() {
    let mut world = settled(&configs(&["a"]));
    world.cluster.clear_managed_fields(&config("a"));
    world.settle();
    assert!(world.cluster.is_ours(&config("a"), &world.memory));
    world.enforce(application(
        "web",
        2,
        &configs(&["a"]).replace(", b: y", ""),
        automatic(),
    ));
    world.settle();
    assert_eq!(world.cluster.value(&config("a"), "data/b"), None);
}

#[test]
fn an_unclaimed_object_is_adopted_and_fields_removed_in_git_later_go() {
    let mut world = World::new();
    by_kubectl(&mut world, "{}");
    let uid = world.cluster.uid(&config("a")).to_owned();
    world.enforce(application("web", 1, &configs(&["a"]), automatic()));
    world.settle();
    assert_eq!(
        world.cluster.value(&config("a"), "data/a"),
        Some(&Node::string("x"))
    );
    world.enforce(application(
        "web",
        2,
        &configs(&["a"]).replace(", b: y", ""),
        automatic(),
    ));
    world.settle();
    assert_eq!(world.cluster.value(&config("a"), "data/b"), None);
    assert_eq!(world.cluster.uid(&config("a")), uid);
}

#[test]
fn an_object_of_another_tool_is_refused_until_the_application_adopts() {
    let mut world = World::new();
    by_kubectl(&mut world, r#"{"app.kubernetes.io/managed-by":"Helm"}"#);
    world.enforce(application("web", 1, &configs(&["a"]), automatic()));
    world.settle();
    assert_eq!(world.reasons("web"), [Reason::NotOurs]);
    assert_eq!(
        world.cluster.value(&config("a"), "data/a"),
        Some(&Node::string("old"))
    );
    let policy = Policy {
        adopt: true,
        ..automatic()
    };
    world.enforce(application("web", 2, &configs(&["a"]), policy));
    world.settle();
    assert_eq!(
        world.cluster.value(&config("a"), "data/a"),
        Some(&Node::string("x"))
    );
    assert_eq!(world.cluster.value(&config("a"), "data/old"), None);
}

#[test]
fn a_fleet_that_is_renamed_takes_its_former_managers_fields_over() {
    let mut world = settled(&configs(&["a"]));
    world.memory.manager = "muster.renamed".to_owned();
    world.settle();
    assert!(world.cluster.is_ours(&config("a"), &world.memory));
    let smaller = configs(&["a"]).replace(", b: y", "");
    world.enforce(application("web", 2, &smaller, automatic()));
    world.settle();
    assert_eq!(world.cluster.value(&config("a"), "data/b"), None);
}
