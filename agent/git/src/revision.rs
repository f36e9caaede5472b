//! What an Application's `targetRevision` means, and which commit it is at the moment.

use std::fmt;

use muster_model::CommitId;

use crate::error::{GitError, shown};
use crate::ls_refs::RemoteRefs;
use crate::ref_name::RefName;

/// A `targetRevision`: HEAD, a branch or tag by its short name, a full ref, or a commit.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TargetRevision {
    /// The default branch.
    Head,
    /// A branch, or a tag when there is no such branch.
    Named {
        /// `refs/heads/<name>`.
        branch: RefName,
        /// `refs/tags/<name>`.
        tag: RefName,
    },
    /// A ref by its full name.
    Ref(RefName),
    /// A commit; needs no server to resolve.
    Commit(CommitId),
}

impl TargetRevision {
    /// Reads a `targetRevision`; empty means HEAD.
    ///
    /// # Errors
    /// When it is a version range, which is refused by name (DESIGN.md 3.2), or no name of a ref.
    pub fn parse(text: &str) -> Result<Self, GitError> {
        if text.is_empty() || text == "HEAD" {
            return Ok(Self::Head);
        }
        if is_range(text) {
            return Err(GitError::InvalidRevision {
                revision: shown(text),
                why: "is a version range; name a tag, a branch or a commit",
            });
        }
        let is_id = text.len() == 40 && text.bytes().all(|b| b.is_ascii_hexdigit());
        if is_id && let Ok(id) = CommitId::new(text.to_ascii_lowercase()) {
            return Ok(Self::Commit(id));
        }
        if text.starts_with("refs/") {
            return RefName::new(text).map(Self::Ref);
        }
        Ok(Self::Named {
            branch: RefName::branch(text)?,
            tag: RefName::new(format!("refs/tags/{text}"))?,
        })
    }

    /// What to ask [`crate::Remote::ls_refs`] for; the prefixes of several revisions go into one request.
    #[must_use]
    pub fn prefixes(&self) -> Vec<String> {
        match self {
            Self::Head => vec!["HEAD".to_owned()],
            Self::Named { branch, tag } => vec![branch.to_string(), tag.to_string()],
            Self::Ref(name) => vec![name.to_string()],
            Self::Commit(_) => Vec::new(),
        }
    }

    /// The commit it is, according to the refs; `None` means `SourceMissing`.
    #[must_use]
    pub fn pick(&self, refs: &RemoteRefs) -> Option<CommitId> {
        let of = |name: &RefName| refs.refs.get(name).map(|found| found.commit_id().clone());
        match self {
            Self::Head => refs.head.clone(),
            Self::Named { branch, tag } => of(branch).or_else(|| of(tag)),
            Self::Ref(name) => of(name),
            Self::Commit(id) => Some(id.clone()),
        }
    }
}

/// Semantic version constraints as Argo CD reads them: operators, lists, wildcards.
fn is_range(text: &str) -> bool {
    let wildcard = || {
        let parts: Vec<&str> = text.trim_start_matches('v').split('.').collect();
        parts.len() > 1
            && parts.iter().any(|part| matches!(*part, "x" | "X"))
            && parts
                .iter()
                .all(|part| matches!(*part, "x" | "X") || part.parse::<u64>().is_ok())
    };
    text.contains(['*', '^', '~', '<', '>', '=', '|', ',', ' ']) || wildcard()
}

impl fmt::Display for TargetRevision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Head => f.write_str("HEAD"),
            Self::Named { branch, .. } => f.write_str(branch.short()),
            Self::Ref(name) => f.write_str(name.as_str()),
            Self::Commit(id) => f.write_str(id.as_str()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ls_refs::RemoteRef;

    fn id(digit: char) -> CommitId {
        CommitId::new(digit.to_string().repeat(40)).expect("hexadecimal")
    }

    #[test]
    fn a_branch_wins_over_a_tag_and_tags_are_peeled() {
        let mut refs = RemoteRefs::default();
        let mut put = |name: &str, at: char, peeled: Option<char>| {
            let found = RemoteRef {
                id: id(at),
                peeled: peeled.map(id),
            };
            refs.refs.insert(RefName::new(name).expect("valid"), found);
        };
        put("refs/heads/both", 'a', None);
        put("refs/tags/both", 'b', None);
        put("refs/tags/v1", 'c', Some('d'));
        let pick = |text: &str| TargetRevision::parse(text).expect("valid").pick(&refs);
        assert_eq!(pick("both"), Some(id('a')));
        assert_eq!(pick("refs/tags/both"), Some(id('b')));
        assert_eq!(pick("v1"), Some(id('d')));
        assert_eq!(pick("gone"), None);
        assert_eq!(pick(""), None);
        assert_eq!(pick(&"E".repeat(40)), Some(id('e')));
    }

    #[test]
    fn version_ranges_are_refused_by_name() {
        for range in ["1.x", "v1.2.X", "^1.2", "~1.2", ">=1.0 <2", "1.*", "*"] {
            let error = TargetRevision::parse(range).expect_err(range);
            assert!(error.to_string().contains("version range"), "{error}");
        }
        for name in ["v1.2.0", "1.2", "x", "release/1.x-fix", "main"] {
            assert!(TargetRevision::parse(name).is_ok(), "{name}");
        }
        assert!(TargetRevision::parse("--upload-pack=x/y").is_err());
    }
}
