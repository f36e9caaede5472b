//! What happened, in order and in words: the trace of a run, which rare states it met, and which invariants it broke.
//! All fakes of one world write into one journal.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

/// An invariant that did not hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// Its name in HAZARDS.md: `P1`.
    pub invariant: &'static str,
    /// What was seen.
    pub what: String,
}

impl Display for Violation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.invariant, self.what)
    }
}

#[derive(Debug, Default)]
struct Inner {
    now: Duration,
    /// The moment of a runtime's own clock at which it was `now`, while that runtime runs.
    origin: Option<tokio::time::Instant>,
    keeps_lines: bool,
    lines: Vec<String>,
    reached: BTreeMap<String, u64>,
    violations: Vec<Violation>,
}

impl Inner {
    fn now(&self) -> Duration {
        let ran = self.origin.map(|origin| origin.elapsed());
        self.now + ran.unwrap_or_default()
    }
}

/// The journal of one world. Clones share.
#[derive(Debug, Clone, Default)]
pub struct Journal(Arc<Mutex<Inner>>);

impl Journal {
    /// Keeps lines from now on: counters and violations are kept anyway.
    pub fn keep_lines(&self) {
        self.inner().keeps_lines = true;
    }

    /// The time since the beginning of the run, as whoever drives it says.
    #[must_use]
    pub fn now(&self) -> Duration {
        self.inner().now()
    }

    /// Lets the time run with the clock of the runtime that runs now.
    pub fn run_from(&self, origin: tokio::time::Instant) {
        self.inner().origin = Some(origin);
    }

    /// Lets the time stand.
    pub fn stand(&self) {
        self.inner().origin = None;
    }

    /// Sets the time.
    pub fn set_now(&self, now: Duration) {
        self.inner().now = now;
    }

    /// Writes a line, made only when lines are kept.
    pub fn note<L: Display>(&self, line: impl FnOnce() -> L) {
        let mut inner = self.inner();
        if !inner.keeps_lines {
            return;
        }
        let seconds = inner.now().as_secs_f64();
        let line = line();
        inner.lines.push(format!("{seconds:>10.3} {line}"));
    }

    /// Counts that a state was met.
    pub fn reach(&self, what: impl Into<String>) {
        *self.inner().reached.entry(what.into()).or_default() += 1;
    }

    /// Writes down that an invariant does not hold.
    pub fn violation(&self, invariant: &'static str, what: impl Into<String>) {
        let found = Violation {
            invariant,
            what: what.into(),
        };
        self.note(|| format!("VIOLATION {found}"));
        self.inner().violations.push(found);
    }

    /// Which states were met, and how often.
    #[must_use]
    pub fn reached(&self) -> BTreeMap<String, u64> {
        self.inner().reached.clone()
    }

    /// What was broken so far.
    #[must_use]
    pub fn violations(&self) -> Vec<Violation> {
        self.inner().violations.clone()
    }

    /// The lines so far.
    #[must_use]
    pub fn lines(&self) -> Vec<String> {
        self.inner().lines.clone()
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().expect("because nobody panics with it")
    }
}
