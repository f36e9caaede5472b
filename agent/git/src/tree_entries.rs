//! The entries of a tree object, held to the rules that `git fsck --strict` knows (HAZARDS.md T-05, T-06).

use std::collections::BTreeMap;
use std::fmt;

use muster_model::BlobId;
use muster_model::tree::{Entry, EntryKind};

/// Bytes of an id in a tree object.
const ID: usize = 20;

/// Entries by name, in byte order.
pub(crate) type Entries = BTreeMap<String, Entry>;

/// What is wrong with which entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct MalformedEntry {
    name: String,
    why: &'static str,
}

impl fmt::Display for MalformedEntry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "entry {:?} {}", self.name, self.why)
    }
}

/// Reads a tree object. A name that is not UTF-8 is kept with replacement characters, so that it is seen.
pub(crate) fn parse_entries(mut data: &[u8]) -> Result<Entries, MalformedEntry> {
    let mut entries = Entries::new();
    let mut previous: Option<Vec<u8>> = None;
    while !data.is_empty() {
        let RawEntry { mode, name, id } = take_entry(&mut data).ok_or(MalformedEntry {
            name: String::new(),
            why: "is cut off",
        })?;
        let shown = String::from_utf8_lossy(name).into_owned();
        let refuse = |why| MalformedEntry {
            name: shown.clone(),
            why,
        };
        let kind = kind_of(mode).ok_or_else(|| refuse("has an unknown mode"))?;
        check_name(name).map_err(refuse)?;
        let key = sort_key(name, kind);
        if previous.as_ref().is_some_and(|last| *last >= key) {
            return Err(refuse("is out of order or there twice"));
        }
        previous = Some(key);
        let id = BlobId::from_bytes(id);
        if entries.insert(shown.clone(), Entry { kind, id }).is_some() {
            return Err(refuse("is there twice"));
        }
    }
    Ok(entries)
}

struct RawEntry<'a> {
    mode: &'a [u8],
    name: &'a [u8],
    id: &'a [u8],
}

fn take_entry<'a>(data: &mut &'a [u8]) -> Option<RawEntry<'a>> {
    let space = data.iter().position(|b| *b == b' ')?;
    let (mode, rest) = (&data[..space], &data[space + 1..]);
    let nul = rest.iter().position(|b| *b == 0)?;
    let (name, rest) = (&rest[..nul], &rest[nul + 1..]);
    let (id, rest) = rest.split_at_checked(ID)?;
    *data = rest;
    Some(RawEntry { mode, name, id })
}

/// `100664` is what Git wrote before 2005 and still reads; a padded `040000` comes from early tools.
fn kind_of(mode: &[u8]) -> Option<EntryKind> {
    match mode {
        b"40000" | b"040000" => Some(EntryKind::Tree),
        b"100644" | b"100755" | b"100664" => Some(EntryKind::Blob),
        b"120000" => Some(EntryKind::Symlink),
        b"160000" => Some(EntryKind::Submodule),
        _ => None,
    }
}

/// Git orders a directory as if its name ended with `/`.
fn sort_key(name: &[u8], kind: EntryKind) -> Vec<u8> {
    let mut key = name.to_vec();
    if kind == EntryKind::Tree {
        key.push(b'/');
    }
    key
}

fn check_name(name: &[u8]) -> Result<(), &'static str> {
    if name.is_empty() {
        return Err("has no name");
    }
    if name.contains(&b'/') {
        return Err("has a slash in its name");
    }
    if name == b"." || name == b".." {
        return Err("names a directory above");
    }
    if is_dot_git(name) {
        return Err("is a spelling of .git");
    }
    Ok(())
}

/// `.git` as some file system would read it: any case, the NTFS short name, trailing dots and spaces, an NTFS stream,
/// and code points that HFS+ ignores.
fn is_dot_git(name: &[u8]) -> bool {
    let text = String::from_utf8_lossy(name);
    let visible: String = text
        .chars()
        .filter(|c| !matches!(c, '\u{200c}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{206a}'..='\u{206f}' | '\u{feff}'))
        .collect();
    let lower = visible.to_ascii_lowercase();
    let stem = lower.split(':').next().unwrap_or_default();
    matches!(stem.trim_end_matches(['.', ' ']), ".git" | "git~1")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree(entries: &[(&str, &[u8])]) -> Vec<u8> {
        let mut out = Vec::new();
        for (mode, name) in entries {
            out.extend_from_slice(mode.as_bytes());
            out.push(b' ');
            out.extend_from_slice(name);
            out.push(0);
            out.extend_from_slice(&[7; ID]);
        }
        out
    }

    #[test]
    fn entries_come_by_name_with_their_kind() {
        let data = tree(&[
            ("100644", b"a.b"),
            ("40000", b"a"),
            ("120000", b"l"),
            ("160000", b"s"),
            ("100755", b"\xff"),
        ]);
        let kinds: Vec<_> = parse_entries(&data)
            .expect("valid")
            .into_iter()
            .map(|(name, entry)| (name, entry.kind))
            .collect();
        assert_eq!(
            kinds,
            [
                ("a".to_owned(), EntryKind::Tree),
                ("a.b".to_owned(), EntryKind::Blob),
                ("l".to_owned(), EntryKind::Symlink),
                ("s".to_owned(), EntryKind::Submodule),
                ("\u{fffd}".to_owned(), EntryKind::Blob),
            ]
        );
    }

    #[test]
    fn names_that_mean_something_elsewhere_are_refused() {
        for bad in [
            "",
            ".",
            "..",
            ".git",
            ".GIT",
            "git~1",
            "GIT~1",
            "a/b",
            ".git ",
            ".git.",
            ".git::$INDEX_ALLOCATION",
            ".g\u{200c}it",
        ] {
            assert!(
                parse_entries(&tree(&[("100644", bad.as_bytes())])).is_err(),
                "{bad:?}"
            );
        }
        for good in [".gitignore", ".github", "git", "...", "-x"] {
            assert!(
                parse_entries(&tree(&[("100644", good.as_bytes())])).is_ok(),
                "{good:?}"
            );
        }
    }

    #[test]
    fn duplicates_disorder_modes_and_truncation_are_refused() {
        for bad in [
            tree(&[("120000", b"a"), ("40000", b"a")]),
            tree(&[("100644", b"a"), ("100644", b"a.b"), ("40000", b"a")]),
            tree(&[("100644", b"b"), ("100644", b"a")]),
            tree(&[("160777", b"a")]),
            tree(&[("644", b"a")]),
            b"100644 a\0short".to_vec(),
            b"100644".to_vec(),
        ] {
            assert!(parse_entries(&bad).is_err(), "{bad:?}");
        }
    }
}
