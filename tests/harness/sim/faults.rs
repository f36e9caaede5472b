//! Steps that break something: each begins here and ends by itself, or when the run calms down.

use std::time::Duration;

use muster_model::GroupKind;
use muster_model::agent_state::AgentState;
use serde_json::json;

use super::content::{Content, EXTRA, HUB};
use super::step::{ApiFault, GitFault, ProcessFault, StatusFault};
use super::world::{End, World};
use crate::fakes::{Failure, Target, Volume};

/// How long a slow webhook takes for each request.
const SLOW: Duration = Duration::from_secs(10);
/// How long two agents run side by side after one was stopped.
const SIDE_BY_SIDE: Duration = Duration::from_secs(45);

/// Something befalls the API server, for so many seconds.
pub(crate) fn api(world: &mut World, fault: &ApiFault, seconds: u64) {
    let length = Duration::from_secs(seconds);
    let cluster = world.around.cluster.clone();
    match fault {
        ApiFault::Fail(target, failure, times) => {
            for process in &world.processes {
                process.faults.fail(target.clone(), *failure, *times);
            }
        }
        ApiFault::Away => {
            world.oracle().blind(true);
            world.oracle().unclear(length);
            cluster.away(true);
            world.end_in(seconds, End::Away);
        }
        ApiFault::BreakWatch(choice) => {
            let kinds = ["ConfigMap", "Secret", "Service", "Namespace"]
                .map(|kind| GroupKind::new("", kind));
            let kind = kinds[usize::from(*choice) % kinds.len()].clone();
            world.oracle().unclear(length);
            cluster.break_watch(&kind, true);
            world.end_in(seconds, End::Watch(kind));
        }
        ApiFault::Garble(miss, repeat) => {
            // What was missed stays unseen until the next list.
            world.oracle().unclear(Duration::from_secs(3600));
            cluster.garble_watches(*miss, *repeat);
        }
        ApiFault::Relist => cluster.relist(),
        ApiFault::Stale => {
            world.oracle().unclear(length);
            cluster.stale_reads(true);
            world.end_in(seconds, End::Stale);
        }
        ApiFault::Backup => world.backup = Some(cluster.backup()),
        ApiFault::Restore => {
            if let Some(backup) = world.backup.take() {
                world.oracle().unclear(Duration::from_secs(60));
                world.oracle().forget_ledgers();
                world.journal().reach("etcd restored");
                cluster.restore(backup);
            }
        }
        ApiFault::GroupDown => {
            cluster.fail_group("networking.k8s.io", true);
            world.end_in(seconds, End::Group);
        }
        ApiFault::DenyCreate
        | ApiFault::DenyDelete
        | ApiFault::WebhookDown
        | ApiFault::Quota
        | ApiFault::Slow
        | ApiFault::Revoke
        | ApiFault::Mutate => weather(world, fault, seconds),
    }
}

fn weather(world: &mut World, fault: &ApiFault, seconds: u64) {
    let cluster = world.around.cluster.clone();
    match fault {
        ApiFault::DenyCreate => {
            cluster.change_weather(|weather| weather.deny_create = true);
            world.end_in(seconds, End::Weather(|weather| weather.deny_create = false));
        }
        ApiFault::DenyDelete => {
            cluster.change_weather(|weather| weather.deny_delete = true);
            world.end_in(seconds, End::Weather(|weather| weather.deny_delete = false));
        }
        ApiFault::WebhookDown => {
            cluster.change_weather(|weather| weather.webhook_down = true);
            world.end_in(
                seconds,
                End::Weather(|weather| weather.webhook_down = false),
            );
        }
        ApiFault::Quota => {
            cluster.change_weather(|weather| weather.quota = true);
            world.end_in(seconds, End::Weather(|weather| weather.quota = false));
        }
        ApiFault::Slow => {
            world.oracle().slow(Duration::from_secs(seconds));
            cluster.change_weather(|weather| weather.slow = Some(SLOW));
            world.end_in(seconds, End::Weather(|weather| weather.slow = None));
        }
        ApiFault::Revoke => {
            world.oracle().blind(true);
            world.oracle().unclear(Duration::from_secs(seconds));
            cluster.change_weather(|weather| weather.revoked = true);
            world.end_in(seconds, End::Weather(|weather| weather.revoked = false));
        }
        _ => {
            cluster.mutate_with(|id, object| {
                if id.name().starts_with("loose-") && object["data"]["value"].is_string() {
                    object["data"]["value"] = json!("mutated");
                }
            });
            world.end_in(seconds, End::Mutate);
        }
    }
}

/// Something befalls the Git servers, for so many seconds.
pub(crate) fn git(world: &mut World, fault: GitFault, seconds: u64) {
    let source = world.around.source.clone();
    let tip = source.tip(HUB, "main");
    let back = |world: &mut World| {
        if let Some(tip) = tip.clone() {
            world.end_in(seconds, End::Branch(tip));
        }
    };
    match fault {
        GitFault::Fail(reason) => {
            source.fail(HUB, Some(reason));
            world.end_in(seconds, End::Git(HUB));
        }
        GitFault::FailExtra => {
            source.fail(EXTRA, Some(muster_model::Reason::GitServerError));
            world.end_in(seconds, End::Git(EXTRA));
        }
        GitFault::Hang => {
            source.hang(HUB, true);
            world.end_in(seconds, End::Git(HUB));
        }
        GitFault::BranchGone | GitFault::Empty => {
            source.point(HUB, "main", None);
            back(world);
        }
        GitFault::Replaced | GitFault::ForcePush => {
            let mut content = world.content.clone();
            if fault == GitFault::Replaced {
                content = Content {
                    applications: content.applications,
                    ..Content::default()
                };
            } else {
                content.loose = [super::content::Place::Nowhere; super::content::LOOSE];
            }
            let id = source.force_push(HUB, "main", content.tree());
            world.tell_commit(id, content);
            back(world);
        }
        GitFault::Back => {
            let parent = tip
                .as_ref()
                .and_then(|tip| source.parents(HUB, tip).into_iter().next());
            if let Some(parent) = parent {
                source.point(HUB, "main", Some(parent));
                back(world);
            }
        }
        GitFault::Shallow => {
            source.shallow(HUB, true);
            world.oracle().shallow(true);
            world.end_in(seconds, End::Shallow);
        }
        GitFault::Damage => {
            world.oracle().damaged();
            world.volume.damage(2);
        }
    }
}

/// Something befalls the status store, for so many seconds.
pub(crate) fn status(world: &mut World, fault: StatusFault, seconds: u64) {
    let status = world.around.status.clone();
    match fault {
        StatusFault::Fail => {
            status.fail(Some(muster_model::Reason::StatusUnreachable));
            world.end_in(seconds, End::Status);
        }
        StatusFault::Refuse => {
            status.refuse("refs/", muster_model::Reason::StatusPushFailed);
            world.end_in(seconds, End::Status);
        }
        StatusFault::Overtake(pushes) => status.overtake(pushes),
        StatusFault::LoseAnswers(times) => {
            for process in &world.processes {
                process
                    .faults
                    .fail(Target::Push, Failure::TimeoutAfter, times);
            }
        }
        StatusFault::Wipe => {
            world.journal().reach("status refs wiped");
            status.wipe();
            if world.oracle().wiped() {
                status.forget();
            }
        }
    }
}

/// Something befalls the agent's process.
pub(crate) fn process(world: &mut World, fault: ProcessFault) {
    match fault {
        ProcessFault::Crash(nth, side) => {
            if let Some(process) = world.processes.first() {
                process.faults.crash_in(nth, side);
            }
        }
        ProcessFault::Kill(keeps_volume) => {
            world.journal().reach("killed");
            world.kill();
            if !keeps_volume {
                world.journal().reach("volume lost");
                world.oracle().damaged();
                world.volume = Volume::default();
            }
        }
        ProcessFault::LoseState => {
            world.journal().reach("state lost");
            world.kill();
            if world.oracle().state_lost() {
                world.around.status.forget();
            }
            world
                .around
                .cluster
                .edit_parent(|parent| parent.state = AgentState::default());
        }
        ProcessFault::Pause(seconds, takeover) => {
            world.journal().reach(if takeover {
                "stopped, and taken over"
            } else {
                "stopped"
            });
            world.pass_without_first(Duration::from_secs(seconds), takeover);
            world.pass(SIDE_BY_SIDE);
            one_agent(world);
        }
        ProcessFault::Second(seconds) => {
            world.journal().reach("two agents");
            world.oracle().damaged();
            world.volume = Volume::default();
            world.start();
            world.pass(Duration::from_secs(seconds));
            one_agent(world);
        }
    }
}

/// Of two agents the newest stays: the old pod goes in the end.
fn one_agent(world: &mut World) {
    let newest = world.processes.iter().map(|process| process.life).max();
    world.processes.retain(|process| {
        let stays = Some(process.life) == newest;
        if !stays {
            process.faults.kill();
        }
        stays
    });
    if let Some(process) = world.processes.first() {
        world.volume = process.volume.clone();
    }
}
