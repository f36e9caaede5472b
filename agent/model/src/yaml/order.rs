//! The order in which Kubernetes' tools print keys: natural, so `a2` comes before `a10`.

use std::cmp::Ordering;

/// Puts keys in print order.
///
/// A merge sort of our own: the order is not transitive (`a10` < `a1b` < `a2` < `a10`), which the standard sorts may
/// answer with a panic. The keys are put in byte order first, so that the result depends on the keys alone.
pub(super) fn sort<T>(items: &mut Vec<(&str, T)>) {
    items.sort_unstable_by_key(|(key, _)| *key);
    if in_order(items) {
        return;
    }
    let rest: Vec<_> = std::mem::take(items)
        .into_iter()
        .map(|item| vec![item])
        .collect();
    *items = merge_all(rest);
}

fn in_order<T>(items: &[(&str, T)]) -> bool {
    items
        .windows(2)
        .all(|pair| compare(pair[0].0, pair[1].0) != Ordering::Greater)
}

fn merge_all<T>(mut runs: Vec<Vec<(&str, T)>>) -> Vec<(&str, T)> {
    while runs.len() > 1 {
        let mut halves = runs.into_iter();
        runs = std::iter::from_fn(|| {
            let left = halves.next()?;
            Some(match halves.next() {
                Some(right) => merge(left, right),
                None => left,
            })
        })
        .collect();
    }
    runs.pop().unwrap_or_default()
}

fn merge<'k, T>(left: Vec<(&'k str, T)>, right: Vec<(&'k str, T)>) -> Vec<(&'k str, T)> {
    let mut merged = Vec::with_capacity(left.len() + right.len());
    let mut left = left.into_iter().peekable();
    let mut right = right.into_iter().peekable();
    while let (Some(a), Some(b)) = (left.peek(), right.peek()) {
        let next = if compare(a.0, b.0) == Ordering::Greater {
            right.next()
        } else {
            left.next()
        };
        merged.extend(next);
    }
    merged.extend(left);
    merged.extend(right);
    merged
}

/// Compares two keys: letters after everything else, runs of digits by their value.
pub(super) fn compare(a: &str, b: &str) -> Ordering {
    let common = a
        .bytes()
        .zip(b.bytes())
        .position(|(x, y)| x != y)
        .unwrap_or(a.len().min(b.len()));
    let common = a
        .floor_char_boundary(common)
        .min(b.floor_char_boundary(common));
    let (before, rest_a) = a.split_at(common);
    let rest_b = &b[common..];
    let (Some(x), Some(y)) = (rest_a.chars().next(), rest_b.chars().next()) else {
        return a.len().cmp(&b.len());
    };
    match (x.is_alphabetic(), y.is_alphabetic()) {
        (true, true) => x.cmp(&y),
        (true, false) => Ordering::Greater,
        (false, true) => Ordering::Less,
        (false, false) => compare_numbers(before, rest_a, rest_b).then(x.cmp(&y)),
    }
}

/// Compares the digits both rests begin with. A rest that begins inside a number counts as its continuation when one
/// of the two continues with a zero, so that `102` stays above `11`.
fn compare_numbers(before: &str, a: &str, b: &str) -> Ordering {
    let continues = (a.starts_with('0') || b.starts_with('0'))
        && before
            .bytes()
            .rev()
            .take_while(u8::is_ascii_digit)
            .any(|digit| digit != b'0');
    let first = i64::from(continues);
    let (value_a, length_a) = leading_number(a, first);
    let (value_b, length_b) = leading_number(b, first);
    value_a.cmp(&value_b).then(length_a.cmp(&length_b))
}

/// The number a text begins with and how many digits it has. Wraps as Go's `int64` does.
fn leading_number(text: &str, first: i64) -> (i64, usize) {
    let digits = text.bytes().take_while(u8::is_ascii_digit);
    digits.fold((first, 0), |(value, length), digit| {
        let next = value.wrapping_mul(10).wrapping_add(i64::from(digit - b'0'));
        (next, length + 1)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sorted(keys: &[&'static str]) -> Vec<&'static str> {
        let mut items: Vec<_> = keys.iter().map(|key| (*key, ())).collect();
        sort(&mut items);
        items.into_iter().map(|(key, ())| key).collect()
    }

    #[test]
    fn digits_count_as_numbers() {
        assert_eq!(sorted(&["a10", "a2", "a1", "a"]), ["a", "a1", "a2", "a10"]);
        assert_eq!(sorted(&["11", "102", "1", "01"]), ["1", "01", "11", "102"]);
    }

    #[test]
    fn letters_come_after_signs_and_digits() {
        assert_eq!(
            sorted(&["ab", "a.b", "a-b", "a1", "A", "é", ""]),
            ["", "A", "a-b", "a.b", "a1", "ab", "é"]
        );
    }

    #[test]
    fn a_cycle_of_keys_is_sorted_without_a_panic_and_always_alike() {
        assert_eq!(sorted(&["a1b", "a2", "a10"]), sorted(&["a10", "a1b", "a2"]));
        let many: Vec<String> = (0..200)
            .map(|n| format!("a{}{}", n % 13, if n % 3 == 0 { "b" } else { "0" }))
            .collect();
        let mut items: Vec<_> = many.iter().map(|key| (key.as_str(), ())).collect();
        sort(&mut items);
        assert_eq!(items.len(), 200);
    }
}
