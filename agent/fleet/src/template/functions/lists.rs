//! sprig's functions over lists.

use gotmpl::{Result, Value};

use super::Function;
use super::args::{count, exactly, fail, is_empty, list, show, size, strings, texts, to_int};

pub(super) const TABLE: &[(&str, Function)] = &[
    ("append", append),
    ("mustAppend", append),
    ("push", append),
    ("mustPush", append),
    ("chunk", chunk),
    ("mustChunk", chunk),
    ("compact", compact),
    ("mustCompact", compact),
    ("concat", concat),
    ("first", |a| {
        Ok(one(a)?.first().cloned().unwrap_or(Value::Nil))
    }),
    ("mustFirst", |a| {
        Ok(one(a)?.first().cloned().unwrap_or(Value::Nil))
    }),
    ("last", |a| {
        Ok(one(a)?.last().cloned().unwrap_or(Value::Nil))
    }),
    ("mustLast", |a| {
        Ok(one(a)?.last().cloned().unwrap_or(Value::Nil))
    }),
    ("has", has),
    ("mustHas", has),
    ("initial", initial),
    ("mustInitial", initial),
    ("rest", rest),
    ("mustRest", rest),
    ("list", |a| Ok(owned(a.iter()))),
    ("tuple", |a| Ok(owned(a.iter()))),
    ("prepend", prepend),
    ("mustPrepend", prepend),
    ("reverse", |a| Ok(owned(one(a)?.iter().rev()))),
    ("mustReverse", |a| Ok(owned(one(a)?.iter().rev()))),
    ("slice", slice),
    ("mustSlice", slice),
    ("sortAlpha", sort_alpha),
    ("uniq", uniq),
    ("mustUniq", uniq),
    ("without", without),
    ("mustWithout", without),
];

fn one(args: &[Value]) -> Result<&[Value]> {
    list(&exactly::<1>(args)?[0])
}

fn owned<'v>(values: impl Iterator<Item = &'v Value>) -> Value {
    Value::List(values.cloned().collect())
}

fn append(args: &[Value]) -> Result<Value> {
    let [items, item] = exactly(args)?;
    Ok(owned(list(items)?.iter().chain([item])))
}

fn prepend(args: &[Value]) -> Result<Value> {
    let [items, item] = exactly(args)?;
    Ok(owned([item].into_iter().chain(list(items)?)))
}

fn chunk(args: &[Value]) -> Result<Value> {
    let [length, items] = exactly(args)?;
    let length = size(length)?;
    if length == 0 {
        return fail("chunk: the size is 0");
    }
    let chunks = list(items)?.chunks(length);
    Ok(Value::List(
        chunks.map(|chunk| owned(chunk.iter())).collect(),
    ))
}

fn compact(args: &[Value]) -> Result<Value> {
    Ok(owned(one(args)?.iter().filter(|item| !is_empty(item))))
}

fn concat(args: &[Value]) -> Result<Value> {
    let mut all = Vec::new();
    for arg in args {
        all.extend_from_slice(list(arg)?);
    }
    Ok(Value::List(all.into()))
}

fn has(args: &[Value]) -> Result<Value> {
    let [item, items] = exactly(args)?;
    if matches!(items, Value::Nil) {
        return Ok(Value::Bool(false));
    }
    Ok(Value::Bool(list(items)?.contains(item)))
}

fn initial(args: &[Value]) -> Result<Value> {
    let items = one(args)?;
    let initial = items.split_last().map_or(items, |(_, initial)| initial);
    Ok(owned(initial.iter()))
}

fn rest(args: &[Value]) -> Result<Value> {
    let items = one(args)?;
    let rest = items.split_first().map_or(items, |(_, rest)| rest);
    Ok(owned(rest.iter()))
}

/// sprig's `slice`, which shadows the engine's own and takes lists only.
fn slice(args: &[Value]) -> Result<Value> {
    count(args, 1, usize::MAX)?;
    let items = list(&args[0])?;
    if items.is_empty() {
        return Ok(Value::Nil);
    }
    let index = |at: usize, default: usize| match args.get(at) {
        Some(value) => usize::try_from(to_int(value)).ok(),
        None => Some(default),
    };
    let (start, end) = (index(1, 0), index(2, items.len()));
    let part = start
        .zip(end)
        .and_then(|(start, end)| items.get(start..end));
    part.map_or_else(
        || fail("slice bounds out of range"),
        |part| Ok(owned(part.iter())),
    )
}

fn sort_alpha(args: &[Value]) -> Result<Value> {
    let [items] = exactly(args)?;
    if !matches!(items, Value::List(_)) {
        return Ok(strings([show(items)]));
    }
    let mut sorted = texts(items);
    sorted.sort();
    Ok(strings(sorted))
}

fn uniq(args: &[Value]) -> Result<Value> {
    let mut seen: Vec<Value> = Vec::new();
    for item in one(args)? {
        if !seen.contains(item) {
            seen.push(item.clone());
        }
    }
    Ok(Value::List(seen.into()))
}

fn without(args: &[Value]) -> Result<Value> {
    count(args, 1, usize::MAX)?;
    let omitted = &args[1..];
    Ok(owned(
        list(&args[0])?
            .iter()
            .filter(|item| !omitted.contains(item)),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_of_an_empty_list_is_a_list() {
        let empty = [owned([].iter())];
        for function in [rest, initial] {
            assert_eq!(function(&empty).expect("a list"), empty[0]);
        }
    }
}
