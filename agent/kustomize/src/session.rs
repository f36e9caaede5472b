//! One build's view of the tree: what it read, what is missing, what it may still spend.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use muster_model::tree::{EntryKind, TreeError};
use muster_model::yaml::{self, YamlError};
use muster_model::{BlobId, Budgets, Location, Node, Problem, Reason, RepoPath, Tree};

use crate::failure::{Step, Stop};
use crate::kustomization::FILE_NAMES;
use crate::merge::Schemas;
use crate::options::{LoadRestrictor, Options};
use crate::remote;
use crate::repeated_keys::without_repeats;

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
    pub(crate) fn kind_at(&mut self, path: &RepoPath) -> Step<Option<(EntryKind, BlobId)>> {
        match self
            .tree
            .entry(path)
            .map_err(|e| self.unreadable(path, e))?
        {
            Some(entry) => {
                refuse_link(path, entry.kind)?;
                Ok(Some((entry.kind, entry.id)))
            }
            None => {
                let mut above = path.parent();
                while let Some(dir) = above {
                    if let Some(entry) = self
                        .tree
                        .entry(&dir)
                        .map_err(|e| self.unreadable(&dir, e))?
                    {
                        refuse_link(&dir, entry.kind)?;
                        break;
                    }
                    above = dir.parent();
                }
                Ok(None)
            }
        }
    }

    /// The names in a directory, sorted.
    pub(crate) fn list(&mut self, dir: &RepoPath) -> Step<Vec<(String, EntryKind)>> {
        if let Some((EntryKind::Tree, id)) = self.kind_at(dir)? {
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
        let Some((kind, id)) = self.kind_at(path)? else {
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
    pub(crate) fn documents(&mut self, path: &RepoPath) -> Step<Arc<[Node]>> {
        let (id, bytes) = self.read(path)?;
        if let Some(documents) = self.options.cache.as_ref().and_then(|c| c.get(&id)) {
            return Ok(documents);
        }
        let parsed = match self.parse(&bytes, &path.to_string()) {
            Err(stop) if FILE_NAMES.contains(&path.file_name()) => {
                let text = std::str::from_utf8(&bytes)
                    .ok()
                    .and_then(without_repeats)
                    .ok_or(stop)?;
                self.parse(text.as_bytes(), &path.to_string())?
            }
            other => other?,
        };
        let documents: Arc<[Node]> = parsed.into();
        if let Some(cache) = &self.options.cache {
            cache.put(id, &documents);
        }
        Ok(documents)
    }

    /// Reads YAML text.
    pub(crate) fn parse(&self, bytes: &[u8], file: &str) -> Step<Vec<Node>> {
        yaml::read(bytes, self.budgets(), 0).map_err(|error| yaml_problem(&error, file).into())
    }

    /// Notes a file that will be read later, so that everything missing is found in one go.
    pub(crate) fn prefetch(&mut self, dir: &RepoPath, path: &str) {
        if remote::is_remote(path) || path.contains('\n') {
            return;
        }
        if let Ok(path) = dir.join(path)
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
        let path = root
            .join(text)
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
