//! What is deleted, what waits for an approval, and what stays.

use super::*;

fn removal(fate: Fate) -> Removal {
    Removal {
        application: key("web"),
        fate,
        evidence: Evidence {
            trusted: true,
            fleet_parsed: true,
            rendered: true,
        },
        confirm: false,
        propagation: None,
        account: None,
    }
}

#[test]
fn objects_that_left_git_are_pruned_within_the_budget() {
    let mut world = settled(&configs(&["a", "b", "c"]));
    world.enforce(application("web", 2, &configs(&["a", "b"]), automatic()));
    world.settle();
    assert_eq!(world.deleted, [config("c")]);
}

#[test]
fn nothing_is_pruned_without_prune_or_while_anything_is_in_doubt() {
    let smaller = || application("web", 2, &configs(&["a", "b"]), automatic());
    let doubts: [fn(&mut World, muster_sync::DesiredSet); 5] = [
        |world, mut set| {
            set.policy.prune = false;
            world.enforce(set);
        },
        |world, mut set| {
            set.evidence.trusted = false;
            world.enforce(set);
        },
        |world, mut set| {
            set.evidence.fleet_parsed = false;
            world.enforce(set);
        },
        |world, set| {
            world.unknown.insert(key("broken"));
            world.enforce(set);
        },
        |world, set| {
            world.cluster.failed_groups.insert(String::new());
            world.enforce(set);
        },
    ];
    for doubt in doubts {
        let mut world = settled(&configs(&["a", "b", "c"]));
        doubt(&mut world, smaller());
        world.settle();
        assert_eq!(world.deleted, []);
    }
}

#[test]
fn pruning_waits_until_nothing_is_left_to_apply() {
    let later = configs(&["later"]).replace(
        "name: later,",
        "name: later, annotations: {argocd.argoproj.io/sync-wave: '1'},",
    );
    let mut world = settled(&configs(&["a", "old"]));
    let next = format!("{WEB}{}{later}", configs(&["a"]));
    world.enforce(application("web", 2, &next, automatic()));
    world.settle();
    assert!(!world.cluster.contains(&config("later")));
    assert_eq!(world.deleted, []);
    world.cluster.run_workloads();
    world.settle();
    assert_eq!(world.deleted, [config("old")]);
}

#[test]
fn prune_false_on_the_object_keeps_it() {
    let kept = configs(&["c"]).replace(
        "name: c,",
        "name: c, annotations: {argocd.argoproj.io/sync-options: Prune=false},",
    );
    let mut world = settled(&format!("{}{kept}", configs(&["a", "b"])));
    world.enforce(application("web", 2, &configs(&["a", "b"]), automatic()));
    world.settle();
    assert_eq!(world.deleted, []);
}

#[test]
fn an_empty_render_deletes_nothing_by_itself_and_needs_an_approval_even_if_meant() {
    let mut world = settled(&configs(&["a", "b"]));
    world.enforce(application("web", 2, "", automatic()));
    world.settle();
    assert_eq!(world.reasons("web"), [Reason::EmptyRender]);
    let policy = Policy {
        allow_empty: true,
        ..automatic()
    };
    world.enforce(application("web", 3, "", policy));
    world.settle();
    assert_eq!(world.deleted, []);
    assert_eq!(world.reasons("web"), [Reason::NeedsApproval]);
}

#[test]
fn an_approval_of_the_list_lets_it_go_and_only_it() {
    let mut world = settled(&numbered(20));
    world.enforce(application("web", 2, &numbered(5), automatic()));
    world.settle();
    assert_eq!(world.deleted, []);
    let pending = world
        .plan("web")
        .pending_deletions
        .expect("pending deletions");
    assert_eq!((pending.count, pending.before), (15, Some(commit(1))));
    world.approved.insert(pending.digest);
    world.settle();
    assert_eq!(world.deleted.len(), 15);
}

#[test]
fn a_thousand_applications_that_each_lose_an_object_are_stopped_at_the_first() {
    let mut world = World::new();
    let names: Vec<String> = (0..30).map(|n| format!("app{n}")).collect();
    let documents = |n: &str, all: bool| {
        let first = configs(&[&format!("{n}-a"), &format!("{n}-b"), &format!("{n}-c")]);
        if all {
            first + &configs(&[&format!("{n}-d")])
        } else {
            first
        }
    };
    for name in &names {
        world.enforce(application(name, 1, &documents(name, true), automatic()));
    }
    world.settle();
    for name in &names {
        world.enforce(application(name, 2, &documents(name, false), automatic()));
    }
    world.settle();
    assert_eq!(world.deleted, []);
}

#[test]
fn precious_kinds_wait_for_an_approval() {
    let claim = "---\napiVersion: v1\nkind: PersistentVolumeClaim\nmetadata: {name: data, namespace: shop}\nspec: {volumeName: v}\n";
    let mut world = settled(&format!("{}{claim}", numbered(9)));
    world.enforce(application("web", 2, &numbered(9), automatic()));
    world.settle();
    assert_eq!(world.deleted, []);
    assert_eq!(world.reasons("web"), [Reason::NeedsApproval]);
    let id = ObjectId::new("", "PersistentVolumeClaim", "shop", "data");
    world.approved.insert(deletions_digest([&id]));
    world.settle();
    assert_eq!(world.deleted, [id]);
}

#[test]
fn a_removed_application_goes_under_the_brake_and_a_leaving_cluster_without() {
    let mut world = settled(&configs(&["a", "b"]));
    world.sets.clear();
    let braked = world.plan_removal(&removal(Fate::Prune));
    assert!(braked.is_empty() && braked.pending_deletions.is_some());
    let plan = world.plan_removal(&removal(Fate::PruneLeaving));
    world.act(&plan);
    assert!(!world.cluster.contains(&config("a")) && !world.cluster.contains(&config("b")));
}

#[test]
fn preserved_objects_lose_their_marks_and_go_on_running() {
    let mut world = settled(&configs(&["a"]));
    world.sets.clear();
    let plan = world.plan_removal(&removal(Fate::Preserve));
    assert!(plan.steps.iter().all(|step| step.kind == StepKind::Release));
    world.act(&plan);
    assert!(world.cluster.contains(&config("a")));
    assert!(world.observe().objects.is_empty());
}

#[test]
fn deletes_are_bound_to_what_was_seen() {
    let mut world = settled(&configs(&["a", "b", "c"]));
    world.enforce(application("web", 2, &configs(&["a", "b"]), automatic()));
    let plan = world.plan("web");
    let uids: Vec<_> = plan
        .effects()
        .map(|effect| match effect {
            Effect::Delete {
                uid,
                resource_version,
                ..
            } => (uid.clone(), !resource_version.is_empty()),
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(uids, [(world.cluster.uid(&config("c")).to_owned(), true)]);
}

#[test]
fn an_older_generation_stays_until_the_workloads_are_healthy_on_the_new_one() {
    let old = "web-55d7tk8fdg";
    let new = "web-b4h9g5tf7k";
    let documents = |name: &str, paused: bool| {
        format!(
            "{}---{}",
            configs(&[name]),
            WEB.replace(
                "paused: false",
                &format!(
                    "paused: false, revisionHistoryLimit: {}",
                    1 + i32::from(paused)
                )
            )
        )
    };
    let mut world = settled(&documents(old, false));
    world.cluster.run_workloads();
    world.enforce(application("web", 2, &documents(new, true), automatic()));
    world.settle();
    assert!(world.cluster.contains(&config(old)) && world.cluster.contains(&config(new)));
    assert_eq!(world.reasons("web"), [Reason::KeptGeneration]);
    world.cluster.run_workloads();
    world.settle();
    assert_eq!(world.deleted, [config(old)]);
    assert_eq!(world.reasons("web"), []);
}

#[test]
fn what_a_laptop_computes_from_git_is_what_the_agent_asks_approval_for() {
    let kept = configs(&["kept"]).replace(
        "name: kept,",
        "name: kept, annotations: {argocd.argoproj.io/sync-options: Prune=false},",
    );
    let from = format!("{}{kept}{}", numbered(12), configs(&["web-55d7tk8fdg"]));
    let to = format!("{}{}", numbered(2), configs(&["web-b4h9g5tf7k"]));
    let mut world = settled(&from);
    world.enforce(application("web", 2, &to, automatic()));
    world.settle();
    let pending = world.plan("web").pending_deletions.map(|p| p.digest);
    let [from, to] = [from, to].map(|text| application("web", 1, &text, automatic()));
    let computed = muster_sync::deletions_between(&from, Some(&to));
    assert_eq!(computed.len(), 10);
    assert_eq!(pending, Some(deletions_digest(&computed)));
}
