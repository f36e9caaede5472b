//! The steps, in the order of the day. Each says what it does, does it, and fails when what it expects does not come.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::fleet::{self, Fleet, Goal};
use super::playground::Playground;
use super::screen::{Notes, Screen, seconds};
use super::{DemoError, NAMES};

/// Between looks at an API server while something is timed: well below what is measured.
const CLOSE: Duration = Duration::from_millis(5);
/// Between questions about the whole fleet: each is a process and a few requests.
const OFTEN: Duration = Duration::from_millis(500);
/// Commits of the status branch that are shown.
const SHOWN: usize = 12;

const CART: &str = "/apis/apps/v1/namespaces/shop/deployments/cart";
const CATALOG: &str = "/apis/apps/v1/namespaces/shop/deployments/catalog";
const DATABASE: &str = "/apis/apps/v1/namespaces/shop/statefulsets/db";
const DISRUPTION: &str = "/apis/policy/v1/namespaces/shop/poddisruptionbudgets/catalog";

/// Pushes the hub repository, starts the agents and waits for the fleet.
pub(super) fn everything_is_healthy(
    playground: &mut Playground,
    screen: &mut Screen,
) -> Result<(), DemoError> {
    let until = match playground.goal() {
        Goal::Healthy => "applied and healthy",
        Goal::Synced => "applied",
    };
    screen.step(
        "hub-config is pushed, and three agents start",
        &format!(
            "each is told its cluster's name and the repository's URL; labels choose the overlay\n\
             waits until every cluster reports all of its objects {until}"
        ),
        Duration::from_secs(8),
        |notes| {
            let commit = playground
                .hub()
                .push("hub-config: a shop for three clusters")?;
            playground.start_agents()?;
            arrive(playground, notes, playground.goal(), &commit)
        },
    )
}

/// Changes a field by hand and times its way back.
pub(super) fn drift_is_healed(
    playground: &Playground,
    screen: &mut Screen,
) -> Result<Duration, DemoError> {
    screen.step(
        "someone changes an image by hand, in hub",
        "kubectl set image deployment/cart cart=shop/cart:by-hand",
        Duration::from_secs(1),
        |notes| {
            let live = playground.live("hub")?;
            let wanted = image(live.get(CART)?.as_ref());
            let container = json!({"name": "cart", "image": "shop/cart:by-hand"});
            let change = json!({"spec": {"template": {"spec": {"containers": [container]}}}});
            live.edit(CART, &change)?;
            let begun = Instant::now();
            wait(playground, "the image is as in Git again", CLOSE, || {
                let now = image(live.get(CART)?.as_ref());
                Ok(if now == wanted { Ok(()) } else { Err(now) })
            })?;
            let healed_in = begun.elapsed();
            notes.say(&format!("{wanted} again after {}", seconds(healed_in)));
            Ok(healed_in)
        },
    )
}

/// Pushes an image change for one environment.
pub(super) fn an_image_arrives(
    playground: &Playground,
    screen: &mut Screen,
) -> Result<Duration, DemoError> {
    screen.step(
        "a commit gives staging a newer catalog",
        "one line in apps/shop/overlays/staging; only east runs that overlay",
        Duration::from_secs(5),
        |notes| {
            let (hub, east) = (playground.hub(), playground.live("east")?);
            let images = "images:\n  - name: shop/catalog\n    newTag: 1.1.0\n";
            hub.edit("apps/shop/overlays/staging/kustomization.yaml", |text| {
                format!("{text}{images}")
            })?;
            let commit = hub.push("shop: catalog 1.1.0 in staging")?;
            let begun = Instant::now();
            notes.say(&hub.last_change()?);
            has_image(playground, "east", "shop/catalog:1.1.0")?;
            let arrived_in = begun.elapsed();
            notes.say(&format!("in east {} after the push", seconds(arrived_in)));
            arrive(playground, notes, playground.goal(), &commit)?;
            let elsewhere = image(playground.live("hub")?.get(CATALOG)?.as_ref());
            expect(elsewhere == "shop/catalog:1.0.0", "hub keeps its catalog")?;
            expect(
                image(east.get(CATALOG)?.as_ref()) == "shop/catalog:1.1.0",
                "east has the catalog",
            )?;
            Ok(arrived_in)
        },
    )
}

/// Relabels a cluster, so that another overlay is its own.
pub(super) fn a_cluster_changes_its_overlay(
    playground: &Playground,
    screen: &mut Screen,
) -> Result<(), DemoError> {
    screen.step(
        "a commit relabels west from prod to staging",
        "its overlay changes: fewer replicas, the newer catalog, no disruption budget",
        Duration::from_secs(5),
        |notes| {
            let (hub, west) = (playground.hub(), playground.live("west")?);
            expect(
                west.get(DISRUPTION)?.is_some(),
                "prod has a disruption budget",
            )?;
            hub.edit("fleet.yaml", |text| {
                relabelled(text, "west", "env: prod", "env: staging")
            })?;
            let commit = hub.push("fleet: west is staging now")?;
            notes.say(&hub.last_change()?);
            has_image(playground, "west", "shop/catalog:1.1.0")?;
            wait(playground, "the disruption budget goes", OFTEN, || {
                let gone = west.get(DISRUPTION)?.is_none();
                Ok(if gone {
                    Ok(())
                } else {
                    Err("it is there".to_owned())
                })
            })?;
            notes.say("west: catalog 1.1.0, replicas as in staging, disruption budget pruned");
            arrive(playground, notes, playground.goal(), &commit)
        },
    )
}

/// Removes a database from Git: the brake holds the deletion everywhere. The approvals that `muster plan` prints.
pub(super) fn the_brake_holds(
    playground: &Playground,
    screen: &mut Screen,
) -> Result<Vec<Value>, DemoError> {
    screen.step(
        "a commit removes the database",
        "a StatefulSet holds data: no cluster deletes one without an approval in fleet.yaml",
        Duration::from_secs(5),
        |notes| {
            let hub = playground.hub();
            hub.edit("apps/shop/base/kustomization.yaml", |text| {
                text.replace("  - db.yaml\n", "")
            })?;
            hub.push("shop: no database")?;
            notes.say(&hub.last_change()?);
            wait(playground, "every cluster asks for an approval", OFTEN, || {
                Ok(all_wait(&Fleet::ask(hub)?, notes))
            })?;
            for name in NAMES {
                let there = playground.live(name)?.get(DATABASE)?.is_some();
                expect(there, &format!("the database of {name} is still there"))?;
            }
            notes.say("held everywhere; the database is still there. `muster plan` prints what approves it:");
            let approvals = fleet::approvals(hub)?;
            expect(!approvals.is_empty(), "muster plan prints an approval")?;
            notes.say(approved("", &approvals).trim_end());
            Ok(approvals)
        },
    )
}

/// Pastes the approvals into the fleet file.
pub(super) fn an_approval_lets_it_go(
    playground: &Playground,
    screen: &mut Screen,
    approvals: &[Value],
) -> Result<(), DemoError> {
    screen.step(
        "a commit approves it",
        "the text above, pasted under spec.approvals of fleet.yaml",
        Duration::from_secs(5),
        |notes| {
            let hub = playground.hub();
            hub.edit("fleet.yaml", |text| approved(text, approvals))?;
            let commit = hub.push("fleet: the database may go")?;
            for name in NAMES {
                let live = playground.live(name)?;
                wait(playground, "the database goes", OFTEN, || {
                    let gone = live.get(DATABASE)?.is_none();
                    Ok(if gone {
                        Ok(())
                    } else {
                        Err(format!("it is in {name}"))
                    })
                })?;
                notes.say(&format!("{name}: the database is gone"));
            }
            arrive(playground, notes, playground.goal(), &commit)
        },
    )
}

/// Prints the fleet's table and the status branch's log.
pub(super) fn the_fleet_is_shown(
    playground: &Playground,
    screen: &mut Screen,
) -> Result<Vec<String>, DemoError> {
    screen.step(
        "what the fleet says of itself, read from Git alone",
        "muster status; git log status",
        Duration::from_secs(1),
        |notes| {
            notes.say(&Fleet::table(playground.hub())?);
            let log = playground.hub().status_log()?;
            notes.say(&format!("\nbranch status, {} commits:", log.len()));
            notes.say(&log[..log.len().min(SHOWN)].join("\n"));
            Ok(log)
        },
    )
}

/// Waits until the whole fleet has reached a commit.
fn arrive(
    playground: &Playground,
    notes: &Notes,
    goal: Goal,
    commit: &str,
) -> Result<(), DemoError> {
    wait(playground, "the fleet reports the commit", OFTEN, || {
        let reached = Fleet::ask(playground.hub())?.has_reached(goal, commit);
        if let Err(seen) = &reached {
            notes.waiting(seen);
        }
        Ok(reached)
    })
}

fn has_image(playground: &Playground, cluster: &str, wanted: &str) -> Result<(), DemoError> {
    let live = playground.live(cluster)?;
    let what = format!("{wanted} arrives in {cluster}");
    wait(playground, &what, CLOSE, || {
        let now = image(live.get(CATALOG)?.as_ref());
        Ok(if now == wanted { Ok(()) } else { Err(now) })
    })
}

fn all_wait(fleet: &Fleet, notes: &Notes) -> Result<(), String> {
    for name in NAMES {
        let app = fleet.application(name)?;
        if app.pending_deletions.is_none() {
            notes.waiting(format!("{name} has not asked yet"));
            return Err(format!("{name} has not asked"));
        }
    }
    Ok(())
}

/// Waits as long as every agent runs.
fn wait<T>(
    playground: &Playground,
    what: &str,
    every: Duration,
    mut look: impl FnMut() -> Result<Result<T, String>, DemoError>,
) -> Result<T, DemoError> {
    playground.stop.wait(what, every, || {
        playground.check_agents()?;
        look()
    })
}

fn expect(holds: bool, what: &str) -> Result<(), DemoError> {
    if holds {
        Ok(())
    } else {
        Err(DemoError::Unexpected(format!("expected: {what}")))
    }
}

/// The image of a workload's first container.
fn image(workload: Option<&Value>) -> String {
    let image = workload.and_then(|w| w.pointer("/spec/template/spec/containers/0/image"));
    image.and_then(Value::as_str).unwrap_or("none").to_owned()
}

/// The fleet file with one label of one cluster replaced.
fn relabelled(fleet: &str, cluster: &str, from: &str, to: &str) -> String {
    let Some((before, entry)) = fleet.split_once(&format!("- name: {cluster}\n")) else {
        return fleet.to_owned();
    };
    format!("{before}- name: {cluster}\n{}", entry.replacen(from, to, 1))
}

/// The fleet file with approvals; they are the last field of `spec`.
fn approved(fleet: &str, approvals: &[Value]) -> String {
    let mut text = format!("{fleet}  approvals:\n");
    for approval in approvals {
        let mut head = "    - ";
        for field in [
            "application",
            "applicationSet",
            "path",
            "deletions",
            "before",
        ] {
            if let Some(value) = approval[field].as_str().filter(|value| !value.is_empty()) {
                text.push_str(&format!("{head}{field}: {value}\n"));
                head = "      ";
            }
        }
    }
    text
}
