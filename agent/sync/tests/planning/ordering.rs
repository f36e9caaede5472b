//! What comes first, and what waits for it.

use super::*;

#[test]
fn an_instance_waits_for_its_definition_without_failing() {
    let documents = "
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: widgets.example.com}
spec: {group: example.com, names: {kind: Widget}}
---
apiVersion: example.com/v1
kind: Widget
metadata: {name: w, namespace: shop}
spec: {size: 1}
";
    let mut world = settled(documents);
    assert_eq!(world.reasons("web"), [Reason::WaitingForCrd]);
    let crd = ObjectId::new(
        "apiextensions.k8s.io",
        "CustomResourceDefinition",
        "",
        "widgets.example.com",
    );
    assert!(world.cluster.contains(&crd));
    world.cluster.serve(GroupKind::new("example.com", "Widget"));
    world.settle();
    assert!(
        world
            .cluster
            .contains(&ObjectId::new("example.com", "Widget", "shop", "w"))
    );
    assert_eq!(world.reasons("web"), []);
}

#[test]
fn a_later_wave_waits_until_the_earlier_one_is_healthy() {
    let second = configs(&["later"]).replace(
        "name: later,",
        "name: later, annotations: {argocd.argoproj.io/sync-wave: '1'},",
    );
    let mut world = settled(&format!("{WEB}{second}"));
    assert!(!world.cluster.contains(&config("later")));
    assert_eq!(world.reasons("web"), [Reason::WaitingForWave]);
    world.cluster.run_workloads();
    world.settle();
    assert!(world.cluster.contains(&config("later")));
}

#[test]
fn drift_in_a_later_wave_is_healed_though_an_earlier_one_is_not_healthy() {
    let second = configs(&["later"]).replace(
        "name: later,",
        "name: later, annotations: {argocd.argoproj.io/sync-wave: '1'},",
    );
    let mut world = settled(&format!("{WEB}{second}"));
    world.cluster.run_workloads();
    world.settle();
    world.cluster.set_status(&deployment("web"), Node::null());
    world.cluster.update(
        &config("later"),
        "kubectl-edit",
        "",
        "data/a",
        Some(Node::string("z")),
    );
    world.settle();
    assert_eq!(
        world.cluster.value(&config("later"), "data/a"),
        Some(&Node::string("x"))
    );
}

#[test]
fn a_namespace_comes_before_what_lives_in_it_and_goes_after() {
    let documents = "
apiVersion: v1
kind: ConfigMap
metadata: {name: a, namespace: new}
data: {a: x}
---
apiVersion: v1
kind: Namespace
metadata: {name: new}
";
    let mut world = settled(documents);
    let namespace = ObjectId::new("", "Namespace", "", "new");
    let inside = ObjectId::new("", "ConfigMap", "new", "a");
    assert_eq!(
        world
            .applied
            .iter()
            .map(|(id, _)| id.clone())
            .collect::<Vec<_>>(),
        [namespace.clone(), inside.clone()]
    );
    world.enforce(application("web", 2, &configs(&["b"]), automatic()));
    world
        .approved
        .insert(deletions_digest([&namespace, &inside]));
    world.settle();
    assert_eq!(world.deleted, [inside, namespace]);
}

#[test]
fn the_destinations_namespace_is_made_when_the_application_says_so() {
    let documents =
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a, namespace: fresh}\ndata: {a: x}\n";
    let mut world = settled(documents);
    assert_eq!(world.reasons("web"), [Reason::NamespaceMissing]);
    let policy = Policy {
        create_namespace: Some("fresh".to_owned()),
        ..automatic()
    };
    world.enforce(application("web", 2, documents, policy));
    world.settle();
    assert!(
        world
            .cluster
            .contains(&ObjectId::new("", "ConfigMap", "fresh", "a"))
    );
}
