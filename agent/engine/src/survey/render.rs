//! Distinct renders: every Application that reads the same files the same way shares one.

use std::collections::{BTreeMap, BTreeSet};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex};

use muster_fleet::children::is_argo_object;
use muster_fleet::namespaces::learn_scopes;
use muster_kustomize::SourceOptions;
use muster_model::kinds::{Scope, Scopes, builtin_scope};
use muster_model::{Digest, GroupKind, Manifest, Problem, Reason, RepoPath, Tree};
use muster_sync::DesiredObject;
use serde::{Deserialize, Serialize};

use super::content::{Content, Setting, bodies};
use crate::commits::{Commits, SourceRef, SourceState};
use crate::desire::Need;
use crate::each::locked;
use crate::render::render_one;
use crate::traced::{Reads, Traced, holds};

/// The sources of one or many Applications.
pub(super) struct Unit {
    /// Of the sources as defined, and where they are read from.
    pub(super) id: Digest,
    pub(super) sources: Vec<UnitSource>,
}

/// One source: which directory, how, and where it is read from.
pub(super) struct UnitSource {
    pub(super) path: RepoPath,
    pub(super) asked: SourceOptions,
    pub(super) place: SourceRef,
}

/// A complete render of a unit, or what is remembered of one.
#[derive(Debug)]
pub(super) struct Render {
    /// For each source, what was seen.
    pub(super) reads: Vec<Reads>,
    /// What the CustomResourceDefinitions among the objects say.
    pub(super) scopes: Vec<(GroupKind, Scope)>,
    /// Kinds whose scope something else has to say.
    pub(super) foreign: BTreeSet<GroupKind>,
    /// The objects; `None` when only what was made of them is remembered.
    objects: Option<Arc<[Manifest]>>,
    contents: Mutex<BTreeMap<Setting, Outcome>>,
}

/// What a render is in a setting, or why it cannot be used.
pub(super) type Outcome = Result<Arc<Content>, Arc<[Problem]>>;

/// What of a render is worth keeping between runs.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Stored {
    reads: Vec<Reads>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    scopes: Vec<(GroupKind, Scope)>,
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    foreign: BTreeSet<GroupKind>,
    contents: Vec<(Setting, Content)>,
}

impl Render {
    /// Renders every source of a unit.
    pub(super) fn of(
        unit: &Unit,
        commits: &Commits,
        parsed: &Arc<muster_kustomize::Cache>,
    ) -> Result<Self, Need> {
        let mut objects = Vec::new();
        let mut reads = Vec::new();
        for source in &unit.sources {
            let traced = Traced::new(tree_of(commits, &source.place)?);
            let asked = (&source.path, &source.asked);
            let repository = source.place.repository.as_str();
            // The cache is the one thing shared; what is in it was whole before it was put there.
            let work = AssertUnwindSafe(|| render_one(asked, repository, &traced, parsed));
            let rendered = catch_unwind(work).map_err(|_| failed_inside(&source.path))??;
            objects.extend(rendered.into_objects());
            reads.push(traced.into_reads());
        }
        Ok(Self::given(objects, reads))
    }

    /// Objects that are at hand.
    pub(super) fn given(objects: Vec<Manifest>, reads: Vec<Reads>) -> Self {
        let mut scopes = Scopes::default();
        learn_scopes(&mut scopes, &objects);
        let kinds: BTreeSet<GroupKind> = objects.iter().map(|o| o.gvk().group_kind()).collect();
        Self {
            reads,
            foreign: kinds
                .iter()
                .filter(|kind| builtin_scope(kind).is_none() && scopes.of(kind).is_none())
                .cloned()
                .collect(),
            scopes: scopes.learned().collect(),
            objects: Some(objects.into()),
            contents: Mutex::default(),
        }
    }

    /// True when a render at these commits would see the same.
    pub(super) fn holds(&self, unit: &Unit, commits: &Commits) -> bool {
        self.reads.len() == unit.sources.len()
            && unit.sources.iter().zip(&self.reads).all(|(source, reads)| {
                tree_of(commits, &source.place).is_ok_and(|tree| holds(reads, tree))
            })
    }

    /// The objects, when they are at hand.
    pub(super) fn at_hand(&self) -> Option<Arc<[Manifest]>> {
        self.objects.clone()
    }

    /// The objects, rendered again when they are not at hand.
    pub(super) fn objects(
        &self,
        unit: &Unit,
        commits: &Commits,
        parsed: &Arc<muster_kustomize::Cache>,
    ) -> Result<Arc<[Manifest]>, Need> {
        match &self.objects {
            Some(objects) => Ok(Arc::clone(objects)),
            None => {
                let again = Self::of(unit, commits, parsed)?;
                Ok(again.objects.unwrap_or_default())
            }
        }
    }

    /// The Argo CD objects among the objects; a render with such is never remembered without them.
    pub(super) fn argo_objects(&self) -> Vec<Manifest> {
        let objects = self.objects.iter().flat_map(|objects| objects.iter());
        objects
            .filter(|object| is_argo_object(object))
            .cloned()
            .collect()
    }

    /// The content in a setting that was looked at before.
    pub(super) fn known(&self, setting: &Setting) -> Option<Outcome> {
        locked(&self.contents).get(setting).cloned()
    }

    /// Notes the content in a setting.
    pub(super) fn learn(&self, setting: Setting, objects: &[Manifest], key: &[u8]) -> Outcome {
        let objects = objects.iter().filter(|object| !is_argo_object(object));
        let outcome = match bodies(objects.cloned().collect(), &setting, key) {
            Ok(objects) => Ok(Arc::new(Content::of(&objects))),
            Err(problems) => Err(problems.into()),
        };
        locked(&self.contents).insert(setting, outcome.clone());
        outcome
    }

    /// What may be kept; nothing when the objects themselves are needed every time.
    pub(super) fn stored(&self) -> Option<Stored> {
        let has_children = self
            .objects
            .iter()
            .flat_map(|o| o.iter())
            .any(is_argo_object);
        let contents: Vec<_> = locked(&self.contents)
            .iter()
            .filter_map(|(setting, outcome)| {
                Some((setting.clone(), Content::clone(outcome.as_ref().ok()?)))
            })
            .collect();
        (!has_children && !contents.is_empty()).then(|| Stored {
            reads: self.reads.clone(),
            scopes: self.scopes.clone(),
            foreign: self.foreign.clone(),
            contents,
        })
    }
}

impl From<Stored> for Render {
    fn from(stored: Stored) -> Self {
        let contents = stored.contents.into_iter();
        Self {
            reads: stored.reads,
            scopes: stored.scopes,
            foreign: stored.foreign,
            objects: None,
            contents: Mutex::new(
                contents
                    .map(|(setting, content)| (setting, Ok(Arc::new(content))))
                    .collect(),
            ),
        }
    }
}

/// The objects of a render with their bodies.
pub(super) fn with_bodies(
    objects: &[Manifest],
    setting: &Setting,
    key: &[u8],
) -> Vec<DesiredObject> {
    let objects = objects.iter().filter(|object| !is_argo_object(object));
    bodies(objects.cloned().collect(), setting, key).unwrap_or_default()
}

/// A render that panics is refused like any other, and takes nothing else away.
fn failed_inside(path: &RepoPath) -> Need {
    let message = format!("rendering {path} failed inside");
    Need::Refused(vec![Problem::new(Reason::InternalError, message)])
}

pub(super) fn tree_of<'c>(
    commits: &'c Commits,
    place: &SourceRef,
) -> Result<&'c (dyn Tree + Send + Sync), Need> {
    match commits.sources.get(place) {
        Some(SourceState::At(_, tree)) => Ok(&**tree),
        Some(SourceState::Failed(problem)) => Err(Need::Refused(vec![problem.clone()])),
        None => Err(Need::Sources(BTreeSet::from([place.clone()]))),
    }
}
