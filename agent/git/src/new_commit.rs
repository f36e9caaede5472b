//! Commits made in memory, to be pushed: files put into or taken out of a tree, signed by the caller.

use std::collections::{BTreeMap, BTreeSet};

use gix::ObjectId;
use gix::objs::Kind;
use muster_model::tree::{Entry, EntryKind, Tree as _};
use muster_model::{CommitId, RepoPath};

use crate::commit::Person;
use crate::error::GitError;
use crate::objects::{of_blob, to_blob, to_commit};
use crate::snapshot::Snapshot;

/// A commit to be made.
#[derive(Debug)]
pub struct NewCommit<'a> {
    /// The commit whose files it starts from; `None` starts empty.
    pub base: Option<&'a Snapshot>,
    /// Its parents; a status commit has none.
    pub parents: Vec<CommitId>,
    /// Files to put (`Some`) or to take away (`None`).
    pub changes: BTreeMap<RepoPath, Option<Vec<u8>>>,
    /// Author and committer.
    pub person: Person,
    /// The message, without trailers.
    pub message: String,
    /// Trailers, in order: `("Sequence", "7")`.
    pub trailers: Vec<(String, String)>,
}

/// Objects that a push sends, by id.
#[derive(Debug, Clone, Default)]
pub struct NewObjects {
    pub(crate) objects: BTreeMap<ObjectId, (Kind, Vec<u8>)>,
}

impl NewObjects {
    /// Adds the objects of another commit.
    pub fn extend(&mut self, other: Self) {
        self.objects.extend(other.objects);
    }

    /// How many objects there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.objects.len()
    }

    /// True when there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.objects.is_empty()
    }

    fn put(&mut self, kind: Kind, data: Vec<u8>) -> Result<ObjectId, GitError> {
        let id = gix::objs::compute_hash(gix::hash::Kind::Sha1, kind, &data).map_err(|_| {
            GitError::Setup {
                why: "an object to be pushed is part of a SHA-1 collision".to_owned(),
            }
        })?;
        self.objects.insert(id, (kind, data));
        Ok(id)
    }
}

impl NewCommit<'_> {
    /// Makes the commit and every object that its base lacks. `sign` is given the commit's bytes and returns the armoured
    /// signature that goes into its `gpgsig` header.
    ///
    /// # Errors
    /// When the base cannot be read, a file stands where a directory is needed, a name or trailer has a line break, or
    /// `sign` fails.
    pub fn build<E>(
        self,
        sign: Option<impl FnOnce(&[u8]) -> Result<String, E>>,
    ) -> Result<(CommitId, NewObjects), BuildError<E>> {
        let mut made = NewObjects::default();
        let tree = self.tree(&mut made)?;
        let text = self.text(tree)?;
        let text = match sign {
            None => text,
            Some(sign) => {
                let armored = sign(text.as_bytes()).map_err(BuildError::Sign)?;
                with_signature(&text, &armored)
            }
        };
        let id = made.put(Kind::Commit, text.into_bytes())?;
        Ok((to_commit(id), made))
    }

    fn tree(&self, made: &mut NewObjects) -> Result<ObjectId, GitError> {
        let mut files = BTreeMap::new();
        for (path, content) in &self.changes {
            let id = content
                .as_ref()
                .map(|data| made.put(Kind::Blob, data.clone()))
                .transpose()?;
            files.insert(path.clone(), id);
        }
        let root = self.directory(&RepoPath::root(), &files, made)?;
        match root {
            Some(id) => Ok(id),
            None => made.put(Kind::Tree, Vec::new()),
        }
    }

    /// The tree of one directory that something changes in; `None` when it became empty.
    fn directory(
        &self,
        dir: &RepoPath,
        files: &BTreeMap<RepoPath, Option<ObjectId>>,
        made: &mut NewObjects,
    ) -> Result<Option<ObjectId>, GitError> {
        let mut entries: BTreeMap<String, Entry> = match self.base {
            Some(base) => base
                .list(dir)
                .map_err(|error| unreadable(dir, &error))?
                .into_iter()
                .collect(),
            None => BTreeMap::new(),
        };
        let mut below: BTreeSet<String> = BTreeSet::new();
        for (path, id) in files {
            let depth = dir.components().count();
            let mut rest = path.components().skip(depth);
            if !path.is_within(dir) {
                continue;
            }
            let (Some(name), more) = (rest.next(), rest.next().is_some()) else {
                return Err(misplaced(path));
            };
            if more {
                below.insert(name.to_owned());
            } else if let Some(id) = id {
                if entries.get(name).is_some_and(|e| e.kind == EntryKind::Tree) {
                    return Err(misplaced(path));
                }
                let (kind, id) = (EntryKind::Blob, to_blob(*id));
                entries.insert(name.to_owned(), Entry { kind, id });
            } else {
                entries.remove(name);
            }
        }
        for name in below {
            let path = dir.child(&name);
            if entries
                .get(&name)
                .is_some_and(|e| e.kind != EntryKind::Tree)
            {
                return Err(misplaced(&path));
            }
            match self.directory(&path, files, made)? {
                Some(id) => {
                    let (kind, id) = (EntryKind::Tree, to_blob(id));
                    entries.insert(name, Entry { kind, id });
                }
                None => {
                    entries.remove(&name);
                }
            }
        }
        if entries.is_empty() {
            return Ok(None);
        }
        made.put(Kind::Tree, encode(&entries)).map(Some)
    }

    fn text(&self, tree: ObjectId) -> Result<String, GitError> {
        let plain = |text: &str| !text.contains(['\n', '\r', '\0', '<', '>']);
        let Person { name, email, time } = &self.person;
        let trailers_plain = self
            .trailers
            .iter()
            .all(|(key, value)| !format!("{key}{value}").contains(['\n', '\r', '\0']));
        if !plain(name) || !plain(email) || !trailers_plain || self.message.contains('\0') {
            return Err(GitError::Setup {
                why: "a name or trailer of the commit has a line break or a bracket in it"
                    .to_owned(),
            });
        }
        let mut text = format!("tree {tree}\n");
        for parent in &self.parents {
            text.push_str(&format!("parent {parent}\n"));
        }
        text.push_str(&format!("author {name} <{email}> {time} +0000\n"));
        text.push_str(&format!("committer {name} <{email}> {time} +0000\n\n"));
        text.push_str(self.message.trim_end());
        text.push('\n');
        for (place, (key, value)) in self.trailers.iter().enumerate() {
            let gap = if place == 0 { "\n" } else { "" };
            text.push_str(&format!("{gap}{key}: {value}\n"));
        }
        Ok(text)
    }
}

/// Why a commit could not be made.
#[derive(Debug, thiserror::Error)]
pub enum BuildError<E> {
    /// The base or the input.
    #[error(transparent)]
    Git(#[from] GitError),
    /// The caller's signing.
    #[error("the commit cannot be signed")]
    Sign(E),
}

/// The commit with the signature as its last header.
fn with_signature(text: &str, armored: &str) -> String {
    let (headers, message) = text.split_once("\n\n").unwrap_or((text, ""));
    let lines: Vec<&str> = armored.trim_end().lines().collect();
    format!("{headers}\ngpgsig {}\n\n{message}", lines.join("\n "))
}

/// A tree object: entries in Git's order, directories as if their names ended with `/`.
fn encode(entries: &BTreeMap<String, Entry>) -> Vec<u8> {
    let mut sorted: Vec<(String, &str, &Entry)> = entries
        .iter()
        .map(|(name, entry)| match entry.kind {
            EntryKind::Tree => (format!("{name}/"), "40000", entry),
            EntryKind::Blob => (name.clone(), "100644", entry),
            EntryKind::Symlink => (name.clone(), "120000", entry),
            EntryKind::Submodule => (name.clone(), "160000", entry),
        })
        .collect();
    sorted.sort_by(|a, b| a.0.cmp(&b.0));
    let mut out = Vec::new();
    for (key, mode, entry) in sorted {
        out.extend_from_slice(mode.as_bytes());
        out.push(b' ');
        out.extend_from_slice(key.trim_end_matches('/').as_bytes());
        out.push(0);
        if let Some(id) = of_blob(&entry.id) {
            out.extend_from_slice(id.as_slice());
        }
    }
    out
}

fn misplaced(path: &RepoPath) -> GitError {
    GitError::Setup {
        why: format!("{path} is a file where a directory is needed, or the other way round"),
    }
}

fn unreadable(dir: &RepoPath, error: &muster_model::tree::TreeError) -> GitError {
    GitError::Missing {
        what: format!("directory {dir} of the base ({error})"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    type Signer = fn(&[u8]) -> Result<String, std::convert::Infallible>;

    fn commit(changes: &[(&str, Option<&str>)]) -> NewCommit<'static> {
        let change = |(path, text): &(&str, Option<&str>)| {
            let path = RepoPath::new(path).expect("plain");
            (path, text.map(|text| text.as_bytes().to_vec()))
        };
        NewCommit {
            base: None,
            parents: Vec::new(),
            changes: changes.iter().map(change).collect(),
            person: Person {
                name: "muster".to_owned(),
                email: "muster@east".to_owned(),
                time: 0,
            },
            message: "x".to_owned(),
            trailers: Vec::new(),
        }
    }

    #[test]
    fn equal_commits_have_equal_ids_and_share_objects() {
        let make = || {
            let made = commit(&[("a/x", Some("1")), ("b/x", Some("1"))]).build(None::<Signer>);
            made.expect("made")
        };
        let (id, objects) = make();
        assert_eq!(id, make().0);
        assert_eq!(
            objects.len(),
            4,
            "one file, one tree twice, the root, the commit"
        );
    }

    #[test]
    fn nothing_left_is_the_empty_tree() {
        let (_, objects) = commit(&[("a/x", None)])
            .build(None::<Signer>)
            .expect("made");
        let empty = ObjectId::empty_tree(gix::hash::Kind::Sha1);
        assert!(objects.objects.contains_key(&empty));
    }

    #[test]
    fn a_file_below_a_file_is_refused() {
        let made = commit(&[("a", Some("1")), ("a/x", Some("1"))]).build(None::<Signer>);
        assert!(matches!(made, Err(BuildError::Git(GitError::Setup { .. }))));
    }

    #[test]
    fn headers_cannot_be_injected() {
        let mut injected = commit(&[("a", Some("1"))]);
        injected.person.name = "x> 0 +0000\ngpgsig y".to_owned();
        assert!(injected.build(None::<Signer>).is_err());
        let mut injected = commit(&[("a", Some("1"))]);
        injected
            .trailers
            .push(("Sequence".to_owned(), "7\nSequence: 8".to_owned()));
        assert!(injected.build(None::<Signer>).is_err());
    }
}
