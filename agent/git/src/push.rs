//! Setting refs on a server: one receive-pack request, each ref compared with the id we remember and swapped on its own.

use std::collections::BTreeMap;
use std::io::Read;

use gix::ObjectId;
use muster_model::CommitId;

use crate::error::{GitError, shown};
use crate::ls_refs::{RemoteRefs, read_v0};
use crate::new_commit::NewObjects;
use crate::objects::of_commit;
use crate::pack_writer::PackWriter;
use crate::pkt::{self, Packet, PacketReader};
use crate::ref_name::RefName;
use crate::remote::{AGENT, Remote, Service};

/// Bytes of the answer to a push, progress included: hooks that talk are read to their end and dropped (HAZARDS.md T-48).
const MAX_ANSWER_BYTES: u64 = 32 << 20;
/// Bytes of the report itself: a thousand refs with a reason of a kilobyte each.
const MAX_REPORT_BYTES: usize = 1 << 20;
/// Refs set by one request; a folding agent sets two.
const MAX_UPDATES: usize = 1_000;

/// One ref to be set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefUpdate {
    /// The ref.
    pub name: RefName,
    /// What we believe it to be; `None` means that it must not exist.
    pub old: Option<CommitId>,
    /// What it becomes; `None` deletes it.
    pub new: Option<CommitId>,
}

/// What became of one ref. Expected outcomes, not errors.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RefOutcome {
    /// It is now what was asked.
    Updated,
    /// It was not what we believed it to be.
    Stale,
    /// The server refuses: a protected ref, a hook, a quota.
    Rejected {
        /// The server's word for it, cut and made visible; for logs, never for status.
        reason: String,
    },
}

impl Remote {
    /// Sets refs, independently of each other. The results are in the order of `updates`.
    ///
    /// The request is sent at once, with the ids we remember; only when a server does not take that, its refs are asked
    /// for first. A response that was lost leaves the outcome open: ask for the ref before pushing again.
    ///
    /// # Errors
    /// When the server cannot be reached, refuses the credentials, or does not answer as Git does.
    pub fn push(
        &mut self,
        updates: &[RefUpdate],
        objects: &NewObjects,
    ) -> Result<Vec<RefOutcome>, GitError> {
        if updates.is_empty() {
            return Ok(Vec::new());
        }
        if updates.len() > MAX_UPDATES {
            return Err(GitError::TooLarge {
                what: "the list of refs to push".to_owned(),
                limit: format!("{MAX_UPDATES}"),
            });
        }
        let body = request(updates, objects)?;
        match self.post(Service::ReceivePack, false, body.clone(), MAX_ANSWER_BYTES) {
            Ok(reader) => read_outcomes(reader, updates),
            Err(GitError::NotGit { .. } | GitError::NotFound { .. }) => {
                self.push_after_asking(updates, body)
            }
            Err(error) => Err(error),
        }
    }

    fn push_after_asking(
        &mut self,
        updates: &[RefUpdate],
        body: Vec<u8>,
    ) -> Result<Vec<RefOutcome>, GitError> {
        let (_, first, mut reader) = self.advertisement(Service::ReceivePack)?;
        let refs = read_v0(first, &mut reader)?;
        if updates.iter().all(|update| !is_current(update, &refs)) {
            return Ok(vec![RefOutcome::Stale; updates.len()]);
        }
        let reader = self.post(Service::ReceivePack, false, body, MAX_ANSWER_BYTES)?;
        read_outcomes(reader, updates)
    }
}

fn is_current(update: &RefUpdate, refs: &RemoteRefs) -> bool {
    refs.refs.get(&update.name).map(|found| &found.id) == update.old.as_ref()
}

/// Commands, capabilities on the first, a flush, and the pack unless all commands delete.
fn request(updates: &[RefUpdate], objects: &NewObjects) -> Result<Vec<u8>, GitError> {
    let null = ObjectId::null(gix::hash::Kind::Sha1);
    let id_or_null = |id: &Option<CommitId>| id.as_ref().map_or(Ok(null), of_commit);
    let mut body = Vec::new();
    for (place, update) in updates.iter().enumerate() {
        let (old, new) = (id_or_null(&update.old)?, id_or_null(&update.new)?);
        let capabilities = if place == 0 {
            format!("\0 report-status side-band-64k {AGENT}")
        } else {
            String::new()
        };
        pkt::put(
            &mut body,
            &format!("{old} {new} {}{capabilities}\n", update.name),
        );
    }
    pkt::put_flush(&mut body);
    if updates.iter().any(|update| update.new.is_some()) {
        write_pack(objects, &mut body)?;
    }
    Ok(body)
}

fn write_pack(objects: &NewObjects, out: &mut Vec<u8>) -> Result<(), GitError> {
    let failed = |error: std::io::Error| GitError::io("compress the objects of a push", &error);
    let count = u32::try_from(objects.len()).unwrap_or(u32::MAX);
    let mut writer = PackWriter::new(out, count).map_err(failed)?;
    for (kind, data) in objects.objects.values() {
        writer.put(*kind, data).map_err(failed)?;
    }
    writer.finish().map(|_| ()).map_err(failed)
}

fn read_outcomes<R: Read>(
    mut reader: PacketReader<R>,
    updates: &[RefUpdate],
) -> Result<Vec<RefOutcome>, GitError> {
    let url = reader.url().to_owned();
    let report = read_report(&mut reader)?;
    let mut inner = PacketReader::new(report.as_slice(), &url);
    let mut results: BTreeMap<String, RefOutcome> = BTreeMap::new();
    let unpack = inner.next()?.text().map(str::to_owned);
    let unpacked = match unpack
        .as_deref()
        .and_then(|line| line.strip_prefix("unpack "))
    {
        Some(result) => result == "ok",
        None => return Err(inner.not_git("its report does not start with `unpack`")),
    };
    loop {
        let line = match inner.next()? {
            Packet::Flush | Packet::End => break,
            packet => packet.text().map(str::to_owned),
        };
        let Some(line) = line else {
            return Err(inner.not_git("its report is not text"));
        };
        if let Some((name, outcome)) = read_line(&line) {
            results.insert(name, outcome);
        }
    }
    if !unpacked && results.is_empty() {
        return Err(GitError::Server {
            url,
            what: "it could not unpack what was pushed".to_owned(),
            retry_after: None,
        });
    }
    updates
        .iter()
        .map(|update| {
            let outcome = results.remove(update.name.as_str());
            outcome.ok_or_else(|| inner.not_git("its report leaves a ref out"))
        })
        .collect()
}

/// The report, taken out of the sideband; progress and error texts are dropped (HAZARDS.md T-48).
fn read_report<R: Read>(reader: &mut PacketReader<R>) -> Result<Vec<u8>, GitError> {
    let mut report = Vec::new();
    while report.len() <= MAX_REPORT_BYTES {
        match reader.next()? {
            Packet::Data([1, data @ ..]) => report.extend_from_slice(data),
            Packet::Data([2, ..]) => {}
            Packet::Data([3, text @ ..]) => {
                let text = String::from_utf8_lossy(text).into_owned();
                return Err(reader.refused(&text));
            }
            // A server without sideband reports directly.
            Packet::Data(line) => {
                report.extend_from_slice(format!("{:04x}", line.len() + 4).as_bytes());
                report.extend_from_slice(line);
            }
            // Read to the end, so that the connection can be used again.
            Packet::Flush => {}
            Packet::End => return Ok(report),
            Packet::Delimiter | Packet::ResponseEnd => {
                return Err(reader.not_git("a section inside its report"));
            }
        }
    }
    Err(reader.not_git("its report does not end"))
}

fn read_line(line: &str) -> Option<(String, RefOutcome)> {
    if let Some(name) = line.strip_prefix("ok ") {
        return Some((name.to_owned(), RefOutcome::Updated));
    }
    let (name, reason) = line.strip_prefix("ng ")?.split_once(' ')?;
    let outcome = if is_stale(reason) {
        RefOutcome::Stale
    } else {
        RefOutcome::Rejected {
            reason: shown(reason),
        }
    };
    Some((name.to_owned(), outcome))
}

/// What servers say when a ref is not at the id given: Git, JGit, go-git and GitLab in their words.
fn is_stale(reason: &str) -> bool {
    const WORDS: [&str; 7] = [
        "failed to update ref",
        "fetch first",
        "already exists",
        "stale",
        "cannot lock",
        "lock error",
        "unexpected old",
    ];
    let lower = reason.to_ascii_lowercase();
    WORDS.iter().any(|word| lower.contains(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(lines: &[&str]) -> Vec<u8> {
        let mut inner = Vec::new();
        for line in lines {
            pkt::put(&mut inner, line);
        }
        pkt::put_flush(&mut inner);
        let mut out = format!("{:04x}\u{1}", inner.len() + 5).into_bytes();
        out.extend_from_slice(&inner);
        pkt::put_flush(&mut out);
        out
    }

    fn outcomes(bytes: &[u8], names: &[&str]) -> Result<Vec<RefOutcome>, GitError> {
        let updates: Vec<_> = names
            .iter()
            .map(|name| RefUpdate {
                name: RefName::new(*name).expect("valid"),
                old: None,
                new: None,
            })
            .collect();
        read_outcomes(PacketReader::new(bytes, "https://h/x"), &updates)
    }

    #[test]
    fn each_ref_has_its_own_outcome_in_our_order() {
        let bytes = report(&[
            "unpack ok\n",
            "ng refs/heads/b failed to update ref\n",
            "ng refs/heads/c pre-receive hook \u{1b}[31mdeclined\n",
            "ok refs/heads/a\n",
        ]);
        assert_eq!(
            outcomes(&bytes, &["refs/heads/a", "refs/heads/b", "refs/heads/c"]).expect("a report"),
            [
                RefOutcome::Updated,
                RefOutcome::Stale,
                RefOutcome::Rejected {
                    reason: "pre-receive hook \\u{1b}[31mdeclined".to_owned()
                }
            ]
        );
    }

    #[test]
    fn a_report_that_is_none_is_an_error() {
        assert!(outcomes(&report(&["unpack ok\n"]), &["refs/heads/a"]).is_err());
        assert!(outcomes(&report(&["unpack index-pack failed\n"]), &["refs/heads/a"]).is_err());
        assert!(outcomes(b"0000", &["refs/heads/a"]).is_err());
    }
}
