//! Floats as Go prints them.

use std::fmt;

/// As Go's `encoding/json` prints it: shortest digits, exponent form below 1e-6 and from 1e21 on.
pub(crate) fn write(value: f64, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let size = value.abs();
    if !value.is_finite() || size == 0.0 {
        return write!(f, "{value}");
    }
    let text = shortest(value);
    let (digits, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    if (1e-6..1e21).contains(&size) {
        return if digits.len() < TIE_DIGITS {
            write!(f, "{value}")
        } else {
            write_positional(digits, exponent.parse().unwrap_or(0), f)
        };
    }
    // Go pads to two digits, then encoding/json turns e-09 into e-9 and leaves e+21.
    let sign = if exponent.starts_with('-') { "-" } else { "+" };
    let exponent = exponent.trim_start_matches('-');
    write!(f, "{digits}e{sign}{exponent}")
}

/// As Go's `strconv` prints it with the verb `g`: exponent form below 1e-4 and from 1e6 on.
pub(crate) fn general(value: f64) -> String {
    let size = value.abs();
    if !value.is_finite() || size == 0.0 || (1e-4..1e6).contains(&size) {
        return value.to_string();
    }
    let text = shortest(value);
    let (digits, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let sign = if exponent.starts_with('-') { '-' } else { '+' };
    format!("{digits}e{sign}{:0>2}", exponent.trim_start_matches('-'))
}

/// Digits from which on two shortest forms of a float can be equally near: 53 bits are 15.95 decimal digits.
const TIE_DIGITS: usize = 16;

/// The shortest digits that read back as the same float, as `d.ddde±x`.
///
/// Where two are equally near, Go takes the one that ends with an even digit, the standard library the larger one.
pub(crate) fn shortest(value: f64) -> String {
    let text = format!("{value:e}");
    let (digits, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let last = digits.bytes().last().unwrap_or(b'0');
    let count = digits.bytes().filter(u8::is_ascii_digit).count();
    if count < TIE_DIGITS || last.is_multiple_of(2) {
        return text;
    }
    let head = &digits[..digits.len() - 1];
    let lower = format!("{head}{}", char::from(last - 1));
    // 1,074 digits are the longest exact form of a float.
    let exact = format!("{value:.1100e}");
    let is_tie = exact
        .strip_prefix(&lower)
        .and_then(|rest| rest.split_once('e'))
        .is_some_and(|(rest, _)| {
            rest.strip_prefix('5')
                .is_some_and(|zeros| zeros.bytes().all(|zero| zero == b'0'))
        });
    let lower = format!("{lower}e{exponent}");
    if is_tie && lower.parse() == Ok(value) {
        lower
    } else {
        text
    }
}

/// Prints `d.ddd` times ten to the `exponent` without an exponent.
fn write_positional(digits: &str, exponent: i32, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let (sign, digits) = match digits.strip_prefix('-') {
        Some(digits) => ("-", digits),
        None => ("", digits),
    };
    let digits = digits.replace('.', "");
    let point = exponent + 1;
    match usize::try_from(point) {
        Ok(point) if point >= digits.len() => {
            let zeros = "0".repeat(point - digits.len());
            write!(f, "{sign}{digits}{zeros}")
        }
        Ok(point) if point > 0 => write!(f, "{sign}{}.{}", &digits[..point], &digits[point..]),
        _ => {
            let zeros = "0".repeat(usize::try_from(-point).unwrap_or(0));
            write!(f, "{sign}0.{zeros}{digits}")
        }
    }
}
