//! What a repository is asked with.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::error::GitError;

/// Longest user name, password or token, in bytes; the largest seen are JSON Web Tokens of about 2 KiB.
const MAX_SECRET: usize = 16 << 10;

/// Credentials for one repository. `Debug` never shows them.
#[derive(Clone, PartialEq, Eq, Default)]
pub enum Credentials {
    /// None are sent.
    #[default]
    Anonymous,
    /// `Authorization: Basic`.
    Basic {
        /// The user's name.
        user: String,
        /// The password, or a token in its place.
        password: String,
    },
    /// `Authorization: Bearer`.
    Bearer(String),
}

impl Credentials {
    /// The value of the `Authorization` header, marked as sensitive; `None` when there is none.
    pub(crate) fn header(&self) -> Result<Option<reqwest::header::HeaderValue>, GitError> {
        let text = match self {
            Self::Anonymous => return Ok(None),
            Self::Basic { user, password } => {
                if user.contains(':') {
                    return Err(unusable());
                }
                let pair = STANDARD.encode(format!("{user}:{password}"));
                format!("Basic {pair}")
            }
            Self::Bearer(token) => format!("Bearer {token}"),
        };
        if text.len() > MAX_SECRET {
            return Err(unusable());
        }
        let mut value =
            reqwest::header::HeaderValue::from_str(&text).map_err(|_hides_the_value| unusable())?;
        value.set_sensitive(true);
        Ok(Some(value))
    }
}

fn unusable() -> GitError {
    GitError::Setup {
        why: "the credentials hold a character that HTTP does not carry (a line break, perhaps), or are too long"
            .to_owned(),
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Anonymous => "Anonymous",
            Self::Basic { .. } => "Basic(…)",
            Self::Bearer(_) => "Bearer(…)",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_do_not_show_and_do_not_inject_headers() {
        let credentials = Credentials::Basic {
            user: "agent".to_owned(),
            password: "s3cr3t".to_owned(),
        };
        assert_eq!(format!("{credentials:?}"), "Basic(…)");
        let header = credentials.header().expect("plain").expect("some");
        assert!(!format!("{header:?}").contains("czNjcjN0"));
        let error = Credentials::Bearer("a\r\nX: y".to_owned())
            .header()
            .expect_err("line break");
        assert!(!error.to_string().contains("X: y"));
    }
}
