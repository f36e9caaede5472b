//! A run from its beginning to its end: steps, each judged, then calm, and what must follow from it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use muster_model::{CommitId, Health, ObjectId, Reason, SyncState};

use super::content::{Approval, Extra, HUB, KEPT, PROJECT};
use super::oracle::{accepted_by, covers, mark_of};
use super::process::{CLUSTER, POLL};
use super::step::Step;
use super::world::{World, web};
use super::{Options, Report, faults, hands};
use crate::fakes::WriteResult;

/// The longest pause after any number of failures (HAZARDS.md L4), and two polls.
const LONGEST: Duration = Duration::from_secs(600 + 2 * 18);
/// A world that does nothing for so long has come to rest.
const STILL: Duration = Duration::from_secs(60);
/// Longer than a look at Git that is under way.
const LOOK: Duration = Duration::from_secs(2);
/// How long it must then do nothing at all.
const QUIET: Duration = Duration::from_secs(1800);
/// The heartbeat of a small fleet (DESIGN.md section 8).
const HEARTBEAT: Duration = Duration::from_secs(900);
/// Rounds of approvals that may be needed until the last commit is reached.
const APPROVALS: usize = 8;

/// Runs these steps in a world of this seed.
pub(crate) fn run(options: &Options, steps: &[Step]) -> Report {
    fastrand::seed(options.seed);
    let mut world = World::new(options.seed, options.trace);
    world.pass(Duration::from_secs(40));
    for (index, step) in steps.iter().enumerate() {
        world
            .journal()
            .note(|| format!("== step {index}: {step:?}"));
        take(&mut world, step);
        let pause = Duration::from_millis(world.random.between(20, 4000));
        world.pass(pause);
        judge(&mut world);
        if let Some(report) = report(&world, Some(index)) {
            return report;
        }
    }
    world.journal().note(|| "== calm");
    settle(&mut world);
    report(&world, None).unwrap_or_else(|| Report {
        violation: None,
        reached: world.journal().reached(),
        trace: world.journal().lines(),
        steps: steps.to_vec(),
    })
}

fn report(world: &World, step: Option<usize>) -> Option<Report> {
    let violation = world.journal().violations().into_iter().next()?;
    Some(Report {
        violation: Some((step, violation)),
        reached: world.journal().reached(),
        trace: world.journal().lines(),
        steps: Vec::new(),
    })
}

fn take(world: &mut World, step: &Step) {
    match step {
        Step::Commit(mutations) => {
            for mutation in mutations {
                mutation.change(&mut world.content);
            }
            world.commit();
        }
        Step::CommitExtra(extra) => {
            world.extra = *extra;
            world.commit_extra();
        }
        Step::CommitBetween(after, mutations) => {
            for mutation in mutations {
                mutation.change(&mut world.content);
            }
            let (content, oracle) = (world.content.clone(), Arc::clone(&world.oracle));
            let tree = content.tree();
            let told = Box::new(move |id, parents| {
                let mut oracle = oracle.lock().expect("because nobody panics with it");
                oracle.committed(id, content, parents);
            });
            let source = &world.around.source;
            source.commit_after(*after, HUB, "main", tree, told);
        }
        Step::Approve => {
            approve(world);
        }
        Step::Hand(hand) => hands::lay_on(world, *hand),
        Step::Api(fault, seconds) => faults::api(world, fault, *seconds),
        Step::Git(fault, seconds) => faults::git(world, *fault, *seconds),
        Step::Status(fault, seconds) => faults::status(world, *fault, *seconds),
        Step::Process(fault) => faults::process(world, *fault),
        Step::Wait(seconds) => world.pass(Duration::from_secs(*seconds)),
    }
}

/// Commits an approval of everything that waits for one; false when nothing does.
fn approve(world: &mut World) -> bool {
    let prefix = format!("{PROJECT}/");
    let waiting: Vec<Approval> = world
        .published()
        .into_iter()
        .filter_map(|(name, application)| {
            let pending = application.pending_deletions?;
            Some(Approval {
                application: name.strip_prefix(&prefix)?.to_owned(),
                digest: pending.digest.to_string(),
                before: pending.before?.to_string(),
                objects: pending.objects.into_iter().collect(),
            })
        })
        .collect();
    if waiting.is_empty() {
        return false;
    }
    world.journal().reach("approval committed");
    world.content.approvals = waiting;
    world.commit();
    true
}

/// What can be judged after any step.
fn judge(world: &mut World) {
    world.look_for_secrets();
    if let Some(found) = world.around.status.broken_fold(CLUSTER) {
        world.journal().violation("S4", found);
    }
}

/// Ends every fault, lets people put right what only they can, and judges what must follow.
fn settle(world: &mut World) {
    world.calm();
    people_put_right(world);
    world.commit();
    world.commit_extra();
    if world.processes.is_empty() {
        world.start();
    }
    for _ in 0..APPROVALS {
        rest(world);
        if world.journal().violations().is_empty() && approve(world) {
            continue;
        }
        break;
    }
    judge(world);
    if world.journal().violations().is_empty() {
        arrived(world);
    }
    if world.journal().violations().is_empty() {
        quiet(world);
    }
}

/// What no agent may decide: whose an object is, what a branch's history is, and that a wish changes.
fn people_put_right(world: &mut World) {
    world.content = world.content.clone().mended();
    world.content.approvals.clear();
    world.extra = Extra {
        broken: false,
        contested: false,
        count: world.extra.count.max(1),
        ..world.extra
    };
    let accepted = accepted_at_rest(world);
    // Nobody takes a branch back that follows what is accepted: an agent may just be reading it.
    let tip = world.around.source.tip(HUB, "main");
    let follows = tip.is_some_and(|tip| {
        let accepted = accepted.as_ref();
        accepted.is_none_or(|accepted| world.oracle().reaches(&tip, accepted))
    });
    if !follows {
        world.around.source.point(HUB, "main", accepted);
    }
    for id in world.around.cluster.every_object() {
        let live = world.around.cluster.get(&id).unwrap_or_default();
        let copied = mark_of(&live).is_some_and(|mark| mark.object != id);
        let stays =
            live["metadata"]["annotations"]["argocd.argoproj.io/sync-options"] == "Prune=false";
        if copied
            || stays
            || id.name() == super::content::CONTESTED
            || id.name().starts_with("copy-of-")
        {
            world.oracle().touched(&id);
            world.around.cluster.delete(&id);
        }
    }
}

/// What the agent accepted last, once it is not just looking at something else.
fn accepted_at_rest(world: &mut World) -> Option<CommitId> {
    let mut accepted = accepted_now(world);
    loop {
        world.pass(LOOK);
        let before = std::mem::replace(&mut accepted, accepted_now(world));
        if accepted == before || !world.journal().violations().is_empty() {
            return accepted;
        }
    }
}

fn accepted_now(world: &World) -> Option<CommitId> {
    let life = world.processes.first().map(|process| process.life);
    let stored = world.around.cluster.stored_parent();
    let stored = stored.and_then(|parent| accepted_by(&parent.state).cloned());
    world.oracle().restorable(life, stored.as_ref()).cloned()
}

/// L1, L4: waits until nothing happens any more, at most as long as the longest pause.
fn rest(world: &mut World) {
    let end = world.now() + LONGEST * 2;
    loop {
        let before = progress(world);
        world.pass(STILL);
        let still = before == progress(world) && !make_way(world);
        if still && (is_settled(world) || is_waiting(world)) {
            return;
        }
        if world.now() > end {
            let status = world.around.status.status(CLUSTER);
            let what = format!(
                "not settled {} s after the last fault: {:?}; {:?}",
                LONGEST.as_secs() * 2,
                status.map(|status| status.problems),
                world.published()
            );
            return world.journal().violation("L1", what);
        }
    }
}

/// What only a person may delete is deleted: what stays though Git no longer names it, and a Deployment that may not be
/// changed and is not the agent's.
fn make_way(world: &World) -> bool {
    delete_kept(world) | delete_immutable(world)
}

fn delete_kept(world: &World) -> bool {
    let kept = ObjectId::new("", "ConfigMap", "shop", KEPT);
    let settled = world.published().values().all(|a| a.applied == a.desired);
    let left = settled && !world.content.guarded && world.around.cluster.get(&kept).is_some();
    if left {
        world.oracle().touched(&kept);
        world.around.cluster.delete(&kept);
    }
    left
}

fn delete_immutable(world: &World) -> bool {
    let immutable = world.published().into_values().any(|application| {
        let reasons = application.problems.iter().map(|problem| problem.reason);
        reasons
            .into_iter()
            .any(|reason| reason == Reason::ImmutableField)
    });
    let there = world.around.cluster.get(&web()).is_some();
    if immutable && there {
        world.oracle().touched(&web());
        world.around.cluster.delete(&web());
    }
    immutable && there
}

fn progress(world: &World) -> (usize, u64) {
    (
        world.around.cluster.writes().len(),
        world.around.cluster.parent_writes(),
    )
}

fn is_waiting(world: &World) -> bool {
    let waits = world
        .published()
        .values()
        .any(|application| application.pending_deletions.is_some());
    let tip = world.around.source.tip(HUB, "main");
    waits
        && world
            .around
            .status
            .status(CLUSTER)
            .and_then(|s| s.hub)
            .map(|hub| hub.commit_id)
            == tip
}

/// Every Application is published as healthy and in sync at the newest commit.
fn is_settled(world: &World) -> bool {
    let tip = world.around.source.tip(HUB, "main");
    let published = world.published();
    published.len() == world.content.applications.len()
        && published.values().all(|application| {
            application.sync == SyncState::Synced
                && application.health == Health::Healthy
                && application.problems.is_empty()
                && application
                    .applied
                    .as_ref()
                    .map(|release| &release.hub.commit_id)
                    == tip.as_ref()
        })
}

/// L1, L3, P5: the cluster is as the last commit says, and says so.
fn arrived(world: &World) {
    let mut wanted = BTreeMap::new();
    for name in world.content.applications.keys() {
        wanted.extend(
            world
                .content
                .objects(name, &world.extra)
                .unwrap_or_default(),
        );
    }
    // One that was there when the cluster left, and that Git does not want back, scales all the same.
    let autoscaler = ObjectId::new("autoscaling", "HorizontalPodAutoscaler", "shop", "web");
    let autoscaled = world.around.cluster.get(&autoscaler).is_some();
    for (id, object) in &wanted {
        let mut object = object.clone();
        if id.kind() == "Deployment" && autoscaled {
            object["spec"]
                .as_object_mut()
                .map(|spec| spec.remove("replicas"));
        }
        let live = world.around.cluster.get(id).unwrap_or_default();
        if !covers(&live, &object) {
            world
                .journal()
                .violation("L1", format!("{id} is {live}, not {object}"));
        }
    }
    for id in world.around.cluster.owned() {
        if !wanted.contains_key(&id) {
            world
                .journal()
                .violation("P5", format!("{id} is left behind"));
        }
    }
    if !is_settled(world) {
        world
            .journal()
            .violation("L3", format!("the status is {:?}", world.published()));
    }
    if world.around.status.folded(CLUSTER) != world.around.status.inbox(CLUSTER) {
        world
            .journal()
            .violation("L3", "the folded status is not the newest");
    }
}

/// P13, L2, S3: then nothing happens but polls and heartbeats.
fn quiet(world: &mut World) {
    let around = world.around.clone();
    let before = progress(world);
    let (pushes, resolves) = (around.status.pushes(), around.source.resolves());
    world.pass(QUIET);
    if progress(world) != before {
        let writes = around.cluster.writes();
        let last = writes
            .last()
            .map(|write| (write.effect.clone(), write.result == WriteResult::Changed));
        world.journal().violation(
            "P13",
            format!("something is written in steady state: {last:?}"),
        );
    }
    let beats = QUIET.as_secs() / HEARTBEAT.as_secs();
    let pushes = around.status.pushes() - pushes;
    if pushes > beats + 1 {
        world
            .journal()
            .violation("P13", format!("{pushes} pushes in half an hour"));
    }
    if pushes + 1 < beats {
        world
            .journal()
            .violation("S3", format!("{pushes} pushes in half an hour"));
    }
    let polls = QUIET.as_secs() / (POLL.as_secs() * 8 / 10) + 1;
    let resolves = around.source.resolves() - resolves;
    if resolves > polls * 2 {
        world
            .journal()
            .violation("R1", format!("{resolves} Git requests in half an hour"));
    }
    judge(world);
}
