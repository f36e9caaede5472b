//! Why an answer cannot be given: something is not fetched yet, or something is wrong.

use muster_model::tree::TreeError;
use muster_model::{BlobId, Problem, Reason};

use crate::template::TemplateError;

/// Why an answer cannot be given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Failure {
    /// These objects are needed first; fetch them and ask again.
    NotFetched(Vec<BlobId>),
    /// These things are wrong.
    Refused(Vec<Problem>),
}

impl Failure {
    /// One problem.
    #[must_use]
    pub fn of(reason: Reason, message: impl Into<String>) -> Self {
        Self::Refused(vec![Problem::new(reason, message)])
    }

    /// Both failures in one: what is not fetched comes first, since what is wrong may change once it is there.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::NotFetched(mut ids), Self::NotFetched(more)) => {
                ids.extend(more);
                Self::NotFetched(ids)
            }
            (Self::Refused(mut problems), Self::Refused(more)) => {
                problems.extend(more);
                Self::Refused(problems)
            }
            (Self::NotFetched(ids), Self::Refused(_))
            | (Self::Refused(_), Self::NotFetched(ids)) => Self::NotFetched(ids),
        }
    }

    /// The same failure, each problem changed.
    #[must_use]
    pub fn map(self, change: impl FnMut(Problem) -> Problem) -> Self {
        match self {
            Self::NotFetched(ids) => Self::NotFetched(ids),
            Self::Refused(problems) => Self::Refused(problems.into_iter().map(change).collect()),
        }
    }
}

impl From<Problem> for Failure {
    fn from(problem: Problem) -> Self {
        Self::Refused(vec![problem])
    }
}

impl From<TemplateError> for Failure {
    fn from(error: TemplateError) -> Self {
        Self::of(Reason::TemplateFailed, error.to_string())
    }
}

impl From<TreeError> for Failure {
    fn from(error: TreeError) -> Self {
        let reason = match error {
            TreeError::NotFetched(id) => return Self::NotFetched(vec![id]),
            TreeError::Malformed(_) => Reason::MalformedTree,
            TreeError::TooLarge { .. } => Reason::YamlBudget,
            TreeError::Unreadable { .. } => Reason::GitObjectCorrupt,
        };
        Self::of(reason, error.to_string())
    }
}
