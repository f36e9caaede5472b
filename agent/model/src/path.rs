//! Paths inside a repository: relative, normalised, unable to leave the root.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A normalised path inside a tree; the empty path is the root. Components are joined by `/`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct RepoPath(String);

/// Why a text is no path inside the repository.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PathError {
    /// It climbs above the root, or is absolute.
    #[error("path {0:?} leaves the repository")]
    Escapes(String),
    /// It has a NUL, a backslash, an encoded dot or slash, or a drive letter.
    #[error("path {0:?} is not a plain relative path")]
    Malformed(String),
}

impl RepoPath {
    /// The root of the tree.
    #[must_use]
    pub fn root() -> Self {
        Self(String::new())
    }

    /// Reads a path from the root.
    ///
    /// # Errors
    /// When it is absolute, malformed or climbs above the root.
    pub fn new(text: &str) -> Result<Self, PathError> {
        Self::root().join(text)
    }

    /// Resolves `text` (which may hold `.` and `..`) relative to this directory.
    ///
    /// # Errors
    /// When it is absolute, malformed or climbs above the root.
    pub fn join(&self, text: &str) -> Result<Self, PathError> {
        self.resolve(text, |text| Err(PathError::Escapes(text.to_owned())))
    }

    /// As [`Self::join`], where the root is that of a file system: what is above it is the root again.
    ///
    /// # Errors
    /// When it is absolute or malformed.
    pub fn join_at_top(&self, text: &str) -> Result<Self, PathError> {
        self.resolve(text, |_| Ok(()))
    }

    fn resolve(
        &self,
        text: &str,
        above: impl Fn(&str) -> Result<(), PathError>,
    ) -> Result<Self, PathError> {
        if text.starts_with('/') || is_drive(text) {
            return Err(PathError::Escapes(text.to_owned()));
        }
        let lower = text.to_ascii_lowercase();
        if text.contains(['\0', '\\']) || lower.contains("%2e") || lower.contains("%2f") {
            return Err(PathError::Malformed(text.to_owned()));
        }
        let mut parts: Vec<&str> = self.components().collect();
        for part in text.split('/') {
            match part {
                "" | "." => {}
                ".." => {
                    if parts.pop().is_none() {
                        above(text)?;
                    }
                }
                name => parts.push(name),
            }
        }
        Ok(Self(parts.join("/")))
    }

    /// The entry called `name` of this directory; `name` is taken as it is.
    #[must_use]
    pub fn child(&self, name: &str) -> Self {
        if self.0.is_empty() {
            Self(name.to_owned())
        } else {
            Self(format!("{}/{name}", self.0))
        }
    }

    /// The directory that holds this path, `None` at the root.
    #[must_use]
    pub fn parent(&self) -> Option<Self> {
        match self.0.rsplit_once('/') {
            Some((parent, _)) => Some(Self(parent.to_owned())),
            None if self.0.is_empty() => None,
            None => Some(Self::root()),
        }
    }

    /// The last component; empty at the root.
    #[must_use]
    pub fn file_name(&self) -> &str {
        self.0.rsplit('/').next().unwrap_or_default()
    }

    /// The components from the root down.
    pub fn components(&self) -> impl Iterator<Item = &str> {
        self.0.split('/').filter(|c| !c.is_empty())
    }

    /// True at the root.
    #[must_use]
    pub fn is_root(&self) -> bool {
        self.0.is_empty()
    }

    /// True when this path is `other` or lies below it.
    #[must_use]
    pub fn is_within(&self, other: &Self) -> bool {
        other.is_root()
            || self.0 == other.0
            || self
                .0
                .strip_prefix(other.0.as_str())
                .is_some_and(|rest| rest.starts_with('/'))
    }

    /// The path as text; empty at the root.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

fn is_drive(text: &str) -> bool {
    let bytes = text.as_bytes();
    bytes.len() >= 2
        && bytes[0].is_ascii_alphabetic()
        && bytes[1] == b':'
        && matches!(bytes.get(2), None | Some(b'\\' | b'/'))
}

impl fmt::Display for RepoPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_empty() { "." } else { &self.0 })
    }
}

impl TryFrom<String> for RepoPath {
    type Error = PathError;
    fn try_from(text: String) -> Result<Self, PathError> {
        Self::new(&text)
    }
}

impl From<RepoPath> for String {
    fn from(path: RepoPath) -> Self {
        path.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn joins_and_normalises() {
        let base = RepoPath::new("a/b").expect("plain");
        assert_eq!(base.join("../c/./d").expect("inside").as_str(), "a/c/d");
        assert_eq!(base.join("../..").expect("root").as_str(), "");
    }

    #[test]
    fn above_a_file_system_is_its_root() {
        let base = RepoPath::new("a").expect("plain");
        assert_eq!(base.join_at_top("../../../b").expect("b").as_str(), "b");
        assert!(base.join_at_top("/b").is_err());
    }

    #[test]
    fn nothing_leaves_the_root() {
        for bad in [
            "..",
            "a/../../b",
            "/etc/passwd",
            "C:\\x",
            "c:/x",
            "\\\\?\\x",
            "%2e%2e/x",
            "a\0b",
        ] {
            assert!(RepoPath::new(bad).is_err(), "{bad}");
        }
    }
}
