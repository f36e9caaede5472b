//! Patterns: what kustomize compiles as regular expressions, most of which are plain names.
//!
//! Compiling one is dear beside comparing two names, so that a text without operators is compared as it is. A dot is the
//! one operator that names have too: it stands for any character but a line feed.

use muster_model::{Problem, Reason};
use regex::Regex;

use crate::failure::failed;

/// A pattern, ready to match.
#[derive(Debug)]
pub(crate) enum Pattern {
    /// The whole text, which has nothing but characters and dots.
    Plain(String),
    /// Anywhere in a text, without dots.
    Within(String),
    /// Anything else.
    Regex(Regex),
}

impl Pattern {
    /// Compiles a pattern that matches from the beginning of a text to its end; `None` for the empty one, which selects
    /// everything.
    pub(crate) fn whole(pattern: &str) -> Result<Option<Self>, Problem> {
        if pattern.is_empty() {
            return Ok(None);
        }
        if is_plain(pattern) {
            return Ok(Some(Self::Plain(pattern.to_owned())));
        }
        regex(&format!("^(?:{pattern})$")).map(|found| Some(Self::Regex(found)))
    }

    /// Compiles a pattern that matches anywhere in a text.
    pub(crate) fn anywhere(pattern: &str) -> Result<Self, Problem> {
        if is_plain(pattern) && !pattern.contains('.') {
            return Ok(Self::Within(pattern.to_owned()));
        }
        regex(pattern).map(Self::Regex)
    }

    /// True when `text` is as the pattern says.
    pub(crate) fn is_match(&self, text: &str) -> bool {
        match self {
            Self::Plain(plain) => after(plain, text) == Some(""),
            Self::Within(part) => text.contains(part.as_str()),
            Self::Regex(regex) => regex.is_match(text),
        }
    }
}

/// True for a pattern that has no operator but dots.
pub(crate) fn is_plain(pattern: &str) -> bool {
    pattern
        .chars()
        .all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '/' | ':' | '@' | '.'))
}

/// What of `text` follows the beginning that a plain pattern stands for.
pub(crate) fn after<'t>(plain: &str, text: &'t str) -> Option<&'t str> {
    let mut rest = text.chars();
    for wanted in plain.chars() {
        let found = rest.next()?;
        if found != wanted && (wanted != '.' || found == '\n') {
            return None;
        }
    }
    Some(rest.as_str())
}

/// Compiles a regular expression.
pub(crate) fn regex(pattern: &str) -> Result<Regex, Problem> {
    Regex::new(pattern).map_err(|_| {
        let mut problem = failed(format!("{pattern:?} is not a regular expression"));
        problem.reason = Reason::InvalidField;
        problem
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn names_are_compared_and_dots_stand_for_one_character() {
        let pattern = Pattern::whole("quay.io/web")
            .expect("a pattern")
            .expect("one");
        assert!(matches!(pattern, Pattern::Plain(_)));
        assert!(pattern.is_match("quay.io/web") && pattern.is_match("quayxio/web"));
        assert!(!pattern.is_match("quay.io/web:1") && !pattern.is_match("quay\nio/web"));
        let pattern = Pattern::whole("web|db").expect("a pattern").expect("one");
        assert!(pattern.is_match("db") && !pattern.is_match("webdb"));
    }

    proptest! {
        #[test]
        fn a_plain_pattern_says_what_its_regular_expression_says(
            pattern in "[ab./:@_-]{1,4}",
            text in "[ab./:é\n]{0,5}",
        ) {
            let found = Pattern::whole(&pattern).expect("a pattern").expect("one");
            prop_assert!(matches!(found, Pattern::Plain(_)));
            let regex = regex(&format!("^(?:{pattern})$")).expect("an expression");
            prop_assert_eq!(found.is_match(&text), regex.is_match(&text));
        }
    }
}
