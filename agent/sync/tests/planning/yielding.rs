//! Fields left to other managers.

use super::*;

#[test]
fn replicas_stay_while_an_autoscaler_is_idle_and_are_left_to_an_active_one() {
    let hpa = "---\napiVersion: autoscaling/v2\nkind: HorizontalPodAutoscaler\nmetadata: {name: web, namespace: shop}\nspec: {scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: web}, maxReplicas: 9}\n";
    let mut world = settled(&format!("{WEB}{hpa}"));
    let second = WEB.replace("paused: false", "paused: true");
    world.enforce(application(
        "web",
        2,
        &format!("{second}{hpa}"),
        automatic(),
    ));
    world.settle();
    assert_eq!(
        world.cluster.value(&deployment("web"), "spec/replicas"),
        Some(&Node::int(4))
    );
    world.cluster.update(
        &deployment("web"),
        "kube-controller-manager",
        "scale",
        "spec/replicas",
        Some(Node::int(7)),
    );
    assert_eq!(world.settle(), 0);
    world.enforce(application("web", 3, &format!("{WEB}{hpa}"), automatic()));
    world.settle();
    assert_eq!(
        world.cluster.value(&deployment("web"), "spec/replicas"),
        Some(&Node::int(7))
    );
}

#[test]
fn replicas_are_taken_back_once_the_autoscaler_is_gone() {
    let hpa = "---\napiVersion: autoscaling/v2\nkind: HorizontalPodAutoscaler\nmetadata: {name: web, namespace: shop}\nspec: {scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: web}, maxReplicas: 9}\n";
    let mut world = settled(&format!("{WEB}{hpa}"));
    world.cluster.update(
        &deployment("web"),
        "kubectl-edit",
        "",
        "spec/replicas",
        Some(Node::int(7)),
    );
    world.settle();
    // Applied without the replicas, which leaves a baseline that lacks them.
    let second = WEB.replace("paused: false", "paused: true");
    let with = format!("{second}{hpa}");
    world.enforce(application("web", 2, &with, automatic()));
    world.settle();
    world.enforce(application("web", 3, &second, automatic()));
    world.settle();
    assert_eq!(
        world.cluster.value(&deployment("web"), "spec/replicas"),
        Some(&Node::int(4))
    );
}

#[test]
fn scaling_by_hand_without_an_autoscaler_is_drift() {
    let mut world = settled(WEB);
    world.cluster.update(
        &deployment("web"),
        "kubectl",
        "scale",
        "spec/replicas",
        Some(Node::int(7)),
    );
    world.settle();
    assert_eq!(
        world.cluster.value(&deployment("web"), "spec/replicas"),
        Some(&Node::int(4))
    );
}

#[test]
fn ignored_differences_are_left_to_their_owner() {
    let mut world = World::new();
    let rule = IgnoreDifference {
        group: String::new(),
        kind: "ConfigMap".to_owned(),
        name: None,
        namespace: None,
        json_pointers: vec!["/data/a".to_owned()],
        managers: vec!["tuner".to_owned()],
    };
    let policy = Policy {
        ignore_differences: vec![rule],
        ..automatic()
    };
    world.enforce(application("web", 1, &configs(&["a"]), policy.clone()));
    world.settle();
    world.cluster.update(
        &config("a"),
        "kubectl-edit",
        "",
        "data/a",
        Some(Node::string("z")),
    );
    world
        .cluster
        .update(&config("a"), "tuner", "", "data/b", Some(Node::string("z")));
    assert_eq!(world.settle(), 0);
    let changed = configs(&["a"]).replace("b: y", "b: y, c: w");
    world.enforce(application("web", 2, &changed, policy));
    world.settle();
    assert_eq!(
        world.cluster.value(&config("a"), "data/a"),
        Some(&Node::string("z"))
    );
    assert_eq!(
        world.cluster.value(&config("a"), "data/b"),
        Some(&Node::string("z"))
    );
    assert_eq!(
        world.cluster.value(&config("a"), "data/c"),
        Some(&Node::string("w"))
    );
}
