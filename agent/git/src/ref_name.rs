//! Names of refs, checked before they are used for anything.

use std::fmt;

use crate::error::{GitError, shown};

/// Longest name accepted, in bytes. Git stores a ref as a file; the common limit of a file's name is 255, of a path 4096.
const MAX_NAME: usize = 1024;

/// A full ref name (`refs/heads/main`) that follows `git check-ref-format` (HAZARDS.md T-08).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RefName(String);

impl RefName {
    /// Accepts a full name below `refs/`.
    ///
    /// # Errors
    /// When it breaks Git's rules, a component starts with `-`, or it is longer than a path may be.
    pub fn new(text: impl Into<String>) -> Result<Self, GitError> {
        let text = text.into();
        if is_valid(&text) {
            Ok(Self(text))
        } else {
            Err(GitError::InvalidRef { name: shown(&text) })
        }
    }

    /// The ref of a branch.
    ///
    /// # Errors
    /// When the name breaks Git's rules.
    pub fn branch(name: &str) -> Result<Self, GitError> {
        Self::new(format!("refs/heads/{name}"))
    }

    /// The full name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The name without `refs/heads/` or `refs/tags/`.
    #[must_use]
    pub fn short(&self) -> &str {
        ["refs/heads/", "refs/tags/"]
            .iter()
            .find_map(|prefix| self.0.strip_prefix(prefix))
            .unwrap_or(&self.0)
    }
}

fn is_valid(text: &str) -> bool {
    let component = |part: &str| {
        let lock = part.len() >= 5
            && part.is_char_boundary(part.len() - 5)
            && part[part.len() - 5..].eq_ignore_ascii_case(".lock");
        !part.is_empty() && !part.starts_with(['.', '-']) && !lock
    };
    let forbidden =
        |c: char| c.is_control() || matches!(c, ' ' | '~' | '^' | ':' | '?' | '*' | '[' | '\\');
    text.len() <= MAX_NAME
        && text.starts_with("refs/")
        && text.matches('/').count() >= 2
        && text.split('/').all(component)
        && !text.contains(forbidden)
        && !text.contains("..")
        && !text.contains("@{")
        && !text.ends_with('.')
}

impl fmt::Display for RefName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_git_gives_are_accepted() {
        for good in [
            "refs/heads/main",
            "refs/heads/feature/x.y",
            "refs/fleet/status/east-1",
            "refs/tags/v1.2.3",
            "refs/heads/größe",
        ] {
            assert!(RefName::new(good).is_ok(), "{good}");
        }
        let long = format!("refs/heads/{}", "a".repeat(4096));
        for bad in [
            "refs/heads/../../x",
            "refs/heads/-x",
            "refs/heads/x\r",
            "refs/heads/x\ny",
            "refs/heads/\u{1b}[31m",
            "refs/heads/a.lock",
            "refs/heads/a.lock/b",
            "refs/heads/",
            "refs/heads//x",
            "refs/heads/.x",
            "refs/heads/x.",
            "refs/heads/a b",
            "refs/heads/a~1",
            "refs/heads/a@{1}",
            "refs/x",
            "main",
            "HEAD",
            "",
            &long,
        ] {
            assert!(RefName::new(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn short_names_are_those_people_use() {
        let name = RefName::branch("a/b").expect("plain");
        assert_eq!((name.as_str(), name.short()), ("refs/heads/a/b", "a/b"));
    }
}
