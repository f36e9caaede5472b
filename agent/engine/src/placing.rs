//! Placements: their templates rendered once, and what their policies place on this cluster.

use std::collections::{BTreeMap, BTreeSet};

use muster_fleet::application::Application;
use muster_fleet::hub::Hub;
use muster_fleet::placement::{Assignment, Placement, assign};
use muster_model::kinds::Scopes;
use muster_model::{BlobId, Digest, Manifest, Problem};

use crate::commits::Commits;
use crate::desire::{Desired, Found, Need, Request};
use crate::render::{Input, Rendering, render};

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

/// Every template, for the scopes that CustomResourceDefinitions among them teach.
pub(crate) fn objects<'t>(templates: &'t Templates<'_>) -> impl Iterator<Item = &'t Manifest> {
    let rendered = templates.iter().filter_map(|(_, r)| r.as_ref().ok());
    rendered.flat_map(|rendering| &rendering.objects)
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
        let assignment = assign(hub, placement, &rendering.objects, scopes);
        for placed in assignment.on(cluster) {
            let objects = placed.objects.map(|objects| Rendering {
                revisions: rendering.revisions.clone(),
                inputs: Digest::of_parts([
                    &rendering.inputs.as_bytes()[..],
                    &placed.decision.as_bytes()[..],
                ]),
                objects,
            });
            found.push((placed.application, objects));
        }
        desired.problems.extend(assignment.problems);
        desired.warnings.extend(assignment.warnings);
        desired.incomplete.applications.extend(assignment.in_doubt);
    }
    found
}
