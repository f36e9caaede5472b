//! Keeping the store small: what no kept commit leads to goes, and many small packs become one.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::{BufReader, BufWriter};
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

use gix::ObjectId;
use gix::objs::Kind;
use muster_model::tree::EntryKind;

use crate::commit::tree_and_parents;
use crate::error::GitError;
use crate::objects::{Objects, ReadError, of_blob, of_commit};
use crate::pack_writer::PackWriter;
use crate::store::Store;

/// Packs after which the store is tidied: each costs two file descriptors and a lookup.
const MAX_PACKS: usize = 64;
/// Commits kept with their files, besides pins and statuses: the releases a busy branch had in the last minutes.
const KEPT_COMMITS: usize = 16;
/// Packs of this size stay as they are: rewriting them costs more than they do. 8 MiB.
const LARGE_PACK: u64 = 8 << 20;

impl Store {
    /// Tidies when there are many packs. Snapshots go on working; a file that only an old commit has is fetched again
    /// when it is read.
    pub(crate) fn tidy(&mut self) -> Result<(), GitError> {
        if self.packs()?.len() > MAX_PACKS {
            self.collect()?;
        }
        Ok(())
    }

    /// Keeps the pinned and the newest commits, the statuses read last, and the commits of their history.
    ///
    /// # Errors
    /// When an object is damaged, or the file system refuses.
    pub fn collect(&mut self) -> Result<(), GitError> {
        let (large, small): (Vec<_>, Vec<_>) = self
            .packs()?
            .into_iter()
            .partition(|(_, size)| *size >= LARGE_PACK);
        let mut movable = ids_in(&small)?;
        for pack in &large {
            let index = index_of(&pack.0)?;
            movable.retain(|id| index.lookup(id).is_none());
        }
        let live = self.live(movable)?;
        let written = self.write_live(&live)?;
        let old = small
            .into_iter()
            .map(|(pack, _)| pack)
            .filter(|pack| Some(pack) != written.as_ref());
        self.objects.replace(self.path(), || {
            for pack in old {
                // The index first: without it the pack is not looked at.
                remove(&pack.with_extension("idx"))?;
                remove(&pack)?;
            }
            Ok(())
        })
    }

    /// What the kept commits lead to, as far as it is among `movable`.
    fn live(&mut self, movable: BTreeSet<ObjectId>) -> Result<BTreeMap<ObjectId, Kind>, GitError> {
        let mut roots = self.keep_newest()?;
        for id in self.pins()?.values() {
            roots.insert(of_commit(id)?);
        }
        let mut marks = Marks {
            objects: &self.objects,
            movable,
            seen: BTreeSet::new(),
            live: BTreeMap::new(),
        };
        for id in roots.iter().chain(&self.shallow) {
            marks.files(*id)?;
        }
        marks.history(roots)?;
        Ok(marks.live)
    }

    /// Forgets that older commits are complete; they are looked at, or fetched, again when they are asked for.
    fn keep_newest(&mut self) -> Result<BTreeSet<ObjectId>, GitError> {
        let mut by_time = Vec::new();
        for id in self.complete()? {
            let time = match self.objects.commit(id) {
                Ok(raw) => tree_and_parents(&raw).map_or(0, |(.., time)| time),
                Err(ReadError::Missing) => i64::MIN,
                Err(error) => return Err(error.of(&format!("commit {id}"))),
            };
            by_time.push((time, id));
        }
        by_time.sort_unstable_by(|a, b| b.cmp(a));
        let old = by_time.split_off(by_time.len().min(KEPT_COMMITS));
        for (_, id) in old {
            self.unmark_complete(id)?;
        }
        Ok(by_time.into_iter().map(|(_, id)| id).collect())
    }

    fn write_live(&self, live: &BTreeMap<ObjectId, Kind>) -> Result<Option<PathBuf>, GitError> {
        if live.is_empty() {
            return Ok(None);
        }
        let path = self.pack_directory().join("tidied.tmp");
        let failed =
            |error: std::io::Error| GitError::io(format!("write {}", path.display()), &error);
        let file = BufWriter::new(fs::File::create(&path).map_err(failed)?);
        let count = u32::try_from(live.len()).unwrap_or(u32::MAX);
        let mut writer = PackWriter::new(file, count).map_err(failed)?;
        for (id, kind) in live {
            let data = self.objects.any(*id, *kind);
            let data = data.map_err(|error| error.of(&format!("{kind} {id}")))?;
            writer.put(*kind, &data).map_err(failed)?;
        }
        writer.finish().map_err(failed)?;
        let mut input = BufReader::new(fs::File::open(&path).map_err(failed)?);
        let written = self.write_bundle(&mut input, false, &AtomicBool::new(false));
        let written = written.map_err(|error| GitError::Corrupt {
            what: format!("a pack of its own: {}", error.probable_cause()),
        })?;
        remove(&path)?;
        Ok(written.data_path)
    }
}

/// A walk over what is reachable.
struct Marks<'a> {
    objects: &'a Objects,
    movable: BTreeSet<ObjectId>,
    seen: BTreeSet<ObjectId>,
    live: BTreeMap<ObjectId, Kind>,
}

impl Marks<'_> {
    fn mark(&mut self, id: ObjectId, kind: Kind) {
        if self.movable.contains(&id) {
            self.live.insert(id, kind);
        }
    }

    /// Every commit that is here among the ancestors of the roots.
    fn history(&mut self, roots: BTreeSet<ObjectId>) -> Result<(), GitError> {
        let mut left: Vec<ObjectId> = roots.iter().copied().collect();
        let mut seen = roots;
        while let Some(id) = left.pop() {
            let Some((_, parents)) = self.commit(id)? else {
                continue;
            };
            self.mark(id, Kind::Commit);
            left.extend(parents.into_iter().filter(|parent| seen.insert(*parent)));
        }
        Ok(())
    }

    /// A commit, and all of its trees and files that are here.
    fn files(&mut self, id: ObjectId) -> Result<(), GitError> {
        let Some((root, _)) = self.commit(id)? else {
            return Ok(());
        };
        self.mark(id, Kind::Commit);
        let mut left = vec![root];
        while let Some(id) = left.pop() {
            if !self.seen.insert(id) {
                continue;
            }
            let entries = match self.objects.tree(id) {
                Ok(entries) => entries,
                Err(ReadError::Missing) => continue,
                Err(error) => return Err(error.of(&format!("tree {id}"))),
            };
            self.mark(id, Kind::Tree);
            for entry in entries.values() {
                let Some(id) = of_blob(&entry.id) else {
                    continue;
                };
                match entry.kind {
                    EntryKind::Tree => left.push(id),
                    EntryKind::Blob | EntryKind::Symlink => self.mark(id, Kind::Blob),
                    EntryKind::Submodule => {}
                }
            }
        }
        Ok(())
    }

    /// Root tree and parents; `None` when the commit is not here.
    fn commit(&self, id: ObjectId) -> Result<Option<(ObjectId, Vec<ObjectId>)>, GitError> {
        let raw = match self.objects.commit(id) {
            Ok(raw) => raw,
            Err(ReadError::Missing) => return Ok(None),
            Err(error) => return Err(error.of(&format!("commit {id}"))),
        };
        let invalid = |why: &str| GitError::Corrupt {
            what: format!("commit {id} {why}"),
        };
        let (tree, parents, _) = tree_and_parents(&raw).map_err(invalid)?;
        let tree = of_blob(&tree).ok_or_else(|| invalid("has an invalid tree"))?;
        let parents = parents.iter().map(of_commit).collect::<Result<_, _>>()?;
        Ok(Some((tree, parents)))
    }
}

fn ids_in(packs: &[(PathBuf, u64)]) -> Result<BTreeSet<ObjectId>, GitError> {
    let mut ids = BTreeSet::new();
    for (pack, _) in packs {
        ids.extend(index_of(pack)?.iter().map(|entry| entry.oid));
    }
    Ok(ids)
}

fn index_of(pack: &Path) -> Result<gix_pack::index::File, GitError> {
    let index = gix_pack::index::File::at(pack.with_extension("idx"), gix::hash::Kind::Sha1);
    index.map_err(|error| GitError::Corrupt {
        what: format!(
            "the index of {}: {}",
            pack.display(),
            error.probable_cause()
        ),
    })
}

fn remove(path: &Path) -> Result<(), GitError> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(GitError::io(format!("remove {}", path.display()), &error))
        }
        Ok(()) | Err(_) => Ok(()),
    }
}
