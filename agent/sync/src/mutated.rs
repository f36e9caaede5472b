//! What an admission webhook made of an object: the response compared with what was sent.

use muster_model::{Node, Value};

/// Most fields named; one is enough to report.
const MAX_FIELDS: usize = 8;

/// JSON pointers of the fields whose value in the response is not the one sent. Fields the server added do not count,
/// nor does how it writes a quantity or a list that it keys by name.
#[must_use]
pub fn mutated(sent: &Node, response: &Node) -> Vec<String> {
    let mut found = Vec::new();
    compare(sent, response, &mut String::new(), &mut found);
    found
}

fn compare(sent: &Node, live: &Node, at: &mut String, found: &mut Vec<String>) {
    if found.len() >= MAX_FIELDS {
        return;
    }
    match (&sent.value, &live.value) {
        (Value::Map(sent), Value::Map(live)) => {
            for (key, value) in sent.iter() {
                let length = at.len();
                at.push('/');
                at.push_str(&key.replace('~', "~0").replace('/', "~1"));
                match live.get(key) {
                    Some(live) => compare(value, live, at, found),
                    None if is_empty(value) || is_server_side(at) => {}
                    None => found.push(at.clone()),
                }
                at.truncate(length);
            }
        }
        (Value::List(sent), Value::List(live)) => lists(sent, live, at, found),
        (Value::Null, _) => {}
        _ if same_scalar(sent, live) || is_server_side(at) => {}
        _ => found.push(at.clone()),
    }
}

/// Items are matched by `name` where all have one, else by position; the server may append items of other owners.
fn lists(sent: &[Node], live: &[Node], at: &mut String, found: &mut Vec<String>) {
    for (index, item) in sent.iter().enumerate() {
        let length = at.len();
        at.push_str(&format!("/{index}"));
        let counterpart = match item.str_at(&["name"]) {
            Some(name) => live.iter().find(|l| l.str_at(&["name"]) == Some(name)),
            None => live.get(index),
        };
        match counterpart {
            Some(live) => compare(item, live, at, found),
            None => found.push(at.clone()),
        }
        at.truncate(length);
    }
}

/// The server drops empty values and nulls.
fn is_empty(value: &Node) -> bool {
    match &value.value {
        Value::Null => true,
        Value::Map(map) => map.values().all(is_empty),
        Value::List(list) => list.is_empty(),
        Value::String(text) => text.text.is_empty(),
        Value::Bool(value) => !value,
        Value::Number(_) => value.as_int() == Some(0),
    }
}

/// Fields that the server always writes itself, or converts on the way in.
fn is_server_side(pointer: &str) -> bool {
    matches!(
        pointer,
        "/apiVersion" | "/status" | "/stringData" | "/metadata/creationTimestamp"
    ) || pointer.starts_with("/status/")
        || pointer.starts_with("/stringData/")
}

/// Equal, or two ways to write one quantity (`1000m` and `1`, `0.5` and `500m`, `1024Mi` and `1Gi`).
fn same_scalar(sent: &Node, live: &Node) -> bool {
    if sent == live {
        return true;
    }
    match (sent.raw_scalar(), live.raw_scalar()) {
        (Some(a), Some(b)) => a == b || quantity(&a).zip(quantity(&b)).is_some_and(|(a, b)| a == b),
        _ => false,
    }
}

/// A Kubernetes quantity in thousandths.
fn quantity(text: &str) -> Option<i128> {
    const SUFFIXES: &[(&str, i128)] = &[
        ("Ki", 1000 << 10),
        ("Mi", 1000 << 20),
        ("Gi", 1000 << 30),
        ("Ti", 1000 << 40),
        ("Pi", 1000 << 50),
        ("m", 1),
        ("k", 1_000_000),
        ("M", 1_000_000_000),
        ("G", 1_000_000_000_000),
        ("T", 1_000_000_000_000_000),
        ("P", 1_000_000_000_000_000_000),
        ("", 1000),
    ];
    let (suffix, scale) = SUFFIXES.iter().find(|(suffix, _)| text.ends_with(suffix))?;
    let digits = text.strip_suffix(suffix)?;
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    if fraction.len() > 9 || !fraction.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let whole: i128 = whole.parse().ok()?;
    let parts = fraction.parse::<i128>().unwrap_or(0) * scale;
    let divisor = 10_i128.pow(u32::try_from(fraction.len()).ok()?);
    whole.checked_mul(*scale)?.checked_add(parts / divisor)
}

#[cfg(test)]
mod tests {
    use super::*;
    use muster_model::json;

    fn of(sent: &str, live: &str) -> Vec<String> {
        let read = |text: &str| json::from_slice(text.as_bytes()).expect("valid JSON");
        mutated(&read(sent), &read(live))
    }

    #[test]
    fn what_the_server_adds_or_rewrites_alike_is_no_mutation() {
        let sent = r#"{"spec":{"cpu":"1000m","memory":"1024Mi","list":[{"name":"b","x":1}],"none":null,"empty":{}}}"#;
        let live = r#"{"spec":{"cpu":"1","memory":"1Gi","list":[{"name":"a"},{"name":"b","x":1,"y":2}],"more":3}}"#;
        assert_eq!(of(sent, live), Vec::<String>::new());
    }

    #[test]
    fn a_changed_and_a_missing_value_are_named() {
        let sent = r#"{"spec":{"image":"a","tag":"x","items":["1","2"]}}"#;
        let live = r#"{"spec":{"image":"mirror/a","items":["1"]}}"#;
        assert_eq!(
            of(sent, live),
            ["/spec/image", "/spec/tag", "/spec/items/1"]
        );
    }
}
