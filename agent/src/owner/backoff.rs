//! How long to pause after the first, second, … failure in a row: a policy, which waits for nothing itself.

use std::time::Duration;

use backon::{BackoffBuilder as _, ExponentialBuilder};

/// Pauses that double from `shortest` to `longest`, with jitter within that, for ever (HAZARDS.md L4).
pub(super) fn backoff(shortest: Duration, longest: Duration) -> impl Iterator<Item = Duration> {
    let builder = ExponentialBuilder::default()
        .with_min_delay(shortest)
        .with_max_delay(longest);
    let pauses = builder.with_jitter().without_max_times().build();
    pauses.map(move |pause| pause.min(longest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_to_a_limit_and_never_end() {
        let pauses: Vec<_> = backoff(Duration::from_secs(1), Duration::from_secs(30))
            .take(100)
            .collect();
        assert!(pauses[0] < Duration::from_secs(3) && pauses[0] >= Duration::from_secs(1));
        assert!(pauses.iter().all(|p| *p <= Duration::from_secs(30)) && pauses.len() == 100);
    }
}
