//! How far long work is, on standard error, while somebody is looking.

use std::io::IsTerminal as _;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// Work that is not shown: it would only flicker.
const SHORTEST: Duration = Duration::from_millis(300);

/// A line that is there while work goes on. Nothing is drawn when standard error is no terminal.
pub(super) struct Progress {
    bar: ProgressBar,
    begun: Instant,
    shown: AtomicBool,
    /// True when somebody may be looking.
    watched: bool,
}

impl Progress {
    /// Nothing is shown yet.
    pub(super) fn new() -> Self {
        let bar = ProgressBar::hidden();
        if let Ok(style) = ProgressStyle::with_template("{spinner} {msg}: {pos} of {len}") {
            bar.set_style(style);
        }
        Self {
            bar,
            begun: Instant::now(),
            shown: AtomicBool::new(false),
            watched: std::io::stderr().is_terminal(),
        }
    }

    /// Names what is being done.
    pub(super) fn says(&self, what: &'static str) {
        self.bar.set_message(what);
        self.bar.set_position(0);
    }

    /// One of so many is done.
    pub(super) fn step(&self, of: usize) {
        if !self.watched || self.begun.elapsed() < SHORTEST {
            return;
        }
        if !self.shown.swap(true, Ordering::Relaxed) {
            self.bar.set_draw_target(ProgressDrawTarget::stderr());
        }
        self.bar.set_length(of as u64);
        self.bar.inc(1);
    }

    /// Takes the line away.
    pub(super) fn ends(&self) {
        if self.shown.load(Ordering::Relaxed) {
            self.bar.finish_and_clear();
        }
    }
}
