//! Random releases, and random hands in the cluster: no plan ever breaks an invariant, everything settles, and settled
//! means as Git says.

use muster_sync::Memory;
use proptest::prelude::*;

use super::*;

/// Something that happens.
#[derive(Debug, Clone)]
enum Event {
    /// An Application gets a release with these objects.
    Release {
        application: usize,
        objects: Vec<usize>,
        variant: u8,
    },
    /// Somebody changes a field.
    Change { object: usize, manager: usize },
    /// Somebody deletes an object.
    Delete { object: usize },
    /// Somebody takes the label away.
    Unlabel { object: usize },
    /// Somebody clears the managed fields.
    Clear { object: usize },
    /// A controller makes a copy of an object, marks and all.
    Copy { object: usize },
    /// An autoscaler writes.
    Scale { object: usize },
    /// Workloads become healthy.
    Run,
    /// The agent restarts.
    Restart,
    /// Everything pending is approved.
    Approve,
    /// Time passes.
    Wait,
}

const NAMES: usize = 8;

fn event() -> impl Strategy<Value = Event> {
    let object = 0..NAMES;
    prop_oneof![
        4 => (0_usize..2, proptest::collection::btree_set(0..NAMES, 0..NAMES), 0_u8..3).prop_map(
            |(application, objects, variant)| Event::Release {
                application,
                objects: objects.into_iter().collect(),
                variant,
            }
        ),
        2 => (object.clone(), 0_usize..3).prop_map(|(object, manager)| Event::Change { object, manager }),
        1 => object.clone().prop_map(|object| Event::Delete { object }),
        1 => object.clone().prop_map(|object| Event::Unlabel { object }),
        1 => object.clone().prop_map(|object| Event::Clear { object }),
        1 => object.clone().prop_map(|object| Event::Copy { object }),
        1 => object.prop_map(|object| Event::Scale { object }),
        2 => Just(Event::Run),
        1 => Just(Event::Restart),
        1 => Just(Event::Approve),
        1 => Just(Event::Wait),
    ]
}

/// Every fourth object is a Deployment, the others are ConfigMaps; two waves.
fn document(n: usize, variant: u8) -> String {
    let wave = n % 2;
    let metadata = format!(
        "metadata: {{name: o{n}, namespace: shop, annotations: {{argocd.argoproj.io/sync-wave: '{wave}'}}}}"
    );
    if n.is_multiple_of(4) {
        format!(
            "---\napiVersion: apps/v1\nkind: Deployment\n{metadata}\nspec: {{replicas: 2, minReadySeconds: {variant}}}\n"
        )
    } else {
        format!(
            "---\napiVersion: v1\nkind: ConfigMap\n{metadata}\ndata: {{a: 'v{variant}', b: y}}\n"
        )
    }
}

fn id(n: usize) -> ObjectId {
    if n.is_multiple_of(4) {
        deployment(&format!("o{n}"))
    } else {
        config(&format!("o{n}"))
    }
}

fn field(n: usize) -> &'static str {
    if n.is_multiple_of(4) {
        "spec/minReadySeconds"
    } else {
        "data/a"
    }
}

fn happen(world: &mut World, event: Event, step: u8) {
    let exists = |world: &World, n: usize| world.cluster.contains(&id(n));
    match event {
        Event::Release {
            application: name,
            objects,
            variant,
        } => {
            let documents: String = objects.iter().map(|n| document(*n, variant)).collect();
            let policy = Policy {
                allow_empty: true,
                ..automatic()
            };
            world.enforce(application(&format!("app{name}"), step, &documents, policy));
        }
        Event::Change { object, manager } if exists(world, object) => {
            let name = ["kubectl-edit", "rival", "kubectl"][manager];
            world
                .cluster
                .update(&id(object), name, "", field(object), Some(Node::int(7)));
        }
        Event::Delete { object } if exists(world, object) => world.cluster.remove(&id(object)),
        Event::Unlabel { object } if exists(world, object) => {
            world
                .cluster
                .strip_label(&id(object), "applyset.kubernetes.io/part-of");
        }
        Event::Clear { object } if exists(world, object) => {
            world.cluster.clear_managed_fields(&id(object));
        }
        Event::Copy { object } if exists(world, object) => copy(world, object),
        Event::Scale { object } if exists(world, object) && object.is_multiple_of(4) => {
            let name = "kube-controller-manager";
            world.cluster.update(
                &id(object),
                name,
                "scale",
                "spec/replicas",
                Some(Node::int(5)),
            );
        }
        Event::Run => world.cluster.run_workloads(),
        Event::Restart => world.restart(),
        Event::Approve => {
            let names: Vec<_> = world.sets.keys().map(|key| key.name.clone()).collect();
            for name in names {
                let pending = world.plan(&name).pending_deletions;
                world.approved.extend(pending.map(|pending| pending.digest));
            }
        }
        Event::Wait => world.pass_time(700),
        Event::Change { .. }
        | Event::Delete { .. }
        | Event::Unlabel { .. }
        | Event::Clear { .. }
        | Event::Copy { .. }
        | Event::Scale { .. } => {}
    }
}

fn copy(world: &mut World, n: usize) {
    let mut body = world.cluster.node(&id(n));
    if let Some(metadata) = body
        .as_map_mut()
        .and_then(|map| map.get_mut("metadata"))
        .and_then(Node::as_map_mut)
    {
        metadata.retain(|key, _| matches!(key, "labels" | "annotations"));
    }
    let of = id(n);
    let name = format!("copy-of-o{n}");
    let copied = ObjectId::new(of.group(), of.kind(), of.namespace(), name);
    world.cluster.create(&copied, "some-controller", &body);
}

/// In the end every object that exactly one Application renders is there and ours, unless a wave or somebody else is
/// in the way, and no copy was touched.
fn is_as_git_says(world: &World, memory: &Memory) -> Result<(), TestCaseError> {
    for set in world.sets.values() {
        let plan = world.plan(&set.application.name);
        prop_assert!(plan.is_empty());
        for object in set.objects.iter() {
            if plan.objects[&object.id].state == ObjectState::InSync {
                prop_assert!(world.cluster.is_ours(&object.id, memory));
            }
        }
        if plan.applied {
            prop_assert!(set.objects.iter().all(|o| world.cluster.contains(&o.id)));
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_plan_breaks_an_invariant_and_everything_settles(
        events in proptest::collection::vec(event(), 1..14)
    ) {
        let mut world = World::new();
        let mut copies = 0;
        for (step, event) in (1_u8..).zip(events) {
            copies += usize::from(matches!(event, Event::Copy { .. }));
            happen(&mut world, event, step);
            world.settle();
        }
        is_as_git_says(&world, &world.memory)?;
        prop_assert!(world.deleted.iter().all(|id| !id.name().starts_with("copy-of")), "{copies}");
    }
}
