//! sprig's functions over regular expressions (RE2 in Go; the `regex` crate has the same guarantees).

use gotmpl::{Result, Value};
use regex::{Regex, RegexBuilder};

use super::Function;
use super::args::{exactly, fail, int, string, strings, text};
use super::strings::one;

/// Compiled size of one expression: 1 MiB.
const MAX_COMPILED: usize = 1 << 20;

pub(super) const TABLE: &[(&str, Function)] = &[
    ("regexMatch", matches),
    ("mustRegexMatch", matches),
    ("regexFind", find),
    ("mustRegexFind", find),
    ("regexFindAll", find_all),
    ("mustRegexFindAll", find_all),
    ("regexReplaceAll", |a| replaced(a, Literal::No)),
    ("mustRegexReplaceAll", |a| replaced(a, Literal::No)),
    ("regexReplaceAllLiteral", |a| replaced(a, Literal::Yes)),
    ("mustRegexReplaceAllLiteral", |a| replaced(a, Literal::Yes)),
    ("regexSplit", split),
    ("mustRegexSplit", split),
    ("regexQuoteMeta", |a| one(a, quote_meta)),
];

#[derive(Clone, Copy)]
enum Literal {
    Yes,
    No,
}

fn compile(pattern: &Value) -> Result<Regex> {
    let compiled = RegexBuilder::new(text(pattern)?)
        .size_limit(MAX_COMPILED)
        .build();
    compiled.or_else(|error| fail(error.to_string()))
}

fn matches(args: &[Value]) -> Result<Value> {
    let [pattern, whole] = exactly(args)?;
    Ok(Value::Bool(compile(pattern)?.is_match(text(whole)?)))
}

fn find(args: &[Value]) -> Result<Value> {
    let [pattern, whole] = exactly(args)?;
    let regex = compile(pattern)?;
    Ok(string(regex.find(text(whole)?).map_or("", |m| m.as_str())))
}

fn find_all(args: &[Value]) -> Result<Value> {
    let [pattern, whole, most] = exactly(args)?;
    let regex = compile(pattern)?;
    let most = usize::try_from(int(most)?).unwrap_or(usize::MAX);
    let found = regex.find_iter(text(whole)?).take(most);
    Ok(strings(found.map(|m| m.as_str())))
}

fn replaced(args: &[Value], literal: Literal) -> Result<Value> {
    let [pattern, whole, with] = exactly(args)?;
    let (regex, whole, with) = (compile(pattern)?, text(whole)?, text(with)?);
    Ok(string(match literal {
        Literal::Yes => regex.replace_all(whole, regex::NoExpand(with)),
        Literal::No => regex.replace_all(whole, with),
    }))
}

/// Go's `Regexp.Split`: at most `n` parts, a negative `n` is no limit, 0 gives none.
fn split(args: &[Value]) -> Result<Value> {
    let [pattern, whole, most] = exactly(args)?;
    let (regex, whole) = (compile(pattern)?, text(whole)?);
    Ok(strings(match usize::try_from(int(most)?) {
        Ok(0) => Vec::new(),
        Ok(most) => regex.splitn(whole, most).collect(),
        Err(_) => regex.split(whole).collect::<Vec<_>>(),
    }))
}

fn quote_meta(text: &str) -> String {
    let mut out = String::new();
    for c in text.chars() {
        if "\\.+*?()|[]{}^$".contains(c) {
            out.push('\\');
        }
        out.push(c);
    }
    out
}
