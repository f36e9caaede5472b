//! sprig's functions over mappings, and `index`.
//!
//! Mappings are values here: `set` and `unset` give back a changed copy instead of changing the parameter.

use std::sync::Arc;

use gotmpl::{Result, Value};

use super::Function;
use super::args::{count, dict, exactly, fail, given, show, string, strings, text};
use crate::params::{self, Params};

pub(super) const TABLE: &[(&str, Function)] = &[
    ("deepCopy", |a| Ok(exactly::<1>(a)?[0].clone())),
    ("mustDeepCopy", |a| Ok(exactly::<1>(a)?[0].clone())),
    ("dict", make),
    ("dig", dig),
    ("get", get),
    ("hasKey", |a| {
        let [map, key] = exactly(a)?;
        Ok(Value::Bool(dict(map)?.contains_key(text(key)?)))
    }),
    ("index", index),
    ("keys", keys),
    ("merge", |a| merged(a, params::merge_under)),
    ("mustMerge", |a| merged(a, params::merge_under)),
    ("mergeOverwrite", |a| merged(a, params::merge_over)),
    ("mustMergeOverwrite", |a| merged(a, params::merge_over)),
    ("omit", |a| chosen(a, false)),
    ("pick", |a| chosen(a, true)),
    ("pluck", pluck),
    ("set", set),
    ("unset", unset),
    ("values", |a| {
        let [map] = exactly(a)?;
        Ok(Value::List(dict(map)?.values().cloned().collect()))
    }),
];

fn make(args: &[Value]) -> Result<Value> {
    let mut out = Params::new();
    for pair in args.chunks(2) {
        let value = pair.get(1).cloned().unwrap_or_else(|| string(""));
        out.insert(show(&pair[0]).into(), value);
    }
    Ok(params::map(out))
}

fn dig(args: &[Value]) -> Result<Value> {
    count(args, 3, usize::MAX)?;
    let (keys, default) = (&args[..args.len() - 2], &args[args.len() - 2]);
    let mut at = &args[args.len() - 1];
    for key in keys {
        match given(at)?.get(text(key)?) {
            Some(value) => at = value,
            None => return Ok(default.clone()),
        }
    }
    Ok(at.clone())
}

fn get(args: &[Value]) -> Result<Value> {
    let [map, key] = exactly(args)?;
    let value = dict(map)?.get(text(key)?).cloned();
    Ok(value.unwrap_or_else(|| string("")))
}

/// Go's `index`. A key that a mapping of texts (labels, annotations, values) lacks is the empty text, as in a Go
/// `map[string]string`; elsewhere it is no value.
fn index(args: &[Value]) -> Result<Value> {
    count(args, 1, usize::MAX)?;
    let mut at = args[0].clone();
    for key in &args[1..] {
        at = match (&at, key) {
            (Value::Map(map), Value::String(name)) => match map.get(&**name) {
                Some(value) => value.clone(),
                None if is_text_map(map) => string(""),
                None => Value::Nil,
            },
            (Value::Map(_), other) => {
                return fail(format!(
                    "value has type {}; should be string",
                    other.type_name()
                ));
            }
            _ => at.index(key)?,
        };
    }
    Ok(at)
}

fn is_text_map(map: &Params) -> bool {
    !map.is_empty() && map.values().all(|value| matches!(value, Value::String(_)))
}

/// The keys of all mappings; sorted, where Go's order is random.
fn keys(args: &[Value]) -> Result<Value> {
    let mut keys = Vec::new();
    for arg in args {
        keys.extend(dict(arg)?.keys().map(Arc::clone));
    }
    Ok(strings(keys))
}

fn merged(args: &[Value], merge: fn(&mut Params, &Params)) -> Result<Value> {
    count(args, 1, usize::MAX)?;
    let mut out = Params::clone(dict(&args[0])?);
    for source in &args[1..] {
        merge(&mut out, dict(source)?);
    }
    Ok(params::map(out))
}

fn chosen(args: &[Value], listed: bool) -> Result<Value> {
    count(args, 1, usize::MAX)?;
    let mut names = Vec::new();
    for arg in &args[1..] {
        names.push(text(arg)?);
    }
    let mut out = Params::clone(dict(&args[0])?);
    out.retain(|key, _| names.contains(&&**key) == listed);
    Ok(params::map(out))
}

fn pluck(args: &[Value]) -> Result<Value> {
    count(args, 1, usize::MAX)?;
    let key = text(&args[0])?;
    let mut found = Vec::new();
    for map in &args[1..] {
        found.extend(dict(map)?.get(key).cloned());
    }
    Ok(Value::List(found.into()))
}

fn set(args: &[Value]) -> Result<Value> {
    let [map, key, value] = exactly(args)?;
    let mut out = Params::clone(given(map)?);
    out.insert(text(key)?.into(), value.clone());
    Ok(params::map(out))
}

fn unset(args: &[Value]) -> Result<Value> {
    let [map, key] = exactly(args)?;
    let mut out = Params::clone(dict(map)?);
    out.remove(text(key)?);
    Ok(params::map(out))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_value_is_a_mapping_that_holds_nothing() {
        assert_eq!(keys(&[Value::Nil]).expect("keys"), strings([""; 0]));
        let found = merged(
            &[Value::Nil, params::map(Params::new())],
            params::merge_under,
        );
        assert_eq!(found.expect("a mapping"), params::map(Params::new()));
        assert!(set(&[Value::Nil, string("a"), Value::Nil]).is_err());
    }
}
