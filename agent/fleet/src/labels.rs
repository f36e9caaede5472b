//! What Kubernetes accepts as the key and the value of a label.

/// Longest DNS subdomain (RFC 1123): the prefix of a label's key.
const MAX_SUBDOMAIN: usize = 253;
/// Longest name part of a key, and longest value (Kubernetes' `validation.LabelValueMaxLength`).
const MAX_NAME: usize = 63;

/// Says why `key` is no label or annotation key; `None` when it is one.
#[must_use]
pub fn key_error(key: &str) -> Option<String> {
    let (prefix, name) = match key.split_once('/') {
        Some((prefix, name)) => (Some(prefix), name),
        None => (None, key),
    };
    if prefix.is_some_and(|prefix| !is_subdomain(prefix)) {
        return Some(format!("the prefix of `{key}` is no DNS subdomain"));
    }
    (!is_name(name)).then(|| {
        format!("`{key}` is no label key: at most 63 letters, digits, '-', '_' or '.', an alphanumeric one first and last")
    })
}

/// Says why `value` is no label value; `None` when it is one.
#[must_use]
pub fn value_error(value: &str) -> Option<String> {
    (!value.is_empty() && !is_name(value)).then(|| {
        format!("`{value}` is no label value: at most 63 letters, digits, '-', '_' or '.', an alphanumeric one first and last")
    })
}

/// True for a DNS subdomain: labels joined by dots.
#[must_use]
pub fn is_subdomain(text: &str) -> bool {
    text.len() <= MAX_SUBDOMAIN
        && text.split('.').all(|label| {
            let bytes = label.as_bytes();
            let inner = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
            matches!((bytes.first(), bytes.last()), (Some(&a), Some(&z)) if inner(a) && inner(z))
                && bytes.iter().all(|&b| inner(b) || b == b'-')
        })
}

fn is_name(text: &str) -> bool {
    let bytes = text.as_bytes();
    let (Some(first), Some(last)) = (bytes.first(), bytes.last()) else {
        return false;
    };
    bytes.len() <= MAX_NAME
        && first.is_ascii_alphanumeric()
        && last.is_ascii_alphanumeric()
        && bytes
            .iter()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_and_values_follow_kubernetes() {
        for good in ["env", "bookstore.example.com/fleet", "a_b.c-d", "A1"] {
            assert_eq!(key_error(good), None, "{good}");
        }
        for bad in ["", "-a", "a/b/c", "/a", "Ex.com/a", "a b", &"a".repeat(64)] {
            assert!(key_error(bad).is_some(), "{bad}");
        }
        assert_eq!(value_error(""), None);
        assert!(value_error("a/b").is_some());
    }
}
