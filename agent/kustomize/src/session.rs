//! One build's view of the tree: what it read, what is missing, what it may still spend.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use muster_model::tree::{EntryKind, TreeError};
use muster_model::yaml::{self, YamlError};
use muster_model::{BlobId, Budgets, Location, Node, Problem, Reason, RepoPath, Tree, Value};

use crate::explain::{self, Cause, Explained};
use crate::failure::{Step, Stop};
use crate::inputs;
use crate::merge::{Schemas, comments};
use crate::options::{LoadRestrictor, Options};
use crate::remote;
use crate::resmap::ResMap;

/// What a text is read as.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Reading {
    /// Values: configurations, JSON patches, plain manifests.
    Values,
    /// Resources, patches and configurations of plugins.
    Resources,
    /// The kustomization itself.
    Kustomization,
}

impl Reading {
    fn read(self, bytes: &[u8], budgets: &Budgets) -> Result<Vec<Node>, YamlError> {
        match self {
            Self::Values => yaml::read(bytes, budgets, 0),
            Self::Resources => yaml::read_resources(bytes, budgets, 0),
            Self::Kustomization => yaml::read_kustomization(bytes, budgets, 0),
        }
    }
}

/// The state of one build.
pub(crate) struct Session<'a> {
    tree: &'a dyn Tree,
    pub(crate) options: &'a Options,
    inputs: BTreeMap<RepoPath, BlobId>,
    missing: BTreeSet<BlobId>,
    bytes: u64,
    kustomizations: usize,
    objects: usize,
    /// The merge keys in force.
    pub(crate) schemas: Schemas,
    /// Whether the origin of every field is kept.
    pub(crate) explains: bool,
    /// The objects with the origins of their fields.
    pub(crate) explained: Vec<Explained>,
}

impl<'a> Session<'a> {
    /// Starts a build.
    pub(crate) fn new(tree: &'a dyn Tree, options: &'a Options) -> Self {
        Self {
            tree,
            options,
            inputs: BTreeMap::new(),
            missing: BTreeSet::new(),
            bytes: 0,
            kustomizations: 0,
            objects: 0,
            schemas: Schemas::new(options.merge_keys),
            explains: false,
            explained: Vec::new(),
        }
    }

    /// Blobs and trees read so far, by path.
    pub(crate) fn into_inputs(self) -> Vec<(RepoPath, BlobId)> {
        self.inputs.into_iter().collect()
    }

    /// The blobs that were asked for and are not here.
    pub(crate) fn missing(&self) -> Vec<BlobId> {
        self.missing.iter().cloned().collect()
    }

    /// The limits in force.
    pub(crate) fn budgets(&self) -> &'a Budgets {
        &self.options.budgets
    }

    /// What lies at a path; links and submodules on the way are refused.
    pub(crate) fn kind_at(&mut self, path: &RepoPath) -> Step<Option<EntryKind>> {
        match self.tree.kind(path).map_err(|e| self.unreadable(path, e))? {
            Some(kind) => {
                refuse_link(path, kind)?;
                Ok(Some(kind))
            }
            None => {
                // What is not there was looked for all the same: once it is, the result may be another.
                self.inputs
                    .entry(path.clone())
                    .or_insert_with(inputs::absent);
                let mut above = path.parent();
                while let Some(dir) = above {
                    let kind = self.tree.kind(&dir).map_err(|e| self.unreadable(&dir, e))?;
                    if let Some(kind) = kind {
                        refuse_link(&dir, kind)?;
                        break;
                    }
                    above = dir.parent();
                }
                Ok(None)
            }
        }
    }

    /// The same, with its id.
    fn entry_at(&mut self, path: &RepoPath) -> Step<Option<(EntryKind, BlobId)>> {
        if self.kind_at(path)?.is_none() {
            return Ok(None);
        }
        let entry = self.tree.entry(path);
        let entry = entry.map_err(|e| self.unreadable(path, e))?;
        Ok(entry.map(|entry| (entry.kind, entry.id)))
    }

    /// The names in a directory, sorted.
    pub(crate) fn list(&mut self, dir: &RepoPath) -> Step<Vec<(String, EntryKind)>> {
        if let Some((EntryKind::Tree, id)) = self.entry_at(dir)? {
            self.inputs.insert(dir.clone(), id);
        }
        let entries = self.tree.list(dir).map_err(|e| self.unreadable(dir, e))?;
        Ok(entries
            .into_iter()
            .map(|(name, entry)| (name, entry.kind))
            .collect())
    }

    /// The bytes of a file.
    pub(crate) fn read(&mut self, path: &RepoPath) -> Step<(BlobId, Arc<[u8]>)> {
        let Some((kind, id)) = self.entry_at(path)? else {
            return Err(
                Problem::new(Reason::PathNotFound, format!("there is no file {path}")).into(),
            );
        };
        if kind != EntryKind::Blob {
            return Err(Problem::new(
                Reason::PathNotFound,
                format!("{path} is a directory, not a file"),
            )
            .into());
        }
        let bytes = self.tree.blob(&id).map_err(|e| self.unreadable(path, e))?;
        if self.inputs.insert(path.clone(), id.clone()).is_none() {
            self.spend_bytes(path, bytes.len() as u64)?;
        }
        if bytes.starts_with(b"version https://git-lfs.github.com/spec/") {
            return Err(Problem::new(
                Reason::LfsPointer,
                "the file is a Git LFS pointer, not its content",
            )
            .at(Location::file(path.to_string()))
            .into());
        }
        Ok((id, bytes))
    }

    /// The documents of a YAML file, from the cache where it has them.
    pub(crate) fn documents(&mut self, path: &RepoPath, reading: Reading) -> Step<Arc<[Node]>> {
        let (id, bytes) = self.read(path)?;
        let cache = self.options.cache.as_ref();
        if let Some(documents) = cache.and_then(|c| c.get(&id, reading)) {
            return Ok(documents);
        }
        let mut documents = self.parse(&bytes, &path.to_string(), reading)?;
        let marked = reading == Reading::Resources && self.mark_schemas(&mut documents, &bytes);
        let documents: Arc<[Node]> = documents.into();
        // The numbers of schemas mean something in this build alone.
        if let Some(cache) = cache.filter(|_| !marked) {
            cache.put(id, reading, &documents);
        }
        Ok(documents)
    }

    /// Finds schemas in comments; true when there may be some.
    fn mark_schemas(&mut self, documents: &mut [Node], bytes: &[u8]) -> bool {
        let Some(text) = str::from_utf8(bytes).ok().filter(|t| comments::may_have(t)) else {
            return false;
        };
        comments::mark(documents, text, &mut self.schemas);
        true
    }

    /// Reads YAML text.
    pub(crate) fn parse(&self, bytes: &[u8], file: &str, reading: Reading) -> Step<Vec<Node>> {
        reading
            .read(bytes, self.budgets())
            .map_err(|error| yaml_problem(&error, file).into())
    }

    /// Reads YAML that stands in a scalar of `file`, at `line`; 0 when the text is the whole file.
    pub(crate) fn parse_inline(
        &self,
        text: &str,
        (file, line): (&str, u32),
        reading: Reading,
    ) -> Step<Vec<Node>> {
        // A block scalar's text starts below its header.
        let above = match line {
            0 => 0,
            line if text.contains('\n') => line,
            line => line - 1,
        };
        let mut documents = reading
            .read(text.as_bytes(), self.budgets())
            .map_err(|error| {
                let mut problem = yaml_problem(&error, file);
                problem.at = Some(Location::line(file, error.line() + above));
                Stop::from(problem)
            })?;
        if above > 0 {
            for document in &mut documents {
                shift_lines(document, above);
            }
        }
        Ok(documents)
    }

    /// Notes a file that will be read later, so that everything missing is found in one go.
    pub(crate) fn prefetch(&mut self, dir: &RepoPath, path: &str) {
        if remote::is_remote(path) || path.contains('\n') {
            return;
        }
        if let Ok(path) = self.options.join(dir, path)
            && let Ok(Some(entry)) = self.tree.entry(&path)
            && entry.kind == EntryKind::Blob
            && let Err(TreeError::NotFetched(id)) = self.tree.blob(&entry.id)
        {
            self.missing.insert(id);
        }
    }

    /// True when something that was asked for is not here yet.
    pub(crate) fn is_missing(&self) -> bool {
        !self.missing.is_empty()
    }

    /// Resolves the path of a file against the directory of the kustomization that names it.
    pub(crate) fn resolve_file(&self, root: &RepoPath, text: &str) -> Step<RepoPath> {
        if remote::is_remote(text) {
            return Err(remote::refusal(text).into());
        }
        let path = self
            .options
            .join(root, text)
            .map_err(|error| escapes(&error.to_string()))?;
        match self.options.load_restrictor {
            LoadRestrictor::None => {}
            LoadRestrictor::RootOnly if path.is_within(root) => {}
            LoadRestrictor::RootOnly => {
                return Err(Problem::new(
                    Reason::PathEscapesRepo,
                    format!("file {path} is not in or below {root}, the directory of the kustomization that names it"),
                )
                .remedy("move the file, or make a base of its directory")
                .into());
            }
        }
        Ok(path)
    }

    /// Puts what a step changed down to it, when that is asked for.
    pub(crate) fn note(&self, map: &mut ResMap, cause: impl FnOnce() -> Cause) {
        if self.explains {
            explain::note(map, &cause());
        }
    }

    /// Counts one visit of a kustomization.
    pub(crate) fn enter(&mut self, depth: usize) -> Step<()> {
        self.kustomizations += 1;
        if depth > self.budgets().kustomization_depth {
            let limit = self.budgets().kustomization_depth;
            return Err(Problem::new(
                Reason::DepthLimit,
                format!("kustomizations are nested deeper than {limit}"),
            )
            .into());
        }
        if self.kustomizations > self.budgets().kustomizations {
            let limit = self.budgets().kustomizations;
            return Err(Problem::new(
                Reason::NodeBudget,
                format!("more than {limit} kustomizations are built"),
            )
            .into());
        }
        Ok(())
    }

    /// Counts objects loaded, each time they are.
    pub(crate) fn count_objects(&mut self, more: usize) -> Step<()> {
        self.objects += more;
        let limit = self.budgets().objects;
        if self.objects > limit.saturating_mul(20) {
            return Err(Problem::new(
                Reason::NodeBudget,
                format!("the build handles more than {limit} objects"),
            )
            .into());
        }
        Ok(())
    }

    fn spend_bytes(&mut self, path: &RepoPath, more: u64) -> Step<()> {
        self.bytes += more;
        if more > self.budgets().file_bytes || self.bytes > self.budgets().total_bytes {
            return Err(Problem::new(
                Reason::YamlBudget,
                format!("{path} has {more} bytes, more than the budget allows"),
            )
            .at(Location::file(path.to_string()))
            .into());
        }
        Ok(())
    }

    fn unreadable(&mut self, path: &RepoPath, error: TreeError) -> Stop {
        match error {
            TreeError::NotFetched(id) => {
                self.missing.insert(id);
                Stop::Missing
            }
            TreeError::Malformed(why) => Problem::new(Reason::MalformedTree, why)
                .at(Location::file(path.to_string()))
                .into(),
            error @ TreeError::TooLarge { .. } => {
                Problem::new(Reason::YamlBudget, error.to_string())
                    .at(Location::file(path.to_string()))
                    .into()
            }
            error @ TreeError::Unreadable { .. } => {
                Problem::new(Reason::GitObjectCorrupt, error.to_string())
                    .at(Location::file(path.to_string()))
                    .into()
            }
        }
    }
}

/// What a YAML error is to the user.
pub(crate) fn yaml_problem(error: &YamlError, file: &str) -> Problem {
    let reason = match error {
        YamlError::Syntax { .. } => Reason::InvalidYaml,
        YamlError::Budget { .. } => Reason::YamlBudget,
    };
    Problem::new(reason, error.to_string()).at(Location::line(file, error.line()))
}

/// A path that leaves the repository.
pub(crate) fn escapes(message: &str) -> Problem {
    Problem::new(Reason::PathEscapesRepo, message)
}

fn shift_lines(node: &mut Node, by: u32) {
    node.span.line += by;
    match &mut node.value {
        Value::List(items) => items.iter_mut().for_each(|n| shift_lines(n, by)),
        Value::Map(map) => map.iter_mut().for_each(|(_, n)| shift_lines(n, by)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

fn refuse_link(path: &RepoPath, kind: EntryKind) -> Step<()> {
    match kind {
        EntryKind::Tree | EntryKind::Blob => Ok(()),
        EntryKind::Symlink => Err(Problem::new(
            Reason::SymlinkNotAllowed,
            format!("{path} is a symbolic link"),
        )
        .at(Location::file(path.to_string()))
        .into()),
        EntryKind::Submodule => Err(Problem::new(
            Reason::SubmoduleNotSupported,
            format!("{path} is a submodule"),
        )
        .at(Location::file(path.to_string()))
        .into()),
    }
}
