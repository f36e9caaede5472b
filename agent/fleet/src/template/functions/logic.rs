//! sprig's functions over values of any type, and printing.

use gotmpl::{Result, Value};

use super::Function;
use super::args::{boolean, count, exactly, fail, is_empty, string, text};
use crate::params;

pub(super) const TABLE: &[(&str, Function)] = &[
    ("all", |a| Ok(Value::Bool(!a.iter().any(is_empty)))),
    ("any", |a| Ok(Value::Bool(a.iter().any(|v| !is_empty(v))))),
    ("coalesce", |a| {
        Ok(a.iter()
            .find(|v| !is_empty(v))
            .cloned()
            .unwrap_or(Value::Nil))
    }),
    ("deepEqual", |a| {
        let [one, two] = exactly(a)?;
        Ok(Value::Bool(one == two))
    }),
    ("default", default),
    ("empty", |a| Ok(Value::Bool(is_empty(&exactly::<1>(a)?[0])))),
    ("fail", |a| fail(text(&exactly::<1>(a)?[0])?)),
    ("hello", |a| {
        exactly::<0>(a)?;
        Ok(string("Hello!"))
    }),
    ("kindIs", |a| is(a, kind)),
    ("kindOf", |a| Ok(string(kind(&exactly::<1>(a)?[0])))),
    ("print", |a| Ok(string(side_by_side(a, false)))),
    ("println", |a| Ok(string(side_by_side(a, true)))),
    ("ternary", ternary),
    ("typeIs", |a| is(a, type_name)),
    ("typeIsLike", |a| is(a, type_name)),
    ("typeOf", |a| Ok(string(type_name(&exactly::<1>(a)?[0])))),
];

/// What an action prints: floats in Go's form, at any depth. No value stays no value.
pub(super) fn print(args: &[Value]) -> Result<Value> {
    let [value] = exactly(args)?;
    Ok(match value {
        Value::Float(_) | Value::List(_) | Value::Map(_) => string(params::show(value)),
        other => other.clone(),
    })
}

/// Values as Go's `Sprint` and `Sprintln` put them side by side: with a blank between two of which none is a text, or
/// always.
fn side_by_side(args: &[Value], line: bool) -> String {
    let mut out = String::new();
    let mut after_text = true;
    for (index, value) in args.iter().enumerate() {
        let is_text = matches!(value, Value::String(_));
        if index > 0 && (line || !(is_text || after_text)) {
            out.push(' ');
        }
        out.push_str(&params::show(value));
        after_text = is_text;
    }
    if line {
        out.push('\n');
    }
    out
}

fn default(args: &[Value]) -> Result<Value> {
    count(args, 1, usize::MAX)?;
    let given = args.get(1).filter(|value| !is_empty(value));
    Ok(given.unwrap_or(&args[0]).clone())
}

fn ternary(args: &[Value]) -> Result<Value> {
    let [yes, no, condition] = exactly(args)?;
    Ok(if boolean(condition)? { yes } else { no }.clone())
}

fn is(args: &[Value], name: fn(&Value) -> &'static str) -> Result<Value> {
    let [wanted, value] = exactly(args)?;
    Ok(Value::Bool(text(wanted)? == name(value)))
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Nil => "invalid",
        Value::Bool(_) => "bool",
        Value::Int(_) => "int",
        Value::Uint(_) => "uint",
        Value::Float(_) => "float64",
        Value::String(_) => "string",
        Value::List(_) => "slice",
        Value::Map(_) => "map",
        Value::Function(_) => "func",
    }
}

fn type_name(value: &Value) -> &'static str {
    match value {
        Value::Nil => "<nil>",
        Value::List(_) => "[]interface {}",
        Value::Map(_) => "map[string]interface {}",
        other => kind(other),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn printing_writes_floats_as_go_does() {
        let printed = print(&[Value::Float(1e7)]).expect("a float");
        assert_eq!(params::show(&printed), "1e+07");
        assert_eq!(print(&[Value::Nil]).expect("nil"), Value::Nil);
        let values = [Value::Float(1e7), Value::Int(2), string("a"), Value::Nil];
        assert_eq!(side_by_side(&values, false), "1e+07 2a<nil>");
        assert_eq!(side_by_side(&values, true), "1e+07 2 a <nil>\n");
    }
}
