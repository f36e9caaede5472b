//! Names of clusters and Applications, valid by construction.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::Digest;

/// Longest RFC 1123 label (RFC 1123, section 2.1; Kubernetes uses the same limit for names used as labels).
pub const MAX_LABEL: usize = 63;

/// Says why a text is not the name it should be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is not {expected}")]
pub struct InvalidName {
    /// The text as given.
    pub text: String,
    /// What it should have been.
    pub expected: &'static str,
}

/// True for an RFC 1123 label: lower-case letters, digits and `-`, starting and ending with a letter or digit.
#[must_use]
pub fn is_dns_label(text: &str) -> bool {
    let bytes = text.as_bytes();
    let inner = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    let (Some(&first), Some(&last)) = (bytes.first(), bytes.last()) else {
        return false;
    };
    bytes.len() <= MAX_LABEL
        && inner(first)
        && inner(last)
        && bytes.iter().all(|&b| inner(b) || b == b'-')
}

/// The name of a member cluster: an RFC 1123 label.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ClusterName(String);

impl ClusterName {
    /// Accepts an RFC 1123 label.
    ///
    /// # Errors
    /// When the text is not one.
    pub fn new(text: impl Into<String>) -> Result<Self, InvalidName> {
        let text = text.into();
        if is_dns_label(&text) {
            Ok(Self(text))
        } else {
            Err(InvalidName {
                text,
                expected: "a cluster name (an RFC 1123 label: lower-case letters, digits, '-', at most 63)",
            })
        }
    }

    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for ClusterName {
    type Error = InvalidName;
    fn try_from(text: String) -> Result<Self, InvalidName> {
        Self::new(text)
    }
}

impl From<ClusterName> for String {
    fn from(name: ClusterName) -> Self {
        name.0
    }
}

impl fmt::Display for ClusterName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What identifies an Application on one cluster: its project and its name. A clone costs no memory.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(from = "ApplicationParts", into = "ApplicationParts")]
pub struct ApplicationKey(Arc<ApplicationParts>);

/// The parts of an [`ApplicationKey`], which derefs to them.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ApplicationParts {
    /// The AppProject it runs in.
    pub project: String,
    /// `metadata.name` of the Application.
    pub name: String,
}

impl std::ops::Deref for ApplicationKey {
    type Target = ApplicationParts;
    fn deref(&self) -> &ApplicationParts {
        &self.0
    }
}

impl From<ApplicationParts> for ApplicationKey {
    fn from(parts: ApplicationParts) -> Self {
        Self(Arc::new(parts))
    }
}

impl From<ApplicationKey> for ApplicationParts {
    fn from(key: ApplicationKey) -> Self {
        Arc::unwrap_or_clone(key.0)
    }
}

impl ApplicationKey {
    /// Names an Application.
    pub fn new(project: impl Into<String>, name: impl Into<String>) -> Self {
        let parts = ApplicationParts {
            project: project.into(),
            name: name.into(),
        };
        parts.into()
    }

    /// The value of the `muster.dev/application` label: 16 hexadecimal digits of sha256(project/name).
    #[must_use]
    pub fn label(&self) -> String {
        Digest::of(self.to_string().as_bytes()).short()
    }
}

impl fmt::Display for ApplicationKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.project, self.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cluster_name_is_an_rfc_1123_label() {
        assert!(ClusterName::new("east-1").is_ok());
        for bad in ["", "East", "-a", "a-", "a.b", "a_b", &"a".repeat(64)] {
            assert!(ClusterName::new(bad).is_err(), "{bad}");
        }
    }
}
