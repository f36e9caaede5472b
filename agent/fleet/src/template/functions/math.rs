//! sprig's arithmetic.

use gotmpl::{Result, Value};

use super::Function;
use super::args::{count, exactly, fail, int, show, string, text, to_float, to_int};

/// Numbers one call may list: 100,000, as many as a template's loops may run.
const MAX_LISTED: i64 = 100_000;

pub(super) const TABLE: &[(&str, Function)] = &[
    ("add", |a| folded(a, 0, i64::wrapping_add)),
    ("add1", |a| {
        Ok(Value::Int(to_int(&exactly::<1>(a)?[0]).wrapping_add(1)))
    }),
    ("add1f", |a| {
        Ok(Value::Float(to_float(&exactly::<1>(a)?[0]) + 1.0))
    }),
    ("addf", |a| {
        Ok(Value::Float(a.iter().map(to_float).fold(0.0, |x, y| x + y)))
    }),
    ("atoi", |a| {
        Ok(Value::Int(
            text(&exactly::<1>(a)?[0])?.parse().unwrap_or_default(),
        ))
    }),
    ("biggest", |a| first_then(a, i64::max)),
    ("ceil", |a| {
        Ok(Value::Float(to_float(&exactly::<1>(a)?[0]).ceil()))
    }),
    ("div", |a| divided(a, i64::wrapping_div)),
    ("divf", |a| floats(a, |x, y| x / y)),
    ("duration", duration),
    ("durationRound", duration_round),
    ("float64", |a| {
        Ok(Value::Float(to_float(&exactly::<1>(a)?[0])))
    }),
    ("floor", |a| {
        Ok(Value::Float(to_float(&exactly::<1>(a)?[0]).floor()))
    }),
    ("int", |a| Ok(Value::Int(to_int(&exactly::<1>(a)?[0])))),
    ("int64", |a| Ok(Value::Int(to_int(&exactly::<1>(a)?[0])))),
    ("max", |a| first_then(a, i64::max)),
    ("maxf", |a| floats(a, f64::max)),
    ("min", |a| first_then(a, i64::min)),
    ("minf", |a| floats(a, f64::min)),
    ("mod", |a| divided(a, i64::wrapping_rem)),
    ("mul", |a| first_then(a, i64::wrapping_mul)),
    ("mulf", |a| floats(a, |x, y| x * y)),
    ("round", round),
    ("seq", seq),
    ("sub", |a| {
        let [x, y] = exactly(a)?;
        Ok(Value::Int(to_int(x).wrapping_sub(to_int(y))))
    }),
    ("subf", |a| floats(a, |x, y| x - y)),
    ("toDecimal", |a| {
        let number = i64::from_str_radix(&show(&exactly::<1>(a)?[0]), 8);
        Ok(Value::Int(number.unwrap_or_default()))
    }),
    ("until", until),
    ("untilStep", |a| {
        let [start, stop, step] = exactly(a)?;
        Ok(ints(&stepped(int(start)?, int(stop)?, int(step)?)?))
    }),
];

fn folded(args: &[Value], start: i64, f: fn(i64, i64) -> i64) -> Result<Value> {
    Ok(Value::Int(args.iter().map(to_int).fold(start, f)))
}

fn first_then(args: &[Value], f: fn(i64, i64) -> i64) -> Result<Value> {
    count(args, 1, usize::MAX)?;
    folded(&args[1..], to_int(&args[0]), f)
}

fn floats(args: &[Value], f: fn(f64, f64) -> f64) -> Result<Value> {
    count(args, 1, usize::MAX)?;
    let rest = args[1..].iter().map(to_float);
    Ok(Value::Float(rest.fold(to_float(&args[0]), f)))
}

fn divided(args: &[Value], f: fn(i64, i64) -> i64) -> Result<Value> {
    let [x, y] = exactly(args)?;
    match to_int(y) {
        0 => fail("integer divide by zero"),
        y => Ok(Value::Int(f(to_int(x), y))),
    }
}

fn round(args: &[Value]) -> Result<Value> {
    count(args, 2, 3)?;
    let places = i32::try_from(int(&args[1])?).unwrap_or_default();
    let limit = args.get(2).map_or(0.5, to_float);
    let power = 10f64.powi(places);
    let digit = power * to_float(&args[0]);
    let up = digit.fract() >= limit;
    Ok(Value::Float(
        if up { digit.ceil() } else { digit.floor() } / power,
    ))
}

fn until(args: &[Value]) -> Result<Value> {
    let stop = int(&exactly::<1>(args)?[0])?;
    let step = if stop < 0 { -1 } else { 1 };
    Ok(ints(&stepped(0, stop, step)?))
}

/// `start`, `start + step`, … short of `stop`; empty when the step leads away from it.
fn stepped(start: i64, stop: i64, step: i64) -> Result<Vec<i64>> {
    let towards = if stop < start { step < 0 } else { step > 0 };
    if !towards {
        return Ok(Vec::new());
    }
    let mut numbers = Vec::new();
    let mut at = start;
    while (step > 0 && at < stop) || (step < 0 && at > stop) {
        if i64::try_from(numbers.len()).unwrap_or(i64::MAX) >= MAX_LISTED {
            return fail(format!("more than {MAX_LISTED} numbers"));
        }
        numbers.push(at);
        at = at.saturating_add(step);
    }
    Ok(numbers)
}

fn ints(numbers: &[i64]) -> Value {
    Value::List(numbers.iter().map(|number| Value::Int(*number)).collect())
}

fn seq(args: &[Value]) -> Result<Value> {
    let numbers = args.iter().map(int).collect::<Result<Vec<_>>>()?;
    let (start, step, end) = match numbers[..] {
        [end] => (1, None, end),
        [start, end] => (start, None, end),
        [start, step, end] => (start, Some(step), end),
        _ => return Ok(string("")),
    };
    let one = if end < start { -1 } else { 1 };
    if step.is_some_and(|step| step > 0) && end < start {
        return Ok(string(""));
    }
    let listed = stepped(start, end.saturating_add(one), step.unwrap_or(one))?;
    let texts: Vec<String> = listed.iter().map(ToString::to_string).collect();
    Ok(string(texts.join(" ")))
}

/// Seconds as Go prints a duration: `95` → `1m35s`.
fn duration(args: &[Value]) -> Result<Value> {
    let seconds = match &exactly::<1>(args)?[0] {
        Value::String(text) => text.parse::<i64>().unwrap_or_default(),
        Value::Int(seconds) => *seconds,
        _ => 0,
    };
    let sign = if seconds < 0 { "-" } else { "" };
    let (total, mut out) = (seconds.unsigned_abs(), sign.to_owned());
    if total >= 3600 {
        out.push_str(&format!("{}h", total / 3600));
    }
    if total >= 60 {
        out.push_str(&format!("{}m", total / 60 % 60));
    }
    out.push_str(&format!("{}s", total % 60));
    Ok(string(out))
}

/// The greatest whole unit of a duration. A time would be measured against the clock: there is none to give.
fn duration_round(args: &[Value]) -> Result<Value> {
    const UNITS: [(u128, &str); 6] = [
        (365 * 24 * 3600, "y"),
        (30 * 24 * 3600, "mo"),
        (24 * 3600, "d"),
        (3600, "h"),
        (60, "m"),
        (1, "s"),
    ];
    let nanos = match &exactly::<1>(args)?[0] {
        // Go knows no days.
        Value::String(text) if !text.contains('d') => {
            let text = text.trim_start_matches(['-', '+']);
            crate::duration::parse(text).map_or(0, |d| d.as_nanos())
        }
        Value::Int(nanos) => u128::from(nanos.unsigned_abs()),
        _ => 0,
    };
    let unit = UNITS.iter().find(|(s, _)| nanos > s * 1_000_000_000);
    Ok(string(unit.map_or_else(
        || "0s".to_owned(),
        |(seconds, unit)| format!("{}{unit}", nanos / (seconds * 1_000_000_000)),
    )))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_round_to_their_greatest_unit() {
        let round = |value: Value| duration_round(&[value]).expect("a text").to_string();
        for (text, expected) in [
            ("2h10m5s", "2h"),
            ("2400h10m5s", "3mo"),
            ("-90s", "1m"),
            ("1s", "0s"),
            ("soon", "0s"),
        ] {
            assert_eq!(round(Value::String(text.into())), expected, "{text}");
        }
        assert_eq!(round(Value::Int(3_600_000_000_001)), "1h");
    }

    #[test]
    fn sequences_follow_sprig() {
        let seq = |numbers: &[i64]| {
            let args: Vec<Value> = numbers.iter().map(|n| Value::Int(*n)).collect();
            show(&super::seq(&args).expect("ints"))
        };
        assert_eq!(seq(&[5]), "1 2 3 4 5");
        assert_eq!(seq(&[-3]), "1 0 -1 -2 -3");
        assert_eq!(seq(&[0, 2, 10]), "0 2 4 6 8 10");
        assert_eq!(seq(&[0, -2, -5]), "0 -2 -4");
    }

    #[test]
    fn endless_lists_are_refused() {
        assert!(until(&[Value::Int(i64::MAX)]).is_err());
    }
}
