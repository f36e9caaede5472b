//! The dates and times that YAML reads from unquoted text, as Go reads and prints them.

/// A point in time with its offset from UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Timestamp {
    date: (u16, u8, u8),
    time: (u8, u8, u8),
    nanos: u32,
    /// Minutes east of UTC.
    offset: i32,
}

/// Reads `2001-1-2`, `2001-1-2 15:4:5.9`, `2001-1-2T15:4:5.9Z` and `…+01:00`; anything else is no timestamp.
pub(super) fn parse(text: &str) -> Option<Timestamp> {
    let bytes = text.as_bytes();
    if bytes.len() < 8 || bytes[4] != b'-' || !bytes[..4].iter().all(u8::is_ascii_digit) {
        return None;
    }
    let year = text[..4].parse().ok()?;
    let mut rest = Rest(&bytes[5..]);
    let month = rest.number(1, 12)?;
    rest.literal(b'-')?;
    let day = rest.number(1, days(year, month))?;
    let mut stamp = Timestamp {
        date: (year, month, day),
        time: (0, 0, 0),
        nanos: 0,
        offset: 0,
    };
    let Some(separator) = rest.next() else {
        return Some(stamp);
    };
    if separator == b' ' {
        rest.skip_spaces();
    }
    stamp.time.0 = rest.number(0, 23)?;
    rest.literal(b':')?;
    stamp.time.1 = rest.number(0, 59)?;
    rest.literal(b':')?;
    stamp.time.2 = rest.number(0, 59)?;
    stamp.nanos = rest.fraction();
    match separator {
        b' ' => {}
        b'T' | b't' => stamp.offset = rest.zone()?,
        _ => return None,
    }
    rest.0.is_empty().then_some(stamp)
}

impl Timestamp {
    /// As Go's JSON prints it; `None` when the offset is a day or more, which Go refuses.
    pub(super) fn to_json_text(self) -> Option<String> {
        let (year, month, day) = self.date;
        let (hour, minute, second) = self.time;
        let mut text = format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}");
        if self.nanos != 0 {
            let digits = format!("{:09}", self.nanos);
            text.push('.');
            text.push_str(digits.trim_end_matches('0'));
        }
        let offset = self.offset.unsigned_abs();
        match self.offset {
            0 => text.push('Z'),
            _ if offset >= 24 * 60 => return None,
            east => {
                let sign = if east < 0 { '-' } else { '+' };
                text.push_str(&format!("{sign}{:02}:{:02}", offset / 60, offset % 60));
            }
        }
        Some(text)
    }
}

fn days(year: u16, month: u8) -> u8 {
    let leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    match month {
        2 if leap => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

struct Rest<'a>(&'a [u8]);

impl Rest<'_> {
    fn next(&mut self) -> Option<u8> {
        let (first, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(*first)
    }

    fn literal(&mut self, byte: u8) -> Option<()> {
        (self.next()? == byte).then_some(())
    }

    fn skip_spaces(&mut self) {
        while let [b' ', rest @ ..] = self.0 {
            self.0 = rest;
        }
    }

    /// One or two digits.
    fn number(&mut self, least: u8, most: u8) -> Option<u8> {
        let digit = |byte: u8| byte.is_ascii_digit().then(|| byte - b'0');
        let mut value = digit(self.next()?)?;
        if let Some(second) = self.0.first().copied().and_then(digit) {
            self.next();
            value = value * 10 + second;
        }
        (least..=most).contains(&value).then_some(value)
    }

    /// Digits after a point or comma, as nanoseconds; those after the ninth are dropped.
    fn fraction(&mut self) -> u32 {
        let [b'.' | b',', rest @ ..] = self.0 else {
            return 0;
        };
        let length = rest.iter().take_while(|b| b.is_ascii_digit()).count();
        if length == 0 {
            return 0;
        }
        self.0 = &rest[length..];
        let digits = rest[..length].iter().chain(std::iter::repeat(&b'0'));
        digits
            .take(9)
            .fold(0, |value, digit| value * 10 + u32::from(digit - b'0'))
    }

    /// `Z`, or `±hh:mm` in minutes.
    fn zone(&mut self) -> Option<i32> {
        let sign = match self.next()? {
            b'Z' => return Some(0),
            b'+' => 1,
            b'-' => -1,
            _ => return None,
        };
        let [h1, h2, b':', m1, m2, rest @ ..] = self.0 else {
            return None;
        };
        let hours = Rest(&[*h1, *h2]).two_digits(24)?;
        let minutes = Rest(&[*m1, *m2]).two_digits(60)?;
        self.0 = rest;
        Some(sign * (hours * 60 + minutes))
    }

    fn two_digits(&mut self, most: u8) -> Option<i32> {
        let value = self.number(0, most)?;
        self.0.is_empty().then_some(i32::from(value))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn json(text: &str) -> Option<String> {
        parse(text)?.to_json_text()
    }

    #[test]
    fn the_four_forms_are_read() {
        assert_eq!(json("2001-1-2").as_deref(), Some("2001-01-02T00:00:00Z"));
        assert_eq!(
            json("2001-1-2 3:4:5").as_deref(),
            Some("2001-01-02T03:04:05Z")
        );
        assert_eq!(
            json("2001-12-14t21:59:43.10-05:00").as_deref(),
            Some("2001-12-14T21:59:43.1-05:00")
        );
        assert_eq!(
            json("2024-02-29T00:00:00Z").as_deref(),
            Some("2024-02-29T00:00:00Z")
        );
    }

    #[test]
    fn what_is_no_date_stays_text() {
        for text in [
            "2001-13-01",
            "2023-02-29",
            "2001-1-2T3:4",
            "2001-1-2T3:4:5",
            "2001-1-2 3:4:5Z",
            "01-1-1",
            "2001-1-2T24:0:0Z",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
