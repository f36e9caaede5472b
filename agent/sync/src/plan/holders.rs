//! Namespaces and definitions that have left Git: deleting one deletes what lives in it, whoever wants that
//! (HAZARDS.md P1, P2, P9).

use std::collections::{BTreeMap, BTreeSet};

use muster_model::observed::Record;
use muster_model::{ObjectId, Problem, Reason};

use crate::context::Context;
use crate::order::{holders, holds_others};
use crate::ownership::{Ownership, ownership};

/// Takes out Namespaces and definitions in which an object lives that an Application renders, or that is ours still:
/// the brake that let them go was not asked about it. `all` is what has left Git of the Application; while something
/// that is no holder is among it, no holder's turn has come, and nothing is said.
pub(super) fn unused<'a>(
    objects: BTreeMap<ObjectId, &'a Record>,
    all: &BTreeMap<ObjectId, &Record>,
    context: &Context<'_>,
) -> (BTreeMap<ObjectId, &'a Record>, Vec<Problem>) {
    let asked: BTreeSet<&ObjectId> = objects.keys().filter(|id| holds_others(id)).collect();
    if asked.is_empty() || !only_holders(all) {
        return (objects, Vec::new());
    }
    let inhabited = inhabited(&asked, context);
    let problems = inhabited
        .iter()
        .map(|(holder, inhabitants)| problem(holder, inhabitants, context))
        .collect();
    let inhabited: BTreeSet<ObjectId> = inhabited.into_keys().collect();
    let unused = objects
        .into_iter()
        .filter(|(id, _)| !inhabited.contains(id))
        .collect();
    (unused, problems)
}

/// True once nothing else of the Application is left to go.
pub(super) fn only_holders(all: &BTreeMap<ObjectId, &Record>) -> bool {
    all.keys().all(holds_others)
}

/// Those of the holders in which something lives, with that.
fn inhabited<'a>(
    asked: &BTreeSet<&ObjectId>,
    context: &Context<'a>,
) -> BTreeMap<ObjectId, BTreeSet<&'a ObjectId>> {
    let observed = context.observed;
    let rendered = context.claims.rendered.iter();
    let rendered = rendered.filter(|(_, by)| !by.is_empty()).map(|(id, _)| id);
    let ours = observed.objects.iter().filter(|(id, record)| {
        matches!(
            ownership(id, record, None, context.memory),
            Ownership::Ours(_)
        )
    });
    let mut found: BTreeMap<ObjectId, BTreeSet<&ObjectId>> = BTreeMap::new();
    for id in rendered.chain(ours.map(|(id, _)| id)) {
        for holder in holders(id, observed.discovery.as_ref()) {
            if asked.contains(&holder) {
                found.entry(holder).or_default().insert(id);
            }
        }
    }
    found
}

fn problem(holder: &ObjectId, inhabitants: &BTreeSet<&ObjectId>, context: &Context<'_>) -> Problem {
    let first = inhabitants.first();
    let whose = first.and_then(|id| {
        let rendered = context.claims.rendered.get(*id);
        let rendered = rendered.and_then(|by| by.first());
        let live = context.observed.objects.get(*id);
        let mark = live.and_then(|record| record.applied.as_ref());
        rendered.or(mark.map(|mark| &mark.application))
    });
    let whose = whose.map(|key| format!(" of {key}")).unwrap_or_default();
    let first = first.map(ToString::to_string).unwrap_or_default();
    let more = match inhabitants.len() {
        0 | 1 => String::new(),
        count => format!(" and {} more", count - 1),
    };
    Problem::new(
        Reason::InUse,
        format!("{holder} stays: {first}{whose}{more} would go with it"),
    )
}
