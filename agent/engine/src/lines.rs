//! Reports for people, line by line: the shell colours a line by its tone, and nothing else.

use std::fmt;

use muster_model::Revision;

/// The mood of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tone {
    /// As it is.
    Plain,
    /// The start of a part.
    Heading,
    /// Something appears, or is as it should be.
    Good,
    /// Something goes, or is wrong.
    Bad,
    /// Something changes, or waits.
    Busy,
    /// Of less interest.
    Faint,
}

impl Tone {
    /// The mood of a line of a diff, by its sign.
    #[must_use]
    pub fn of_changed(line: &str) -> Self {
        match line.chars().next() {
            Some('+') => Self::Good,
            Some('-') => Self::Bad,
            Some(_) | None => Self::Faint,
        }
    }
}

/// One line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// Its mood.
    pub tone: Tone,
    /// Its text, without a line break; control characters are shown escaped.
    pub text: String,
}

/// A report.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Lines(pub Vec<Line>);

impl Lines {
    /// Adds a line. Control characters in it are escaped (HAZARDS.md T-25).
    pub fn push(&mut self, tone: Tone, text: impl AsRef<str>) {
        self.0.push(Line {
            tone,
            text: muster_model::problem::visible(text.as_ref()),
        });
    }

    /// Adds a plain line.
    pub fn plain(&mut self, text: impl AsRef<str>) {
        self.push(Tone::Plain, text);
    }

    /// Adds the start of a part, an empty line before it.
    pub fn heading(&mut self, text: impl AsRef<str>) {
        if !self.0.is_empty() {
            self.plain("");
        }
        self.push(Tone::Heading, text);
    }

    /// Adds the lines of a text of several, each after an indent.
    pub fn indented(&mut self, tone: Tone, indent: &str, text: &str) {
        for line in text.lines() {
            self.push(tone, format!("{indent}{line}"));
        }
    }
}

impl fmt::Display for Lines {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for line in &self.0 {
            writeln!(f, "{}", line.text.trim_end())?;
        }
        Ok(())
    }
}

/// `1 cluster`, `2 clusters`.
#[must_use]
pub fn count(number: usize, word: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} {word}{plural}")
}

/// A revision; the name alone of what is no commit yet.
#[must_use]
pub fn at(revision: &Revision) -> String {
    let is_commit = revision.commit_id.as_str().bytes().any(|b| b != b'0');
    if is_commit {
        revision.to_string()
    } else {
        format!("the {}", revision.name)
    }
}

/// The first few of a list, and how many more there are.
#[must_use]
pub fn some(items: &[String], most: usize) -> String {
    match items.len().checked_sub(most) {
        None | Some(0) => items.join(", "),
        Some(more) => format!("{} and {more} more", items[..most].join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_do_not_reach_a_terminal() {
        let mut lines = Lines::default();
        lines.plain("a\u{1b}[31mb");
        assert_eq!(lines.to_string(), "a\\u{1b}[31mb\n");
    }

    #[test]
    fn long_lists_are_cut() {
        let items: Vec<String> = ["a", "b", "c"].map(str::to_owned).into();
        assert_eq!(some(&items, 3), "a, b, c");
        assert_eq!(some(&items, 1), "a and 2 more");
        assert_eq!(count(1, "cluster"), "1 cluster");
    }
}
