//! sprig's `semver` and `semverCompare`: versions and constraints as Masterminds/semver reads them.

use std::cmp::Ordering;

use gotmpl::{Result, Value};

use super::Function;
use super::args::{exactly, fail, string, text};
use crate::params::{self, Params};

pub(super) const TABLE: &[(&str, Function)] = &[
    ("semver", |a| {
        let whole = text(&exactly::<1>(a)?[0])?;
        Version::parse(whole).map_or_else(|| fail("Invalid Semantic Version"), |v| Ok(v.value()))
    }),
    ("semverCompare", compare),
];

#[derive(Debug, Clone, PartialEq, Eq)]
struct Version {
    numbers: [u64; 3],
    pre: String,
    build: String,
    /// How many of the numbers were written, the others being wildcards.
    written: usize,
    original: String,
}

impl Version {
    fn parse(text: &str) -> Option<Self> {
        let version = Self::parse_partial(text)?;
        (version.written > 0).then_some(version)
    }

    /// A version whose last numbers may be missing or `x`, `X` or `*`.
    fn parse_partial(text: &str) -> Option<Self> {
        let bare = text.strip_prefix('v').unwrap_or(text);
        let (rest, build) = bare.split_once('+').unwrap_or((bare, ""));
        let (core, pre) = rest.split_once('-').unwrap_or((rest, ""));
        let mut numbers = [0; 3];
        let mut written = 0;
        for (index, part) in core.split('.').enumerate() {
            let slot = numbers.get_mut(index)?;
            if matches!(part, "x" | "X" | "*") {
                return Some(Self::new(numbers, "", "", written, text));
            }
            let digits = !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
            *slot = digits.then(|| part.parse().ok())??;
            written = index + 1;
        }
        let valid = |part: &str| {
            part.split('.').all(|id| {
                !id.is_empty() && id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
            })
        };
        let ok = (pre.is_empty() || valid(pre)) && (build.is_empty() || valid(build));
        ok.then(|| Self::new(numbers, pre, build, written, text))
    }

    fn new(numbers: [u64; 3], pre: &str, build: &str, written: usize, original: &str) -> Self {
        Self {
            numbers,
            pre: pre.to_owned(),
            build: build.to_owned(),
            written,
            original: original.to_owned(),
        }
    }

    fn value(&self) -> Value {
        #[expect(clippy::cast_possible_wrap, reason = "versions beyond i64 do not exist")]
        let number = |index: usize| Value::Int(self.numbers[index] as i64);
        params::map(Params::from([
            ("Major".into(), number(0)),
            ("Minor".into(), number(1)),
            ("Patch".into(), number(2)),
            ("Prerelease".into(), string(&self.pre)),
            ("Metadata".into(), string(&self.build)),
            ("Original".into(), string(&self.original)),
        ]))
    }

    fn order(&self, other: &Self) -> Ordering {
        self.numbers
            .cmp(&other.numbers)
            .then_with(|| order_pre(&self.pre, &other.pre))
    }
}

/// SemVer 2.0.0, section 11: no pre-release is above any; numbers below words.
fn order_pre(a: &str, b: &str) -> Ordering {
    match (a.is_empty(), b.is_empty()) {
        (true, true) => return Ordering::Equal,
        (true, false) => return Ordering::Greater,
        (false, true) => return Ordering::Less,
        (false, false) => {}
    }
    let (mut left, mut right) = (a.split('.'), b.split('.'));
    loop {
        let (one, two) = match (left.next(), right.next()) {
            (None, None) => return Ordering::Equal,
            (None, Some(_)) => return Ordering::Less,
            (Some(_), None) => return Ordering::Greater,
            (Some(one), Some(two)) => (one, two),
        };
        let order = match (one.parse::<u64>(), two.parse::<u64>()) {
            (Ok(one), Ok(two)) => one.cmp(&two),
            (Ok(_), Err(_)) => Ordering::Less,
            (Err(_), Ok(_)) => Ordering::Greater,
            (Err(_), Err(_)) => one.cmp(two),
        };
        if order != Ordering::Equal {
            return order;
        }
    }
}

fn compare(args: &[Value]) -> Result<Value> {
    let [constraint, version] = exactly(args)?;
    let Some(version) = Version::parse(text(version)?) else {
        return fail("Invalid Semantic Version");
    };
    match satisfies(text(constraint)?, &version) {
        Some(answer) => Ok(Value::Bool(answer)),
        None => fail("improper constraint"),
    }
}

/// `||` separates alternatives; commas and blanks separate conditions that must all hold.
fn satisfies(constraint: &str, version: &Version) -> Option<bool> {
    let mut any = false;
    for alternative in constraint.split("||") {
        let mut all = true;
        for condition in conditions(alternative)? {
            all &= condition.holds(version);
        }
        any |= all;
    }
    Some(any)
}

struct Condition {
    operator: String,
    version: Version,
}

const OPERATORS: &[&str] = &[
    "!=", ">=", "=>", "<=", "=<", "~>", "=", ">", "<", "~", "^", "",
];

fn conditions(alternative: &str) -> Option<Vec<Condition>> {
    let spaced = alternative.replace(',', " ");
    let mut words = spaced.split_whitespace().peekable();
    let mut out = Vec::new();
    while let Some(word) = words.next() {
        let operator = OPERATORS.iter().find(|o| word.starts_with(**o))?;
        let mut text = &word[operator.len()..];
        if text.is_empty() {
            text = words.next()?;
        }
        let version = Version::parse_partial(text)?;
        if operator.is_empty() && words.peek() == Some(&"-") {
            words.next();
            let upper = Version::parse_partial(words.next()?)?;
            out.push(Condition::new(">=", version));
            out.push(Condition::new("<=", upper));
            continue;
        }
        out.push(Condition::new(operator, version));
    }
    (!out.is_empty()).then_some(out)
}

impl Condition {
    fn new(operator: &str, version: Version) -> Self {
        Self {
            operator: operator.to_owned(),
            version,
        }
    }

    fn holds(&self, version: &Version) -> bool {
        let wanted = &self.version;
        // A pre-release satisfies only conditions that name one.
        if !version.pre.is_empty() && wanted.pre.is_empty() && self.operator != "!=" {
            return false;
        }
        let order = version.order(wanted);
        match self.operator.as_str() {
            "" | "=" if wanted.written < 3 => self.same_prefix(version, wanted.written),
            "" | "=" => order == Ordering::Equal,
            "!=" if wanted.written < 3 => !self.same_prefix(version, wanted.written),
            "!=" => order != Ordering::Equal,
            ">" if wanted.written < 3 => {
                order == Ordering::Greater && !self.same_prefix(version, wanted.written)
            }
            ">" => order == Ordering::Greater,
            "<" => order == Ordering::Less,
            ">=" | "=>" => order != Ordering::Less,
            "<=" | "=<" => {
                order != Ordering::Greater
                    || (wanted.written < 3 && self.same_prefix(version, wanted.written))
            }
            "~" | "~>" => order != Ordering::Less && self.same_prefix(version, wanted.written.min(2)),
            _ => order != Ordering::Less && self.same_prefix(version, self.caret()),
        }
    }

    /// `^` keeps everything up to the first number that is not zero.
    fn caret(&self) -> usize {
        let numbers = &self.version.numbers;
        let first = numbers.iter().position(|number| *number != 0);
        first.map_or(3, |index| index + 1).min(self.version.written)
    }

    fn same_prefix(&self, version: &Version, count: usize) -> bool {
        version.numbers[..count] == self.version.numbers[..count]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn holds(constraint: &str, version: &str) -> bool {
        satisfies(constraint, &Version::parse(version).expect("a version")).expect("a constraint")
    }

    #[test]
    fn constraints_hold_as_masterminds_reads_them() {
        for (constraint, version) in [
            (">=1.2.0", "1.2.0"),
            (">= 1.2, < 2", "v1.9.9"),
            ("^1.2.3", "1.9.0"),
            ("~1.2.3", "1.2.9"),
            ("~1", "1.9.0"),
            ("1.x", "1.4.2"),
            ("*", "9.9.9"),
            ("^0.2.3", "0.2.9"),
            ("1.2 - 1.4.5", "1.4.5"),
            (">2 || <1", "0.5.0"),
        ] {
            assert!(holds(constraint, version), "{constraint} {version}");
        }
        for (constraint, version) in [
            ("^1.2.3", "2.0.0"),
            ("~1.2.3", "1.3.0"),
            ("^0.2.3", "0.3.0"),
            (">=1.2.0", "1.3.0-rc1"),
            ("!=1.2.x", "1.2.9"),
            (">1.2", "1.2.9"),
        ] {
            assert!(!holds(constraint, version), "{constraint} {version}");
        }
    }
}
