//! How a render ends without objects.

use muster_model::{BlobId, Location, Problem, Reason};

/// Why there is no result.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// Blobs that are not fetched yet; fetch all of them and call again.
    #[error("{} blobs are not fetched yet", .0.len())]
    NotFetched(Vec<BlobId>),
    /// The source is wrong, or asks for what is not allowed.
    #[error("{0}")]
    Refused(Problem),
}

/// How one step of a build ends early.
#[derive(Debug)]
pub(crate) enum Stop {
    /// A blob is missing; which ones the session knows.
    Missing,
    /// The source is refused.
    Refused(Box<Problem>),
}

/// The result of one step.
pub(crate) type Step<T> = Result<T, Stop>;

impl From<Problem> for Stop {
    fn from(problem: Problem) -> Self {
        Self::Refused(Box::new(problem))
    }
}

impl Stop {
    /// Adds the file whose reference led here.
    pub(crate) fn via(self, location: Location) -> Self {
        match self {
            Self::Missing => Self::Missing,
            Self::Refused(problem) => Self::Refused(Box::new(problem.via(location))),
        }
    }

    /// Adds the place unless there is one.
    pub(crate) fn or_at(self, location: impl FnOnce() -> Location) -> Self {
        match self {
            Self::Refused(mut problem) if problem.at.is_none() => {
                problem.at = Some(location());
                Self::Refused(problem)
            }
            other => other,
        }
    }
}

/// A build that cannot be done as the kustomization asks.
pub(crate) fn failed(message: impl Into<String>) -> Problem {
    Problem::new(Reason::BuildFailed, message)
}
