//! What a commit says: its tree, parents, people, times, message and signature.

use muster_model::tree::TreeId;
use muster_model::{BlobId, CommitId};

/// A commit, parsed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Commit {
    /// Its id.
    pub id: CommitId,
    /// Its root tree.
    pub tree: TreeId,
    /// Its parents, in order.
    pub parents: Vec<CommitId>,
    /// Who wrote it.
    pub author: Person,
    /// Who committed it.
    pub committer: Person,
    /// The whole message.
    pub message: String,
    /// The object as Git stores it.
    pub raw: Vec<u8>,
}

/// A person and a time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Person {
    /// The name.
    pub name: String,
    /// The address.
    pub email: String,
    /// Seconds since 1970, UTC.
    pub time: i64,
}

/// A signature and the bytes it covers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signature {
    /// The armoured signature, SSH or OpenPGP.
    pub armored: String,
    /// The commit without the signature's header.
    pub payload: Vec<u8>,
}

impl Commit {
    /// Reads a commit object; says what is wrong with one that is none.
    pub(crate) fn parse(id: CommitId, raw: Vec<u8>) -> Result<Self, &'static str> {
        let (headers, message) = split(&raw).ok_or("has no message")?;
        let mut tree = None;
        let mut parents = Vec::new();
        let (mut author, mut committer) = (None, None);
        for (key, value) in headers {
            match key {
                "tree" => tree = Some(object_id(&value)?),
                "parent" => {
                    parents.push(CommitId::new(value).map_err(|_| "has an invalid parent")?);
                }
                "author" => author = Some(person(&value).ok_or("has an invalid author")?),
                "committer" => committer = Some(person(&value).ok_or("has an invalid committer")?),
                _ => {}
            }
        }
        let message = String::from_utf8_lossy(message).into_owned();
        Ok(Self {
            id,
            tree: tree.ok_or("has no tree")?,
            parents,
            author: author.ok_or("has no author")?,
            committer: committer.ok_or("has no committer")?,
            message,
            raw,
        })
    }

    /// The first line of the message.
    #[must_use]
    pub fn subject(&self) -> &str {
        self.message.lines().next().unwrap_or_default()
    }

    /// The value of a trailer (`Sequence: 7`) in the last paragraph of the message; the last one counts.
    #[must_use]
    pub fn trailer(&self, key: &str) -> Option<&str> {
        let last = self.message.trim_end().rsplit("\n\n").next()?;
        last.lines().rev().find_map(|line| {
            let (name, value) = line.split_once(':')?;
            name.eq_ignore_ascii_case(key).then(|| value.trim())
        })
    }

    /// The signature (`gpgsig` header); `None` when there is none, or more than one.
    #[must_use]
    pub fn signature(&self) -> Option<Signature> {
        let mut armored: Option<String> = None;
        let mut payload = Vec::with_capacity(self.raw.len());
        let mut inside = false;
        let mut rest = self.raw.as_slice();
        while let Some(end) = rest.iter().position(|b| *b == b'\n') {
            let (line, after) = rest.split_at(end + 1);
            if line == b"\n" {
                break;
            }
            rest = after;
            inside = if let Some(first) = line.strip_prefix(b"gpgsig ") {
                let text = String::from_utf8_lossy(first).into_owned();
                if armored.replace(text).is_some() {
                    return None;
                }
                true
            } else if inside && let Some(more) = line.strip_prefix(b" ") {
                armored.as_mut()?.push_str(&String::from_utf8_lossy(more));
                true
            } else {
                payload.extend_from_slice(line);
                false
            };
        }
        payload.extend_from_slice(rest);
        Some(Signature {
            armored: armored?,
            payload,
        })
    }
}

/// Only the root tree and the parents: what a walk over history needs.
pub(crate) fn tree_and_parents(raw: &[u8]) -> Result<(TreeId, Vec<CommitId>, i64), &'static str> {
    let text = |line: &[u8]| std::str::from_utf8(line).unwrap_or_default().to_owned();
    let mut tree = None;
    let mut parents = Vec::new();
    let mut time = 0;
    for line in raw.split(|b| *b == b'\n') {
        if let Some(id) = line.strip_prefix(b"tree ") {
            tree = Some(object_id(&text(id))?);
        } else if let Some(id) = line.strip_prefix(b"parent ") {
            parents.push(CommitId::new(text(id)).map_err(|_| "has an invalid parent")?);
        } else if let Some(value) = line.strip_prefix(b"committer ") {
            time = person(&String::from_utf8_lossy(value)).map_or(0, |person| person.time);
            break;
        } else if line.is_empty() {
            break;
        }
    }
    Ok((tree.ok_or("has no tree")?, parents, time))
}

/// The object a tag object names.
pub(crate) fn tagged(raw: &[u8]) -> Option<CommitId> {
    let line = raw.split(|b| *b == b'\n').next()?;
    let id = std::str::from_utf8(line.strip_prefix(b"object ")?).ok()?;
    CommitId::new(id).ok()
}

type Headers<'a> = Vec<(&'a str, String)>;

/// Headers with their continuation lines joined, and the message.
fn split(raw: &[u8]) -> Option<(Headers<'_>, &[u8])> {
    let mut headers: Headers<'_> = Vec::new();
    let mut rest = raw;
    loop {
        let end = rest.iter().position(|b| *b == b'\n')?;
        let (line, after) = (&rest[..end], &rest[end + 1..]);
        rest = after;
        if line.is_empty() {
            return Some((headers, rest));
        }
        let line_text = String::from_utf8_lossy(line);
        if let Some(more) = line_text.strip_prefix(' ') {
            let last = headers.last_mut()?;
            last.1.push('\n');
            last.1.push_str(more);
            continue;
        }
        let space = line.iter().position(|b| *b == b' ')?;
        let key = std::str::from_utf8(&line[..space]).ok()?;
        headers.push((
            key,
            String::from_utf8_lossy(&line[space + 1..]).into_owned(),
        ));
    }
}

fn object_id(text: &str) -> Result<BlobId, &'static str> {
    BlobId::try_from(text.to_owned()).map_err(|_| "has an invalid tree")
}

/// `Name <address> seconds zone`.
fn person(text: &str) -> Option<Person> {
    let (name, rest) = text.split_once('<')?;
    let (email, rest) = rest.rsplit_once('>')?;
    let time = rest.split_whitespace().next()?.parse().ok()?;
    Some(Person {
        name: name.trim().to_owned(),
        email: email.to_owned(),
        time,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const TREE: &str = "4b825dc642cb6eb9a060e54bf8d69288fbee4904";

    fn parse(headers: &str, message: &str) -> Result<Commit, &'static str> {
        let raw = format!("tree {TREE}\n{headers}\n{message}").into_bytes();
        Commit::parse(CommitId::new("a".repeat(40)).expect("hexadecimal"), raw)
    }

    const PEOPLE: &str = "author A U <a@x> 1700000000 +0200\ncommitter C <c@x> 1700000001 +0000\n";

    #[test]
    fn people_parents_and_trailers_are_read() {
        let headers = format!("parent {}\n{PEOPLE}", "b".repeat(40));
        let commit = parse(&headers, "subject\n\nbody: no\n\nSequence: 7\n").expect("valid");
        assert_eq!((commit.subject(), commit.parents.len()), ("subject", 1));
        assert_eq!(
            (commit.author.name.as_str(), commit.committer.time),
            ("A U", 1_700_000_001)
        );
        assert_eq!(commit.trailer("sequence"), Some("7"));
        assert_eq!(commit.trailer("body"), None);
        assert_eq!(commit.signature(), None);
    }

    #[test]
    fn a_signature_is_parted_from_what_it_covers() {
        let signed = format!(
            "{PEOPLE}gpgsig -----BEGIN SSH SIGNATURE-----\n AAAA\n -----END SSH SIGNATURE-----\n"
        );
        let commit = parse(&signed, "x\n\n gpgsig not a header\n").expect("valid");
        let signature = commit.signature().expect("signed");
        assert_eq!(
            signature.armored,
            "-----BEGIN SSH SIGNATURE-----\nAAAA\n-----END SSH SIGNATURE-----\n"
        );
        let unsigned = parse(PEOPLE, "x\n\n gpgsig not a header\n").expect("valid");
        assert_eq!(signature.payload, unsigned.raw);
        assert!(
            parse(&format!("{signed}gpgsig more\n"), "x")
                .expect("valid")
                .signature()
                .is_none()
        );
    }

    #[test]
    fn what_is_no_commit_is_refused() {
        assert!(parse("", "x").is_err());
        assert!(parse("parent x\n", "x").is_err());
        assert!(
            Commit::parse(
                CommitId::new("a".repeat(40)).expect("hexadecimal"),
                Vec::new()
            )
            .is_err()
        );
    }
}
