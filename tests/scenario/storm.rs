//! Any order of commits, hands, faults and crashes: once they stop, the cluster is as the last commit says, nothing is
//! orphaned, nothing went that no commit took away, and then nothing moves (HAZARDS.md L1, L2, P4, P5, P13).

use std::collections::BTreeSet;
use std::time::Duration;

use muster_model::Reason;
use muster_tests::fakes::{Failure, Faults, Side, Target};
use proptest::prelude::*;
use serde_json::json;

use crate::hub::{Hub, URL, config_map, deployment};
use crate::world::{World, id_of};

/// Objects that come, go and move between the two Applications. As many as the brake lets go at once.
const LOOSE: usize = 5;

/// What a commit has: where each loose object lies, and a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    Nowhere,
    Shop,
    Books,
}

#[derive(Debug, Clone)]
enum Step {
    Commit([Place; LOOSE], u8),
    Edit(u8),
    Delete(u8),
    Scale(u32),
    ClearManagedFields,
    Wait(u16),
    Restart,
    Crash(u64, bool),
    Fail(Failure, u8),
    GitAway(bool),
    StatusAway(bool),
    ApiAway(u16),
}

fn place() -> impl Strategy<Value = Place> {
    prop_oneof![Just(Place::Nowhere), Just(Place::Shop), Just(Place::Books)]
}

fn failure() -> impl Strategy<Value = Failure> {
    prop_oneof![
        Just(Failure::Conflict),
        Just(Failure::Server),
        Just(Failure::Throttled(2)),
        Just(Failure::TimeoutBefore),
        Just(Failure::TimeoutAfter),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (prop::array::uniform5(place()), any::<u8>()).prop_map(|(places, value)| Step::Commit(places, value)),
        2 => any::<u8>().prop_map(Step::Edit),
        2 => any::<u8>().prop_map(Step::Delete),
        1 => (1..9u32).prop_map(Step::Scale),
        1 => Just(Step::ClearManagedFields),
        4 => (0..400u16).prop_map(Step::Wait),
        1 => Just(Step::Restart),
        3 => (1..12u64, any::<bool>()).prop_map(|(nth, after)| Step::Crash(nth, after)),
        2 => (failure(), 1..6u8).prop_map(|(failure, times)| Step::Fail(failure, times)),
        1 => any::<bool>().prop_map(Step::GitAway),
        1 => any::<bool>().prop_map(Step::StatusAway),
        1 => (1..200u16).prop_map(Step::ApiAway),
    ]
}

fn hub(places: &[Place; LOOSE], value: u8) -> Hub {
    let hub = Hub::shop()
        .application("books", "")
        .file(
            "apps/shop/web.yaml",
            &deployment("web", &format!("web:{value}")),
        )
        .file(
            "apps/books/books.yaml",
            &config_map("books", &value.to_string()),
        );
    places.iter().enumerate().fold(hub, |hub, (index, place)| {
        let text = config_map(&format!("loose-{index}"), &value.to_string());
        match place {
            Place::Nowhere => hub,
            Place::Shop => hub.file(&format!("apps/shop/loose-{index}.yaml"), &text),
            Place::Books => hub.file(&format!("apps/books/loose-{index}.yaml"), &text),
        }
    })
}

fn expected(places: &[Place; LOOSE]) -> BTreeSet<String> {
    let fixed = [
        "ConfigMap/shop/books",
        "ConfigMap/shop/config",
        "Deployment.apps/shop/web",
        "Namespace/shop",
        "Service/shop/web",
    ];
    let loose = places
        .iter()
        .enumerate()
        .filter(|(_, place)| **place != Place::Nowhere);
    let loose = loose.map(|(index, _)| format!("ConfigMap/shop/loose-{index}"));
    fixed.iter().map(|&id| id.to_owned()).chain(loose).collect()
}

/// One of the objects there are.
fn pick(world: &World, choice: u8) -> Option<muster_model::ObjectId> {
    let objects: Vec<_> = world
        .cluster
        .labelled()
        .into_iter()
        .filter(|id| id.kind() != "Namespace")
        .collect();
    (!objects.is_empty()).then(|| objects[usize::from(choice) % objects.len()].clone())
}

/// A world, and the last commit.
struct Storm {
    world: World,
    places: [Place; LOOSE],
    value: u8,
    approvals: u32,
    /// Objects whose managed fields were cleared: one that leaves Git before it is healed is no longer provably ours, and
    /// stays (DESIGN.md section 5).
    cleared: BTreeSet<String>,
}

impl Storm {
    fn commit(&mut self, places: [Place; LOOSE], value: u8) {
        self.world.commit(&hub(&places, value));
        self.places = places;
        self.value = value;
    }

    /// What needs no agent of its own.
    fn hand(&mut self, step: &Step) {
        let world = &self.world;
        match step {
            Step::Commit(places, value) => self.commit(*places, *value),
            Step::Edit(choice) => {
                if let Some(id) = pick(world, *choice) {
                    world.cluster.edit(&id, "kubectl-edit", |object| {
                        let field = if object["data"].is_object() {
                            "data"
                        } else {
                            "spec"
                        };
                        object[field]["value"] = json!("drifted");
                    });
                }
            }
            Step::Delete(choice) => {
                if let Some(id) = pick(world, *choice) {
                    world.cluster.delete(&id);
                }
            }
            Step::Scale(replicas) => {
                let web = id_of("Deployment.apps/shop/web");
                if world.cluster.get(&web).is_some() {
                    world.cluster.scale(&web, *replicas);
                }
            }
            Step::ClearManagedFields => {
                if let Some(id) = pick(world, 0) {
                    world.cluster.clear_managed_fields(&id);
                    self.cleared.insert(id.to_string());
                }
            }
            Step::GitAway(away) => world
                .source
                .fail(URL, away.then_some(Reason::GitUnreachable)),
            Step::StatusAway(away) => world.status.fail(away.then_some(Reason::StatusUnreachable)),
            Step::Wait(_) | Step::Restart | Step::Crash(..) | Step::Fail(..) | Step::ApiAway(_) => {
            }
        }
    }

    /// Lets everything come to rest, and approves what waits for it: of an Application that was half there when a commit
    /// came, a few objects can be all there is.
    fn calm(&mut self) {
        loop {
            self.world.live(&Faults::none(), async |life| {
                life.settle().await;
                life.assert_still().await;
            });
            let published = self.world.published();
            let lines: String = published
                .applications
                .iter()
                .filter_map(|(name, app)| {
                    let pending = app.pending_deletions.as_ref()?;
                    let (_, name) = name.split_once('/')?;
                    let before = pending.before.as_ref()?;
                    Some(format!(
                        "    - {{application: {name}, deletions: \"{}\", before: \"{before}\"}}\n",
                        pending.digest
                    ))
                })
                .collect();
            if lines.is_empty() {
                return;
            }
            assert!(self.approvals < 4, "{published:#?}");
            self.approvals += 1;
            self.world
                .commit(&hub(&self.places, self.value).fleet(&format!("  approvals:\n{lines}")));
        }
    }

    /// Runs steps until they end a life; gives back what is left.
    fn live<'s>(&mut self, steps: &'s [Step]) -> &'s [Step] {
        let (crash, steps) = match steps {
            [Step::Crash(nth, after), rest @ ..] => (Some((*nth, *after)), rest),
            _ => (None, steps),
        };
        let faults = match crash {
            Some((nth, true)) => Faults::crash_at(nth, Side::After),
            Some((nth, false)) => Faults::crash_at(nth, Side::Before),
            None => Faults::none(),
        };
        let end = steps
            .iter()
            .position(|step| matches!(step, Step::Crash(..) | Step::Restart));
        let (now, rest) = steps.split_at(end.unwrap_or(steps.len()));
        let world = World {
            cluster: self.world.cluster.clone(),
            source: self.world.source.clone(),
            status: self.world.status.clone(),
            audit: None,
        };
        world.live(&faults, async |_| {
            for step in now {
                match step {
                    Step::Wait(seconds) => {
                        tokio::time::sleep(Duration::from_millis(u64::from(*seconds) * 100)).await
                    }
                    Step::Fail(failure, times) => {
                        faults.fail(Target::All, *failure, u32::from(*times))
                    }
                    Step::ApiAway(seconds) => {
                        world.cluster.away(true);
                        tokio::time::sleep(Duration::from_millis(u64::from(*seconds) * 100)).await;
                        world.cluster.away(false);
                    }
                    hand => self.hand(hand),
                }
            }
            if crash.is_some() {
                tokio::time::sleep(Duration::from_secs(120)).await;
            }
        });
        world.cluster.away(false);
        if let [Step::Restart, rest @ ..] = rest {
            rest
        } else {
            rest
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, max_shrink_iters: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_happens_the_last_commit_is_reached(steps in prop::collection::vec(step(), 1..24)) {
        let mut storm = Storm { world: World::new(), places: [Place::Shop; LOOSE], value: 0, approvals: 0, cleared: BTreeSet::new() };
        storm.commit([Place::Shop; LOOSE], 0);
        let mut ever: BTreeSet<usize> = BTreeSet::new();
        for step in &steps {
            if let Step::Commit(places, _) = step {
                ever.extend(places.iter().enumerate().filter(|(_, place)| **place == Place::Nowhere).map(|(index, _)| index));
            }
        }
        let mut rest = steps.as_slice();
        while !rest.is_empty() {
            rest = storm.live(rest);
        }
        storm.world.source.fail(URL, None);
        storm.world.status.fail(None);
        storm.calm();
        let places = storm.places;
        let world = storm.world;
        let tip = world.source.tip(URL, "main").expect("there");
        world.assert_at("shop", &tip);
        world.assert_at("books", &tip);
        let (mut objects, expected) = (world.objects(), expected(&places));
        objects.retain(|id| expected.contains(id) || !storm.cleared.contains(id));
        prop_assert_eq!(objects, expected);
        for id in world.cluster.deletes() {
            let gone = ever.iter().any(|index| id.name() == format!("loose-{index}"));
            prop_assert!(gone, "{} was deleted though every commit has it", id);
        }
    }
}
