//! Why a text could not be read.

/// Why a text is not the YAML that Kubernetes reads.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum YamlError {
    /// It breaks the syntax, repeats a key, or holds a value that JSON has no form for.
    #[error("{message}")]
    Syntax {
        /// Line, from 1.
        line: u32,
        /// What is wrong and what to do.
        message: String,
    },
    /// It is larger, deeper or has more aliases than allowed.
    #[error("{message}")]
    Budget {
        /// Line, from 1.
        line: u32,
        /// Which limit, and its value.
        message: String,
    },
}

impl YamlError {
    /// The line, from 1.
    #[must_use]
    pub fn line(&self) -> u32 {
        match self {
            Self::Syntax { line, .. } | Self::Budget { line, .. } => *line,
        }
    }

    pub(super) fn syntax(line: u32, message: impl Into<String>) -> Self {
        Self::Syntax {
            line,
            message: message.into(),
        }
    }

    pub(super) fn budget(line: u32, message: impl Into<String>) -> Self {
        Self::Budget {
            line,
            message: message.into(),
        }
    }
}
