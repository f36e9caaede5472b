//! Objects that somebody else keeps changing: healed at once a few times, then at a slower pace.

use jiff::{SignedDuration, Timestamp};

/// Heals within [`WINDOW`] above which an object is contended (DESIGN.md section 5).
const MAX_HEALS: usize = 5;
/// The window they are counted in.
const WINDOW: SignedDuration = SignedDuration::from_mins(1);
/// The pace at which a contended object is healed.
const PACE: SignedDuration = SignedDuration::from_mins(1);
/// How long a heal is remembered: as long as an object stays contended after the last burst.
const MEMORY: SignedDuration = SignedDuration::from_mins(10);

/// When a contended object may be healed next; `None` for one that is not contended.
#[must_use]
pub fn next_heal(heals: &[Timestamp], now: Timestamp) -> Option<Timestamp> {
    let recent: Vec<Timestamp> = remembered(heals, now).collect();
    let contended = recent
        .windows(MAX_HEALS + 1)
        .any(|burst| burst[MAX_HEALS].duration_since(burst[0]) <= WINDOW);
    let last = recent.last().filter(|_| contended)?;
    last.checked_add(PACE).ok()
}

/// Notes a heal, and forgets old ones.
pub fn note_heal(heals: &mut Vec<Timestamp>, now: Timestamp) {
    let mut kept: Vec<Timestamp> = remembered(heals, now).collect();
    kept.push(now);
    *heals = kept;
}

fn remembered(heals: &[Timestamp], now: Timestamp) -> impl Iterator<Item = Timestamp> {
    heals
        .iter()
        .copied()
        .filter(move |at| *at <= now && now.duration_since(*at) <= MEMORY)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).expect("a time")
    }

    #[test]
    fn more_than_five_heals_a_minute_slow_the_pace() {
        let five: Vec<_> = (0..5).map(at).collect();
        assert_eq!(next_heal(&five, at(5)), None);
        let six: Vec<_> = (0..6).map(at).collect();
        assert_eq!(next_heal(&six, at(6)), Some(at(65)));
    }

    #[test]
    fn slow_changes_are_not_a_fight_and_old_ones_are_forgotten() {
        let slow: Vec<_> = (0..6).map(|n| at(n * 30)).collect();
        assert_eq!(next_heal(&slow, at(150)), None);
        let mut heals: Vec<_> = (0..6).map(at).collect();
        assert_eq!(next_heal(&heals, at(700)), None);
        note_heal(&mut heals, at(700));
        assert_eq!(heals, [at(700)]);
    }
}
