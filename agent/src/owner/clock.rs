//! What the time is: wall-clock time that runs with the runtime's own clock, so that tests can turn it.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tokio::time::Instant;

/// Wall-clock time, read once at the start and carried on by the monotonic clock: a jump of the system's clock changes
/// no decision (HAZARDS.md T-40).
#[derive(Debug, Clone, Copy)]
pub struct Clock {
    start: Timestamp,
    at: Instant,
}

impl Clock {
    /// A clock that shows `now` at this moment.
    #[must_use]
    pub fn starting_at(now: Timestamp) -> Self {
        Self {
            start: now,
            at: Instant::now(),
        }
    }

    /// The time.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        let passed = SignedDuration::try_from(self.at.elapsed()).unwrap_or(SignedDuration::MAX);
        self.start.checked_add(passed).unwrap_or(Timestamp::MAX)
    }

    /// How long until `moment`; nothing when it is past.
    #[must_use]
    pub fn until(&self, moment: Timestamp) -> Duration {
        Duration::try_from(moment.duration_since(self.now())).unwrap_or(Duration::ZERO)
    }
}
