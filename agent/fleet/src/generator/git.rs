//! The Git generator: directories or files of the hub repository.

use std::collections::BTreeMap;
use std::sync::Arc;

use muster_model::tree::{EntryKind, TreeError};
use muster_model::{Node, Reason, RepoPath, Tree};

use super::{Scene, append_values};
use crate::decode::{Decoder, Fields};
use crate::failure::Failure;
use crate::fleet::Fleet;
use crate::git_url;
use crate::glob::{Dialect, Glob, fixed_directory};
use crate::params::{self, Params};
use crate::template::{base_name, normalise};
use crate::yaml_text;

/// Entries of the tree one generator may look at: 1,000,000 (HAZARDS.md T-30).
const MAX_ENTRIES: usize = 1_000_000;

/// What the Git generator reads.
#[derive(Clone, Copy)]
pub enum GitSource<'a> {
    /// The hub repository at the commit in question.
    Hub {
        /// Its files.
        tree: &'a dyn Tree,
        /// Says which URLs mean it.
        fleet: &'a Fleet,
    },
    /// Given directories and files, whatever the URL.
    Listing(&'a Listing),
    /// Given parameters, whatever the generator asks for.
    Given(&'a [Params]),
}

/// Directories and files as values.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Listing {
    /// Directories, in the order they are matched.
    pub directories: Vec<String>,
    /// Files and their content.
    pub files: BTreeMap<String, Vec<u8>>,
}

/// Directories or files of the hub repository.
#[derive(Debug, Clone, PartialEq)]
pub struct Git {
    repo_url: String,
    revision: String,
    directories: Vec<Pattern>,
    files: Vec<Pattern>,
    path_param_prefix: String,
    values: BTreeMap<String, String>,
    pub(super) template: Option<Node>,
}

#[derive(Debug, Clone, PartialEq)]
struct Pattern {
    path: String,
    exclude: bool,
}

impl Git {
    pub(super) fn read(decoder: &mut Decoder, node: &Node, path: &str) -> Self {
        let mut fields = decoder.fields(node, path);
        let git = Self {
            repo_url: decoder.text(&mut fields, "repoURL"),
            revision: decoder.text(&mut fields, "revision"),
            directories: read_patterns(decoder, &mut fields, "directories"),
            files: read_patterns(decoder, &mut fields, "files"),
            path_param_prefix: decoder.text(&mut fields, "pathParamPrefix"),
            values: decoder.text_map(&mut fields, "values"),
            template: fields.take("template").cloned(),
        };
        decoder.without_effect(
            &mut fields,
            "requeueAfterSeconds",
            "the hub repository is read at the commit that is planned",
        );
        if git.directories.is_empty() && git.files.is_empty() {
            let problem = decoder.wrong(
                node.span.line,
                path,
                "neither directories nor files are named",
            );
            problem.remedy = Some("add `directories` or `files`".to_owned());
        }
        decoder.finish(fields);
        git
    }

    pub(super) fn generate(&self, scene: &mut Scene<'_, '_>) -> Result<Vec<Params>, Failure> {
        if let GitSource::Given(params) = scene.git {
            return Ok(params.to_vec());
        }
        self.check(scene.git)?;
        if self.directories.is_empty() {
            return self.parameters_of_files(scene);
        }
        let mut out = Vec::new();
        for path in self.matching_directories(scene.git)? {
            let mut params = Params::new();
            self.add_path(&mut params, &path, None, scene.language.is_go());
            append_values(&self.values, &mut params, scene)?;
            out.push(params);
        }
        Ok(out)
    }

    /// Refuses repositories and revisions other than the commit that is planned.
    fn check(&self, source: GitSource<'_>) -> Result<(), Failure> {
        let GitSource::Hub { fleet, .. } = source else {
            return Ok(());
        };
        if !fleet.repository(&self.repo_url).is_some_and(|r| r.is_self) {
            let problem = muster_model::Problem::new(
                Reason::UnknownRepository,
                format!(
                    "the git generator reads {}, which is not the hub repository",
                    git_url::shown(&self.repo_url)
                ),
            );
            return Err(problem
                .remedy("add the URL under spec.repositories with `self: true` if it is this repository; the generator reads no other")
                .into());
        }
        if is_pinned(&self.revision) {
            return Err(Failure::of(
                Reason::NotSupported,
                format!(
                    "the git generator names the fixed revision `{}`; it reads the commit that is planned: name the branch",
                    self.revision
                ),
            ));
        }
        Ok(())
    }

    fn matching_directories(&self, source: GitSource<'_>) -> Result<Vec<String>, Failure> {
        let all = match source {
            GitSource::Given(_) => Vec::new(),
            GitSource::Listing(listing) => listing.directories.clone(),
            GitSource::Hub { tree, .. } => {
                // `path.Match` never crosses a slash: nothing deeper than the longest pattern can match.
                let depth = |p: &Pattern| p.path.split('/').count();
                let deepest = self.directories.iter().map(depth).max().unwrap_or_default();
                let mut walk = Walk::new(tree);
                walk.directories(&RepoPath::root(), deepest)?;
                walk.found
            }
        };
        let globs: Vec<(Option<Glob>, bool)> = self
            .directories
            .iter()
            .map(|p| (Glob::new(&p.path, Dialect::Path), p.exclude))
            .collect();
        let hit = |path: &str, wanted: bool| {
            globs.iter().any(|(glob, exclude)| {
                *exclude == wanted && glob.as_ref().is_some_and(|glob| glob.matches(path))
            })
        };
        Ok(all
            .into_iter()
            .filter(|path| hit(path, false) && !hit(path, true))
            .collect())
    }

    fn parameters_of_files(&self, scene: &mut Scene<'_, '_>) -> Result<Vec<Params>, Failure> {
        let mut out = Vec::new();
        for (path, bytes) in self.matching_files(scene.git)? {
            for object in parse(&path, &bytes)? {
                let go = scene.language.is_go();
                let mut params = if go {
                    object
                } else {
                    let flat = params::flatten(&object);
                    flat.iter()
                        .map(|(key, value)| (key.as_str().into(), params::text(value)))
                        .collect()
                };
                let (directory, name) = path.rsplit_once('/').unwrap_or((".", &path));
                self.add_path(&mut params, directory, Some(name), go);
                append_values(&self.values, &mut params, scene)?;
                out.push(params);
            }
        }
        Ok(out)
    }

    fn matching_files(
        &self,
        source: GitSource<'_>,
    ) -> Result<BTreeMap<String, Arc<[u8]>>, Failure> {
        let mut found = BTreeMap::new();
        for pattern in self.files.iter().filter(|p| !p.exclude) {
            found.extend(list_files(source, &pattern.path)?);
        }
        for pattern in self.files.iter().filter(|p| p.exclude) {
            let matches = matcher(&pattern.path);
            found.retain(|path, _| !matches(path));
        }
        read_files(source, found)
    }

    /// Adds `path` and what belongs to it.
    fn add_path(&self, params: &mut Params, path: &str, file: Option<&str>, go: bool) {
        let basename = base_name(path);
        let mut parts = vec![
            ("path", path.to_owned()),
            ("basename", basename.clone()),
            ("basenameNormalized", normalise(&basename)),
        ];
        if let Some(file) = file {
            parts.push(("filename", file.to_owned()));
            parts.push(("filenameNormalized", normalise(file)));
        }
        let prefix = &self.path_param_prefix;
        if go {
            let mut map: Params = parts
                .iter()
                .map(|(key, value)| ((*key).into(), params::text(value)))
                .collect();
            map.insert(
                "segments".into(),
                params::list(path.split('/').map(params::text)),
            );
            let own = Params::from([("path".into(), params::map(map))]);
            if prefix.is_empty() {
                params.extend(own);
            } else {
                params.insert(prefix.as_str().into(), params::map(own));
            }
            return;
        }
        let name = if prefix.is_empty() {
            "path".to_owned()
        } else {
            format!("{prefix}.path")
        };
        for (key, value) in &parts {
            let key = if *key == "path" {
                name.clone()
            } else {
                format!("{name}.{key}")
            };
            params.insert(key.into(), params::text(value));
        }
        for (index, segment) in path.split('/').enumerate().filter(|(_, s)| !s.is_empty()) {
            params.insert(format!("{name}[{index}]").into(), params::text(segment));
        }
    }
}

fn read_patterns(
    decoder: &mut Decoder,
    fields: &mut Fields<'_>,
    name: &'static str,
) -> Vec<Pattern> {
    let mut patterns = Vec::new();
    for (path, node) in decoder.items(fields, name) {
        let mut entry = decoder.fields(node, &path);
        patterns.push(Pattern {
            path: decoder.text_required(&mut entry, "path"),
            exclude: decoder.bool(&mut entry, "exclude"),
        });
        decoder.finish(entry);
    }
    patterns
}

/// True for a commit id or a version tag: something that is not the branch being planned.
fn is_pinned(revision: &str) -> bool {
    let hex = revision.len() >= 7 && revision.bytes().all(|b| b.is_ascii_hexdigit());
    let version = revision.strip_prefix('v').unwrap_or(revision);
    let numbers = version
        .split('.')
        .filter(|part| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit()));
    hex || revision.starts_with("refs/tags/") || numbers.count() >= 2
}

/// Matches a path as `git ls-files -- <pattern>` does: a wildcard crosses `/`; a plain path also means all below it.
fn matcher(pattern: &str) -> impl Fn(&str) -> bool {
    let plain = plain_path(pattern);
    let glob = Glob::new(&plain, Dialect::Pathspec);
    move |path| {
        (path == plain && !plain.ends_with('/'))
            || plain.is_empty()
            || path
                .strip_prefix(plain.trim_end_matches('/'))
                .is_some_and(|rest| rest.starts_with('/'))
            || glob.as_ref().is_some_and(|glob| glob.matches(path))
    }
}

/// A pattern without the steps that lead nowhere, as Git writes paths: `./a//b` is `a/b`, and `.` is everything.
fn plain_path(pattern: &str) -> String {
    let steps = pattern.split('/').filter(|step| !matches!(*step, "" | "."));
    let path = steps.collect::<Vec<_>>().join("/");
    if pattern.ends_with('/') && !path.is_empty() {
        return format!("{path}/");
    }
    path
}

type Found = BTreeMap<String, Option<muster_model::BlobId>>;

fn list_files(source: GitSource<'_>, pattern: &str) -> Result<Found, Failure> {
    let matches = matcher(pattern);
    match source {
        GitSource::Given(_) => Ok(Found::new()),
        GitSource::Listing(listing) => Ok(listing
            .files
            .keys()
            .filter(|path| matches(path))
            .map(|path| (path.clone(), None))
            .collect()),
        GitSource::Hub { tree, .. } => {
            let start = plain_path(pattern);
            let Ok(start) = RepoPath::new(fixed_directory(&start)) else {
                return Ok(Found::new());
            };
            let mut walk = Walk::new(tree);
            walk.files(&start, &matches)?;
            Ok(walk.files)
        }
    }
}

/// Reads every file; all that are not fetched are named at once.
fn read_files(source: GitSource<'_>, found: Found) -> Result<BTreeMap<String, Arc<[u8]>>, Failure> {
    let mut out = BTreeMap::new();
    let mut missing = Vec::new();
    for (path, id) in found {
        let bytes = match (source, &id) {
            (GitSource::Listing(listing), _) => {
                Arc::from(listing.files.get(&path).cloned().unwrap_or_default())
            }
            (GitSource::Hub { tree, .. }, Some(id)) => match tree.blob(id) {
                Ok(bytes) => bytes,
                Err(TreeError::NotFetched(id)) => {
                    missing.push(id);
                    continue;
                }
                Err(error) => return Err(error.into()),
            },
            (GitSource::Hub { .. }, None) | (GitSource::Given(_), _) => continue,
        };
        out.insert(path, bytes);
    }
    if missing.is_empty() {
        return Ok(out);
    }
    Err(Failure::NotFetched(missing))
}

/// One mapping, or a list of mappings; an empty file is one empty mapping.
fn parse(path: &str, bytes: &[u8]) -> Result<Vec<Params>, Failure> {
    let wrong = |line: u32, why: String| {
        Failure::from(
            muster_model::Problem::new(Reason::InvalidYaml, why)
                .at(muster_model::Location::line(path, line)),
        )
    };
    let documents =
        yaml_text::read(bytes).map_err(|error| wrong(error.line(), error.to_string()))?;
    let Some(document) = documents.first() else {
        return Ok(vec![Params::new()]);
    };
    let object = |node: &Node| {
        if node.is_null() {
            // What Go's decoder makes of null.
            return Ok(Params::new());
        }
        node.as_map().map(params::from_map).ok_or_else(|| {
            wrong(
                node.span.line,
                format!(
                    "expected a mapping, or a list of mappings, found {}",
                    node.shape()
                ),
            )
        })
    };
    match document.as_list() {
        Some(items) => items.iter().map(object).collect(),
        None => Ok(vec![object(document)?]),
    }
}

/// Walks a tree, counting what it looks at.
struct Walk<'a> {
    tree: &'a dyn Tree,
    found: Vec<String>,
    files: Found,
    entries: usize,
}

impl<'a> Walk<'a> {
    fn new(tree: &'a dyn Tree) -> Self {
        Self {
            tree,
            found: Vec::new(),
            files: Found::new(),
            entries: 0,
        }
    }

    fn list(
        &mut self,
        path: &RepoPath,
    ) -> Result<Vec<(String, muster_model::tree::Entry)>, Failure> {
        let entries = self.tree.list(path)?;
        self.entries += entries.len();
        if self.entries > MAX_ENTRIES {
            return Err(Failure::of(
                Reason::NodeBudget,
                format!(
                    "the git generator looks at more than {MAX_ENTRIES} entries: name a directory before the first wildcard"
                ),
            ));
        }
        Ok(entries)
    }

    /// Directories below `path`, parents first, hidden ones left out.
    fn directories(&mut self, path: &RepoPath, depth: usize) -> Result<(), Failure> {
        if depth == 0 {
            return Ok(());
        }
        for (name, entry) in self.list(path)? {
            if entry.kind == EntryKind::Tree && !name.starts_with('.') {
                let child = path.child(&name);
                self.found.push(child.as_str().to_owned());
                self.directories(&child, depth - 1)?;
            }
        }
        Ok(())
    }

    /// Files below `path` that match.
    fn files(&mut self, path: &RepoPath, matches: &dyn Fn(&str) -> bool) -> Result<(), Failure> {
        for (name, entry) in self.list(path)? {
            let child = path.child(&name);
            match entry.kind {
                EntryKind::Tree => self.files(&child, matches)?,
                EntryKind::Blob if matches(child.as_str()) => {
                    self.files.insert(child.as_str().to_owned(), Some(entry.id));
                }
                EntryKind::Symlink if matches(child.as_str()) => {
                    return Err(Failure::of(
                        Reason::SymlinkNotAllowed,
                        format!("`{child}` is a symbolic link"),
                    ));
                }
                EntryKind::Blob | EntryKind::Symlink | EntryKind::Submodule => {}
            }
        }
        Ok(())
    }
}
