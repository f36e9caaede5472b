//! The contract of the `Cluster` port: one script, run on the in-memory fake and on a real API server, must come to the
//! same answers, the same objects and the same managed fields. What scenarios and simulations prove on the fake is worth
//! as much as this.

mod port;
mod scripts;
mod sides;

pub(crate) use port::*;
pub(crate) use scripts::*;

use muster_model::effect::{Effect, Outcome};
use muster_model::observed::{ManagedEntry, Record};
use muster_model::{Node, json};
use serde_json::{Value, json};

use crate::fixture::Bench;
use sides::{Fake, Real};

/// One act of a script.
#[derive(Debug, Clone)]
pub(crate) enum Act {
    /// We apply, through the port; with or without force.
    Apply(Value, bool),
    /// We delete what we see.
    Delete(&'static str, &'static str),
    /// We delete what we saw before the last change of it.
    DeleteStale(&'static str, &'static str),
    /// We take our marks off.
    Release(&'static str, &'static str),
    /// We take former managers' fields over.
    Adopt(&'static str, &'static str, &'static [&'static str]),
    /// We ask whether objects are there.
    Probe(&'static str, &'static [&'static str]),
    /// Another manager makes an object.
    Create(Value, &'static str),
    /// Another manager applies one.
    ApplyAs(Value, &'static str),
    /// Another manager changes one: a merge patch.
    Patch(&'static str, &'static str, &'static str, Value),
    /// A controller writes the status.
    PatchStatus(&'static str, &'static str, Value),
    /// Somebody empties `managedFields`.
    Clear(&'static str, &'static str),
}

/// A kind as scripts name it: group, version, kind, plural.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Kind(
    pub(crate) &'static str,
    pub(crate) &'static str,
    pub(crate) &'static str,
    pub(crate) &'static str,
);

pub(crate) const KINDS: &[Kind] = &[
    Kind("", "v1", "ConfigMap", "configmaps"),
    Kind("", "v1", "Secret", "secrets"),
    Kind("", "v1", "Service", "services"),
    Kind("apps", "v1", "Deployment", "deployments"),
    Kind("contract.example.com", "v1", "Gadget", "gadgets"),
];

impl Kind {
    /// The kind of an object, or of a name.
    pub(crate) fn of(name: &str) -> Self {
        let found = KINDS.iter().find(|kind| kind.2 == name);
        *found.unwrap_or_else(|| panic!("no script knows {name}"))
    }
}

/// Runs a script on both sides and compares after every act.
pub(crate) async fn compare(bench: Bench, script: Vec<Act>) {
    let fake = Fake::new(&bench.namespace).await;
    let real = Real::new(bench).await;
    for (index, act) in script.into_iter().enumerate() {
        let act = in_namespace(act, real.namespace());
        let (of_fake, of_real) = (fake.act(&act).await, real.act(&act).await);
        let (answer, expected) = (told(&of_fake), told(&of_real));
        let difference = differ(&answer, &expected);
        assert!(
            answer == expected,
            "answer to act {index}: {act:?}\n{difference}"
        );
        for kind in KINDS {
            let (in_fake, in_real) = (fake.list(*kind), real.list(*kind));
            let names = |list: &[Value]| -> Vec<String> {
                list.iter()
                    .map(|object| object["metadata"]["name"].to_string())
                    .collect()
            };
            assert_eq!(
                names(&in_fake),
                names(&in_real),
                "{}s after act {index}: {act:#?}",
                kind.2
            );
            for (one, other) in in_fake.into_iter().zip(in_real) {
                let (one, other) = (plain(one), plain(other));
                let difference = differ(&one, &other);
                assert!(one == other, "after act {index}: {act:?}\n{difference}");
            }
        }
    }
    let (watched_fake, watched_real) = (fake.watched().await, real.watched().await);
    assert_eq!(watched_fake, watched_real, "what a new watch lists");
}

fn differ(fake: &Value, real: &Value) -> String {
    similar::TextDiff::from_lines(pretty(fake), pretty(real))
        .unified_diff()
        .header("the fake", "the API server")
        .to_string()
}

fn pretty(value: &Value) -> String {
    serde_json::to_string_pretty(&sorted(value)).expect("JSON")
}

/// The same with its members in order.
fn sorted(value: &Value) -> Value {
    match value {
        Value::Object(map) => {
            let members: std::collections::BTreeMap<_, _> = map.iter().collect();
            let members = members
                .into_iter()
                .map(|(key, value)| (key.clone(), sorted(value)));
            Value::Object(members.collect())
        }
        Value::Array(items) => items.iter().map(sorted).collect(),
        _ => value.clone(),
    }
}

fn in_namespace(mut act: Act, namespace: &str) -> Act {
    match &mut act {
        Act::Apply(object, _) | Act::Create(object, _) | Act::ApplyAs(object, _) => {
            object["metadata"]["namespace"] = json!(namespace);
        }
        Act::Delete(..)
        | Act::DeleteStale(..)
        | Act::Release(..)
        | Act::Adopt(..)
        | Act::Probe(..)
        | Act::Patch(..)
        | Act::PatchStatus(..)
        | Act::Clear(..) => {}
    }
    act
}

/// An answer without what no two servers have in common.
fn told(outcome: &Outcome) -> Value {
    match outcome {
        Outcome::Applied(record) => json!({"applied": recorded(record)}),
        Outcome::Patched(record) => json!({"patched": recorded(record)}),
        Outcome::Gone => json!("gone"),
        Outcome::Deleting => json!("deleting"),
        Outcome::Audited { drifted, mutated } => json!({"drifted": drifted, "mutated": mutated}),
        Outcome::Conflict => json!("conflict"),
        Outcome::Probed { found, absent } => {
            let found: Vec<_> = found
                .iter()
                .map(|(id, record)| json!([id.to_string(), recorded(record)]))
                .collect();
            let absent: Vec<_> = absent.iter().map(ToString::to_string).collect();
            json!({"found": found, "absent": absent})
        }
        Outcome::Failed { reason, code, .. } => json!({"failed": reason.name(), "code": code}),
    }
}

/// What a record says that two servers can have in common.
pub(crate) fn recorded(record: &Record) -> Value {
    let mut managers: Vec<Value> = record.managers.iter().map(managed).collect();
    managers.sort_by_key(ToString::to_string);
    json!({
        "generation": record.generation,
        "deleting": record.deleting,
        "finalizers": record.finalizers,
        "partOf": record.part_of.is_some(),
        "applied": record.applied.as_ref().map(|mark| mark.digest.clone()),
        "claims": record.claims,
        "controller": record.controller,
        "managers": managers,
        "health": record.health.as_ref().map(|report| report.health.to_string()),
        "mutated": record.mutated,
    })
}

fn managed(entry: &ManagedEntry) -> Value {
    let fields = entry
        .fields
        .as_deref()
        .map(|fields| serde_json::from_str::<Value>(fields).expect("fieldsV1 is JSON"));
    json!([entry.manager, entry.operation, entry.subresource, fields])
}

/// An object without what each server invents: identity, versions, times, addresses.
fn plain(mut object: Value) -> Value {
    let metadata = &mut object["metadata"];
    for key in [
        "uid",
        "resourceVersion",
        "creationTimestamp",
        "selfLink",
        "deletionGracePeriodSeconds",
    ] {
        metadata.as_object_mut().expect("an object").remove(key);
    }
    if metadata["deletionTimestamp"].is_string() {
        metadata["deletionTimestamp"] = json!("set");
    }
    if let Some(entries) = metadata["managedFields"].as_array_mut() {
        for entry in entries.iter_mut() {
            entry.as_object_mut().expect("an entry").remove("time");
        }
        entries.sort_by_key(|entry| {
            let text = |key: &str| entry[key].as_str().unwrap_or_default().to_owned();
            (text("manager"), text("operation"), text("subresource"))
        });
    }
    for key in ["clusterIP", "clusterIPs"] {
        if !object["spec"][key].is_null() {
            object["spec"][key] = json!("allocated");
        }
    }
    object
}

/// The effect of an act of ours, from the object as it is seen.
pub(crate) fn effect(
    act: &Act,
    namespace: &str,
    seen: impl Fn(&str, &str) -> Value,
) -> (Effect, Option<Node>) {
    let id = |kind: &str, name: &str| {
        muster_model::ObjectId::new(Kind::of(kind).0, kind, namespace, name)
    };
    let text =
        |object: &Value, key: &str| object["metadata"][key].as_str().unwrap_or("0").to_owned();
    match act {
        Act::Delete(kind, name) | Act::DeleteStale(kind, name) => {
            let live = seen(kind, name);
            let stale = matches!(act, Act::DeleteStale(..));
            let effect = Effect::Delete {
                object: id(kind, name),
                uid: text(&live, "uid"),
                resource_version: if stale {
                    "1".to_owned()
                } else {
                    text(&live, "resourceVersion")
                },
                propagation: muster_model::effect::Propagation::Background,
            };
            (effect, None)
        }
        Act::Release(kind, name) => {
            let live = seen(kind, name);
            let effect = Effect::Release {
                object: id(kind, name),
                uid: text(&live, "uid"),
                resource_version: text(&live, "resourceVersion"),
            };
            (effect, None)
        }
        Act::Adopt(kind, name, managers) => {
            let effect = Effect::Adopt {
                object: id(kind, name),
                resource_version: text(&seen(kind, name), "resourceVersion"),
                managers: managers.iter().map(|&manager| manager.to_owned()).collect(),
            };
            (effect, None)
        }
        Act::Probe(kind, names) => {
            let objects = names.iter().map(|name| id(kind, name)).collect();
            (Effect::Probe { objects }, None)
        }
        Act::Apply(object, force) => applied(object, *force),
        _ => panic!("{act:?} is not ours"),
    }
}

fn applied(object: &Value, force: bool) -> (Effect, Option<Node>) {
    let manifest = muster_model::Manifest::new(json::from_value(object)).expect("an object");
    let mark = muster_model::marks::AppliedMark {
        object: manifest.id(),
        application: muster_model::ApplicationKey::new("default", "contract"),
        digest: muster_model::Digest::of(object.to_string().as_bytes()).short(),
    };
    let applyset = muster_model::marks::applyset_id("muster", manifest.id().namespace());
    let effect = Effect::Apply {
        object: manifest.id(),
        gvk: manifest.gvk().clone(),
        force,
        cause: muster_model::effect::Cause::Update,
        yielded: Vec::new(),
    };
    (
        effect,
        Some(muster_model::marks::marked(&manifest, &applyset, &mark)),
    )
}
