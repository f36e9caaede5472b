//! What is remembered from pass to pass, so that a commit costs what it changed.
//!
//! ```text
//!   ids read, definition ──same?──▶ Render: objects as JSON        nothing is parsed
//!   render, project, scopes ─same?─▶ Ready: objects to be planned  nothing is looked at
//! ```
//!
//! Once the objects of a render are ready their JSON is dropped: the few that must be made ready anew, because a project
//! or the scope of a kind changed, are rendered again.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};

use muster_fleet::children::is_argo_object;
use muster_fleet::namespaces::learn_scopes;
use muster_kustomize::Rendered;
use muster_model::kinds::{Scope, Scopes};
use muster_model::{ApplicationKey, BlobId, Digest, GroupKind, Manifest, RepoPath, Tree, json};
use muster_sync::DesiredObject;

use crate::each::locked;
use crate::known_targets::KnownTargets;
use crate::quarantine::Quarantine;

/// Which source of which Application.
pub(crate) type SourceKey = (ApplicationKey, usize);

/// Parsed files that a look keeps at most twice as many of: enough for the bases that overlays share.
const PARSED_FILES: usize = 128;

/// Renders of earlier passes.
#[derive(Debug)]
pub struct Renders {
    targets: KnownTargets,
    parsed: Arc<muster_kustomize::Cache>,
    renders: Mutex<BTreeMap<SourceKey, Kept<Render>>>,
    ready: Mutex<BTreeMap<ApplicationKey, Kept<Ready>>>,
    done: AtomicU64,
    turn: AtomicU64,
    quarantine: Mutex<Quarantine>,
}

/// Something that is remembered, and the turn that last used it.
#[derive(Debug)]
struct Kept<T> {
    value: Arc<T>,
    turn: u64,
}

/// One source, rendered.
#[derive(Debug)]
pub(crate) struct Render {
    definition: Digest,
    read: Vec<(RepoPath, BlobId)>,
    /// The definition, and the ids of everything that was read.
    pub(crate) inputs: Digest,
    content: Content,
    /// What CustomResourceDefinitions among the objects teach.
    learned: Scopes,
    /// Some of the objects are Argo CD's own.
    pub(crate) has_argo_objects: bool,
}

/// The objects of a render.
#[derive(Debug)]
enum Content {
    /// As compact JSON, a sixth of what their trees take.
    Texts(Vec<Box<str>>),
    /// What JSON cannot hold.
    Trees(Vec<Manifest>),
    /// They were made ready, and are not kept twice.
    Dropped,
}

impl Render {
    pub(crate) fn new(definition: Digest, rendered: Rendered) -> Self {
        let read = rendered.inputs().to_vec();
        let objects = rendered.into_objects();
        let mut learned = Scopes::default();
        learn_scopes(&mut learned, &objects);
        let mut parts: Vec<&[u8]> = vec![definition.as_bytes()];
        for (path, id) in &read {
            parts.push(path.as_str().as_bytes());
            parts.push(id.as_bytes());
        }
        Self {
            definition,
            inputs: Digest::of_parts(parts),
            learned,
            has_argo_objects: objects.iter().any(is_argo_object),
            content: Content::of(objects),
            read,
        }
    }

    /// True when a render of this definition would read the same.
    fn is_current(&self, definition: Digest, tree: &dyn Tree) -> bool {
        self.definition == definition && muster_kustomize::is_current(&self.read, tree)
    }

    /// The objects; `None` when they were dropped.
    pub(crate) fn manifests(&self) -> Option<Vec<Manifest>> {
        match &self.content {
            Content::Texts(texts) => texts.iter().map(|text| parsed(text)).collect(),
            Content::Trees(objects) => Some(objects.clone()),
            Content::Dropped => None,
        }
    }

    pub(crate) fn is_dropped(&self) -> bool {
        matches!(self.content, Content::Dropped)
    }

    pub(crate) fn learned(&self) -> &Scopes {
        &self.learned
    }

    fn without_content(&self) -> Self {
        Self {
            definition: self.definition,
            read: self.read.clone(),
            inputs: self.inputs,
            content: Content::Dropped,
            learned: self.learned.clone(),
            has_argo_objects: self.has_argo_objects,
        }
    }
}

impl Content {
    fn of(objects: Vec<Manifest>) -> Self {
        let text = |object: &Manifest| {
            let text = json::to_string(object.body());
            parsed(&text).map(|_| text.into())
        };
        let texts: Option<Vec<Box<str>>> = objects.iter().map(text).collect();
        texts.map_or(Self::Trees(objects), Self::Texts)
    }
}

fn parsed(text: &str) -> Option<Manifest> {
    let node = json::from_slice(text.as_bytes()).ok()?;
    Manifest::new(node).ok()
}

/// The objects of one Application, ready to be planned, and what made them so.
#[derive(Debug)]
pub(crate) struct Ready {
    /// What was rendered.
    pub(crate) inputs: Digest,
    /// What is asked besides: the Application and its project.
    pub(crate) terms: Digest,
    /// The kinds of the objects and their scopes.
    pub(crate) scopes: Vec<(GroupKind, Option<Scope>)>,
    pub(crate) objects: Arc<Vec<DesiredObject>>,
}

impl Ready {
    /// True when the same question has the same answer.
    pub(crate) fn answers(&self, inputs: Digest, terms: Digest, scopes: &Scopes) -> bool {
        let same = |(kind, scope): &(GroupKind, Option<Scope>)| scopes.of(kind) == *scope;
        self.inputs == inputs && self.terms == terms && self.scopes.iter().all(same)
    }
}

impl Default for Renders {
    fn default() -> Self {
        Self {
            targets: KnownTargets::default(),
            parsed: Arc::new(muster_kustomize::Cache::bounded(PARSED_FILES)),
            renders: Mutex::default(),
            ready: Mutex::default(),
            done: AtomicU64::default(),
            turn: AtomicU64::default(),
            quarantine: Mutex::default(),
        }
    }
}

impl Renders {
    /// With what failed inside before the agent was started again.
    #[must_use]
    pub fn with_quarantine(failed: &BTreeMap<String, u32>) -> Self {
        Self {
            quarantine: Mutex::new(Quarantine::new(failed)),
            ..Self::default()
        }
    }

    /// Forgets the files that were parsed: between two looks only what was rendered is of use.
    pub fn rest(&self) {
        self.parsed.clear();
    }

    /// What failed inside, and how often, by its content.
    #[must_use]
    pub fn quarantined(&self) -> BTreeMap<String, u32> {
        self.quarantine().failed()
    }

    /// How many sources were rendered.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.done.load(Ordering::Relaxed)
    }

    pub(crate) fn quarantine(&self) -> MutexGuard<'_, Quarantine> {
        locked(&self.quarantine)
    }

    /// Targets of earlier passes.
    pub(crate) fn targets(&self) -> &KnownTargets {
        &self.targets
    }

    /// Files that were parsed before.
    pub(crate) fn parsed(&self) -> &Arc<muster_kustomize::Cache> {
        &self.parsed
    }

    /// Begins a look at everything: what it does not use may be forgotten at its end.
    pub(crate) fn begin(&self) {
        self.turn.fetch_add(1, Ordering::Relaxed);
    }

    /// Forgets what the look that has ended did not use.
    pub(crate) fn end(&self) {
        let turn = self.turn();
        locked(&self.renders).retain(|_, kept| kept.turn == turn);
        locked(&self.ready).retain(|_, kept| kept.turn == turn);
    }

    fn turn(&self) -> u64 {
        self.turn.load(Ordering::Relaxed)
    }

    fn kept<T>(&self, value: Arc<T>) -> Kept<T> {
        let turn = self.turn();
        Kept { value, turn }
    }

    /// The render of before, when it would read the same again.
    pub(crate) fn recall(
        &self,
        key: &SourceKey,
        definition: Digest,
        tree: &dyn Tree,
    ) -> Option<Arc<Render>> {
        let mut all = locked(&self.renders);
        let kept = all.get_mut(key)?;
        kept.value.is_current(definition, tree).then(|| {
            kept.turn = self.turn();
            Arc::clone(&kept.value)
        })
    }

    /// Counts a render, and remembers it.
    pub(crate) fn remember(&self, key: SourceKey, render: &Arc<Render>) {
        self.done.fetch_add(1, Ordering::Relaxed);
        locked(&self.renders).insert(key, self.kept(Arc::clone(render)));
    }

    /// What was made of an Application before.
    pub(crate) fn ready(&self, key: &ApplicationKey) -> Option<Arc<Ready>> {
        let mut all = locked(&self.ready);
        let kept = all.get_mut(key)?;
        kept.turn = self.turn();
        Some(Arc::clone(&kept.value))
    }

    /// Remembers what was made of an Application, instead of the objects as they were rendered.
    pub(crate) fn keep_ready(&self, key: &ApplicationKey, ready: Ready) {
        let mut renders = locked(&self.renders);
        for (_, kept) in renders.range_mut((key.clone(), 0)..=(key.clone(), usize::MAX)) {
            if !kept.value.is_dropped() {
                kept.value = Arc::new(kept.value.without_content());
            }
        }
        locked(&self.ready).insert(key.clone(), self.kept(Arc::new(ready)));
    }
}
