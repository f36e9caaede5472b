//! What is wrong, where, and what to do: the one error people see.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::Reason;

/// A place in a file of the repository.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Location {
    /// Path from the root of the repository.
    pub file: String,
    /// Line, from 1; `None` when the whole file is meant.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line: Option<u32>,
}

impl Location {
    /// A whole file.
    pub fn file(file: impl Into<String>) -> Self {
        Self {
            file: file.into(),
            line: None,
        }
    }

    /// A line of a file; 0 means the whole file.
    pub fn line(file: impl Into<String>, line: u32) -> Self {
        Self {
            file: file.into(),
            line: (line != 0).then_some(line),
        }
    }
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            Some(line) => write!(f, "{}:{line}", self.file),
            None => f.write_str(&self.file),
        }
    }
}

/// A refusal, a hold or a warning: its reason, a sentence, the place, the field, the remedy and the way there.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Problem {
    /// The kind of problem, from the one closed list.
    pub reason: Reason,
    /// One sentence, lower case, no full stop.
    pub message: String,
    /// Where it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<Location>,
    /// Which field, as a path (`spec.clusters[2].name`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub field: Option<String>,
    /// What to do, where it is more than the reason's own remedy.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remedy: Option<String>,
    /// The files that led there, outermost first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub chain: Vec<Location>,
}

impl Problem {
    /// A problem without a place yet.
    pub fn new(reason: Reason, message: impl Into<String>) -> Self {
        Self {
            reason,
            message: message.into(),
            at: None,
            field: None,
            remedy: None,
            chain: Vec::new(),
        }
    }

    /// Adds the place.
    #[must_use]
    pub fn at(mut self, location: Location) -> Self {
        self.at = Some(location);
        self
    }

    /// Adds the field.
    #[must_use]
    pub fn field(mut self, field: impl Into<String>) -> Self {
        self.field = Some(field.into());
        self
    }

    /// Adds a remedy.
    #[must_use]
    pub fn remedy(mut self, remedy: impl Into<String>) -> Self {
        self.remedy = Some(remedy.into());
        self
    }

    /// Puts a file in front of the chain that led here.
    #[must_use]
    pub fn via(mut self, location: Location) -> Self {
        self.chain.insert(0, location);
        self
    }
}

impl fmt::Display for Problem {
    /// Several lines, as a compiler prints them. Control characters are shown escaped (HAZARDS.md T-25).
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(at) = &self.at {
            write!(f, "{}: ", visible(&at.to_string()))?;
        }
        write!(f, "{} [{}]", visible(&self.message), self.reason)?;
        if let Some(field) = &self.field {
            write!(f, "\n  field: {}", visible(field))?;
        }
        for location in &self.chain {
            write!(f, "\n  from: {}", visible(&location.to_string()))?;
        }
        write!(
            f,
            "\n  help: {}",
            visible(
                self.remedy
                    .as_deref()
                    .unwrap_or_else(|| self.reason.remedy())
            )
        )
    }
}

impl std::error::Error for Problem {}

/// The text with control and bidirectional formatting characters escaped; line breaks become spaces.
#[must_use]
pub fn visible(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\n' | '\r' => out.push(' '),
            '\u{200b}'..='\u{200f}'
            | '\u{202a}'..='\u{202e}'
            | '\u{2066}'..='\u{2069}'
            | '\u{feff}' => out.extend(c.escape_unicode()),
            c if c.is_control() => out.extend(c.escape_default()),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_problem_reads_like_a_compiler_error() {
        let problem = Problem::new(Reason::InvalidField, "unknown field `clutsers`")
            .at(Location::line("fleet.yaml", 7))
            .field("spec.clutsers")
            .remedy("did you mean `clusters`?");
        assert_eq!(
            problem.to_string(),
            "fleet.yaml:7: unknown field `clutsers` [InvalidField]\n  field: spec.clutsers\n  help: did you mean `clusters`?"
        );
    }

    #[test]
    fn control_and_bidi_characters_are_shown_escaped() {
        assert_eq!(visible("a\u{1b}[31m\u{202e}b"), "a\\u{1b}[31m\\u{202e}b");
    }
}
