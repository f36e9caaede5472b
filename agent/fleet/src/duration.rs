//! Durations as Go writes them (`90s`, `1h30m`), bounded (HAZARDS.md T-36).

use std::fmt;
use std::time::Duration;

/// The longest duration a file may name: ten years. Longer ones are slips, and overflow sums of timestamps.
const MAX_SECONDS: u64 = 10 * 366 * 24 * 3600;

/// Why a text is not a duration that muster accepts.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not a duration: {why}")]
pub struct InvalidDuration {
    text: String,
    why: &'static str,
}

/// Reads `90s`, `1h30m`, `1.5h`, `2d`; a negative or unreasonably long one is refused.
///
/// # Errors
/// When the text is no duration, negative, or longer than ten years.
pub fn parse(text: &str) -> Result<Duration, InvalidDuration> {
    let invalid = |why| InvalidDuration {
        text: text.to_owned(),
        why,
    };
    if text == "0" {
        return Ok(Duration::ZERO);
    }
    if text.starts_with('-') {
        return Err(invalid("it is negative"));
    }
    let mut rest = text;
    let mut nanos: u128 = 0;
    while !rest.is_empty() {
        let number_end = rest
            .find(|c: char| !c.is_ascii_digit() && c != '.')
            .ok_or_else(|| invalid("its unit is missing (ms, s, m, h or d)"))?;
        let (number, tail) = rest.split_at(number_end);
        let unit_end = tail
            .find(|c: char| c.is_ascii_digit() || c == '.')
            .unwrap_or(tail.len());
        let (unit, tail) = tail.split_at(unit_end);
        let unit = unit_nanos(unit).ok_or_else(|| invalid("its unit is none of ms, s, m, h, d"))?;
        nanos += scaled(number, unit).ok_or_else(|| invalid("its number is malformed"))?;
        if nanos > u128::from(MAX_SECONDS) * 1_000_000_000 {
            return Err(invalid("it is longer than ten years"));
        }
        rest = tail;
    }
    if text.is_empty() {
        return Err(invalid("it is empty"));
    }
    let seconds = u64::try_from(nanos / 1_000_000_000).unwrap_or(MAX_SECONDS);
    let below = u32::try_from(nanos % 1_000_000_000).unwrap_or_default();
    Ok(Duration::new(seconds, below))
}

fn unit_nanos(unit: &str) -> Option<u128> {
    Some(match unit {
        "ns" => 1,
        "us" | "µs" => 1_000,
        "ms" => 1_000_000,
        "s" => 1_000_000_000,
        "m" => 60_000_000_000,
        "h" => 3_600_000_000_000,
        "d" => 86_400_000_000_000,
        _ => return None,
    })
}

/// `number` times `unit`, without floating point; at most twelve digits before and nine after the point.
fn scaled(number: &str, unit: u128) -> Option<u128> {
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    if number.len() > 21 || (whole.is_empty() && fraction.is_empty()) || fraction.len() > 9 {
        return None;
    }
    let read = |digits: &str| match digits {
        "" => Some(0),
        digits => digits.parse::<u128>().ok(),
    };
    let scale = 10u128.pow(u32::try_from(fraction.len()).ok()?);
    Some(read(whole)? * unit + read(fraction)? * unit / scale)
}

/// A duration that prints as it is written in files: `1h30m`, `90s`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Show(pub Duration);

impl fmt::Display for Show {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.0.as_secs();
        let (hours, minutes, rest) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
        if hours > 0 {
            write!(f, "{hours}h")?;
        }
        if minutes > 0 {
            write!(f, "{minutes}m")?;
        }
        if rest > 0 || seconds == 0 {
            write!(f, "{rest}s")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_read_as_go_reads_them() {
        assert_eq!(parse("1h30m"), Ok(Duration::from_secs(5400)));
        assert_eq!(parse("1.5s"), Ok(Duration::from_millis(1500)));
        assert_eq!(parse("0"), Ok(Duration::ZERO));
        assert_eq!(Show(Duration::from_secs(5400)).to_string(), "1h30m");
    }

    #[test]
    fn bad_durations_are_refused_by_name() {
        for bad in ["99999999h", "-5m", "NaN", "1e400", "5", "", "h", "1.h.2"] {
            assert!(parse(bad).is_err(), "{bad}");
        }
    }
}
