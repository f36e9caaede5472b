//! The one place that prints: standard output for results, standard error for what is wrong; colour where it is wanted.

use std::io::Write as _;

use anstyle::{AnsiColor, Style};
use muster_engine::lines::{self, Line, Lines};
use muster_model::Problem;
use muster_status::table::Tone;

use crate::args::Colour;

/// Standard output and error. A reader that closed the pipe ends the output quietly.
#[derive(Debug)]
pub struct Console {
    choice: anstream::ColorChoice,
}

impl Console {
    /// Prints with colour as asked.
    #[must_use]
    pub fn new(colour: Colour) -> Self {
        let choice = match colour {
            Colour::Auto => anstream::ColorChoice::Auto,
            Colour::Always => anstream::ColorChoice::Always,
            Colour::Never => anstream::ColorChoice::Never,
        };
        Self { choice }
    }

    /// Prints text to standard output as it is.
    pub fn text(&mut self, text: &str) {
        let _ =
            anstream::AutoStream::new(std::io::stdout(), self.choice).write_all(text.as_bytes());
    }

    /// Prints bytes to standard output; colour codes in them stay.
    pub fn bytes(&mut self, bytes: &[u8]) {
        let _ = std::io::stdout().write_all(bytes);
    }

    /// Lets `write` print to standard output; whoever reads it may stop reading.
    pub fn output(
        &mut self,
        write: impl FnOnce(&mut std::io::StdoutLock<'_>) -> std::io::Result<()>,
    ) {
        let _ = write(&mut std::io::stdout().lock());
    }

    /// Prints a value as JSON.
    pub fn json(&mut self, value: &impl serde::Serialize) {
        let text = serde_json::to_string_pretty(value).expect("because our own values serialise");
        self.text(&text);
        self.text("\n");
    }

    /// Prints a value as YAML.
    pub fn yaml(&mut self, value: &impl serde::Serialize) {
        let json = serde_json::to_vec(value).expect("because our own values serialise");
        let node = muster_model::json::from_slice(&json).expect("because this is JSON");
        self.text(&muster_model::yaml::to_string(&node));
    }

    /// Prints a report, each line in the colour of its tone.
    pub fn lines(&mut self, lines: &Lines) {
        let mut text = String::new();
        for line in &lines.0 {
            text.push_str(&toned(line));
            text.push('\n');
        }
        self.text(&text);
    }

    /// Prints what is wrong to standard error.
    pub fn problem(&mut self, problem: &Problem) {
        let error = Style::new().bold().fg_color(Some(AnsiColor::Red.into()));
        let mut stream = anstream::AutoStream::new(std::io::stderr(), self.choice);
        let _ = writeln!(stream, "{error}error{error:#}: {problem}");
    }

    /// Prints what should be looked at to standard error.
    pub fn warning(&mut self, problem: &Problem) {
        let warning = Style::new().bold().fg_color(Some(AnsiColor::Yellow.into()));
        let mut stream = anstream::AutoStream::new(std::io::stderr(), self.choice);
        let _ = writeln!(stream, "{warning}warning{warning:#}: {problem}");
    }

    /// Prints a note to standard error.
    pub fn note(&mut self, text: &str) {
        let mut stream = anstream::AutoStream::new(std::io::stderr(), self.choice);
        let _ = writeln!(stream, "{text}");
    }
}

fn toned(line: &Line) -> String {
    let colour = |colour: AnsiColor| Style::new().fg_color(Some(colour.into()));
    let style = match line.tone {
        lines::Tone::Plain => return line.text.clone(),
        lines::Tone::Heading => Style::new().bold(),
        lines::Tone::Good => colour(AnsiColor::Green),
        lines::Tone::Bad => colour(AnsiColor::Red),
        lines::Tone::Busy => colour(AnsiColor::Yellow),
        lines::Tone::Faint => Style::new().dimmed(),
    };
    format!("{style}{}{style:#}", line.text.trim_end())
}

/// A line in the colour of its tone.
#[must_use]
pub fn paint(line: &str, tone: Tone) -> String {
    let colour = match tone {
        Tone::Good => AnsiColor::Green,
        Tone::Busy => AnsiColor::Yellow,
        Tone::Bad => AnsiColor::Red,
    };
    let style = Style::new().fg_color(Some(colour.into()));
    format!("{style}{line}{style:#}")
}
