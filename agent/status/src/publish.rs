//! When a status goes out: bad news at once, good news in the cluster's slot, a heartbeat otherwise.

use jiff::{SignedDuration, Timestamp};
use muster_model::status::ClusterStatus;
use muster_model::{ClusterName, Digest, Health};

/// Shortest heartbeat (DESIGN.md section 8).
const MIN_HEARTBEAT_SECONDS: u32 = 15 * 60;
/// Pushes a second that one 2-core Git server takes for heartbeats (DESIGN.md section 8).
const HEARTBEATS_PER_SECOND: f64 = 1.4;
/// Good news waits this long at most, so that many clusters that turn healthy together do not push together.
const SLOT_SECONDS: i64 = 10;
/// Below this many clusters there is nothing to spread.
const SPREAD_FROM: usize = 33;

/// The heartbeat of a fleet of `clusters`, in seconds: max(15 min, N / 1.4 per second).
#[must_use]
pub fn heartbeat_seconds(clusters: usize) -> u32 {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "a fleet has far fewer than 2^31 clusters"
    )]
    let spread = (clusters as f64 / HEARTBEATS_PER_SECOND).ceil() as u32;
    spread.max(MIN_HEARTBEAT_SECONDS)
}

/// What to do with a status now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Publish {
    /// Push it.
    Now,
    /// Nothing to say before this moment.
    At(Timestamp),
}

/// Decides whether `next` goes out, given what was last published and when.
#[must_use]
pub fn publish(
    next: &ClusterStatus,
    last: Option<&ClusterStatus>,
    clusters: usize,
    now: Timestamp,
) -> Publish {
    let Some(last) = last else {
        return Publish::Now;
    };
    let due = last.time + SignedDuration::from_secs(i64::from(heartbeat_seconds(clusters)));
    if !says_something_new(next, last) {
        return if now >= due {
            Publish::Now
        } else {
            Publish::At(due)
        };
    }
    if clusters < SPREAD_FROM || is_bad_news(next, last) {
        return Publish::Now;
    }
    let slot = last.time + SignedDuration::from_secs(slot_of(&next.cluster));
    if now >= slot {
        Publish::Now
    } else {
        Publish::At(slot)
    }
}

fn slot_of(cluster: &ClusterName) -> i64 {
    i64::from(Digest::of(cluster.as_str().as_bytes()).as_bytes()[0]) % SLOT_SECONDS + 1
}

/// True when the two differ in more than their sequence and time.
#[must_use]
pub fn says_something_new(next: &ClusterStatus, last: &ClusterStatus) -> bool {
    let ClusterStatus {
        api_version,
        kind,
        fleet,
        cluster,
        sequence: _,
        time: _,
        agent,
        key,
        heartbeat_seconds,
        state,
        hub,
        serial,
        applications,
        problems,
    } = next;
    *applications != last.applications
        || *problems != last.problems
        || (hub, serial) != (&last.hub, &last.serial)
        || *state != last.state
        || *heartbeat_seconds != last.heartbeat_seconds
        || (api_version, kind, fleet, cluster)
            != (&last.api_version, &last.kind, &last.fleet, &last.cluster)
        || (agent, key) != (&last.agent, &last.key)
}

fn is_bad_news(next: &ClusterStatus, last: &ClusterStatus) -> bool {
    let worst = |s: &ClusterStatus| {
        s.applications
            .values()
            .map(|a| a.health)
            .max()
            .unwrap_or(Health::Healthy)
    };
    let troubles = |s: &ClusterStatus| {
        s.problems.len()
            + s.applications
                .values()
                .map(|a| a.problems.len())
                .sum::<usize>()
    };
    worst(next) > worst(last) || troubles(next) > troubles(last)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::entry::tests::status;
    use crate::signature::SigningKey;

    #[test]
    fn an_unchanged_status_waits_for_its_heartbeat() {
        let last = status("east", 1, &SigningKey::from_seed(&[1; 32]));
        let due = last.time + SignedDuration::from_mins(15);
        assert_eq!(publish(&last, Some(&last), 3, last.time), Publish::At(due));
        assert_eq!(publish(&last, Some(&last), 3, due), Publish::Now);
    }

    #[test]
    fn news_goes_out_at_once_in_a_small_fleet_and_bad_news_in_any() {
        let last = status("east", 1, &SigningKey::from_seed(&[1; 32]));
        let mut next = last.clone();
        next.agent = "0.2.0".into();
        assert_eq!(publish(&next, Some(&last), 3, last.time), Publish::Now);
        assert!(matches!(
            publish(&next, Some(&last), 5_000, last.time),
            Publish::At(_)
        ));
        next.problems.push(muster_model::Problem::new(
            muster_model::Reason::GitAuth,
            "refused",
        ));
        assert_eq!(publish(&next, Some(&last), 5_000, last.time), Publish::Now);
    }

    #[test]
    fn a_large_fleet_beats_slower() {
        assert_eq!(heartbeat_seconds(3), 900);
        assert_eq!(heartbeat_seconds(5_000), 3_572);
    }
}
