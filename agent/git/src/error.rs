//! The one error of this crate. No message holds credentials, or text that a server chose.

use std::time::Duration;

use muster_model::problem::Problem;
use muster_model::reason::Class;
use muster_model::{CommitId, Reason};

/// Why Git could not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum GitError {
    /// The text is no URL this crate speaks to.
    #[error("the repository's URL {why}")]
    InvalidUrl {
        /// What is wrong with it; never the URL itself, which may hold a token.
        why: &'static str,
    },
    /// The text is not the name of a ref.
    #[error("{name:?} is not a name Git gives a ref")]
    InvalidRef {
        /// The text, cut short.
        name: String,
    },
    /// A target revision asks for something that is not done.
    #[error("the revision {revision:?} {why}")]
    InvalidRevision {
        /// The text, cut short.
        revision: String,
        /// What is wrong with it.
        why: &'static str,
    },
    /// A setting of the client cannot be used.
    #[error("the Git client cannot be set up: {why}")]
    Setup {
        /// Which one, and why.
        why: String,
    },
    /// DNS, connection or silence.
    #[error("{url} cannot be reached: {why}")]
    Unreachable {
        /// The repository.
        url: String,
        /// The innermost cause.
        why: String,
    },
    /// 401 or 403.
    #[error("{url} refused the credentials (HTTP {status})")]
    Auth {
        /// The repository.
        url: String,
        /// 401 or 403.
        status: u16,
    },
    /// 404 or 410.
    #[error("{url} is not there (HTTP {status})")]
    NotFound {
        /// The repository.
        url: String,
        /// 404 or 410.
        status: u16,
    },
    /// 429.
    #[error("{url} asks for fewer requests")]
    RateLimited {
        /// The repository.
        url: String,
        /// What the server asked for, capped.
        retry_after: Option<Duration>,
    },
    /// 5xx, or an error packet in the protocol.
    #[error("{url} failed: {what}")]
    Server {
        /// The repository.
        url: String,
        /// The status or the step, in our words.
        what: String,
        /// What the server asked for, capped.
        retry_after: Option<Duration>,
    },
    /// Another content type than Git's, or packets that are none.
    #[error("{url} does not answer as Git does: {what}")]
    NotGit {
        /// The repository.
        url: String,
        /// What came.
        what: String,
    },
    /// A redirect that leaves the repository.
    #[error("{url} redirects to somewhere else ({what})")]
    RedirectRefused {
        /// The repository.
        url: String,
        /// What differs.
        what: &'static str,
    },
    /// The handshake or the certificate.
    #[error("the TLS connection to {url} was refused: {why}")]
    Tls {
        /// The repository.
        url: String,
        /// The cause.
        why: String,
    },
    /// Something other than what was asked for.
    #[error("{url} sent something other than it was asked for: {what}")]
    ServerLied {
        /// The repository.
        url: String,
        /// What is wrong with it.
        what: String,
    },
    /// The server does not have an object it was asked for.
    #[error("{url} no longer has {id}")]
    Gone {
        /// The repository.
        url: String,
        /// The object.
        id: String,
    },
    /// A budget is used up.
    #[error("{what} is larger than the {limit} allowed")]
    TooLarge {
        /// What is too large.
        what: String,
        /// The limit, with its unit.
        limit: String,
    },
    /// A tree that breaks Git's rules.
    #[error("commit {commit} has a malformed tree: {what}")]
    MalformedTree {
        /// The commit.
        commit: CommitId,
        /// Where and what.
        what: String,
    },
    /// The local store is damaged.
    #[error("the local store is damaged: {what}")]
    Corrupt {
        /// What could not be read.
        what: String,
    },
    /// An object that was expected in the store is not in it.
    #[error("{what} is not in the local store")]
    Missing {
        /// The object.
        what: String,
    },
    /// A directory that should be, or lie in, a clone is not.
    #[error("{path} is not in a Git repository")]
    NotARepository {
        /// The directory.
        path: String,
    },
    /// The volume is full.
    #[error("the volume of the local store is full")]
    DiskFull,
    /// The file system refused.
    #[error("cannot {what}: {why}")]
    Io {
        /// The operation and its object.
        what: String,
        /// The system's answer.
        why: String,
    },
    /// The agent is stopping.
    #[error("interrupted")]
    Interrupted,
}

impl GitError {
    /// The reason that status, metrics and documentation use.
    #[must_use]
    pub fn reason(&self) -> Reason {
        match self {
            Self::InvalidUrl { .. } | Self::Setup { .. } => Reason::InvalidUrl,
            Self::InvalidRef { .. } | Self::InvalidRevision { .. } => Reason::InvalidField,
            Self::Unreachable { .. } | Self::Interrupted => Reason::GitUnreachable,
            Self::Auth { .. } => Reason::GitAuth,
            Self::NotFound { .. } => Reason::GitNotFound,
            Self::RateLimited { .. } => Reason::GitRateLimited,
            Self::Server { .. } => Reason::GitServerError,
            Self::NotGit { .. } => Reason::NotGit,
            Self::RedirectRefused { .. } => Reason::RedirectRefused,
            Self::Tls { .. } => Reason::TlsError,
            Self::ServerLied { .. } => Reason::ServerLied,
            Self::Gone { .. } => Reason::ReleaseUnavailable,
            Self::TooLarge { .. } => Reason::RepositoryTooLarge,
            Self::MalformedTree { .. } => Reason::MalformedTree,
            Self::Corrupt { .. } | Self::Missing { .. } => Reason::GitObjectCorrupt,
            Self::NotARepository { .. } => Reason::PathNotFound,
            Self::DiskFull => Reason::DiskFull,
            Self::Io { .. } => Reason::InternalError,
        }
    }

    /// How it behaves over time.
    #[must_use]
    pub fn class(&self) -> Class {
        self.reason().class()
    }

    /// How long the server asked to wait; capped, without jitter.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::RateLimited { retry_after, .. } | Self::Server { retry_after, .. } => {
                *retry_after
            }
            _ => None,
        }
    }

    /// The error as people see it.
    #[must_use]
    pub fn problem(&self) -> Problem {
        Problem::new(self.reason(), self.to_string())
    }

    /// Names a failed file operation.
    pub(crate) fn io(what: impl Into<String>, error: &std::io::Error) -> Self {
        if is_full(error) {
            return Self::DiskFull;
        }
        Self::Io {
            what: what.into(),
            why: error.to_string(),
        }
    }
}

/// True when the device or the quota is full (HAZARDS.md T-39).
pub(crate) fn is_full(error: &std::io::Error) -> bool {
    use std::io::ErrorKind;
    matches!(
        error.kind(),
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded
    )
}

/// Walks an error and everything that caused it, also what `std::io::Error` hides.
pub(crate) fn chain<'a>(
    error: &'a (dyn std::error::Error + 'static),
) -> impl Iterator<Item = &'a (dyn std::error::Error + 'static)> {
    std::iter::successors(Some(error), |error| {
        match error.downcast_ref::<std::io::Error>() {
            Some(io) => io
                .get_ref()
                .map(|inner| -> &(dyn std::error::Error + 'static) { inner }),
            None => error.source(),
        }
    })
}

/// A text of somebody else, cut and made visible, for our own messages.
pub(crate) fn shown(text: &str) -> String {
    /// Enough to recognise a name by.
    const SHOWN: usize = 80;
    muster_model::problem::visible(&text.chars().take(SHOWN).collect::<String>())
}
