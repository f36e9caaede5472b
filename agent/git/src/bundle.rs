//! Bundles: a file that carries commits to a site without network, and statuses back (gitformat-bundle(5)).

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufRead, BufReader, Read as _};
use std::path::Path;
use std::sync::atomic::AtomicBool;

use gix::ObjectId;
use muster_model::CommitId;

use crate::error::{GitError, shown};
use crate::new_commit::NewObjects;
use crate::objects::of_commit;
use crate::pack_writer::PackWriter;
use crate::ref_name::RefName;
use crate::store::Store;

/// Longest line of a header: a ref's name of a kilobyte and its id.
const MAX_LINE: u64 = 2048;
/// Most lines of a header: a ref for each cluster of a large fleet, and as many prerequisites.
const MAX_LINES: usize = 100_000;

/// What the header of a bundle says.
#[derive(Debug, Default, PartialEq, Eq)]
struct Header {
    /// Commits that must be here already.
    prerequisites: Vec<ObjectId>,
    refs: BTreeMap<RefName, CommitId>,
}

impl Store {
    /// Takes in a bundle made by `git bundle create`, and names its refs. Refs with invalid names are left out.
    ///
    /// What it holds is checked as a fetch is: every object by its id, and the trees when a commit is fetched or read.
    ///
    /// # Errors
    /// When it is no bundle, is damaged or too large, or builds on commits that are not here.
    pub fn import_bundle(&mut self, path: &Path) -> Result<BTreeMap<RefName, CommitId>, GitError> {
        let name = path.display().to_string();
        let failed = |error: std::io::Error| GitError::io(format!("read {name}"), &error);
        let file = File::open(path).map_err(failed)?;
        let mut input = BufReader::new(file.take(self.limits.pack_bytes));
        let header = read_header(&mut input, &name)?;
        if let Some(id) = header
            .prerequisites
            .iter()
            .find(|id| !self.objects.has(**id))
        {
            return Err(GitError::Missing {
                what: format!("commit {id}, which {name} builds on,"),
            });
        }
        let thin = !header.prerequisites.is_empty();
        self.write_bundle(&mut input, thin, &AtomicBool::new(false))
            .map_err(|error| self.pack_error(&error, &name))?;
        self.objects.reopen(self.path())?;
        match header
            .refs
            .values()
            .find(|id| !of_commit(id).is_ok_and(|id| self.objects.has(id)))
        {
            Some(id) => Err(broken(
                &name,
                &format!("it names {id} and does not hold it"),
            )),
            None => Ok(header.refs),
        }
    }
}

/// A bundle of new objects, for a medium that is carried: `git fetch <file>` reads it.
///
/// # Errors
/// When an object cannot be compressed.
pub fn export_bundle(
    refs: &BTreeMap<RefName, CommitId>,
    objects: &NewObjects,
) -> Result<Vec<u8>, GitError> {
    let failed = |error: std::io::Error| GitError::io("compress the objects of a bundle", &error);
    let mut out = b"# v2 git bundle\n".to_vec();
    for (name, id) in refs {
        out.extend_from_slice(format!("{id} {name}\n").as_bytes());
    }
    out.push(b'\n');
    let count = u32::try_from(objects.len()).unwrap_or(u32::MAX);
    let mut writer = PackWriter::new(out, count).map_err(failed)?;
    for (kind, data) in objects.objects.values() {
        writer.put(*kind, data).map_err(failed)?;
    }
    writer.finish().map_err(failed)
}

fn read_header(input: &mut impl BufRead, name: &str) -> Result<Header, GitError> {
    let mut header = Header::default();
    match read_line(input, name)?.as_str() {
        "# v2 git bundle" | "# v3 git bundle" => {}
        _ => return Err(broken(name, "it is no Git bundle of version 2 or 3")),
    }
    for _ in 0..MAX_LINES {
        let line = read_line(input, name)?;
        if line.is_empty() {
            return Ok(header);
        }
        if let Some(capability) = line.strip_prefix('@') {
            if capability != "object-format=sha1" {
                let what = format!("it needs {:?}, which is not done", shown(capability));
                return Err(broken(name, &what));
            }
            continue;
        }
        let (is_prerequisite, rest) = match line.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, line.as_str()),
        };
        let (id, text) = rest.split_once(' ').unwrap_or((rest, ""));
        let id = CommitId::new(id).map_err(|_| broken(name, "its header has an invalid id"))?;
        if is_prerequisite {
            header.prerequisites.push(of_commit(&id)?);
        } else if let Ok(ref_name) = RefName::new(text) {
            header.refs.insert(ref_name, id);
        }
    }
    Err(broken(name, "its header does not end"))
}

fn read_line(input: &mut impl BufRead, name: &str) -> Result<String, GitError> {
    let mut line = Vec::new();
    input
        .take(MAX_LINE)
        .read_until(b'\n', &mut line)
        .map_err(|error| GitError::io(format!("read {name}"), &error))?;
    match (line.pop(), String::from_utf8(line)) {
        (Some(b'\n'), Ok(text)) => Ok(text),
        _ => Err(broken(name, "its header is not text, or is cut off")),
    }
}

fn broken(name: &str, what: &str) -> GitError {
    GitError::NotGit {
        url: name.to_owned(),
        what: what.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Header, GitError> {
        read_header(&mut text.as_bytes(), "x.bundle")
    }

    #[test]
    fn a_header_names_refs_and_what_it_builds_on() {
        let (a, b) = ("a".repeat(40), "b".repeat(40));
        let text = format!(
            "# v3 git bundle\n@object-format=sha1\n-{b} subject\n{a} refs/heads/main\n{a} HEAD\n\nPACK"
        );
        let header = read(&text).expect("a header");
        assert_eq!(header.prerequisites.len(), 1);
        assert_eq!(
            header.refs.keys().map(RefName::as_str).collect::<Vec<_>>(),
            ["refs/heads/main"]
        );
    }

    #[test]
    fn what_is_no_bundle_is_refused() {
        for bad in [
            "",
            "PACK",
            "# v2 git bundle\nxyz refs/heads/main\n\n",
            "# v2 git bundle\n",
            "# v3 git bundle\n@object-format=sha256\n\n",
            "# v3 git bundle\n@filter=blob:none\n\n",
            &format!("# v2 git bundle\n{}\n", "x".repeat(4000)),
        ] {
            assert!(read(bad).is_err(), "{bad:?}");
        }
    }
}
