//! Which refs a repository has: one `ls-refs` request below given prefixes, so that a million others cost nothing.

use std::collections::BTreeMap;
use std::io::Read;

use muster_model::CommitId;

use crate::capabilities::{Server, check_format};
use crate::error::{GitError, shown};
use crate::pkt::{self, Packet, PacketReader};
use crate::ref_name::RefName;
use crate::remote::{AGENT, MAX_REFS_BYTES, Remote, Service};

/// Longest prefix or number of prefixes make no sense beyond this: one for each ref of a large fleet.
const MAX_PREFIXES: usize = 10_000;

/// The refs below the prefixes asked for. Names that break Git's rules are left out (HAZARDS.md T-08).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RemoteRefs {
    /// Where HEAD points.
    pub head: Option<CommitId>,
    /// The branch HEAD is; known even when it has no commit yet, where the server says so.
    pub head_branch: Option<RefName>,
    /// The refs by name.
    pub refs: BTreeMap<RefName, RemoteRef>,
}

/// What a ref points to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RemoteRef {
    /// The object itself: a commit, or the tag object of an annotated tag. This is what a push compares with.
    pub id: CommitId,
    /// What the tag object leads to in the end.
    pub peeled: Option<CommitId>,
}

impl RemoteRef {
    /// The commit the ref leads to.
    #[must_use]
    pub fn commit_id(&self) -> &CommitId {
        self.peeled.as_ref().unwrap_or(&self.id)
    }
}

impl Remote {
    /// Asks for the refs that start with one of `prefixes` (`HEAD`, `refs/heads/main`, `refs/fleet/status/`).
    ///
    /// One request on the kept-alive connection, and one more, once, to learn what the server speaks.
    ///
    /// # Errors
    /// When the server cannot be reached, refuses, or does not answer as Git does.
    pub fn ls_refs<S: AsRef<str>>(&mut self, prefixes: &[S]) -> Result<RemoteRefs, GitError> {
        check_prefixes(prefixes)?;
        let refs = match self.server()? {
            Server::V2 { unborn, .. } => self.ls_refs_v2(prefixes, unborn),
            Server::V0 => self.ls_refs_v0(),
        };
        match refs {
            Ok(mut refs) => {
                refs.keep(prefixes);
                Ok(refs)
            }
            Err(error) => {
                self.doubt(&error);
                Err(error)
            }
        }
    }

    fn ls_refs_v2<S: AsRef<str>>(
        &mut self,
        prefixes: &[S],
        unborn: bool,
    ) -> Result<RemoteRefs, GitError> {
        let mut body = Vec::with_capacity(160);
        pkt::put(&mut body, "command=ls-refs\n");
        pkt::put(&mut body, AGENT);
        pkt::put(&mut body, "object-format=sha1");
        pkt::put_delimiter(&mut body);
        pkt::put(&mut body, "peel\n");
        pkt::put(&mut body, "symrefs\n");
        if unborn {
            pkt::put(&mut body, "unborn\n");
        }
        for prefix in prefixes {
            pkt::put(&mut body, &format!("ref-prefix {}\n", prefix.as_ref()));
        }
        pkt::put_flush(&mut body);
        let mut reader = self.post(Service::UploadPack, true, body, MAX_REFS_BYTES)?;
        let mut refs = RemoteRefs::default();
        loop {
            let text = match reader.next()? {
                Packet::Flush => break,
                packet => packet.text().map(str::to_owned),
            };
            match text {
                Some(text) => refs.read_v2(&text, &reader)?,
                None => return Err(reader.not_git("its list of refs does not end")),
            }
        }
        drain(&mut reader)?;
        Ok(refs)
    }

    fn ls_refs_v0(&mut self) -> Result<RemoteRefs, GitError> {
        let (server, first, mut reader) = self.advertisement(Service::UploadPack)?;
        match server {
            Server::V2 { .. } => Err(reader.not_git("it changes its protocol version")),
            Server::V0 => read_v0(first, &mut reader),
        }
    }
}

/// Reads a version 0 advertisement: `<id> <name>\0<capabilities>`, then `<id> <name>` lines.
pub(crate) fn read_v0<R: Read>(
    first: Option<String>,
    reader: &mut PacketReader<R>,
) -> Result<RemoteRefs, GitError> {
    let mut refs = RemoteRefs::default();
    let Some(first) = first else {
        return Ok(refs);
    };
    let (first, capabilities) = first.split_once('\0').unwrap_or((&first, ""));
    for word in capabilities.split(' ') {
        if let Some(format) = word.strip_prefix("object-format=") {
            check_format(reader, format)?;
        }
        if let Some(target) = word.strip_prefix("symref=HEAD:") {
            refs.head_branch = RefName::new(target).ok();
        }
    }
    if !first.ends_with(" capabilities^{}") {
        refs.read_v0(first, reader)?;
    }
    loop {
        let text = match reader.next()? {
            Packet::Flush => break,
            packet => packet.text().map(str::to_owned),
        };
        match text {
            Some(text) if text.starts_with("shallow ") => {}
            Some(text) => refs.read_v0(&text, reader)?,
            None => return Err(reader.not_git("its list of refs does not end")),
        }
    }
    drain(reader)?;
    Ok(refs)
}

impl RemoteRefs {
    fn read_v2<R: Read>(&mut self, line: &str, reader: &PacketReader<R>) -> Result<(), GitError> {
        let mut words = line.split(' ');
        let (Some(id), Some(name)) = (words.next(), words.next()) else {
            return Err(reader.not_git("a ref without a name"));
        };
        let attributes: Vec<&str> = words.collect();
        let attribute = |key: &str| attributes.iter().find_map(|word| word.strip_prefix(key));
        if name == "HEAD"
            && let Some(target) = attribute("symref-target:")
        {
            self.head_branch = RefName::new(target).ok();
        }
        if id == "unborn" {
            return Ok(());
        }
        let peeled = attribute("peeled:")
            .map(|id| read_id(id, reader))
            .transpose()?;
        self.insert(name, read_id(id, reader)?, peeled);
        Ok(())
    }

    fn read_v0<R: Read>(&mut self, line: &str, reader: &PacketReader<R>) -> Result<(), GitError> {
        let Some((id, name)) = line.split_once(' ') else {
            return Err(reader.not_git("a ref without a name"));
        };
        let id = read_id(id, reader)?;
        match name.strip_suffix("^{}") {
            Some(tag) => {
                if let Ok(tag) = RefName::new(tag)
                    && let Some(found) = self.refs.get_mut(&tag)
                {
                    found.peeled = Some(id);
                }
            }
            None => self.insert(name, id, None),
        }
        Ok(())
    }

    fn insert(&mut self, name: &str, id: CommitId, peeled: Option<CommitId>) {
        if name == "HEAD" {
            self.head = Some(id);
        } else if let Ok(name) = RefName::new(name) {
            self.refs.insert(name, RemoteRef { id, peeled });
        } else {
            tracing::debug!(name = shown(name), "a ref with an invalid name is ignored");
        }
    }

    /// A server may send more than it was asked for; that is not looked at (HAZARDS.md T-49).
    fn keep<S: AsRef<str>>(&mut self, prefixes: &[S]) {
        let asked = |name: &str| {
            prefixes
                .iter()
                .any(|prefix| name.starts_with(prefix.as_ref()))
        };
        self.refs.retain(|name, _| asked(name.as_str()));
        if !asked("HEAD") {
            self.head = None;
            self.head_branch = None;
        }
    }
}

/// Reads an answer to its end, so that its connection can be used again.
pub(crate) fn drain<R: Read>(reader: &mut PacketReader<R>) -> Result<(), GitError> {
    match reader.next()? {
        Packet::End => Ok(()),
        Packet::Data(_) | Packet::Flush | Packet::Delimiter | Packet::ResponseEnd => {
            Err(reader.not_git("its answer goes on after its end"))
        }
    }
}

fn read_id<R: Read>(text: &str, reader: &PacketReader<R>) -> Result<CommitId, GitError> {
    match CommitId::new(text) {
        Ok(id) if text.len() == 40 => Ok(id),
        _ => Err(reader.not_git("an object id that is none")),
    }
}

fn check_prefixes<S: AsRef<str>>(prefixes: &[S]) -> Result<(), GitError> {
    let fits = |text: &str| {
        let rooted = text == "HEAD" || text.starts_with("refs/");
        rooted && text.len() <= 1024 && !text.contains(|c: char| c.is_control() || c == ' ')
    };
    if prefixes.len() > MAX_PREFIXES {
        return Err(GitError::TooLarge {
            what: "the list of ref prefixes".to_owned(),
            limit: format!("{MAX_PREFIXES}"),
        });
    }
    match prefixes.iter().find(|prefix| !fits(prefix.as_ref())) {
        Some(bad) => Err(GitError::InvalidRef {
            name: shown(bad.as_ref()),
        }),
        None => Ok(()),
    }
}
