//! The linter finds what a wrong plan would break.

use muster_model::Gvk;
use muster_model::effect::{Effect, Propagation};
use muster_sync::{Invariant, Plan, Step};

use super::*;

fn invariants(world: &World, plan: &Plan) -> Vec<Invariant> {
    let mut found: Vec<_> = world
        .violations(plan)
        .into_iter()
        .map(|violation| violation.invariant)
        .collect();
    found.sort_unstable();
    found.dedup();
    found
}

fn with(plan: &Plan, kind: StepKind, effects: Vec<Effect>) -> Plan {
    let mut plan = plan.clone();
    plan.steps.push(Step { kind, effects });
    plan
}

fn delete(world: &World, id: &ObjectId) -> Effect {
    let record = &world.observe().objects[id];
    Effect::Delete {
        object: id.clone(),
        uid: record.uid.clone(),
        resource_version: record.resource_version.clone(),
        propagation: Propagation::Foreground,
    }
}

fn apply(id: &ObjectId, force: bool) -> Effect {
    Effect::Apply {
        object: id.clone(),
        gvk: Gvk::parse("v1", "ConfigMap"),
        force,
        cause: Cause::Update,
        yielded: Vec::new(),
    }
}

#[test]
fn deleting_what_git_wants_is_refused() {
    let world = settled(&configs(&["a", "b", "c"]));
    let plan = world.plan("web");
    let wrong = with(&plan, StepKind::Prune, vec![delete(&world, &config("a"))]);
    assert_eq!(invariants(&world, &wrong), [Invariant::NoPruneOnDoubt]);
}

#[test]
fn a_delete_of_something_else_than_was_seen_is_refused() {
    let mut world = settled(&configs(&["a", "b", "c"]));
    world.enforce(application("web", 2, &configs(&["a", "b"]), automatic()));
    let mut wrong = world.plan("web");
    for effect in wrong.steps.iter_mut().flat_map(|step| &mut step.effects) {
        if let Effect::Delete { uid, .. } = effect {
            *uid = "another".to_owned();
        }
    }
    assert_eq!(invariants(&world, &wrong), [Invariant::DeleteBound]);
}

#[test]
fn deletions_beyond_the_budget_are_refused() {
    let mut world = settled(&numbered(20));
    world.enforce(application("web", 2, &numbered(5), automatic()));
    let plan = world.plan("web");
    let deletes = (5..20).map(|n| delete(&world, &config(&format!("c{n}"))));
    let wrong = with(&plan, StepKind::Prune, deletes.collect());
    assert_eq!(invariants(&world, &wrong), [Invariant::MassDeleteBrake]);
}

#[test]
fn writing_what_is_not_rendered_or_not_known_to_exist_is_refused() {
    let world = settled(&configs(&["a"]));
    let plan = world.plan("web");
    let kind = StepKind::Apply {
        phase: muster_sync::order::Phase::Sync,
        wave: 0,
    };
    let wrong = with(&plan, kind, vec![apply(&config("other"), true)]);
    assert_eq!(invariants(&world, &wrong), [Invariant::NoForeignTouch]);
}

#[test]
fn writing_before_the_parent_declares_the_kind_is_refused() {
    let mut world = World::new();
    world.enforce(application("web", 1, &configs(&["a"]), automatic()));
    world.settle();
    world.cluster.update(
        &config("a"),
        "kubectl-edit",
        "",
        "data/a",
        Some(Node::string("z")),
    );
    let mut wrong = world.plan("web");
    wrong.declare.widen.kinds.clear();
    assert_eq!(invariants(&world, &wrong), [Invariant::InventoryCovers]);
}

#[test]
fn a_namespace_deleted_together_with_what_lives_in_it_is_refused() {
    let documents = "apiVersion: v1\nkind: Namespace\nmetadata: {name: new}\n---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: a, namespace: new}\n";
    let mut world = settled(documents);
    let namespace = ObjectId::new("", "Namespace", "", "new");
    let inside = ObjectId::new("", "ConfigMap", "new", "a");
    world.enforce(application("web", 2, &configs(&["b"]), automatic()));
    world
        .approved
        .insert(deletions_digest([&namespace, &inside]));
    let plan = world.plan("web");
    world.act(&plan);
    let plan = world.plan("web");
    world.act(&plan);
    let plan = world.plan("web");
    let wrong = with(&plan, StepKind::Prune, vec![delete(&world, &namespace)]);
    let both = [Invariant::NoPruneOnDoubt, Invariant::Order];
    assert_eq!(invariants(&world, &wrong), both);
}

#[test]
fn a_namespace_deleted_while_another_application_lives_in_it_is_refused() {
    let mut world = settled("apiVersion: v1\nkind: Namespace\nmetadata: {name: new}\n");
    let namespace = ObjectId::new("", "Namespace", "", "new");
    let inside = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a, namespace: new}\n";
    world.enforce(application("other", 1, inside, automatic()));
    world.enforce(application("web", 2, &configs(&["b"]), automatic()));
    world.settle();
    world.approved.insert(deletions_digest([&namespace]));
    let plan = world.plan("web");
    assert!(plan.is_empty(), "the namespace stays: {plan:#?}");
    let wrong = with(&plan, StepKind::Prune, vec![delete(&world, &namespace)]);
    assert_eq!(invariants(&world, &wrong), [Invariant::NoPruneOnDoubt]);
}
