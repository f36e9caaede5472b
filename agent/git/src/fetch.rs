//! Bringing commits, trees and files here, as few as the server lets us.

use std::collections::BTreeSet;

use gix::ObjectId;
use gix::objs::Kind;
use muster_model::tree::EntryKind;
use muster_model::{BlobId, CommitId};

use crate::capabilities::Server;
use crate::commit::tree_and_parents;
use crate::error::GitError;
use crate::fetch_request::{Depth, FetchRequest, Filter};
use crate::objects::{Objects, ReadError, of_blob, of_commit, to_commit};
use crate::pack_stream::lied;
use crate::remote::Remote;
use crate::store::Store;

/// Commits named as ours in a request; the newest are the last.
const MAX_HAVES: usize = 64;
/// Objects wanted by id in one request: 50 bytes each, a body of 250 KB.
const MAX_WANTS: usize = 5_000;
/// Rounds of fetching trees that a server left out, one level of directories each at worst.
const MAX_ROUNDS: usize = 64;
/// Trees remembered as complete: 25 bytes each, a repository of four million files.
const MAX_VERIFIED: usize = 200_000;

/// What a fetch cost.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Fetched {
    /// Requests sent for objects.
    pub requests: u32,
    /// Objects received.
    pub objects: u32,
}

impl Store {
    /// Brings a commit with all its trees here, and as much of its history's commits as the server and the limits give.
    /// Files come too when the server cannot leave them out. Nothing is sent when all is here already.
    ///
    /// # Errors
    /// When the server fails, does not have the commit, sends something else, or a tree is malformed.
    pub fn fetch(
        &mut self,
        remote: &mut Remote,
        commit_id: &CommitId,
    ) -> Result<Fetched, GitError> {
        let id = of_commit(commit_id)?;
        let mut cost = Fetched::default();
        if self.is_complete(id) || self.is_here(commit_id)? {
            return Ok(cost);
        }
        self.fetch_commit(remote, id, &mut cost)?;
        self.complete_trees(remote, commit_id, &mut cost)?;
        self.mark_complete(id)?;
        self.tidy()?;
        Ok(cost)
    }

    /// Brings objects here by id: what a render found to be [`muster_model::tree::TreeError::NotFetched`]. A file that
    /// is larger than the limits is left out, and stays not fetched.
    ///
    /// # Errors
    /// When the server fails, or does not have one of them.
    pub fn fetch_objects(
        &mut self,
        remote: &mut Remote,
        ids: &BTreeSet<BlobId>,
    ) -> Result<Fetched, GitError> {
        let mut cost = Fetched::default();
        let missing: Vec<ObjectId> = ids
            .iter()
            .filter_map(of_blob)
            .filter(|id| !self.objects.has(*id))
            .collect();
        for wants in missing.chunks(MAX_WANTS) {
            self.fetch_wanted(remote, wants, &mut cost)?;
        }
        Ok(cost)
    }

    /// Brings commits here with their trees and files but without history: the heads of many status refs, one request.
    ///
    /// # Errors
    /// When the server fails, or does not have one of them.
    pub fn fetch_shallow(
        &mut self,
        remote: &mut Remote,
        commit_ids: &BTreeSet<CommitId>,
    ) -> Result<Fetched, GitError> {
        let mut cost = Fetched::default();
        let asked = commit_ids
            .iter()
            .map(of_commit)
            .collect::<Result<BTreeSet<_>, _>>()?;
        let missing: Vec<ObjectId> = asked
            .iter()
            .copied()
            .filter(|id| !self.objects.has(*id))
            .collect();
        let haves = self.shallow_haves();
        for wants in missing.chunks(MAX_WANTS) {
            let request = FetchRequest {
                wants: wants.to_vec(),
                haves: haves.clone(),
                filter: Filter::None,
                depth: Depth::One,
            };
            self.receive(remote, &request, self.limits.pack_bytes, &mut cost)?;
            self.check_arrived(remote, wants)?;
        }
        if asked != self.shallow {
            self.shallow = asked;
            self.tidy()?;
        }
        Ok(cost)
    }

    /// True when the commit and all its trees were brought by something else; noted as complete then.
    fn is_here(&mut self, commit_id: &CommitId) -> Result<bool, GitError> {
        let id = of_commit(commit_id)?;
        let raw = match self.objects.commit(id) {
            Ok(raw) => raw,
            Err(_) => return Ok(false),
        };
        let Some(root) = tree_and_parents(&raw)
            .ok()
            .and_then(|(tree, ..)| of_blob(&tree))
        else {
            return Ok(false);
        };
        let here = self.missing_trees(commit_id, root)?.is_empty();
        if here {
            self.mark_complete(id)?;
        }
        Ok(here)
    }

    fn haves(&self) -> Result<Vec<ObjectId>, GitError> {
        let complete = self.complete()?;
        let present = complete.into_iter().filter(|id| self.objects.has(*id));
        Ok(present.take(MAX_HAVES).collect())
    }

    /// The commit, its history as far as it can be had, and its trees unless the server thinks that we have them.
    fn fetch_commit(
        &mut self,
        remote: &mut Remote,
        id: ObjectId,
        cost: &mut Fetched,
    ) -> Result<(), GitError> {
        let haves = self.haves()?;
        let server = remote.server()?;
        let filter = filter_of(&server);
        let alone = FetchRequest {
            wants: vec![id],
            filter,
            depth: Depth::One,
            ..FetchRequest::default()
        };
        let pack_bytes = self.limits.pack_bytes;
        match server {
            Server::V2 {
                filter: true,
                shallow: true,
                ..
            } if haves.is_empty() => {
                self.fetch_history(remote, id, cost)?;
                self.receive(remote, &alone, pack_bytes, cost)?;
            }
            Server::V2 { .. } | Server::V0 => {
                let request = FetchRequest {
                    haves,
                    depth: Depth::All,
                    ..alone.clone()
                };
                self.receive(remote, &request, pack_bytes, cost)?;
                // An ancestor of what we have, of which we have no more than that: a server thinks that we have it too.
                if !request.haves.is_empty() && !self.objects.has(id) {
                    self.receive(remote, &alone, pack_bytes, cost)?;
                }
            }
        }
        Ok(())
    }

    /// Of the commits read last without history, those that others may be made of: a status without parents is not.
    fn shallow_haves(&self) -> Vec<ObjectId> {
        let has_parents = |id: &&ObjectId| {
            let raw = self.objects.commit(**id);
            raw.is_ok_and(|raw| {
                tree_and_parents(&raw).is_ok_and(|(_, parents, _)| !parents.is_empty())
            })
        };
        self.shallow
            .iter()
            .filter(has_parents)
            .take(MAX_HAVES)
            .copied()
            .collect()
    }

    /// The commits of the whole history. Beyond the budget it is done without, and ancestry may stay unknown.
    fn fetch_history(
        &mut self,
        remote: &mut Remote,
        id: ObjectId,
        cost: &mut Fetched,
    ) -> Result<(), GitError> {
        let request = FetchRequest {
            wants: vec![id],
            filter: Filter::Trees,
            ..FetchRequest::default()
        };
        match self.receive(remote, &request, self.limits.history_bytes, cost) {
            Err(GitError::TooLarge { .. }) => {
                tracing::info!(commit_id = %id, "the history is larger than the limit and is left out");
                Ok(())
            }
            received => received,
        }
    }

    /// Fetches by id; what is too large together is fetched in halves, until one object alone is too large.
    fn fetch_wanted(
        &mut self,
        remote: &mut Remote,
        wants: &[ObjectId],
        cost: &mut Fetched,
    ) -> Result<(), GitError> {
        let mut left = vec![wants];
        while let Some(wants) = left.pop() {
            let request = FetchRequest {
                wants: wants.to_vec(),
                ..FetchRequest::default()
            };
            match self.receive(remote, &request, self.limits.pack_bytes, cost) {
                Ok(()) => self.check_arrived(remote, wants)?,
                Err(GitError::TooLarge { .. }) if wants.len() > 1 => {
                    let (one, other) = wants.split_at(wants.len() / 2);
                    left.extend([one, other]);
                }
                Err(GitError::TooLarge { .. }) => self.objects.refuse(wants),
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    fn check_arrived(&self, remote: &Remote, ids: &[ObjectId]) -> Result<(), GitError> {
        match ids.iter().find(|id| !self.objects.has(**id)) {
            Some(id) => Err(lied(remote.url().as_str(), &format!("a pack without {id}"))),
            None => Ok(()),
        }
    }

    /// Reads every tree of the commit that was not read before; those a server left out are fetched by id.
    fn complete_trees(
        &mut self,
        remote: &mut Remote,
        commit_id: &CommitId,
        cost: &mut Fetched,
    ) -> Result<(), GitError> {
        let url = remote.url().as_str().to_owned();
        let root = root_of(&self.objects, commit_id, &url)?;
        for _ in 0..MAX_ROUNDS {
            let missing = self.missing_trees(commit_id, root)?;
            if missing.is_empty() {
                return Ok(());
            }
            let request = FetchRequest {
                wants: missing.iter().copied().take(MAX_WANTS).collect(),
                filter: filter_of(&remote.server()?),
                ..FetchRequest::default()
            };
            self.receive(remote, &request, self.limits.pack_bytes, cost)?;
            self.check_arrived(remote, &request.wants)?;
        }
        Err(lied(&url, "trees without end"))
    }

    fn missing_trees(
        &mut self,
        commit_id: &CommitId,
        root: ObjectId,
    ) -> Result<BTreeSet<ObjectId>, GitError> {
        let mut missing = BTreeSet::new();
        let mut seen = BTreeSet::from([root]);
        let mut left = vec![root];
        while let Some(id) = left.pop() {
            if self.verified.contains(&id) {
                continue;
            }
            let entries = match self.objects.tree(id) {
                Ok(entries) => entries,
                Err(ReadError::Missing) => {
                    missing.insert(id);
                    continue;
                }
                Err(ReadError::Malformed(malformed)) => {
                    return Err(GitError::MalformedTree {
                        commit: commit_id.clone(),
                        what: malformed.to_string(),
                    });
                }
                Err(error) => return Err(error.of(&format!("tree {id}"))),
            };
            let trees = entries
                .values()
                .filter(|entry| entry.kind == EntryKind::Tree);
            left.extend(
                trees
                    .filter_map(|entry| of_blob(&entry.id))
                    .filter(|id| seen.insert(*id)),
            );
        }
        if missing.is_empty() {
            if self.verified.len() > MAX_VERIFIED {
                self.verified.clear();
            }
            self.verified.extend(seen);
        }
        Ok(missing)
    }
}

/// Files are left out where the server can do that.
fn filter_of(server: &Server) -> Filter {
    match server {
        Server::V2 { filter: true, .. } => Filter::Blobs,
        Server::V2 { filter: false, .. } | Server::V0 => Filter::None,
    }
}

/// The root tree of a commit that was just fetched; not having it means that the server sent something else.
fn root_of(objects: &Objects, commit_id: &CommitId, url: &str) -> Result<ObjectId, GitError> {
    let id = of_commit(commit_id)?;
    match objects.kind(id) {
        Ok(Some(Kind::Commit)) => {}
        Ok(Some(kind)) => {
            return Err(lied(
                url,
                &format!("a {kind} where {commit_id} is a commit"),
            ));
        }
        Ok(None) => return Err(lied(url, &format!("a pack without {commit_id}"))),
        Err(error) => return Err(error.of(&format!("commit {commit_id}"))),
    }
    let raw = objects
        .commit(id)
        .map_err(|error| error.of(&format!("commit {}", to_commit(id))))?;
    let tree = tree_and_parents(&raw)
        .ok()
        .and_then(|(tree, ..)| of_blob(&tree));
    tree.ok_or_else(|| lied(url, &format!("{commit_id}, which is no valid commit")))
}
