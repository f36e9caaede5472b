//! Commits, revisions and releases.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::digest::Digest;

/// The id of a commit: 40 (SHA-1) or 64 (SHA-256) hexadecimal digits.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct CommitId(String);

impl CommitId {
    /// Accepts 40 or 64 lower-case hexadecimal digits.
    ///
    /// # Errors
    /// When the text is something else.
    pub fn new(text: impl Into<String>) -> Result<Self, String> {
        let text = text.into();
        let digits = text
            .bytes()
            .all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
        if digits && matches!(text.len(), 40 | 64) {
            Ok(Self(text))
        } else {
            Err(format!("{text:?} is not a commit id"))
        }
    }

    /// All digits.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The first ten digits, for people.
    #[must_use]
    pub fn short(&self) -> &str {
        &self.0[..10]
    }
}

impl fmt::Display for CommitId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<String> for CommitId {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        Self::new(text)
    }
}

impl From<CommitId> for String {
    fn from(id: CommitId) -> Self {
        id.0
    }
}

/// A ref and the commit it resolved to, printed `main@sha1:abc…`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Revision {
    /// The ref as configured: a branch, a tag or a commit id.
    pub name: String,
    /// What it resolved to.
    pub commit_id: CommitId,
}

impl fmt::Display for Revision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let algorithm = if self.commit_id.as_str().len() == 40 {
            "sha1"
        } else {
            "sha256"
        };
        write!(f, "{}@{algorithm}:{}", self.name, self.commit_id)
    }
}

/// Which commits define what an Application is.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Release {
    /// The hub commit that defines the Application.
    pub hub: Revision,
    /// One revision for each of its sources, in order.
    pub sources: Vec<Revision>,
    /// Its definition and the ids of everything its render read.
    pub inputs: Digest,
}
