//! The sources of one Application, rendered as far as they are not remembered.

use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use muster_fleet::application::Application;
use muster_fleet::children::is_argo_object;
use muster_fleet::hub::Hub;
use muster_fleet::namespaces::learn_scopes;
use muster_fleet::source::Source;
use muster_kustomize::{Failure, Options, Rendered, SourceOptions};
use muster_model::kinds::Scopes;
use muster_model::{BlobId, Digest, Location, Manifest, Problem, Reason, RepoPath, Revision, Tree};

use crate::commits::{Commits, Snapshot, SourceRef, SourceState};
use crate::desire::Need;
use crate::quarantine::Skipped;
use crate::renders::{Render, Renders};
use crate::source::{Environment, source_options};

/// What is rendered from where.
pub(crate) struct Input<'a> {
    pub(crate) application: &'a Application,
    pub(crate) hub: &'a Hub,
    pub(crate) commits: &'a Commits,
    pub(crate) renders: &'a Renders,
    /// The commits its sources had, when it is recalled.
    pub(crate) recalled: Option<&'a [Revision]>,
}

/// A complete render of every source.
#[derive(Debug, Clone)]
pub(crate) struct Rendering {
    /// One revision for each source.
    pub(crate) revisions: Vec<Revision>,
    /// The definition, and the ids of everything that was read.
    pub(crate) inputs: Digest,
    /// The objects, as rendered.
    pub(crate) objects: Objects,
}

/// The objects of a rendering.
#[derive(Debug, Clone)]
pub(crate) enum Objects {
    /// As rendered, source by source.
    Rendered(Vec<Arc<Render>>),
    /// Chosen from what was rendered.
    Chosen(Vec<Manifest>),
    /// Made ready before: they are what was rendered now, or are rendered anew where that is not enough.
    Ready(Vec<Arc<Render>>),
}

impl Objects {
    /// The objects; `None` when they have to be rendered anew.
    pub(crate) fn manifests(&self) -> Option<Vec<Manifest>> {
        match self {
            Self::Rendered(renders) => {
                let all: Option<Vec<_>> = renders.iter().map(|render| render.manifests()).collect();
                Some(all?.concat())
            }
            Self::Chosen(objects) => Some(objects.clone()),
            Self::Ready(_) => None,
        }
    }

    /// Learns what CustomResourceDefinitions among them teach.
    pub(crate) fn teach(&self, scopes: &mut Scopes) {
        match self {
            Self::Rendered(renders) | Self::Ready(renders) => {
                for render in renders {
                    scopes.extend(render.learned());
                }
            }
            Self::Chosen(objects) => learn_scopes(scopes, objects),
        }
    }

    /// True when some of them are Argo CD's own.
    pub(crate) fn has_argo_objects(&self) -> bool {
        match self {
            Self::Rendered(renders) | Self::Ready(renders) => {
                renders.iter().any(|render| render.has_argo_objects)
            }
            Self::Chosen(objects) => objects.iter().any(is_argo_object),
        }
    }
}

/// Renders every source of an Application, as far as it is not known.
pub(crate) fn render(input: &Input<'_>) -> Result<Rendering, Need> {
    let found = found(input)?;
    let mut renders = Vec::new();
    for (index, source) in found
        .iter()
        .enumerate()
        .filter(|(_, s)| !s.asked.is_reference())
    {
        renders.push(render_source(input, index, source, Memory::Counts)?);
    }
    let inputs = Digest::of_parts(renders.iter().map(|r| &r.inputs.as_bytes()[..]));
    let mut objects = Objects::Rendered(renders);
    if let Objects::Rendered(renders) = &objects
        && renders.iter().any(|render| render.is_dropped())
    {
        let ready = input.renders.ready(&input.application.key);
        objects = match ready.filter(|ready| ready.inputs == inputs) {
            Some(_) => Objects::Ready(renders.clone()),
            None => Objects::Chosen(manifests(input)?),
        };
    }
    Ok(Rendering {
        revisions: found.iter().map(|s| s.revision.clone()).collect(),
        inputs,
        objects,
    })
}

/// Renders every source again, whatever is known.
pub(crate) fn manifests(input: &Input<'_>) -> Result<Vec<Manifest>, Need> {
    let mut all = Vec::new();
    let found = found(input)?;
    for (index, source) in found
        .iter()
        .enumerate()
        .filter(|(_, s)| !s.asked.is_reference())
    {
        let render = render_source(input, index, source, Memory::Ignored)?;
        all.extend(render.manifests().unwrap_or_default());
    }
    Ok(all)
}

/// A source at the commit that it is rendered at.
struct Found<'a> {
    asked: &'a Source,
    repository: String,
    revision: &'a Revision,
    tree: &'a Snapshot,
}

/// Every source of an Application at its commit, or those that are not resolved yet.
fn found<'a>(input: &Input<'a>) -> Result<Vec<Found<'a>>, Need> {
    let mut missing = BTreeSet::new();
    let mut found = Vec::new();
    for (index, asked) in input.application.sources.iter().enumerate() {
        let mut wanted = located(input.hub, input.commits, asked, &input.application.origin)?;
        let pinned = input.recalled.and_then(|revisions| revisions.get(index));
        if let Some(pinned) = pinned {
            wanted.name = pinned.commit_id.to_string();
        }
        match input.commits.sources.get(&wanted) {
            Some(SourceState::At(revision, tree)) => found.push(Found {
                asked,
                repository: wanted.repository,
                revision: pinned.unwrap_or(revision),
                tree,
            }),
            Some(SourceState::Failed(problem)) => return Err(Need::Refused(vec![problem.clone()])),
            None => {
                missing.insert(wanted);
            }
        }
    }
    if missing.is_empty() {
        Ok(found)
    } else {
        Err(Need::Sources(missing))
    }
}

/// Where a source really is; `origin` is where the Application is defined.
pub(crate) fn located(
    hub: &Hub,
    commits: &Commits,
    source: &Source,
    origin: &Location,
) -> Result<SourceRef, Need> {
    if source.repo_url.is_empty() {
        // A placement's templates lie in the hub commit itself.
        return Ok(SourceRef {
            repository: commits.hub_repository.clone(),
            name: commits.hub.name.clone(),
        });
    }
    let Some(repository) = hub.fleet.repository(&source.repo_url) else {
        let message = format!("repository {} is not in the fleet file", source.repo_url);
        return Err(Need::Refused(vec![
            Problem::new(Reason::UnknownRepository, message).at(origin.clone()),
        ]));
    };
    let url = if repository.is_self {
        &commits.hub_repository
    } else {
        repository.mirror.as_ref().unwrap_or(&repository.url)
    };
    Ok(SourceRef {
        repository: url.clone(),
        name: source.target_revision.clone(),
    })
}

/// Whether what was rendered before may stand for a render.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Memory {
    Counts,
    Ignored,
}

fn render_source(
    input: &Input<'_>,
    index: usize,
    source: &Found<'_>,
    memory: Memory,
) -> Result<Arc<Render>, Need> {
    let key = (input.application.key.clone(), index);
    let (path, tree) = (&source.asked.path, &**source.tree);
    let asked = asked_of(input.application, source.asked, source.revision)?;
    let definition = Digest::of(format!("{path:?} {asked:?}").as_bytes());
    if memory == Memory::Counts
        && let Some(render) = input.renders.recall(&key, definition, tree)
    {
        return Ok(render);
    }
    let content = content_of(definition, tree, path);
    let rendered = guarded(input.renders, &content, || {
        let parsed = input.renders.parsed();
        render_one((path, &asked), &source.repository, tree, parsed)
    })
    .map_err(|problem| Need::Refused(vec![problem.at(input.application.origin.clone())]))??;
    let render = Arc::new(Render::new(definition, rendered));
    // A release of before is rendered in passing: the newest one stays in mind.
    if input.recalled.is_none() {
        input.renders.remember(key, &render);
    }
    Ok(render)
}

/// Runs a render so that a panic is this Application's own refusal; the same content is then tried ever more rarely, and
/// so is one that spent its budget.
fn guarded<T>(
    renders: &Renders,
    content: &str,
    work: impl FnOnce() -> Result<T, Need>,
) -> Result<Result<T, Need>, Problem> {
    if let Some(Skipped { times, problems }) = renders.quarantine().skips(content) {
        if !problems.is_empty() {
            return Ok(Err(Need::Refused(problems)));
        }
        let message = format!("rendering failed inside {times} times; it is tried again later");
        return Err(Problem::new(Reason::InternalError, message));
    }
    // The cache is the one thing shared; what is in it was whole before it was put there.
    match catch_unwind(AssertUnwindSafe(work)) {
        Ok(Err(Need::Refused(problems))) if problems.iter().any(is_spent) => {
            renders.quarantine().note(content, &problems);
            Ok(Err(Need::Refused(problems)))
        }
        Ok(result) => {
            // A result says that it goes well now, also where blobs are still missing or the source is refused.
            renders.quarantine().release(content);
            Ok(result)
        }
        Err(_) => {
            let times = renders.quarantine().note(content, &[]);
            let message = format!("rendering failed inside ({times} times)");
            Err(Problem::new(Reason::InternalError, message))
        }
    }
}

/// True for a budget that was spent: another attempt costs as much.
fn is_spent(problem: &Problem) -> bool {
    matches!(problem.reason, Reason::YamlBudget | Reason::NodeBudget)
}

/// What a render depends on, as far as it is known before it: the definition and the tree of the directory.
fn content_of(definition: Digest, tree: &dyn Tree, path: &RepoPath) -> String {
    let id = tree.entry(path).ok().flatten().map(|entry| entry.id);
    let id = id.as_ref().map_or(&[][..], BlobId::as_bytes);
    Digest::of_parts([&definition.as_bytes()[..], id]).to_string()
}

/// How a source of an Application is rendered at a revision.
pub(crate) fn asked_of(
    application: &Application,
    source: &Source,
    revision: &Revision,
) -> Result<SourceOptions, Need> {
    let env = Environment::of(application, source, revision);
    source_options(source, &env)
        .map_err(|problem| Need::Refused(vec![problem.at(application.origin.clone())]))
}

/// Renders a directory of a repository.
pub(crate) fn render_one(
    (path, asked): (&RepoPath, &SourceOptions),
    repository: &str,
    tree: &dyn Tree,
    parsed: &Arc<muster_kustomize::Cache>,
) -> Result<Rendered, Need> {
    let options = Options {
        cache: Some(Arc::clone(parsed)),
        ..Options::default()
    };
    muster_kustomize::render(tree, path, asked, &options).map_err(|failure| match failure {
        Failure::NotFetched(blobs) => Need::Blobs(repository.to_owned(), blobs),
        Failure::Refused(problem) => Need::Refused(vec![problem]),
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn a_panic_is_one_refusal_and_is_tried_again_more_and_more_rarely() {
        let renders = Renders::default();
        let mut tried = 0;
        for _ in 0..20 {
            let outcome = guarded(&renders, "x", || -> Result<(), Need> {
                tried += 1;
                panic!("a bug")
            });
            assert_eq!(
                outcome.expect_err("it is refused").reason,
                Reason::InternalError
            );
        }
        assert_eq!(tried, 4, "after 1, 3, 7 and 15 passes");
        assert_eq!(renders.quarantined(), BTreeMap::from([("x".to_owned(), 4)]));
        assert!(
            matches!(guarded(&renders, "y", || Ok(1)), Ok(Ok(1))),
            "others go on"
        );
        let again = Renders::with_quarantine(&renders.quarantined());
        assert!(
            guarded(&again, "x", || Ok(1)).is_err(),
            "a restart forgets nothing"
        );
    }

    #[test]
    fn a_spent_budget_is_tried_again_more_and_more_rarely_and_says_what_it_was() {
        let renders = Renders::default();
        let spent = || Problem::new(Reason::NodeBudget, "too many objects");
        let mut tried = 0;
        for _ in 0..20 {
            let outcome = guarded(&renders, "x", || -> Result<(), Need> {
                tried += 1;
                Err(Need::Refused(vec![spent()]))
            });
            let Ok(Err(Need::Refused(problems))) = outcome else {
                panic!("it is refused by the render");
            };
            assert_eq!(problems, [spent()]);
        }
        assert_eq!(tried, 4, "after 1, 3, 7 and 15 passes");
        assert_eq!(renders.quarantined(), BTreeMap::from([("x".to_owned(), 4)]));
    }

    #[test]
    fn a_result_ends_the_quarantine() {
        let renders = Renders::default();
        drop(guarded(&renders, "x", || -> Result<(), Need> {
            panic!("a bug")
        }));
        drop(guarded(&renders, "x", || Ok(1)));
        assert!(matches!(guarded(&renders, "x", || Ok(1)), Ok(Ok(1))));
        assert_eq!(renders.quarantined(), BTreeMap::new());
    }
}
