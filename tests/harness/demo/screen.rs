//! What the user sees: each step with what it does, the time to expect and the time it took.

use std::io::{IsTerminal as _, Write as _};
use std::time::{Duration, Instant};

use anstyle::{AnsiColor, Style};
use indicatif::{ProgressBar, ProgressStyle};

const BOLD: Style = Style::new().bold();
const DIM: Style = Style::new().dimmed();
const GOOD: Style = AnsiColor::Green.on_default();

/// Lines on standard output; on a terminal with colour and a running clock below them.
#[derive(Debug)]
pub struct Screen {
    terminal: bool,
    times: Vec<(String, Duration)>,
}

impl Screen {
    /// A screen on standard output.
    #[must_use]
    pub fn new() -> Self {
        Self {
            terminal: std::io::stdout().is_terminal(),
            times: Vec::new(),
        }
    }

    /// The time of each step so far.
    #[must_use]
    pub fn times(&self) -> &[(String, Duration)] {
        &self.times
    }

    /// A line between steps.
    pub fn say(&self, text: &str) {
        print(&format!("{text}\n"));
    }

    /// Says what a step does, runs it, and says how long it took.
    ///
    /// # Errors
    /// Those of the step.
    pub fn step<T, E>(
        &mut self,
        title: &str,
        about: &str,
        expected: Duration,
        work: impl FnOnce(&Notes) -> Result<T, E>,
    ) -> Result<T, E> {
        let number = self.times.len() + 1;
        print(&format!("\n{BOLD}{number}. {title}{BOLD:#}\n"));
        for line in about.lines() {
            print(&format!("   {DIM}{line}{DIM:#}\n"));
        }
        print(&format!(
            "   {DIM}about {}{DIM:#}\n",
            self::seconds(expected)
        ));
        let notes = Notes::new(self.terminal);
        let begun = Instant::now();
        let result = work(&notes);
        notes.finish();
        let took = begun.elapsed();
        if result.is_ok() {
            print(&format!(
                "   {GOOD}done{GOOD:#} after {}\n",
                self::seconds(took)
            ));
        }
        self.times.push((title.to_owned(), took));
        result
    }
}

impl Default for Screen {
    fn default() -> Self {
        Self::new()
    }
}

/// What a step tells while it works.
#[derive(Debug)]
pub struct Notes(ProgressBar);

impl Notes {
    fn new(terminal: bool) -> Self {
        if !terminal {
            return Self(ProgressBar::hidden());
        }
        let style = ProgressStyle::with_template("   {spinner} {msg} {elapsed}")
            .expect("because the template is well-formed");
        let bar = ProgressBar::new_spinner().with_style(style);
        bar.enable_steady_tick(Duration::from_millis(100));
        Self(bar)
    }

    /// A line that stays.
    pub fn say(&self, text: &str) {
        self.0.suspend(|| {
            for line in text.lines() {
                print(&format!("   {line}\n"));
            }
        });
    }

    /// What is waited for at the moment, beside the running clock.
    pub fn waiting(&self, text: impl Into<String>) {
        self.0.set_message(text.into());
    }

    fn finish(&self) {
        self.0.finish_and_clear();
    }
}

/// A time for people: milliseconds below a second.
#[must_use]
pub fn seconds(time: Duration) -> String {
    if time < Duration::from_secs(1) {
        format!("{} ms", time.as_millis())
    } else if time < Duration::from_secs(10) {
        format!("{:.1} s", time.as_secs_f64())
    } else {
        format!("{} s", time.as_secs())
    }
}

/// Prints with colour where the output can show it; a closed pipe ends the output, not the clusters' tidy end.
fn print(text: &str) {
    let mut out = anstream::stdout().lock();
    let _ = out.write_all(text.as_bytes());
    let _ = out.flush();
}
