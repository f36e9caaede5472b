//! Placements: what Karmada's policies place on this cluster is kept like any other Application.

use muster_model::{Problem, Reason};
use muster_tests::fakes::Faults;

use crate::hub::{Hub, NAMESPACE, SERVICE, config_map, deployment};
use crate::world::{World, id_of};

/// The Application that the policy `web` of the namespace `shop` makes.
const PLACED: &str = "web.shop.web";

const POLICY: &str = r"
apiVersion: policy.karmada.io/v1alpha1
kind: PropagationPolicy
metadata: {name: web, namespace: shop}
spec:
  resourceSelectors:
    - {apiVersion: apps/v1, kind: Deployment, name: web}
    - {apiVersion: v1, kind: Service, name: web}
  placement:
    clusterAffinity: {clusterNames: [east, west]}
    replicaScheduling:
      replicaSchedulingType: Divided
      weightPreference:
        staticWeightList:
          - {targetCluster: {clusterNames: [east]}, weight: 2}
          - {targetCluster: {clusterNames: [west]}, weight: 1}
";

/// Templates for three replicas, two clusters, and nothing else.
fn placed() -> Hub {
    Hub::new()
        .clusters(&["{name: east}", "{name: west}"])
        .file("apps/web/namespace.yaml", NAMESPACE)
        .file("apps/web/service.yaml", SERVICE)
        .file("apps/web/config.yaml", &config_map("unplaced", "1"))
        .file(
            "apps/web/web.yaml",
            &deployment("web", "web:1").replace("replicas: 2", "replicas: 3"),
        )
        .file("policies/web.yaml", POLICY)
        .fleet(
            "  placements:\n    - {project: shop, source: apps/web, policies: policies/web.yaml}",
        )
}

fn replicas(world: &World) -> i64 {
    world.live_object("Deployment.apps/shop/web")["spec"]["replicas"]
        .as_i64()
        .expect("a number")
}

#[test]
fn a_policy_places_its_share_and_nothing_else() {
    let world = World::new();
    let commit_id = world.commit(&placed());
    world.live(&Faults::none(), async |life| {
        life.settle().await;
        life.assert_still().await;
    });
    world.assert_at(PLACED, &commit_id);
    world.assert_objects(&["Deployment.apps/shop/web", "Service/shop/web"]);
    assert_eq!(replicas(&world), 2);
}

#[test]
fn a_suspended_cluster_hands_its_replicas_to_this_one() {
    let world = World::new();
    world.commit(&placed());
    world.settle();
    let commit_id =
        world.commit(&placed().clusters(&["{name: east}", "{name: west, state: Suspended}"]));
    world.settle();
    world.assert_at(PLACED, &commit_id);
    assert_eq!(replicas(&world), 3);
    world.commit(&placed());
    world.settle();
    assert_eq!(replicas(&world), 2);
}

#[test]
fn a_cluster_that_is_suspended_itself_keeps_what_it_has() {
    let world = World::new();
    world.commit(&placed());
    world.settle();
    let objects = world.objects();
    world.commit(&placed().clusters(&["{name: east, state: Suspended}", "{name: west}"]));
    world.settle();
    assert_eq!(world.objects(), objects);
    assert_eq!(replicas(&world), 2);
    world.assert_deletes(&[]);
}

#[test]
fn a_broken_or_unschedulable_policy_deletes_nothing() {
    for (reason, policy) in [
        (
            Reason::Unschedulable,
            POLICY.replace("[east, west]", "[moon]"),
        ),
        (
            Reason::NotSupported,
            POLICY.replace("spec:", "spec:\n  propagateDeps: true"),
        ),
        (Reason::InvalidYaml, "a: [".to_owned()),
    ] {
        let world = World::new();
        world.commit(&placed());
        world.settle();
        let objects = world.objects();
        world.commit(&placed().file("policies/web.yaml", &policy));
        world.live(&Faults::none(), async |life| {
            life.settle().await;
            world.cluster.delete(&id_of("Service/shop/web"));
            life.settle().await;
            life.assert_still().await;
        });
        world.assert_reason(reason);
        assert_eq!(world.objects(), objects, "{reason}");
        world.assert_deletes(&[]);
        let good = world.commit(&placed());
        world.settle();
        world.assert_at(PLACED, &good);
    }
}

/// The whole share leaves the cluster: that waits for an approval, like the end of any Application.
#[test]
fn losing_the_whole_share_waits_for_an_approval() {
    let world = World::new();
    world.commit(&placed());
    world.settle();
    world.commit(&placed().file(
        "policies/web.yaml",
        &POLICY.replace("[east, west]", "[west]"),
    ));
    world.settle();
    world.assert_reason(Reason::NeedsApproval);
    world.assert_deletes(&[]);
}

#[test]
fn the_project_guards_what_is_placed() {
    let world = World::new();
    let denied = placed().file(
        "policies/web.yaml",
        &POLICY.replace("namespace: shop}", "namespace: sys}"),
    );
    let denied = denied.file(
        "apps/web/service.yaml",
        &SERVICE.replace("namespace: shop", "namespace: sys"),
    );
    world.commit(&denied);
    world.settle();
    let problems: Vec<Problem> = world.application("web.sys.web").problems;
    assert_eq!(problems[0].reason, Reason::ProjectDenied, "{problems:#?}");
    world.assert_objects(&[]);
}
