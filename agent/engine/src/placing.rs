//! Placements: their templates rendered once, and what their policies place on this cluster.

use std::collections::{BTreeMap, BTreeSet};

use muster_fleet::application::Application;
use muster_fleet::hub::Hub;
use muster_fleet::placement::{Assignment, Placement, assign};
use muster_model::kinds::Scopes;
use muster_model::{BlobId, Digest, Problem};

use crate::commits::Commits;
use crate::desire::{Desired, Found, Need, Request};
use crate::render::{Input, Objects, Rendering, render};

/// The rendered templates of a placement, or why they are not known.
pub(crate) type Templates<'a> = Vec<(&'a Placement, Result<Rendering, Vec<Problem>>)>;

/// Renders the templates of every placement; collects everything that is missing for any of them.
pub(crate) fn templates<'a>(
    request: &Request,
    commits: &Commits,
    hub: &'a Hub,
) -> Result<Templates<'a>, Need> {
    let mut missing_sources = BTreeSet::new();
    let mut missing_blobs: BTreeMap<String, BTreeSet<BlobId>> = BTreeMap::new();
    let mut templates = Vec::new();
    for placement in hub.placements.values() {
        let application = Application::of_templates(placement, &request.cluster);
        let rendered = render(&Input {
            application: &application,
            hub,
            commits,
            renders: &request.renders,
            recalled: request.recalled_placement(&placement.entry.name),
        });
        match rendered {
            Ok(rendering) => templates.push((placement, Ok(rendering))),
            Err(Need::Refused(problems)) => templates.push((placement, Err(problems))),
            Err(Need::Sources(sources)) => missing_sources.extend(sources),
            Err(Need::Blobs(repository, blobs)) => {
                missing_blobs.entry(repository).or_default().extend(blobs);
            }
        }
    }
    if !missing_sources.is_empty() {
        return Err(Need::Sources(missing_sources));
    }
    if let Some((repository, blobs)) = missing_blobs.into_iter().next() {
        return Err(Need::Blobs(repository, blobs.into_iter().collect()));
    }
    Ok(templates)
}

/// Learns the scopes that CustomResourceDefinitions among the templates teach.
pub(crate) fn teach(templates: &Templates<'_>, scopes: &mut Scopes) {
    for (_, rendering) in templates {
        if let Ok(rendering) = rendering {
            rendering.objects.teach(scopes);
        }
    }
}

/// What the policies place on this cluster, as Applications of their own.
pub(crate) fn place(
    request: &Request,
    hub: &Hub,
    templates: Templates<'_>,
    scopes: &Scopes,
    desired: &mut Desired,
) -> Found {
    let mut found = Found::new();
    let Some(cluster) = hub.fleet.cluster(&request.cluster) else {
        return found;
    };
    for (placement, rendering) in templates {
        if Assignment::is_frozen(cluster) {
            let name = placement.entry.name.clone();
            desired.incomplete.sets.insert(name);
            continue;
        }
        let rendering = match rendering {
            Ok(rendering) => rendering,
            Err(problems) => {
                let place = |problem: Problem| problem.via(placement.entry.origin.clone());
                desired.problems.extend(problems.into_iter().map(place));
                let name = placement.entry.name.clone();
                desired.incomplete.sets.insert(name);
                continue;
            }
        };
        let objects = rendering.objects.manifests().unwrap_or_default();
        let assignment = assign(hub, placement, &objects, scopes);
        for placed in assignment.on(cluster) {
            let objects = placed.objects.map(|objects| Rendering {
                revisions: rendering.revisions.clone(),
                inputs: Digest::of_parts([
                    &rendering.inputs.as_bytes()[..],
                    &placed.decision.as_bytes()[..],
                ]),
                objects: Objects::Chosen(objects),
            });
            found.push((placed.application, objects));
        }
        desired.problems.extend(assignment.problems);
        desired.warnings.extend(assignment.warnings);
        desired.incomplete.applications.extend(assignment.in_doubt);
    }
    found
}
