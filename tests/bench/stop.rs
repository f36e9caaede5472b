//! Why a benchmark could not be run to its end.

use std::fmt;

/// What went wrong, in one line.
#[derive(Debug)]
pub(crate) struct Stop(String);

impl fmt::Display for Stop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Makes one of whatever says what went wrong.
pub(crate) fn stop(why: impl fmt::Display) -> Stop {
    Stop(why.to_string())
}
