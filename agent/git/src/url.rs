//! Where a repository is: `http(s)://host/path`, or `file:///path` for a clone on this machine.

use std::fmt;
use std::path::{Path, PathBuf};

use crate::error::GitError;

/// Longest URL accepted, in bytes: what most servers and proxies accept for a request line.
const MAX_URL: usize = 2048;

/// The URL of a repository, valid by construction and free of credentials (HAZARDS.md T-45, T-46).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RemoteUrl {
    text: String,
    place: Place,
}

/// What kind of place a URL names.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Place {
    /// A smart HTTP server.
    Http(Origin),
    /// A clone on this machine, opened read-only and never fetched from.
    File(PathBuf),
}

/// Scheme, host and port; two URLs of one origin are one server to us.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Origin {
    /// `http` or `https`.
    pub scheme: String,
    /// Host name or address, lower case.
    pub host: String,
    /// The port, also when it is the scheme's own.
    pub port: u16,
}

impl RemoteUrl {
    /// Accepts `https://`, `http://` and `file:///`.
    ///
    /// # Errors
    /// When the scheme is another one, or the URL has credentials, control characters, no host, a query or a fragment.
    pub fn parse(text: &str) -> Result<Self, GitError> {
        let refuse = |why| Err(GitError::InvalidUrl { why });
        if text.len() > MAX_URL {
            return refuse("is longer than 2048 bytes");
        }
        if text
            .chars()
            .any(|c| c.is_control() || c.is_whitespace() || c == '\\')
        {
            return refuse("has a space, a backslash or a control character in it");
        }
        let Some((scheme, rest)) = text.split_once("://") else {
            return refuse("does not start with https://");
        };
        match scheme.to_ascii_lowercase().as_str() {
            "http" | "https" => Self::http(text, rest),
            "file" => Self::file(text, rest),
            "ssh" | "git+ssh" | "ssh+git" => {
                refuse("is an SSH one, which this build does not speak; use https://")
            }
            _ => refuse("has a scheme other than https"),
        }
    }

    /// The URL as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// What kind of place it names.
    #[must_use]
    pub fn place(&self) -> &Place {
        &self.place
    }

    /// The directory of a `file:///` URL.
    #[must_use]
    pub fn directory(&self) -> Option<&Path> {
        match &self.place {
            Place::Http(_) => None,
            Place::File(path) => Some(path),
        }
    }

    fn http(text: &str, rest: &str) -> Result<Self, GitError> {
        let refuse = |why| Err(GitError::InvalidUrl { why });
        let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
        if authority.contains('@') {
            return refuse(
                "has a user, password or token in it; put credentials into the agent's Secret",
            );
        }
        if authority.is_empty() || authority.starts_with([':', '-']) {
            return refuse("has no host");
        }
        let lower = text.to_ascii_lowercase();
        if ["%00", "%0a", "%0d", "%2e%2e"]
            .iter()
            .any(|bad| lower.contains(bad))
        {
            return refuse("has an encoded control character or `..` in it");
        }
        let Ok(url) = reqwest::Url::parse(text) else {
            return refuse("cannot be read");
        };
        if url.query().is_some() || url.fragment().is_some() {
            return refuse("has a query or a fragment");
        }
        let Some(origin) = Origin::of(&url) else {
            return refuse("has no host");
        };
        Ok(Self {
            text: url.as_str().trim_end_matches('/').to_owned(),
            place: Place::Http(origin),
        })
    }

    fn file(text: &str, rest: &str) -> Result<Self, GitError> {
        if !rest.starts_with('/') {
            return Err(GitError::InvalidUrl {
                why: "names a host; a file URL is file:///path",
            });
        }
        Ok(Self {
            text: text.to_owned(),
            place: Place::File(PathBuf::from(rest)),
        })
    }
}

impl Origin {
    /// The origin of a parsed URL; `None` when it has no host or another scheme.
    #[must_use]
    pub(crate) fn of(url: &reqwest::Url) -> Option<Self> {
        matches!(url.scheme(), "http" | "https").then_some(())?;
        Some(Self {
            scheme: url.scheme().to_owned(),
            host: url.host_str()?.to_ascii_lowercase(),
            port: url.port_or_known_default()?,
        })
    }
}

impl fmt::Display for RemoteUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn https_http_and_file_are_accepted() {
        for good in [
            "https://github.com/your-org/bookstore.git",
            "http://127.0.0.1:3000/hub",
            "https://[::1]:8443/a/b.git",
            "file:///srv/hub.git",
        ] {
            assert_eq!(RemoteUrl::parse(good).expect(good).as_str(), good);
        }
        let url = RemoteUrl::parse("HTTPS://Git.Example/x/").expect("normalised");
        assert_eq!(url.as_str(), "https://git.example/x");
    }

    #[test]
    fn urls_that_inject_hide_or_lack_something_are_refused() {
        for bad in [
            "ssh://-oProxyCommand=x/y",
            "ssh://git@host/x",
            "git@host:x",
            "https://a@b@c/",
            "https:///host",
            "https://",
            "https://-oProxy/x",
            "https://host/x\r\nAuthorization: y",
            "https://host/x\ny",
            "https://host/%0d%0ax",
            "https://host/x?y",
            "https://host/x#y",
            "https://host\\@evil/x",
            "ext::sh -c x",
            "file://host/x",
            "",
        ] {
            assert!(RemoteUrl::parse(bad).is_err(), "{bad}");
        }
        assert!(RemoteUrl::parse(&format!("https://h/{}", "a".repeat(MAX_URL))).is_err());
    }

    #[test]
    fn a_token_in_the_url_is_refused_and_not_repeated() {
        let error = RemoteUrl::parse("https://x-token:s3cr3t@host/x").expect_err("userinfo");
        assert!(!format!("{error} {error:?} {}", error.problem()).contains("s3cr3t"));
    }
}
