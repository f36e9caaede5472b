//! App-of-apps: children are found wherever their parent runs, and a parent that cannot be read takes none away.

use muster_model::Reason;
use muster_tests::fakes::Faults;

use crate::hub::{Hub, URL, config_map};
use crate::world::{World, id_of};

/// An Application for `cluster` whose source is `apps/<name>`, as a file that a parent renders.
fn child(name: &str, cluster: &str) -> String {
    format!(
        r"
apiVersion: argoproj.io/v1alpha1
kind: Application
metadata: {{name: {name}, finalizers: [resources-finalizer.argocd.argoproj.io]}}
spec:
  project: shop
  source: {{repoURL: {URL}, targetRevision: main, path: apps/{name}}}
  destination: {{name: {cluster}, namespace: shop}}
  syncPolicy: {{automated: {{prune: true, selfHeal: true}}}}
"
    )
}

/// The Application `parent` runs on `west` and renders a child for each cluster.
fn fleet() -> Hub {
    Hub::new()
        .clusters(&["{name: east}", "{name: west}"])
        .application("parent", "")
        .edit_application("parent", "name: east", "name: west")
        .file("apps/parent/here.yaml", &child("here", "east"))
        .file("apps/parent/there.yaml", &child("there", "west"))
        .file("apps/here/config.yaml", &config_map("here", "1"))
        .file("apps/here/namespace.yaml", crate::hub::NAMESPACE)
        .file("apps/there/config.yaml", &config_map("there", "1"))
}

#[test]
fn a_child_runs_here_though_its_parent_runs_elsewhere() {
    let world = World::new();
    let commit_id = world.commit(&fleet());
    world.settle();
    world.assert_at("here", &commit_id);
    world.assert_objects(&["Namespace/shop", "ConfigMap/shop/here"]);
    let next = world.commit(&fleet().file("apps/here/config.yaml", &config_map("here", "2")));
    world.settle();
    world.assert_at("here", &next);
}

#[test]
fn a_parent_that_cannot_be_read_takes_no_child_away() {
    for (path, bad, reason) in [
        (
            "apps/parent/kustomization.yaml",
            "resources: [none.yaml]\n",
            None,
        ),
        (
            "apps/parent/here.yaml",
            "kind: Application\napiVersion: argoproj.io/v1alpha1\nmetadata: {name: here}\nspec: {project: other}\n",
            None,
        ),
        ("argocd/parent.yaml", "", None),
        (
            "apps/here/config.yaml",
            "apiVersion: v1\nkind: ConfigMap\nmetadata: [\n",
            Some(Reason::InvalidYaml),
        ),
    ] {
        let world = World::new();
        world.commit(&fleet());
        world.settle();
        let objects = world.objects();
        let broken = match bad {
            "" => fleet().edit_application("parent", "project: shop", "project: none"),
            bad => fleet().file(path, bad),
        };
        world.commit(&broken);
        // The agent that saw the parent whole, and one that starts only now.
        for _ in 0..2 {
            world.live(&Faults::none(), async |life| {
                life.settle().await;
                world.cluster.delete(&id_of("ConfigMap/shop/here"));
                life.settle().await;
                life.assert_still().await;
            });
            assert_eq!(world.objects(), objects, "{path}");
            world.assert_deletes(&[]);
        }
        if let Some(reason) = reason {
            world.assert_reason(reason);
        }
        let good = world.commit(&fleet());
        world.settle();
        world.assert_at("here", &good);
    }
}

#[test]
fn a_child_that_leaves_the_parent_leaves_the_cluster_under_the_brake() {
    let world = World::new();
    world.commit(&fleet());
    world.settle();
    world.commit(&fleet().without("apps/parent/here.yaml"));
    world.settle();
    world.assert_reason(Reason::NeedsApproval);
    world.assert_deletes(&[]);
}

#[test]
fn two_applications_with_one_name_are_both_refused() {
    let world = World::new();
    let twice = fleet().application("here", "").edit_application(
        "here",
        "path: apps/here",
        "path: apps/there",
    );
    world.commit(&twice);
    world.settle();
    world.assert_reason(Reason::DuplicateApplication);
    world.assert_objects(&[]);
}
