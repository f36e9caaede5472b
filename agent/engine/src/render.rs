//! The sources of one Application, rendered: memoised by the ids of everything the render read.

use std::collections::{BTreeMap, BTreeSet};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use muster_fleet::application::Application;
use muster_fleet::hub::Hub;
use muster_fleet::source::Source;
use muster_kustomize::{Failure, Options, Rendered, SourceOptions};
use muster_model::{
    ApplicationKey, BlobId, Digest, Location, Manifest, Problem, Reason, RepoPath, Revision, Tree,
    json,
};

use crate::commits::{Commits, Snapshot, SourceRef, SourceState};
use crate::desire::Need;
use crate::known_targets::KnownTargets;
use crate::quarantine::Quarantine;
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
    pub(crate) objects: Vec<Manifest>,
}

/// Renders of earlier passes: the same definition and the same ids give the same objects without parsing anything.
#[derive(Debug, Default)]
pub struct Renders {
    targets: KnownTargets,
    parsed: Arc<muster_kustomize::Cache>,
    memo: Mutex<BTreeMap<(ApplicationKey, usize), Packed>>,
    done: AtomicU64,
    quarantine: Mutex<Quarantine>,
}

#[derive(Debug)]
struct Memo {
    definition: Digest,
    read: Vec<(RepoPath, BlobId)>,
    objects: Vec<Manifest>,
}

/// A [`Memo`] as it is kept: the objects as compact JSON, a sixth of what their trees take.
#[derive(Debug)]
struct Packed {
    definition: Digest,
    read: Vec<(RepoPath, BlobId)>,
    objects: Vec<Box<str>>,
}

impl Packed {
    fn pack(memo: &Memo) -> Self {
        let text = |object: &Manifest| json::to_string(object.body()).into();
        Self {
            definition: memo.definition,
            read: memo.read.clone(),
            objects: memo.objects.iter().map(text).collect(),
        }
    }

    /// `None` for what JSON cannot hold: it is rendered again.
    fn unpack(&self) -> Option<Memo> {
        let object = |text: &str| {
            let node = json::from_slice(text.as_bytes()).ok()?;
            Manifest::new(node).ok()
        };
        Some(Memo {
            definition: self.definition,
            read: self.read.clone(),
            objects: self
                .objects
                .iter()
                .map(|text| object(text))
                .collect::<Option<_>>()?,
        })
    }
}

impl Renders {
    /// Forgets the files that were parsed: between two looks only what was rendered is of use.
    pub fn rest(&self) {
        self.parsed.clear();
    }

    /// With what failed inside before the agent was started again.
    #[must_use]
    pub fn with_quarantine(failed: &BTreeMap<String, u32>) -> Self {
        Self {
            quarantine: Mutex::new(Quarantine::new(failed)),
            ..Self::default()
        }
    }

    /// What failed inside, and how often, by its content.
    #[must_use]
    pub fn quarantined(&self) -> BTreeMap<String, u32> {
        self.quarantine().failed()
    }

    fn quarantine(&self) -> MutexGuard<'_, Quarantine> {
        self.quarantine
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// How many sources were rendered, recalled ones apart.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.done.load(Ordering::Relaxed)
    }

    /// Targets of earlier passes.
    pub(crate) fn targets(&self) -> &KnownTargets {
        &self.targets
    }

    fn recall(
        &self,
        key: &(ApplicationKey, usize),
        definition: Digest,
        tree: &dyn Tree,
    ) -> Option<Memo> {
        let all = self.memo.lock().unwrap_or_else(PoisonError::into_inner);
        let memo = all.get(key)?;
        let valid = memo.definition == definition && muster_kustomize::is_current(&memo.read, tree);
        valid.then(|| memo.unpack())?
    }

    fn remember(&self, key: (ApplicationKey, usize), memo: &Memo) {
        self.memo
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(key, Packed::pack(memo));
    }
}

/// Renders every source of an Application.
pub(crate) fn render(input: &Input<'_>) -> Result<Rendering, Need> {
    let mut missing = BTreeSet::new();
    let mut found = Vec::new();
    for (index, source) in input.application.sources.iter().enumerate() {
        let mut wanted = located(input.hub, input.commits, source, &input.application.origin)?;
        let pinned = input.recalled.and_then(|revisions| revisions.get(index));
        if let Some(pinned) = pinned {
            wanted.name = pinned.commit_id.to_string();
        }
        match input.commits.sources.get(&wanted) {
            Some(SourceState::At(revision, tree)) => {
                let revision = pinned.unwrap_or(revision);
                found.push((source, wanted.repository, revision, tree));
            }
            Some(SourceState::Failed(problem)) => return Err(Need::Refused(vec![problem.clone()])),
            None => {
                missing.insert(wanted);
            }
        }
    }
    if !missing.is_empty() {
        return Err(Need::Sources(missing));
    }
    let mut rendering = Rendering {
        revisions: Vec::new(),
        inputs: Digest::of(b""),
        objects: Vec::new(),
    };
    let mut digests = Vec::new();
    for (index, (source, repository, revision, tree)) in found.into_iter().enumerate() {
        rendering.revisions.push(revision.clone());
        if source.is_reference() {
            continue;
        }
        let at = (&repository, revision, tree);
        let memo = render_source(input, (index, source), at)?;
        digests.push(inputs_digest(&memo));
        rendering.objects.extend(memo.objects);
    }
    rendering.inputs = Digest::of_parts(digests.iter().map(|d| &d.as_bytes()[..]));
    Ok(rendering)
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

fn render_source(
    input: &Input<'_>,
    (index, source): (usize, &Source),
    (repository, revision, tree): (&String, &Revision, &Snapshot),
) -> Result<Memo, Need> {
    let key = (input.application.key.clone(), index);
    let asked = asked_of(input.application, source, revision)?;
    let definition = Digest::of(format!("{:?} {asked:?}", source.path).as_bytes());
    if let Some(memo) = input.renders.recall(&key, definition, &**tree) {
        return Ok(memo);
    }
    let content = content_of(definition, &**tree, &source.path);
    let rendered = guarded(input.renders, &content, || {
        let asked = (&source.path, &asked);
        render_one(asked, repository, &**tree, &input.renders.parsed)
    })
    .map_err(|problem| Need::Refused(vec![problem.at(input.application.origin.clone())]))??;
    input.renders.done.fetch_add(1, Ordering::Relaxed);
    let memo = Memo {
        definition,
        read: rendered.inputs().to_vec(),
        objects: rendered.into_objects(),
    };
    input.renders.remember(key, &memo);
    Ok(memo)
}

/// Runs a render so that a panic is this Application's own refusal; the same content is then tried ever more rarely.
fn guarded<T>(
    renders: &Renders,
    content: &str,
    work: impl FnOnce() -> Result<T, Need>,
) -> Result<Result<T, Need>, Problem> {
    if let Some(times) = renders.quarantine().skips(content) {
        let message = format!("rendering failed inside {times} times; it is tried again later");
        return Err(Problem::new(Reason::InternalError, message));
    }
    // The cache is the one thing shared; what is in it was whole before it was put there.
    match catch_unwind(AssertUnwindSafe(work)) {
        Ok(result) => {
            // A result says that it goes well now, also where blobs are still missing or the source is refused.
            renders.quarantine().release(content);
            Ok(result)
        }
        Err(_) => {
            let times = renders.quarantine().note(content);
            let message = format!("rendering failed inside ({times} times)");
            Err(Problem::new(Reason::InternalError, message))
        }
    }
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

fn inputs_digest(memo: &Memo) -> Digest {
    let mut parts: Vec<&[u8]> = vec![memo.definition.as_bytes()];
    for (path, id) in &memo.read {
        parts.push(path.as_str().as_bytes());
        parts.push(id.as_bytes());
    }
    Digest::of_parts(parts)
}

#[cfg(test)]
mod tests {
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
