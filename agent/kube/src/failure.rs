//! Why a request came to nothing, in our own words.
//!
//! A `Status` of the API server is looked at to find out what happened; of its text nothing is kept but field paths and
//! the names of field managers, both reduced to harmless characters (HAZARDS.md T-55).

use std::time::Duration;

use muster_model::effect::Outcome;
use muster_model::{GroupKind, Problem, Reason, ServiceAccount};

mod answer;
mod words;

pub(crate) use words::path;

/// What a request is for, as messages name it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Operation {
    /// The verb of RBAC: `patch`, `delete`, `list`, `watch`.
    pub(crate) verb: &'static str,
    /// `deployments.apps`.
    pub(crate) resource: String,
    /// The namespace, empty for none or all.
    pub(crate) namespace: String,
    /// The reason when nothing more is known.
    pub(crate) otherwise: Reason,
    /// Whom it is done as, when not as the agent.
    account: Option<ServiceAccount>,
}

impl Operation {
    /// Names an operation.
    pub(crate) fn new(verb: &'static str, resource: impl Into<String>, namespace: &str) -> Self {
        let otherwise = match verb {
            "patch" | "create" | "update" => Reason::ApplyFailed,
            "delete" => Reason::DeleteFailed,
            _ => Reason::ApiUnreachable,
        };
        Self {
            verb,
            resource: resource.into(),
            namespace: namespace.to_owned(),
            otherwise,
            account: None,
        }
    }

    /// The same, done as a service account.
    pub(crate) fn done_as(self, account: Option<&ServiceAccount>) -> Self {
        Self {
            account: account.cloned(),
            ..self
        }
    }
}

impl std::fmt::Display for Operation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}", self.verb, self.resource)?;
        if !self.namespace.is_empty() {
            write!(f, " in namespace {}", path(&self.namespace))?;
        }
        if let Some(account) = &self.account {
            write!(f, " as service account {account}")?;
        }
        Ok(())
    }
}

/// Why a request came to nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Failure {
    /// The very object asked for is not there.
    NotFound(Told),
    /// The object changed since it was seen, or was made meanwhile.
    Conflict(Told),
    /// The position of a list or watch is too old: list again.
    Expired(Told),
    /// The server cannot begin a watch with a list.
    NoStreamingList(Told),
    /// Anything else.
    Failed(Told),
}

/// What can be said about a failure.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Told {
    /// Which reason of the closed list.
    pub(crate) reason: Reason,
    /// The HTTP status code, 0 without an answer.
    pub(crate) code: u16,
    /// In our own words, at most 256 bytes.
    pub(crate) message: String,
    /// Seconds the server asked to wait.
    pub(crate) retry_after: Option<u32>,
}

impl Failure {
    fn unanswered_as(reason: Reason, message: String) -> Self {
        Self::Failed(Told {
            reason,
            code: 0,
            message: words::shorten(message),
            retry_after: None,
        })
    }

    /// No connection. Of the cause only its class is told: texts of TLS and proxy errors may quote what was received.
    pub(crate) fn unanswered(operation: &Operation, error: &kube::Error) -> Self {
        let why = match error {
            kube::Error::Auth(_) => "the credentials cannot be read",
            kube::Error::HyperError(_) => "the connection broke",
            _ => "no connection",
        };
        Self::unanswered_as(Reason::ApiUnreachable, format!("cannot {operation}: {why}"))
    }

    /// No answer in time.
    pub(crate) fn timeout(operation: &Operation, limit: Duration) -> Self {
        let seconds = limit.as_secs();
        Self::unanswered_as(
            Reason::ApiUnreachable,
            format!("cannot {operation}: no answer within {seconds} s"),
        )
    }

    /// The answer broke off.
    pub(crate) fn cut_off(operation: &Operation) -> Self {
        Self::unanswered_as(
            Reason::ApiUnreachable,
            format!("cannot {operation}: the answer broke off"),
        )
    }

    /// The answer is larger than any should be.
    pub(crate) fn too_much(operation: &Operation) -> Self {
        Self::unanswered_as(
            operation.otherwise,
            format!("cannot {operation}: the answer is too large"),
        )
    }

    /// The answer is not what an API server sends.
    pub(crate) fn not_json(operation: &Operation) -> Self {
        Self::unanswered_as(
            operation.otherwise,
            format!("cannot {operation}: the answer is not an API server's"),
        )
    }

    /// The server did not say where the list ends.
    pub(crate) fn no_streaming_list(operation: &Operation) -> Self {
        Self::NoStreamingList(Told {
            reason: operation.otherwise,
            code: 0,
            message: words::shorten(format!("cannot {operation}: no list streams in")),
            retry_after: None,
        })
    }

    /// The request cannot even be written down.
    pub(crate) fn malformed(operation: &Operation) -> Self {
        Self::unanswered_as(
            Reason::Invalid,
            format!("cannot {operation}: no request can be made of it"),
        )
    }

    /// The object read now is not the one that was seen.
    pub(crate) fn changed(operation: &Operation) -> Self {
        Self::Conflict(Told {
            reason: operation.otherwise,
            code: 409,
            message: words::shorten(format!("cannot {operation}: it changed meanwhile")),
            retry_after: None,
        })
    }

    /// A kind that discovery does not have.
    pub(crate) fn kind_missing(kind: &GroupKind) -> Self {
        Self::unanswered_as(
            Reason::KindMissing,
            format!("the API server does not serve {}", path(&kind.to_string())),
        )
    }

    /// A version that discovery does not have.
    pub(crate) fn version_missing(kind: &GroupKind, version: &str) -> Self {
        let (kind, version) = (path(&kind.to_string()), path(version));
        Self::unanswered_as(
            Reason::KindMissing,
            format!("the API server does not serve version {version} of {kind}"),
        )
    }

    /// An answer other than success.
    pub(crate) fn of_answer(
        operation: &Operation,
        code: u16,
        retry_after: Option<u32>,
        body: &[u8],
    ) -> Self {
        answer::read(operation, code, retry_after, body)
    }

    /// What is told, whatever the failure.
    pub(crate) fn told(&self) -> &Told {
        match self {
            Self::NotFound(told)
            | Self::Conflict(told)
            | Self::Expired(told)
            | Self::NoStreamingList(told)
            | Self::Failed(told) => told,
        }
    }

    /// As the outcome of an effect.
    pub(crate) fn into_outcome(self) -> Outcome {
        match self {
            Self::Conflict(_) => Outcome::Conflict,
            Self::NotFound(told)
            | Self::Expired(told)
            | Self::NoStreamingList(told)
            | Self::Failed(told) => Outcome::Failed {
                reason: told.reason,
                code: told.code,
                message: told.message,
                retry_after: told.retry_after,
            },
        }
    }

    /// As a problem that people see.
    pub(crate) fn into_problem(self) -> Problem {
        let told = self.told();
        Problem::new(told.reason, told.message.clone())
    }
}
