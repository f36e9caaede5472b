//! The planner against a cluster in memory: the hazards of the cluster side, each a test. Every plan passes the linter,
//! and every scenario ends at a fixpoint.

mod simulator;

use muster_model::effect::{Cause, Effect};
use muster_model::{GroupKind, Health, Node, ObjectId, Reason, SyncState, json};
use muster_sync::{
    Evidence, Fate, IgnoreDifference, ObjectState, Policy, Removal, StepKind, deletions_digest,
};
use simulator::{World, application, automatic, commit, key};

fn config(name: &str) -> ObjectId {
    ObjectId::new("", "ConfigMap", "shop", name)
}

fn deployment(name: &str) -> ObjectId {
    ObjectId::new("apps", "Deployment", "shop", name)
}

fn configs(names: &[&str]) -> String {
    let document = |name| {
        format!(
            "---\napiVersion: v1\nkind: ConfigMap\nmetadata: {{name: {name}, namespace: shop}}\ndata: {{a: x, b: y}}\n"
        )
    };
    names.iter().copied().map(document).collect()
}

const WEB: &str = "
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: shop}
spec: {replicas: 4, paused: false}
";

fn numbered(n: usize) -> String {
    let names: Vec<String> = (0..n).map(|i| format!("c{i}")).collect();
    configs(&names.iter().map(String::as_str).collect::<Vec<_>>())
}

fn settled(documents: &str) -> World {
    let mut world = World::new();
    world.enforce(application("web", 1, documents, automatic()));
    world.settle();
    world
}

#[test]
fn a_new_application_is_probed_created_and_then_left_alone() {
    let mut world = settled(&configs(&["a", "b"]));
    assert_eq!(world.applied.len(), 2);
    assert!(
        world
            .applied
            .iter()
            .all(|(_, cause)| *cause == Cause::Create)
    );
    assert_eq!(world.settle(), 0);
    let plan = world.plan("web");
    assert_eq!(
        (plan.sync, plan.health),
        (SyncState::Synced, Health::Healthy)
    );
    assert!(plan.applied);
}

#[test]
fn a_restart_writes_nothing() {
    let mut world = settled(&format!("{}---{WEB}", configs(&["a"])));
    world.restart();
    assert_eq!(world.settle(), 0);
}

#[test]
fn a_changed_and_a_removed_field_and_a_deleted_object_are_healed() {
    let mut world = settled(&configs(&["a", "b"]));
    world.cluster.update(
        &config("a"),
        "kubectl-edit",
        "",
        "data/a",
        Some(Node::string("z")),
    );
    world
        .cluster
        .update(&config("a"), "kubectl-edit", "", "data/b", None);
    world.cluster.remove(&config("b"));
    world.settle();
    assert_eq!(
        world.cluster.value(&config("a"), "data/a"),
        Some(&Node::string("x"))
    );
    assert_eq!(
        world.cluster.value(&config("a"), "data/b"),
        Some(&Node::string("y"))
    );
    assert!(world.cluster.contains(&config("b")));
}

#[test]
fn a_field_somebody_added_is_not_drift() {
    let mut world = settled(&configs(&["a"]));
    world
        .cluster
        .update(&config("a"), "other", "", "data/more", Some(Node::int(1)));
    assert_eq!(world.settle(), 0);
}

#[test]
fn a_lost_label_is_put_back() {
    let mut world = settled(&configs(&["a"]));
    world.cluster.strip_label(&config("a"));
    world.settle();
    assert!(world.cluster.is_ours(&config("a"), &world.memory));
}

#[test]
fn without_self_heal_drift_is_reported_only() {
    let mut world = World::new();
    let policy = Policy {
        self_heal: false,
        ..automatic()
    };
    world.enforce(application("web", 1, &configs(&["a"]), policy));
    world.settle();
    world.cluster.update(
        &config("a"),
        "kubectl-edit",
        "",
        "data/a",
        Some(Node::string("z")),
    );
    assert_eq!(world.settle(), 0);
    assert_eq!(world.reasons("web"), [Reason::SelfHealOff]);
    assert_eq!(world.plan("web").sync, SyncState::OutOfSync);
}

#[test]
fn without_an_automated_policy_an_application_is_compared_and_reported() {
    let mut world = World::new();
    world.enforce(application("web", 1, &configs(&["a"]), Policy::default()));
    assert_eq!(world.settle(), 0);
    assert_eq!(world.reasons("web"), [Reason::ManualSync]);
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

const JOB: &str = "
apiVersion: batch/v1
kind: Job
metadata: {name: migrate, namespace: shop}
spec: {backoffLimit: 1}
";

fn job() -> ObjectId {
    ObjectId::new("batch", "Job", "shop", "migrate")
}

fn complete() -> Node {
    json::from_slice(br#"{"conditions":[{"type":"Complete","status":"True"}]}"#)
        .expect("valid JSON")
}

#[test]
fn a_job_that_completed_and_vanished_is_not_run_again_until_its_content_changes() {
    let mut world = settled(JOB);
    world.cluster.set_status(&job(), complete());
    world.settle();
    world.cluster.remove(&job());
    world.restart();
    assert_eq!(world.settle(), 0);
    let plan = world.plan("web");
    assert_eq!(
        (plan.sync, plan.health),
        (SyncState::Synced, Health::Healthy)
    );
    assert_eq!(plan.objects[&job()].state, ObjectState::Done);
    world.enforce(application(
        "web",
        2,
        &JOB.replace("backoffLimit: 1", "backoffLimit: 2"),
        automatic(),
    ));
    world.settle();
    assert!(world.cluster.contains(&job()));
}

#[test]
fn a_job_that_vanished_before_it_completed_is_run_again() {
    let mut world = settled(JOB);
    world.cluster.remove(&job());
    world.settle();
    assert!(world.cluster.contains(&job()));
}

#[test]
fn an_immutable_field_is_a_named_reason_and_recreated_only_when_allowed() {
    let documents = format!("{JOB}{}", numbered(9));
    let changed = documents.replace("backoffLimit: 1", "backoffLimit: 2");
    let mut world = settled(&documents);
    world.enforce(application("web", 2, &changed, automatic()));
    world.settle();
    assert_eq!(world.reasons("web"), [Reason::ImmutableField]);
    let uid = world.cluster.uid(&job()).to_owned();
    let policy = Policy {
        recreate: true,
        ..automatic()
    };
    world.enforce(application("web", 3, &changed, policy));
    world.settle();
    assert_ne!(world.cluster.uid(&job()), uid);
    assert_eq!(world.deleted, [job()]);
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
fn a_webhook_that_rewrites_a_value_is_reported_and_not_fought() {
    let mut world = World::new();
    world
        .cluster
        .webhook
        .insert(vec!["data".into(), "a".into()], Node::string("mutated"));
    world.enforce(application("web", 1, &configs(&["a"]), automatic()));
    world.settle();
    assert_eq!(world.applied.len(), 1);
    assert_eq!(world.reasons("web"), [Reason::Mutated]);
    assert_eq!(world.plan("web").sync, SyncState::Synced);
    world.restart();
    assert_eq!(world.settle(), 1);
    assert_eq!(world.settle(), 0);
}

#[test]
fn a_secrets_string_data_is_compared_as_data() {
    let secret = "apiVersion: v1\nkind: Secret\nmetadata: {name: s, namespace: shop}\nstringData: {password: hunter2}\n";
    let mut world = settled(secret);
    let id = ObjectId::new("", "Secret", "shop", "s");
    world.cluster.update(
        &id,
        "kubectl-edit",
        "",
        "data/password",
        Some(Node::string("eA==")),
    );
    world.settle();
    assert_eq!(
        world.cluster.value(&id, "data/password"),
        Some(&Node::string("aHVudGVyMg=="))
    );
    assert_eq!(world.cluster.value(&id, "stringData/password"), None);
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

#[test]
fn an_object_that_is_fought_over_is_healed_at_a_slower_pace() {
    let mut world = settled(&configs(&["a"]));
    for _ in 0..6 {
        world.pass_time(1);
        world
            .cluster
            .update(&config("a"), "rival", "", "data/a", Some(Node::string("z")));
        world.settle();
    }
    world.pass_time(1);
    world
        .cluster
        .update(&config("a"), "rival", "", "data/a", Some(Node::string("z")));
    assert_eq!(world.settle(), 0);
    let plan = world.plan("web");
    assert_eq!(plan.problems[0].reason, Reason::Contended);
    assert!(plan.problems[0].message.contains("rival") && plan.wake.is_some());
    world.pass_time(60);
    assert_eq!(world.settle(), 1);
}

fn removal(fate: Fate) -> Removal {
    Removal {
        application: key("web"),
        fate,
        evidence: Evidence {
            trusted: true,
            fleet_parsed: true,
            rendered: true,
        },
        propagation: None,
    }
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
