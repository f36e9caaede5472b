//! Explanations for people.

use std::fmt;

use super::{Answer, Explanation, Fleetwide, Outcome, Step};
use crate::lines::{Lines, Tone, count};

impl Explanation {
    /// The walk, line by line, its end first.
    #[must_use]
    pub fn lines(&self) -> Lines {
        let mut lines = Lines::default();
        lines.push(
            tone(self.outcome),
            format!("{}: {}", word(self.outcome), self.conclusion),
        );
        lines.push(Tone::Faint, format!("at {}", self.commit));
        for (index, step) in self.steps.iter().enumerate() {
            of_step(&mut lines, index + 1, step);
        }
        lines
    }
}

impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.lines().fmt(f)
    }
}

impl Fleetwide {
    /// One line for each cluster.
    #[must_use]
    pub fn lines(&self) -> Lines {
        let mut lines = Lines::default();
        lines.push(
            Tone::Heading,
            format!(
                "{}: {} in the fleet file, {} should have it, nothing stops it on {}",
                self.subject,
                count(self.clusters, "cluster"),
                self.expected,
                self.running
            ),
        );
        lines.push(Tone::Faint, format!("at {}", self.commit));
        let width = self
            .explanations
            .iter()
            .map(|e| e.cluster.as_str().len())
            .max()
            .unwrap_or(0);
        for explanation in &self.explanations {
            lines.push(
                tone(explanation.outcome),
                format!(
                    "  {:<width$}  {:<5}  {}",
                    explanation.cluster.as_str(),
                    word(explanation.outcome),
                    explanation.conclusion
                ),
            );
        }
        lines
    }
}

impl fmt::Display for Fleetwide {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.lines().fmt(f)
    }
}

fn of_step(lines: &mut Lines, number: usize, step: &Step) {
    let (tone, mark) = match step.answer {
        Answer::Yes => (Tone::Good, "yes"),
        Answer::No => (Tone::Bad, "NO"),
        Answer::Waits => (Tone::Busy, "waits"),
        Answer::Unknown => (Tone::Busy, "unknown"),
    };
    lines.push(
        tone,
        format!("{number:>3}. {}? {mark}: {}", step.question, step.text),
    );
    for evidence in &step.evidence {
        let place = evidence
            .at
            .as_ref()
            .map_or_else(String::new, |at| format!("{at}: "));
        lines.push(Tone::Faint, format!("     {place}{}", evidence.what));
    }
    for problem in &step.problems {
        lines.indented(Tone::Plain, "     ", &problem.to_string());
    }
}

fn tone(outcome: Outcome) -> Tone {
    match outcome {
        Outcome::Runs => Tone::Good,
        Outcome::Waits => Tone::Busy,
        Outcome::Fails | Outcome::Lacks => Tone::Bad,
    }
}

fn word(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Runs => "runs",
        Outcome::Waits => "waits",
        Outcome::Fails => "fails",
        Outcome::Lacks => "lacks",
    }
}
