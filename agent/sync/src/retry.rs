//! How long to wait after an effect that failed (HAZARDS.md L4: for ever, and never longer than ten minutes).

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// The slowest pace: what was given up in Argo CD is tried again this often here, because nobody presses "sync".
pub const SLOWEST: Duration = Duration::from_secs(600);
/// First wait when the Application does not say: most failures are over after a moment.
const FIRST: Duration = Duration::from_secs(2);

/// `syncPolicy.retry`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Retry {
    /// How often at this pace; without end when not said.
    pub limit: Option<u32>,
    /// The first wait.
    pub duration: Duration,
    /// What each further wait is multiplied by.
    pub factor: u32,
    /// The longest wait; zero for none but muster's own.
    pub max_duration: Duration,
}

/// How an Application that says nothing of it is tried again.
const USUAL: Retry = Retry {
    limit: None,
    duration: FIRST,
    factor: 2,
    max_duration: SLOWEST,
};

/// How long to wait before the next attempt: after so many failures of this content, this one included, and not before
/// what the server `asked` for, in seconds.
#[must_use]
pub fn pause(policy: Option<&Retry>, failures: u32, asked: Option<u32>) -> Duration {
    let asked = Duration::from_secs(u64::from(asked.unwrap_or(0)));
    let own = if is_exhausted(policy, failures) {
        SLOWEST
    } else {
        policy.unwrap_or(&USUAL).wait(failures.saturating_sub(1))
    };
    own.max(asked).min(SLOWEST)
}

/// True once the attempts that an Application asks for are used up.
#[must_use]
pub fn is_exhausted(policy: Option<&Retry>, failures: u32) -> bool {
    policy
        .and_then(|retry| retry.limit)
        .is_some_and(|limit| failures > limit)
}

impl Retry {
    /// The wait after so many earlier ones.
    fn wait(&self, earlier: u32) -> Duration {
        let factor = self.factor.max(1).checked_pow(earlier).unwrap_or(u32::MAX);
        let longest = match self.max_duration {
            Duration::ZERO => SLOWEST,
            said => said,
        };
        self.duration.saturating_mul(factor).min(longest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(policy: Option<&Retry>, failures: std::ops::RangeInclusive<u32>) -> Vec<u64> {
        failures.map(|n| pause(policy, n, None).as_secs()).collect()
    }

    const ARGO: Retry = Retry {
        limit: Some(5),
        duration: Duration::from_secs(5),
        factor: 2,
        max_duration: Duration::from_secs(60),
    };

    #[test]
    fn the_pace_is_argo_cds_up_to_the_limit_and_then_the_slowest() {
        assert_eq!(seconds(Some(&ARGO), 1..=7), [5, 10, 20, 40, 60, 600, 600]);
        assert_eq!(
            (is_exhausted(Some(&ARGO), 5), is_exhausted(Some(&ARGO), 6)),
            (false, true)
        );
    }

    #[test]
    fn a_limit_of_nothing_is_slow_at_once_and_none_goes_on_at_its_pace() {
        let never = Retry {
            limit: Some(0),
            ..ARGO
        };
        assert_eq!(seconds(Some(&never), 1..=2), [600, 600]);
        let always = Retry {
            limit: None,
            ..ARGO
        };
        assert_eq!(seconds(Some(&always), 5..=7), [60, 60, 60]);
    }

    #[test]
    fn no_wait_is_longer_than_ten_minutes_whatever_is_asked() {
        assert_eq!(
            seconds(None, 1..=11),
            [2, 4, 8, 16, 32, 64, 128, 256, 512, 600, 600]
        );
        let endless = Retry {
            limit: None,
            max_duration: Duration::from_secs(86_400),
            factor: 1_000,
            ..ARGO
        };
        assert_eq!(seconds(Some(&endless), 1..=3), [5, 600, 600]);
        assert_eq!(pause(None, 1, Some(17)).as_secs(), 17);
        assert_eq!(pause(None, 1, Some(86_400)), SLOWEST);
        assert_eq!(
            pause(
                Some(&Retry {
                    max_duration: Duration::ZERO,
                    factor: 0,
                    ..ARGO
                }),
                3,
                None
            )
            .as_secs(),
            5
        );
    }
}
